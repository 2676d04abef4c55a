/** The credential `airbyteApi`: its fields, its secrets, and the token that n8n keeps with it. */
import { createHash } from 'crypto';
import type { ICredentialDataDecryptedObject } from 'n8n-workflow';

import type { Problem } from './problem';
import { ProblemError, invalid } from './problem';
import { base64, proxySecrets } from './proxy';
import { fieldsIn } from './read';

/** The fields of the credential `airbyteApi`, as {@link readCredential} gives them: texts are trimmed, never missing. */
export interface AirbyteCredential {
	authentication: Authentication;
	host: string;
	apiUrl: string;
	clientId: string;
	clientSecret: string;
	tokenEndpoint: string;
	username: string;
	password: string;
	httpProxy: string;
	httpsProxy: string;
	headers: Header[];
	allowUnauthorizedCerts: boolean;
	/** What n8n keeps of the last sign-in: see {@link storedToken}. */
	accessToken: string;
}

interface Header {
	name: string;
	value: string;
}

const AUTHENTICATIONS = ['clientCredentials', 'basicAuth', 'none'] as const;
type Authentication = (typeof AUTHENTICATIONS)[number];

/**
 * Reads what n8n hands over, in which an expression may have put anything.
 *
 * @throws {ProblemError} naming the field that makes no sense; nothing of its value is repeated
 */
export function readCredential(data: ICredentialDataDecryptedObject): AirbyteCredential {
	const text = (name: string, label: string) => textOrEmpty(data[name], label);
	const authentication = readAuthentication(data.authentication);
	return {
		authentication,
		host: text('host', 'Server URL').trim(),
		apiUrl: text('apiUrl', 'API URL').trim(),
		clientId: text('clientId', 'Client ID').trim(),
		clientSecret: text('clientSecret', 'Client Secret').trim(),
		tokenEndpoint: text('tokenEndpoint', 'Token Endpoint').trim(),
		username: text('username', 'Username'),
		password: text('password', 'Password'),
		httpProxy: text('httpProxy', 'HTTP Proxy').trim(),
		httpsProxy: text('httpsProxy', 'HTTPS Proxy').trim(),
		headers: readHeaders(data.headers, authentication),
		allowUnauthorizedCerts: readFlag(data.allowUnauthorizedCerts, 'Ignore TLS Issues'),
		accessToken: text('accessToken', 'Access Token'),
	};
}

function textOrEmpty(value: unknown, label: string): string {
	// An expression can give nothing at all; whether a field may be empty is decided where it is used.
	if (value === undefined || value === null) return '';
	if (typeof value === 'string') return value;
	throw unfit(label, 'text', value);
}

function readFlag(value: unknown, label: string): boolean {
	if (value === undefined || value === null || value === '') return false;
	if (typeof value === 'boolean') return value;
	throw unfit(label, 'true or false', value);
}

function readAuthentication(value: unknown): Authentication {
	const known = AUTHENTICATIONS.find((one) => one === (value ?? 'clientCredentials'));
	if (known) return known;
	throw invalid(
		"'Authentication' of the Airbyte credential has none of its choices",
		`Its expression should give one of: ${AUTHENTICATIONS.join(', ')}.`,
	);
}

function unfit(label: string, wanted: string, value: unknown) {
	const kind = Array.isArray(value)
		? 'a list'
		: typeof value === 'object'
			? 'an object'
			: `a ${typeof value}`;
	return invalid(
		`'${label}' of the Airbyte credential must be ${wanted}, not ${kind}`,
		'Check the expression in that field of the credential.',
	);
}

/** What HTTP allows in a header's name, and in its value. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

function readHeaders(value: unknown, authentication: Authentication): Header[] {
	const rows = Array.isArray(value) ? value : fieldsIn(value)?.values;
	if (rows === undefined || rows === null) return [];
	if (!Array.isArray(rows)) throw unfit('Headers', 'a list', rows);
	const headers = rows.flatMap((row) => readHeader(row));
	if (authentication === 'none' || !signsInByHeader({ headers })) return headers;
	throw invalid(
		"'Headers' of the Airbyte credential must not have Authorization, which signing in sets",
		"Remove that header, or set 'Authentication' to 'None' if it is all that is needed.",
	);
}

/** Whether a header is all that is needed to sign in. */
export function signsInByHeader({ headers }: Pick<AirbyteCredential, 'headers'>): boolean {
	return headers.some(({ name }) => /^authorization$/i.test(name));
}

export function isHost(name: string): boolean {
	return /^host$/i.test(name);
}

function readHeader(row: { name?: unknown; value?: unknown } | null): Header[] {
	const name = textOrEmpty(row?.name, 'Headers').trim();
	const value = textOrEmpty(row?.value, 'Headers').trim();
	if (name === '' && value === '') return [];
	if (HEADER_NAME.test(name) && HEADER_VALUE.test(value)) return [{ name, value }];
	throw invalid(
		"'Headers' of the Airbyte credential has a header that cannot be sent",
		'A name has letters, digits and hyphens, a value no line breaks: check both for what was copied along with them.',
	);
}

/** Somebody has deleted or broken the credential since the node began. It may be mended, so that is waited for. */
export function credentialLost(fault: unknown): Problem {
	const { message } = fault as Error;
	return {
		kind: 'unreachable',
		message: 'The Airbyte credential of this node cannot be used any more',
		description: `${fault instanceof ProblemError ? '' : 'n8n says: '}${message}`,
		passing: true,
		mayHaveArrived: false,
	};
}

/** What must not show up anywhere, in the forms that it travels in; {@link redact} knows how it may be escaped. */
export function secretsOf(credential: AirbyteCredential): string[] {
	const { clientSecret, username, password, httpProxy, httpsProxy, headers } = credential;
	return [
		...encoded(clientSecret),
		tokenOf(credential) ?? '',
		...encoded(password),
		...(password === '' ? [] : [base64(`${username}:${password}`)]),
		...proxySecrets(httpProxy),
		...proxySecrets(httpsProxy),
		// The header Host tells where a call goes, which is no secret.
		...headers.filter(({ name }) => !isHost(name)).flatMap(({ value }) => headerSecrets(value)),
	].filter((secret) => secret !== '' && secret !== NO_TOKEN);
}

function encoded(secret: string): string[] {
	return secret === '' ? [] : [secret, base64(secret)];
}

/** A value, and what follows its scheme, as in `Bearer …`. */
function headerSecrets(value: string): string[] {
	const [, ...rest] = value.split(' ');
	return [...encoded(value), ...rest];
}

/** Stands in for a token where none is needed, so that n8n does not ask for one before every call. */
export const NO_TOKEN = 'not-needed';

/**
 * What n8n keeps in the credential: the token, and whose it is. n8n keeps it when another Airbyte or application is
 * entered, or when an expression gives another one, and a token must go to none but the Airbyte that issued it.
 */
export function storedToken(owner: string, token: string): string {
	return `${owner}:${token}`;
}

/** The token that n8n has kept, if there is one that belongs to these fields. */
export function tokenOf(credential: AirbyteCredential): string | undefined {
	const [, owner, token] = /^([\da-f]{16}):(.+)$/s.exec(credential.accessToken) ?? [];
	return owner === tokenOwner(credential) ? token : undefined;
}

/** Tells apart whose a token is, without holding a secret: equal for the same application of the same Airbyte. */
export function tokenOwner({
	host,
	apiUrl,
	tokenEndpoint,
	clientId,
	clientSecret,
}: AirbyteCredential): string {
	return createHash('sha256')
		.update(JSON.stringify([host, apiUrl, tokenEndpoint, clientId, clientSecret]))
		.digest('hex')
		.slice(0, 16);
}
