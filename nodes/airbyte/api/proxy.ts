/** The credential's proxies, as n8n's HTTP helper takes them and as errors show them. */
import type { IHttpRequestOptions } from 'n8n-workflow';

import { isWholeUrl } from './addresses';
import { invalid } from './problem';

/** A proxy without its password, e.g. `http://proxy:8080`, and the field that names it. */
export interface ShownProxy {
	address: string;
	field: string;
}

/**
 * The proxy for a target, chosen by the target's scheme as curl and Airflow do.
 * Without one n8n's own environment decides (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).
 */
export function parseProxy(
	typedFor: { httpProxy: string; httpsProxy: string },
	target: string,
): { settings: IHttpRequestOptions['proxy']; shown: ShownProxy } | undefined {
	const isHttps = target.toLowerCase().startsWith('https:');
	const typed = isHttps ? typedFor.httpsProxy : typedFor.httpProxy;
	if (typed === '') return undefined;
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
		const url = new URL(isWholeUrl(typed) ? typed : `http://${typed}`);
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

/** A proxy's password as it was typed, as it is meant, and as it travels. */
export function proxySecrets(proxy: string): string[] {
	const typed = /^\s*(?:[a-z][a-z0-9+.-]*:\/\/)?([^:/@]*):(.*)@/i.exec(proxy);
	if (!typed) return [];
	const [user, password] = typed.slice(1).map(decodeURIComponentSafely);
	return [typed[2], password, base64(password), base64(`${user}:${password}`)];
}

/** Without a proxy in the credential n8n's own settings name one. */
export function proxyAdvice(proxy: ShownProxy | undefined): string {
	return proxy
		? `Check '${proxy.field}' in the credential: address, user and password, and that n8n can reach ${proxy.address} from where it runs.`
		: "Check the proxy that n8n's environment names (HTTP_PROXY, HTTPS_PROXY), or enter one in the credential.";
}

function decodeURIComponentSafely(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

export function base64(text: string): string {
	return Buffer.from(text).toString('base64');
}
