import type { ICredentialDataDecryptedObject, IHttpRequestOptions } from 'n8n-workflow';

import { parseAddress, tokenUrl } from './addresses';
import type { Answer, CallContext, Purpose } from './problems';
import {
	ProblemError,
	invalid,
	isWebPage,
	notAirbyte,
	problemInAnswer,
	problemInFault,
	quoted,
} from './problems';

/** The fields of the credential `airbyteApi`. */
export interface AirbyteCredential {
	authentication: 'clientCredentials' | 'basicAuth' | 'none';
	host: string;
	clientId?: string;
	clientSecret?: string;
	tokenEndpoint?: string;
	username?: string;
	password?: string;
	httpProxy?: string;
	httpsProxy?: string;
	allowUnauthorizedCerts?: boolean;
	/** Filled and kept by n8n from {@link signIn}. */
	accessToken?: string;
}

export type HttpRequest = (request: IHttpRequestOptions) => Promise<unknown>;

/** Milliseconds that a call may take. One object, so that tests need not wait that long. */
export const timeouts = {
	read: 30_000,
	/** Airbyte may hold `POST /jobs` for a minute, until the job has an id. */
	submit: 120_000,
	/** To know why a job failed is not worth a longer wait. */
	explain: 10_000,
	/** Lists show without them. */
	names: 10_000,
};

/** What the node calls itself: Cloud answers 403 to callers without a User-Agent. */
export const USER_AGENT = 'n8n-nodes-airbyte';

/** Stands in for a token where none is needed, so that n8n does not ask for one before every call. */
const NO_TOKEN = 'not-needed';

export function asCredential(data: ICredentialDataDecryptedObject): AirbyteCredential {
	return data as unknown as AirbyteCredential;
}

/**
 * Adds to a request what the credential asks for: sign-in, proxy, TLS.
 * A request with a `baseURL` comes from n8n's credential test; its path counts from the public API.
 */
export function authenticate(
	credential: AirbyteCredential,
	request: IHttpRequestOptions,
): IHttpRequestOptions {
	const { baseURL, ...rest } = request;
	const url =
		baseURL === undefined ? request.url : parseAddress(credential.host).publicApi + request.url;
	return { ...throughProxy(credential, { ...rest, url }), ...authorization(credential, request) };
}

/**
 * Gets what later calls sign in with.
 *
 * Client credentials are exchanged for a token; the body must be JSON, which Airbyte's own spec does not
 * say. Without tokens, Airbyte is asked for a workspace, so that n8n's credential test can tell in plain words
 * what is wrong with the address or password; n8n then keeps the stand-in and does not come here again.
 *
 * @returns the access token
 * @throws {ProblemError}
 */
export async function signIn(
	httpRequest: HttpRequest,
	credential: AirbyteCredential,
): Promise<string> {
	if (credential.authentication !== 'clientCredentials') {
		await probe(httpRequest, credential);
		return NO_TOKEN;
	}
	requireClient(credential);
	const url = tokenUrl(parseAddress(credential.host), credential.tokenEndpoint ?? '');
	const call = callContext(credential, url, { doing: 'signing in' });
	const answer = await send(
		httpRequest,
		call,
		throughProxy(credential, tokenRequest(credential, url)),
	);
	const token = (answer.body as { access_token?: unknown } | null)?.access_token;
	if (answer.statusCode === 200 && typeof token === 'string' && token !== '') return token;
	throw new ProblemError(tokenProblem(answer, call, url));
}

/** What a problem's words need to know about a call to `url`. */
export function callContext(
	credential: AirbyteCredential,
	url: string,
	{ doing, field, role, isPoll }: Purpose,
): CallContext {
	return {
		doing,
		field,
		role,
		isPoll,
		server: new URL(url).origin,
		proxy: parseProxy(credential, url)?.shown,
		authentication: credential.authentication,
		secrets: secretsOf(credential),
	};
}

function tokenRequest(credential: AirbyteCredential, url: string): IHttpRequestOptions {
	return {
		method: 'POST',
		url,
		body: {
			client_id: credential.clientId?.trim(),
			client_secret: credential.clientSecret?.trim(),
			// Airbyte reads the hyphen and requires the underscore in its schema; both satisfy every version.
			'grant-type': 'client_credentials',
			grant_type: 'client_credentials',
		},
	};
}

async function probe(httpRequest: HttpRequest, credential: AirbyteCredential): Promise<void> {
	const url = `${parseAddress(credential.host).publicApi}/workspaces?limit=1`;
	const call = callContext(credential, url, { doing: 'signing in' });
	const answer = await send(httpRequest, call, authenticate(credential, { url }));
	if (answer.statusCode !== 200) throw new ProblemError(problemInAnswer(answer, call));
	if (!Array.isArray((answer.body as { data?: unknown } | null)?.data)) {
		throw new ProblemError(notAirbyte(answer, call));
	}
}

async function send(
	httpRequest: HttpRequest,
	call: CallContext,
	request: IHttpRequestOptions,
): Promise<Answer> {
	const complete = {
		...request,
		headers: { 'User-Agent': USER_AGENT, ...request.headers },
		json: true,
		timeout: timeouts.read,
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
		disableFollowRedirect: true,
	};
	return await httpRequest(complete).then(
		(answer) => answer as Answer,
		(fault) => {
			throw new ProblemError(problemInFault(fault, call));
		},
	);
}

/**
 * Wrong secrets answer 400 (community), 401 (Cloud, Keycloak) or 500 (applications kept in the database);
 * a missing token endpoint 404, or a page of the web app.
 */
function tokenProblem(answer: Answer, call: CallContext, url: string) {
	const problem =
		answer.statusCode === 200 ? notAirbyte(answer, call) : problemInAnswer(answer, call);
	const isAboutSignIn =
		answer.statusCode === 500 ||
		(problem.kind !== 'unavailable' && problem.kind !== 'unreachable' && !isRedirect(answer));
	if (!isAboutSignIn) return problem;
	const isPage = isWebPage(answer.body) && answer.statusCode < 500;
	const words = quoted(answer, call);
	const said = words && `${words} `;
	if (
		answer.statusCode === 404 ||
		answer.statusCode === 405 ||
		answer.statusCode === 200 ||
		isPage
	) {
		return {
			...problem,
			// What was typed behind the path may be a secret.
			message: `Airbyte did not return a token from ${url.split('?')[0]} (${answer.statusCode})`,
			description: `${said}Check 'Token Endpoint' and 'Server URL' in the credential. An Airbyte with sign-in switched off has no token endpoint: set 'Authentication' to 'None' for it.`,
		};
	}
	return {
		...problem,
		message: `Airbyte did not accept the client ID and secret (${answer.statusCode})`,
		description: `${said}Check 'Client ID' and 'Client Secret' in the credential: copy both again from your application in Airbyte, under User settings > Applications.`,
	};
}

function isRedirect({ statusCode }: Answer): boolean {
	return statusCode >= 300 && statusCode < 400;
}

function requireClient(credential: AirbyteCredential): void {
	const missing = [
		credential.clientId?.trim() ? '' : "'Client ID'",
		credential.clientSecret?.trim() ? '' : "'Client Secret'",
	].filter(Boolean);
	if (missing.length > 0) {
		throw invalid(
			`${missing.join(' and ')} of the Airbyte credential must be filled in`,
			"Copy client ID and secret from an application in Airbyte, under User settings > Applications. For an Airbyte with sign-in switched off, set 'Authentication' to 'None'.",
		);
	}
}

function authorization(
	credential: AirbyteCredential,
	request: IHttpRequestOptions,
): Pick<IHttpRequestOptions, 'headers' | 'auth'> {
	if (credential.authentication === 'basicAuth') {
		return {
			auth: { username: credential.username ?? '', password: credential.password ?? '' },
		};
	}
	if (credential.authentication === 'none') return {};
	return {
		headers: { ...request.headers, Authorization: `Bearer ${credential.accessToken ?? ''}` },
	};
}

function throughProxy(
	credential: AirbyteCredential,
	request: IHttpRequestOptions,
): IHttpRequestOptions {
	return {
		...request,
		skipSslCertificateValidation: credential.allowUnauthorizedCerts === true,
		proxy: parseProxy(credential, request.url)?.settings,
	};
}

/**
 * The proxy for a target, chosen by the target's scheme as curl and Airflow do.
 * Without one n8n's own environment decides (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).
 */
function parseProxy(
	credential: AirbyteCredential,
	target: string,
): { settings: IHttpRequestOptions['proxy']; shown: CallContext['proxy'] } | undefined {
	const isHttps = target.toLowerCase().startsWith('https:');
	const typed = (isHttps ? credential.httpsProxy : credential.httpProxy)?.trim();
	if (!typed) return undefined;
	const field = isHttps ? 'HTTPS Proxy' : 'HTTP Proxy';
	const url = parseProxyUrl(typed, field);
	const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
	return {
		settings: {
			protocol: url.protocol.slice(0, -1),
			host: url.hostname,
			port,
			...(url.username && {
				auth: { username: forN8n(url.username), password: forN8n(url.password) },
			}),
		},
		shown: { address: `${url.protocol}//${url.hostname}:${port}`, field },
	};
}

/** n8n makes a URL of it again, and in doing so encodes everything but the percent sign. */
function forN8n(encoded: string): string {
	return decodeURIComponentSafely(encoded).replace(/%/g, '%25');
}

function parseProxyUrl(typed: string, field: string): URL {
	try {
		const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(typed) ? typed : `http://${typed}`);
		// A password with a slash or the like that was not encoded ends up behind the host.
		const isCutShort = `${url.pathname}${url.search}${url.hash}`.includes('@');
		if ((url.protocol === 'http:' || url.protocol === 'https:') && !isCutShort) return url;
	} catch {
		// Told below; the parser's own message would repeat the password.
	}
	throw invalid(
		`'${field}' of the Airbyte credential is not a proxy's address`,
		'It should look like http://user:password@proxy.example.com:8080, with special characters of the password percent-encoded.',
	);
}

function secretsOf(credential: AirbyteCredential): string[] {
	const { username = '', password = '', httpProxy = '', httpsProxy = '' } = credential;
	return [
		...formsOf(credential.clientSecret?.trim() ?? ''),
		credential.accessToken === NO_TOKEN ? '' : (credential.accessToken ?? ''),
		...passwordForms(username, password),
		...proxySecrets(httpProxy),
		...proxySecrets(httpsProxy),
	].filter((secret) => secret !== '');
}

/** A secret as it is, and as it may be written in an address or a body. */
function formsOf(secret: string): string[] {
	return secret === '' ? [] : [secret, encodeURIComponent(secret), base64(secret)];
}

function passwordForms(user: string, password: string): string[] {
	return password === '' ? [] : [...formsOf(password), base64(`${user}:${password}`)];
}

/** A proxy's password as it was typed, as it is meant, and as it travels. */
function proxySecrets(proxy: string): string[] {
	const typed = /^\s*(?:[a-z][a-z0-9+.-]*:\/\/)?([^:/@]*):(.*)@/i.exec(proxy);
	if (!typed) return [];
	const [user, password] = typed.slice(1).map(decodeURIComponentSafely);
	return [typed[2], ...passwordForms(user, password)];
}

function base64(text: string): string {
	return Buffer.from(text).toString('base64');
}

function decodeURIComponentSafely(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
