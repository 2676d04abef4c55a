/**
 * What went wrong between the node and Airbyte, in words for the person who has to mend it.
 *
 * Airbyte answers errors in five shapes, proxies in front of it in HTML, and the network not at all
 * (reference: Airbyte's problem catalogue and exception handlers). All of them become a {@link Problem}.
 */
import { clock } from './clock';

export type ProblemKind =
	/** A parameter or credential field that makes no sense; nothing was sent. */
	| 'input'
	/** No connection came about: DNS, refused, TLS, a proxy that does not let through. */
	| 'unreachable'
	/** Sent, but no answer arrived: cut, timed out, aborted. */
	| 'unanswered'
	/** An answer that is not Airbyte's, such as a web page. */
	| 'notAirbyte'
	/** 408, 425, 429 and 5xx. */
	| 'unavailable'
	| 'signIn'
	| 'forbidden'
	| 'notFound'
	/** 409: a job runs on the connection already. */
	| 'alreadyRunning'
	/** 409: there is no such running job. */
	| 'notRunning'
	/** 409 that names no reason: an inactive connection, or a job that was slow to appear. */
	| 'conflict'
	/** Any other refusal. */
	| 'refused';

export interface Problem {
	kind: ProblemKind;
	/** One sentence: what happened. */
	message: string;
	/** Airbyte's own words, cleaned, and what to do next. */
	description: string;
	httpStatus?: number;
	/** Whether it may pass by itself, so that trying again makes sense. */
	passing: boolean;
	/** Whether the request can have had its effect although no good answer came back. */
	mayHaveArrived: boolean;
	/** Seconds, from the Retry-After header. */
	retryAfterSeconds?: number;
}

/**
 * A problem on its way to whoever handles it. Its own message holds the advice too, since n8n's credential
 * test shows nothing else.
 */
export class ProblemError extends Error {
	constructor(readonly problem: Problem) {
		super(`${problem.message}. ${problem.description}`);
		this.name = 'ProblemError';
	}
}

/** What the user is told about where the call went, and what must never show up in it. */
/** What a call is for. */
export interface Purpose {
	/** E.g. `starting a sync`, as in "Airbyte refused access while …". */
	doing: string;
	/** The field that names the thing asked for, e.g. `Connection`, if there is one. */
	field?: string;
	/** The least role in the workspace that Airbyte lets do it; Reader, unless named. */
	role?: 'Runner' | 'Editor';
	/** Whether it is a trigger's, whose pace is set by other fields. */
	isPoll?: boolean;
}

export interface CallContext extends Purpose {
	/** Scheme, host and port of the server called, e.g. `https://api.airbyte.com`. */
	server: string;
	/** The proxy in between without its password, e.g. `http://proxy:8080`, and the field that names it. */
	proxy?: { address: string; field: string };
	authentication: string;
	/** Secrets that a server may echo. */
	secrets: string[];
}

export interface Answer {
	statusCode: number;
	headers: Record<string, unknown>;
	body: unknown;
}

/** For values that make no sense, found before anything is sent. */
export function invalid(message: string, description: string): ProblemError {
	return new ProblemError({
		kind: 'input',
		message,
		description,
		passing: false,
		mayHaveArrived: false,
	});
}

/** What an answer says, as a sentence; empty when it says nothing. */
export function quoted({ body }: Answer, call: CallContext): string {
	const who = isWebPage(body) ? "A web page answered instead of Airbyte's API" : 'Airbyte says';
	return quote(airbyteSays(body, call.secrets), who);
}

/** The problem in an answer whose status is not 2xx. */
export function problemInAnswer(answer: Answer, call: CallContext): Problem {
	const { statusCode } = answer;
	const said = airbyteSays(answer.body, call.secrets);
	const base = {
		httpStatus: statusCode,
		passing: false,
		mayHaveArrived: false,
		retryAfterSeconds: readRetryAfter(answer.headers['retry-after']),
	};
	const describe = (advice: string) => sentences(quoted(answer, call), advice);
	if (statusCode >= 300 && statusCode < 400) return redirected(answer, call);
	switch (statusCode) {
		case 401:
			return {
				...base,
				kind: 'signIn',
				message: `Airbyte did not accept the sign-in while ${call.doing} (401)`,
				description: describe(signInAdvice(call.authentication)),
			};
		case 403:
			return {
				...base,
				kind: 'forbidden',
				message: `Airbyte refused access while ${call.doing} (403)`,
				description: describe(
					`${call.field ? `Check '${call.field}': Airbyte answers the same for an ID that does not exist and for one that these credentials may not see. ` : ''}` +
						`The application's user needs at least the ${call.role ?? 'Reader'} role in the workspace for this.`,
				),
			};
		case 404:
			return notFound(answer, call, base, describe);
		case 407:
			return {
				...base,
				kind: 'unreachable',
				message: `${proxyName(call)} asks for the right user and password while ${call.doing} (407)`,
				description: sentences(quote(said, 'It says'), proxyAdvice(call)),
			};
		case 409:
			return { ...base, ...conflict(said, call, describe) };
		case 408:
		case 425:
		case 429:
			return {
				...base,
				kind: 'unavailable',
				passing: true,
				message:
					statusCode === 429
						? `Airbyte is receiving too many requests (429) while ${call.doing}`
						: `Airbyte did not take the request in time (${statusCode}) while ${call.doing}`,
				description: describe(overloadAdvice(call)),
			};
		default:
			return statusCode >= 500
				? { ...base, ...serverTrouble(statusCode, answer.body, call, describe) }
				: {
						...base,
						kind: 'refused',
						message: `Airbyte did not accept the request (${statusCode}) while ${call.doing}`,
						description: describe(
							call.field
								? `Check '${call.field}', and 'API Version' if you changed it.`
								: "Check the 'Server URL' in the credential.",
						),
					};
	}
}

function overloadAdvice({ isPoll }: CallContext): string {
	return isPoll
		? "Poll less often ('Poll Times') if this happens often."
		: "Raise 'Wait Seconds' or lower 'Batch Size' if this happens often.";
}

/** The problem with a 2xx answer that is not what Airbyte sends. */
export function notAirbyte(answer: Answer, call: CallContext): Problem {
	const what = isWebPage(answer.body)
		? 'a web page'
		: answer.body === '' || answer.body === undefined || answer.body === null
			? 'an empty body'
			: 'something else';
	return {
		kind: 'notAirbyte',
		httpStatus: answer.statusCode,
		message: `${call.server} answered with ${what} instead of Airbyte's API while ${call.doing}`,
		description: sentences(
			quote(airbyteSays(answer.body, call.secrets), 'It says'),
			"Check the 'Server URL' in the credential, and that no login page or proxy stands between n8n and Airbyte.",
		),
		passing: false,
		mayHaveArrived: true,
	};
}

/**
 * Redirects are not followed: a redirected POST becomes a GET, and the sign-in would travel to another host.
 */
function redirected(answer: Answer, call: CallContext): Problem {
	const target = String(answer.headers.location ?? '').split('?')[0];
	return {
		kind: 'notAirbyte',
		httpStatus: answer.statusCode,
		message: `${call.server} redirects to another address (${answer.statusCode}) while ${call.doing}`,
		description: sentences(
			target === '' ? '' : `It points to ${cleanText(target, call.secrets)}.`,
			"Enter the address that it points to as 'Server URL' in the credential, often with https:// instead of http://. If it is a login page, let calls to the API pass without it.",
		),
		passing: false,
		mayHaveArrived: false,
	};
}

/** Codes of faults that happen before a request leaves. */
const NEVER_SENT: Record<string, string> = {
	ENOTFOUND: 'The host name was not found',
	EAI_AGAIN: 'The name server gave no answer',
	ECONNREFUSED: 'The connection was refused',
	EHOSTUNREACH: 'The host cannot be reached',
	ENETUNREACH: 'The network cannot be reached',
	EADDRNOTAVAIL: 'The address is not available',
	ENETDOWN: 'The network is down',
};

const TLS_CODE =
	/CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|ERR_TLS|ERR_SSL|^EPROTO$|HOSTNAME_MISMATCH/i;

/**
 * The problem behind a call that got no answer at all.
 *
 * @param fault whatever was thrown; n8n wraps the HTTP library's error, so the causes are searched
 */
export function problemInFault(fault: unknown, call: CallContext): Problem {
	const chain = causes(fault);
	const told = chain.find((error): error is ProblemError => error instanceof ProblemError);
	if (told) return told.problem;

	const code = chain.map((error) => error.code).find((value) => typeof value === 'string') ?? '';
	const words = cleanText(chain[chain.length - 1]?.message ?? '', call.secrets);
	const via = call.proxy ? ` through the proxy ${call.proxy.address}` : '';
	const where = `${call.server}${via}`;
	const detail = quote(withoutErrorCodes([code, words].filter(Boolean).join(': ')), 'Reported');
	const unreachable = { kind: 'unreachable' as const, mayHaveArrived: false };

	if (TLS_CODE.test(code)) {
		return {
			...unreachable,
			passing: false,
			message: `Could not establish a secure connection to ${where}`,
			description: sentences(
				detail,
				"Check whether the 'Server URL' should start with http:// or https://. For a certificate of your own, turn on 'Ignore TLS Issues' in the credential or give n8n the certificate authority (NODE_EXTRA_CA_CERTS).",
			),
		};
	}
	if (code in NEVER_SENT) {
		return {
			...unreachable,
			// A name that is not known is a typo, and should not cost the patience that a restart gets.
			passing: code !== 'ENOTFOUND',
			message: `${NEVER_SENT[code]}: no connection to ${where}`,
			description: call.proxy
				? proxyAdvice(call)
				: "Check the 'Server URL' in the credential, and that n8n can reach it from where it runs.",
		};
	}
	// A tunnel to an https server that did not come about, so that nothing was sent through it.
	const isTunnel = call.server.startsWith('https:');
	if (call.proxy && isTunnel && /proxy|\b407\b|tunnel/i.test(words)) {
		return {
			...unreachable,
			passing: !/\b407\b/.test(words),
			message: `The proxy ${call.proxy.address} did not let the call to ${call.server} through`,
			description: sentences(detail, proxyAdvice(call)),
		};
	}
	const timedOut = /ECONNABORTED|ETIMEDOUT|TIMEOUT/i.test(code) || /timeout/i.test(words);
	return {
		kind: 'unanswered',
		passing: true,
		mayHaveArrived: true,
		message: timedOut
			? `${where} gave no answer in time while ${call.doing}`
			: `The connection to ${where} was cut while ${call.doing}`,
		description: sentences(
			timedOut ? '' : detail,
			`Check that Airbyte is up${call.proxy ? ` and the proxy ${call.proxy.address} working` : ''}.`,
		),
	};
}

/** Whether a body is a page for people rather than an answer for programs. */
export function isWebPage(body: unknown): boolean {
	return typeof body === 'string' && /^\s*(<!doctype|<html|<head|<body|<\?xml)/i.test(body);
}

const LONGEST_TEXT = 400;

/**
 * Makes somebody else's text fit to show: no control characters, no markup, no secrets, no novels.
 *
 * @param secrets replaced by `***` wherever they appear
 */
export function cleanText(text: string, secrets: string[] = []): string {
	const plain = (isWebPage(text) ? pageTitle(text) : text)
		// eslint-disable-next-line no-control-regex
		.replace(/\u001b\[[0-9;?]*[a-z]/gi, '')
		.replace(/\p{C}+/gu, ' ')
		.replace(/\s+/g, ' ')
		.trim();
	const safe = redact(plain, secrets);
	if (safe.length <= LONGEST_TEXT) return safe;
	// An emoji is two units, of which none may stay alone.
	return `${safe.slice(0, LONGEST_TEXT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** A token that n8n has fetched meanwhile is none of the secrets known at the start. */
const TOKENS = /\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=\b(?:bearer|basic)\s)[\w.~+/=-]{8,}/gi;

function redact(text: string, secrets: string[]): string {
	return (
		secrets
			.filter((secret) => secret.length >= 4)
			// One may be part of another, of which nothing may stay.
			.sort((a, b) => b.length - a.length)
			.reduce((safe, secret) => safe.split(secret).join('***'), text)
			.replace(TOKENS, '***')
	);
}

function pageTitle(page: string): string {
	const title = /<title[^>]*>([^<]*)<\/title>/i.exec(page)?.[1].trim();
	const heading = /<h1[^>]*>([^<]*)<\/h1>/i.exec(page)?.[1].trim();
	return title || heading || page.replace(/<[^>]*>/g, ' ');
}

/** Airbyte's words in whichever of its shapes they come; the useful ones are the innermost. */
function airbyteSays(body: unknown, secrets: string[]): string {
	if (typeof body === 'string') return cleanText(body, secrets);
	if (typeof body !== 'object' || body === null) return '';
	const shape = body as {
		data?: { message?: unknown };
		detail?: unknown;
		_embedded?: { errors?: Array<{ message?: unknown }> };
		message?: unknown;
		title?: unknown;
		errorId?: unknown;
	};
	const words = [
		shape.data?.message,
		shape.detail,
		shape._embedded?.errors?.[0]?.message,
		shape.message,
		shape.title,
		shape.errorId === undefined ? undefined : `error id ${String(shape.errorId)}`,
	].find((value): value is string => typeof value === 'string' && value.trim() !== '');
	return cleanText(words ?? '', secrets);
}

/** n8n replaces a whole message that contains one of these by a sentence of its own (NodeError). */
function withoutErrorCodes(words: string): string {
	return (
		words
			// OpenSSL's wording: numbers, the reason, and where in its source it happened.
			.replace(/\b[\dA-F]+:error:[\dA-F]+:[^:]*:[^:]*:([^:]+):.*/i, '$1')
			.replace(/\b((read|write|connect|getaddrinfo) )?(E[A-Z]{4,}|EAI_AGAIN)\b:?/g, ' ')
			.replace(/\s+/g, ' ')
			.trim()
	);
}

function sentences(...parts: string[]): string {
	return parts.filter(Boolean).join(' ');
}

function quote(words: string, who: string): string {
	return words === '' ? '' : `${who}: "${words}".`;
}

function proxyName({ proxy }: CallContext): string {
	return proxy ? `The proxy ${proxy.address}` : 'The proxy';
}

/** Without a proxy in the credential n8n's own settings name one. */
function proxyAdvice({ proxy }: CallContext): string {
	return proxy
		? `Check '${proxy.field}' in the credential: address, user and password, and that n8n can reach ${proxy.address} from where it runs.`
		: "Check the proxy that n8n's environment names (HTTP_PROXY, HTTPS_PROXY), or enter one in the credential.";
}

function signInAdvice(authentication: string): string {
	if (authentication === 'none') {
		return "This Airbyte requires a sign-in: set 'Authentication' to 'Client Credentials' in the credential and enter an application's client ID and secret.";
	}
	if (authentication === 'basicAuth') {
		return "Check 'Username' and 'Password' in the credential. Airbyte 1.0 and newer signs in with 'Client Credentials' unless your own ingress asks for a password.";
	}
	return "Check 'Client ID' and 'Client Secret' in the credential: the application may have been deleted, or belong to another Airbyte.";
}

type Base = Pick<Problem, 'httpStatus' | 'passing' | 'mayHaveArrived' | 'retryAfterSeconds'>;

function notFound(
	answer: Answer,
	call: CallContext,
	base: Base,
	describe: (advice: string) => string,
): Problem {
	// Airbyte's own 404 names the kind of the missing thing; a router's, or an installation's behind it, does not.
	const body = answer.body as { type?: unknown; data?: { resourceType?: unknown } } | null;
	const isAirbytes =
		typeof body === 'object' &&
		(body?.data?.resourceType !== undefined || /not-found/.test(String(body?.type)));
	if (isAirbytes && call.field) {
		return {
			...base,
			kind: 'notFound',
			message: `Airbyte found nothing for '${call.field}' (404) while ${call.doing}`,
			description: describe(
				`Check '${call.field}': it may have been deleted, or belong to another Airbyte.`,
			),
		};
	}
	return {
		...base,
		kind: 'notFound',
		message: `Nothing was found at this address (404) while ${call.doing}`,
		description: describe(
			`Check ${call.field ? `'${call.field}', ` : ''}the 'Server URL' in the credential (asked: ${call.server}) and 'API Version'.`,
		),
	};
}

/** Airbyte answers 409 for four different things; only the text tells them apart. */
function conflict(
	said: string,
	call: CallContext,
	describe: (advice: string) => string,
): Pick<Problem, 'kind' | 'message' | 'description' | 'mayHaveArrived'> {
	if (/already running/i.test(said)) {
		return {
			kind: 'alreadyRunning',
			message: 'Airbyte says a job is running on this connection, but lists none (409)',
			description: describe(
				'Check the connection in Airbyte: cancel a job that is stuck, or wait for a refresh to end.',
			),
			mayHaveArrived: false,
		};
	}
	if (/not currently running|could not find job/i.test(said)) {
		const isOfJob = call.field === 'Job ID';
		return {
			kind: 'notRunning',
			message: isOfJob
				? `Airbyte has no running job with this ID (409) while ${call.doing}`
				: `Airbyte has no running job on this connection (409) while ${call.doing}`,
			description: describe(
				isOfJob
					? "Check 'Job ID': the job may have ended, or never existed."
					: "Check 'Connection', and its jobs in Airbyte.",
			),
			mayHaveArrived: true,
		};
	}
	return {
		kind: 'conflict',
		message: `Airbyte refused because of the connection's current state (409) while ${call.doing}`,
		description: describe(
			'Check in Airbyte that the connection is enabled, and that its source and destination work.',
		),
		mayHaveArrived: true,
	};
}

function serverTrouble(
	statusCode: number,
	body: unknown,
	call: CallContext,
	describe: (advice: string) => string,
): Pick<Problem, 'kind' | 'message' | 'description' | 'passing' | 'mayHaveArrived'> {
	if (statusCode === 501) {
		return {
			kind: 'refused',
			passing: false,
			mayHaveArrived: false,
			message: `This Airbyte does not support that (501) while ${call.doing}`,
			description: describe('It may need a newer or another edition of Airbyte.'),
		};
	}
	const gateway = isWebPage(body) ? 'The gateway in front of Airbyte' : 'Airbyte';
	// Airbyte itself speaks JSON.
	const who =
		call.proxy && typeof body === 'string'
			? `${gateway} or the proxy ${call.proxy.address}`
			: gateway;
	return {
		kind: 'unavailable',
		passing: true,
		mayHaveArrived: true,
		message: `${who} is not able to answer (${statusCode}) while ${call.doing}`,
		description: describe('Check that Airbyte is up; its server log has the reason.'),
	};
}

/** Seconds of a Retry-After header, which is a number or a date. */
function readRetryAfter(header: unknown): number | undefined {
	if (typeof header !== 'string' && typeof header !== 'number') return undefined;
	const seconds = Number(header);
	if (Number.isFinite(seconds)) return Math.max(0, seconds);
	const date = Date.parse(String(header));
	return Number.isNaN(date) ? undefined : Math.max(0, (date - clock.now()) / 1_000);
}

interface Fault {
	message?: string;
	code?: unknown;
	cause?: unknown;
}

/** The error and what caused it, outermost first. */
function causes(fault: unknown): Fault[] {
	const chain: Fault[] = [];
	let current: unknown = fault;
	while (typeof current === 'object' && current !== null && chain.length < 8) {
		chain.push(current as Fault);
		current = (current as Fault).cause;
	}
	return chain;
}
