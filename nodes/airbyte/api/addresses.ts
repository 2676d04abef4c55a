/** Where an Airbyte's interfaces and pages are, from whatever address a user pasted as the Server URL. */
import { invalid } from './problem';

/** Where an Airbyte's interfaces are. No address ends in a slash. */
export interface Address {
	/** Root of the public API without its version, e.g. `https://airbyte.acme.com/api/public`. */
	apiRoot: string;
	/** Base of the calls, e.g. `https://api.airbyte.com/v1`. */
	publicApi: string;
	/** Base of the config API, which alone knows why a job failed, e.g. `https://cloud.airbyte.com/api/v1`. */
	configApi: string;
	/** What a person opens in a browser, e.g. `https://cloud.airbyte.com`. */
	webApp: string;
}

const CLOUD_HOSTS = new Set([
	'airbyte.com',
	'www.airbyte.com',
	'api.airbyte.com',
	'app.airbyte.com',
	'cloud.airbyte.com',
]);

/** The host of the Server URL that the credential has until somebody enters one. */
const DEFAULT_HOST = 'api.airbyte.com';

const ID = '(?:[\\da-f]{8}-[\\da-f-]{27}|\\d+)';

/** Pages of Airbyte's web app: people copy the Server URL from the browser's address bar. */
const PAGES =
	'workspaces|organizations?|connections|sources?|destinations?|settings|account|applications|login|setup|auth|onboarding|signup';
const SUBPAGES =
	'status|timeline|replication|schema|mappings|transformation|new-connection|notifications|members|users|general|metrics|usage|billing|builder|workspace|license|sso|embedded';

/** Calls of the API: people copy the Server URL from its documentation, too. */
const CALLS =
	'applications|connections|destinations|health|jobs|organizations|permissions|sources|streams|tags|users|workspaces';

/**
 * The end of a path that is Airbyte's own. What precedes it belongs to an ingress, which may use the same words
 * (`/api/airbyte`, `/apps/settings/airbyte`).
 */
const AIRBYTES_OWN = [
	/\/api\/public\/v\d+(\/.*)?$/i,
	new RegExp(`/(?:api(?:/public)?(?:/v\\d+)?|v\\d+)(?:/(?:${CALLS})(?:/.*)?)?$`, 'i'),
	new RegExp(`/(?:workspaces|organizations?)/${ID}(?:/.*)?$`, 'i'),
	// The login page of Self-Managed Enterprise, which is Keycloak's.
	/\/auth\/realms\/airbyte(\/.*)?$/i,
	new RegExp(`/(?:${PAGES})(?:/(?:${PAGES}|${SUBPAGES}|${ID}))*$`, 'i'),
];

/**
 * Turns whatever a user would paste as the address of an Airbyte into the addresses of its interfaces.
 *
 * Self-managed Airbyte (0.64 and newer) serves the public API below `/api/public`, Cloud at
 * `api.airbyte.com` without a prefix; both differ from the web app's address that users know.
 *
 * @param host e.g. `https://cloud.airbyte.com/workspaces/…`, `localhost:8000`, `https://airbyte.acme.com/api/public/v1/`
 * @param apiVersion the path segment of the version, e.g. `v1`
 * @param apiUrl the public API's whole address, used as it is, where it is not below the host; else empty
 * @throws {ProblemError} naming the field 'Server URL' or 'API URL' when nothing sensible can be made of it
 */
export function parseAddress(host: string, apiVersion = 'v1', apiUrl = ''): Address {
	const server = parseServerUrl(host);
	const address = addressAt(server, apiVersion);
	if (apiUrl === '') return address;
	const { origin, pathname, hostname } = parseUrl(withScheme(apiUrl), 'API URL');
	if (server.hostname === DEFAULT_HOST && !CLOUD_HOSTS.has(hostname)) {
		// Cloud's configuration API would be sent what signs in there.
		throw invalid(
			"'API URL' of the Airbyte credential is not Airbyte Cloud's, but 'Server URL' is",
			"Enter what you open in the browser as 'Server URL': for Cloud behind a gateway, https://cloud.airbyte.com.",
		);
	}
	const publicApi = origin + pathname.replace(/\/+$/, '');
	return { ...address, publicApi, apiRoot: publicApi.replace(/\/v\d+$/i, '') };
}

function addressAt(url: URL, apiVersion: string): Address {
	if (CLOUD_HOSTS.has(url.hostname)) {
		return {
			apiRoot: 'https://api.airbyte.com',
			publicApi: `https://api.airbyte.com/${apiVersion}`,
			configApi: 'https://cloud.airbyte.com/api/v1',
			webApp: 'https://cloud.airbyte.com',
		};
	}
	const installation = url.origin + installationPath(url.pathname);
	return {
		apiRoot: `${installation}/api/public`,
		publicApi: `${installation}/api/public/${apiVersion}`,
		configApi: `${installation}/api/v1`,
		webApp: installation,
	};
}

/**
 * The address that a token is asked for.
 *
 * @param tokenEndpoint relative to the API's root (`v1/applications/token`) or a whole URL. A path that
 *   starts with `api/` counts from the server's root, since that is how Airbyte's docs write it.
 * @throws {ProblemError} naming the field 'Token Endpoint'
 */
export function tokenUrl(address: Address, tokenEndpoint: string): string {
	const endpoint = tokenEndpoint.trim();
	if (endpoint === '') return `${address.apiRoot}/v1/applications/token`;
	if (isWholeUrl(endpoint)) return parseUrl(endpoint, 'Token Endpoint').href;
	const path = endpoint.replace(/^\/+/, '');
	const base = /^api\//i.test(path) ? address.webApp : address.apiRoot;
	return `${base}/${path}`;
}

/** Whether an address says its scheme, and so its host. */
export function isWholeUrl(address: string): boolean {
	return /^[a-z][a-z0-9+.-]*:\/\//i.test(address);
}

/** The page of a connection in Airbyte's web app, which is not found without the workspace's id. */
export function connectionPage(
	address: Address,
	workspaceId: string,
	connectionId: string,
): string {
	return `${address.webApp}/workspaces/${workspaceId}/connections/${connectionId}`;
}

/** The page of a job in Airbyte's web app: its connection's, opened at the job. */
export function jobPage(connectionUrl: string, jobId: number): string {
	return `${connectionUrl}/timeline?jobId=${jobId}`;
}

function parseServerUrl(host: string): URL {
	const typed = host.trim();
	if (typed === '') {
		throw invalid(
			"'Server URL' is empty",
			"Enter your Airbyte's address in the credential, e.g. https://api.airbyte.com for Cloud.",
		);
	}
	return parseUrl(withScheme(typed), 'Server URL');
}

/**
 * People leave the scheme out or mistype it. A local name or a port says that it is a plain-http installation,
 * unless it is one of the ports for https.
 */
function withScheme(typed: string): string {
	if (isWholeUrl(typed)) return typed;
	const mistyped = /^(https?)(?::\/?|\/\/)(?=[^/])/i.exec(typed);
	if (mistyped) return `${mistyped[1]}://${typed.slice(mistyped[0].length)}`;
	const bare = typed.replace(/^\/+/, '');
	if (/^[^/]+:(443|8443)([/?#]|$)/.test(bare)) return `https://${bare}`;
	const local = /^(localhost|[\d.]+|\[[\da-f:]+\]|[^/]+:\d+)([:/]|$)/i.test(bare);
	return `${local ? 'http' : 'https'}://${bare}`;
}

function parseUrl(typed: string, field: string): URL {
	let url: URL;
	try {
		url = new URL(typed);
	} catch {
		throw invalid(
			`'${field}' is not a web address`,
			`It should look like https://airbyte.example.com or http://localhost:8000.`,
		);
	}
	if (url.protocol !== 'http:' && url.protocol !== 'https:') {
		throw invalid(
			`'${field}' must start with http:// or https://`,
			`It should look like https://airbyte.example.com or http://localhost:8000.`,
		);
	}
	// It would show up in links and messages.
	if (url.username !== '' || url.password !== '') {
		throw invalid(
			`'${field}' must not hold a user name or password`,
			"Set 'Authentication' to 'Basic Auth' in the credential and enter them there.",
		);
	}
	// A scheme as the host comes from an address pasted behind another scheme.
	if (!/^(?!https?$)(\[.+\]|([^.\s]+\.)*[^.\s]+\.?)$/i.test(url.hostname)) {
		throw invalid(
			`'${field}' has no valid host name`,
			`It should look like https://airbyte.example.com or http://localhost:8000.`,
		);
	}
	return url;
}

/** What an operator's ingress puts in front of Airbyte's own paths, e.g. `/airbyte`; usually nothing. */
function installationPath(pathname: string): string {
	const path = pathname.replace(/\/+/g, '/').replace(/\/$/, '');
	return AIRBYTES_OWN.reduce((rest, own) => rest.replace(own, ''), path);
}
