/** What the credential adds to each request. */
import type { IHttpRequestOptions } from 'n8n-workflow';

import { parseAddress } from './addresses';
import { clock } from './clock';
import type { AirbyteCredential } from './credential';
import { isHost, tokenOf } from './credential';
import { parseProxy } from './proxy';

/**
 * What the credential is asked to sign in: requests of our nodes, n8n's credential test, and n8n's HTTP Request node,
 * which hands over an older shape (`uri`, `rejectUnauthorized`, `simple`).
 */
type UnsignedRequest = IHttpRequestOptions & {
	uri?: string;
	rejectUnauthorized?: boolean;
	simple?: boolean;
};

/**
 * Adds to a request what the credential asks for: sign-in, headers, proxy, TLS. Leaves the request itself as it is,
 * since n8n shows it to people.
 *
 * A request with a `baseURL` comes from n8n's credential test; its path counts from the public API.
 *
 * @throws {TokenRejected} when n8n should renew the token first
 */
export function authenticate(
	credential: AirbyteCredential,
	request: UnsignedRequest,
): IHttpRequestOptions {
	const { baseURL, ...rest } = request;
	const url = baseURL === undefined ? request.url : addressOf(credential).publicApi + request.url;
	return {
		...rest,
		...(request.uri === undefined && { url }),
		...authorization(credential, request, request.uri ?? url),
		// The HTTP Request node may have a proxy of its own.
		proxy: request.proxy ?? parseProxy(credential, request.uri ?? url)?.settings,
		skipSslCertificateValidation: credential.allowUnauthorizedCerts,
		...(credential.allowUnauthorizedCerts && { rejectUnauthorized: false }),
	} as IHttpRequestOptions;
}

export function addressOf({ host, apiUrl }: AirbyteCredential, apiVersion?: string) {
	return parseAddress(host, apiVersion, apiUrl);
}

function authorization(
	credential: AirbyteCredential,
	request: UnsignedRequest,
	url: string,
): Pick<IHttpRequestOptions, 'headers' | 'auth'> {
	const headers = withHeaders(credential, url, request.headers);
	if (credential.authentication === 'basicAuth') {
		return { headers, auth: { username: credential.username, password: credential.password } };
	}
	if (credential.authentication === 'none') return { headers };
	const token = tokenOf(credential);
	if (token === undefined || needsRenewal(token, request)) throw new TokenRejected();
	return { headers: { ...without(headers, 'authorization'), Authorization: `Bearer ${token}` } };
}

/** The credential's headers win over the request's own, whatever their case. `Host` goes to Airbyte's addresses only. */
export function withHeaders(
	credential: AirbyteCredential,
	url: string,
	own: IHttpRequestOptions['headers'] = {},
): NonNullable<IHttpRequestOptions['headers']> {
	return credential.headers
		.filter(({ name }) => !isHost(name) || isAirbytes(url, credential))
		.reduce((all, { name, value }) => ({ ...without(all, name), [name]: value }), own);
}

function isAirbytes(url: string, credential: AirbyteCredential): boolean {
	const { publicApi, configApi } = addressOf(credential);
	return [publicApi, configApi].some((api) => new URL(api).origin === new URL(url).origin);
}

function without(headers: NonNullable<IHttpRequestOptions['headers']>, name: string) {
	const isOther = (other: string) => other.toLowerCase() !== name.toLowerCase();
	return Object.fromEntries(Object.entries(headers).filter(([other]) => isOther(other)));
}

/** Looks to n8n like an answer 401, upon which it signs in anew, once, and asks for the request again. */
class TokenRejected extends Error {
	readonly response = { status: 401 };

	constructor() {
		super('The token has to be renewed');
		this.name = 'TokenRejected';
	}
}

const renewedFor = new WeakSet<UnsignedRequest>();

/**
 * Where a 401 is not to fail the request, as when n8n's HTTP Request node reads page by page, n8n does not see it and
 * does not renew the token: so a token that has run out is sent back beforehand. Once, as the clocks may differ.
 */
function needsRenewal(token: string, request: UnsignedRequest): boolean {
	if (request.simple !== false || renewedFor.has(request)) return false;
	renewedFor.add(request);
	return expiryOf(token) <= clock.now();
}

/** Milliseconds; of what is no JSON Web Token, nobody knows. */
function expiryOf(token: string): number {
	try {
		const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
		const { exp } = JSON.parse(claims) as { exp?: unknown };
		return typeof exp === 'number' ? exp * 1_000 : Infinity;
	} catch {
		return Infinity;
	}
}
