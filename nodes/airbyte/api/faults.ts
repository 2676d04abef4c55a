/** Calls that got no answer at all, in words. */
import type { CallContext } from './call';
import { cleanText } from './clean';
import type { Problem } from './problem';
import { ProblemError } from './problem';
import { quote, sentences } from './prose';
import { proxyAdvice } from './proxy';

/** How Node's words on a connection that did not come about begin; `read` and `write` are of one that broke. */
const CONNECTING = /^(connect|getaddrinfo) /;

/** Codes of faults that happen before a request leaves, where they come of connecting. */
const NEVER_SENT = new Map([
	['ENOTFOUND', 'The host name was not found'],
	['EAI_AGAIN', 'The name server gave no answer'],
	['ECONNREFUSED', 'The connection was refused'],
	['EHOSTUNREACH', 'The host cannot be reached'],
	['ENETUNREACH', 'The network cannot be reached'],
	['EADDRNOTAVAIL', 'The address is not available'],
	['ENETDOWN', 'The network is down'],
]);

/** An established TLS connection broke, maybe while the answer was read. */
const BROKEN_TLS = /bad.record|decryption.failed|unexpected/i;

/** n8n's own word on an address that it is not allowed to call, before anything is sent. */
const FORBIDDEN_BY_N8N = /^Domain not allowed|^The request was blocked because/i;

const TLS_CODE =
	/CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|ERR_TLS|ERR_SSL|^EPROTO$|HOSTNAME_MISMATCH/i;

/** What was thrown, as its innermost cause tells it. */
interface Cause {
	code: string;
	words: string;
	/** Both, as a sentence. */
	detail: string;
}

/**
 * The problem behind a call that got no answer at all.
 *
 * @param fault whatever was thrown; n8n wraps the HTTP library's error, so the causes are searched
 */
export function problemInFault(fault: unknown, call: CallContext): Problem {
	const chain = causes(fault);
	const known = chain.find((error): error is ProblemError => error instanceof ProblemError);
	if (known) return known.problem;
	const code = chain.map((error) => error.code).find((value) => typeof value === 'string') ?? '';
	const words = cleanText(chain[chain.length - 1]?.message ?? '', call.secrets);
	const detail = quote(withoutErrorCodes([code, words].filter(Boolean).join(': ')), 'Reported');
	const told = { code, words, detail };
	const notReached = whyNotReached(told, call);
	return notReached
		? { kind: 'unreachable', mayHaveArrived: BROKEN_TLS.test(`${code} ${words}`), ...notReached }
		: unanswered(told, call);
}

/** Why nothing was sent; undefined where it may have been. */
function whyNotReached(
	{ code, words, detail }: Cause,
	call: CallContext,
): Pick<Problem, 'passing' | 'message' | 'description'> | undefined {
	const { server, proxy } = call;
	if (TLS_CODE.test(code)) {
		return {
			passing: false,
			message: `Could not establish a secure connection to ${placeOf(call)}`,
			description: sentences(
				detail,
				`Check whether the '${call.serverField}' should start with http:// or https://. For a certificate of your own, turn on 'Ignore TLS Issues' in the credential or give n8n the certificate authority (NODE_EXTRA_CA_CERTS).`,
			),
		};
	}
	if (FORBIDDEN_BY_N8N.test(words)) {
		return {
			passing: false,
			message: `n8n does not allow calls of ${server}`,
			description: sentences(
				detail,
				"Allow it in the credential's 'Allowed Domains', or in n8n's environment (N8N_SSRF_ALLOWED_HOSTNAMES, N8N_SSRF_ALLOWED_IP_RANGES).",
			),
		};
	}
	const neverSent = CONNECTING.test(words) ? NEVER_SENT.get(code) : undefined;
	if (neverSent) {
		return {
			passing: true,
			message: `${neverSent}: no connection to ${placeOf(call)}`,
			description: proxy
				? proxyAdvice(proxy)
				: `Check the '${call.serverField}' in the credential, and that n8n can reach it from where it runs.`,
		};
	}
	// A tunnel to an https server that did not come about, so that nothing was sent through it.
	const isTunnel = server.startsWith('https:');
	if (!proxy || !isTunnel || !/proxy|\b407\b|tunnel/i.test(words)) return undefined;
	return {
		passing: !/\b407\b/.test(words),
		message: `The proxy ${proxy.address} did not let the call to ${server} through`,
		description: sentences(detail, proxyAdvice(proxy)),
	};
}

function unanswered({ code, words, detail }: Cause, call: CallContext): Problem {
	const timedOut = /ECONNABORTED|ETIMEDOUT|TIMEOUT/i.test(code) || /timeout/i.test(words);
	const where = placeOf(call);
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

function placeOf({ server, proxy }: CallContext): string {
	return proxy ? `${server} through the proxy ${proxy.address}` : server;
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

interface Fault {
	message?: string;
	code?: unknown;
	cause?: unknown;
	/** Of a name with several addresses, none of which answered. */
	errors?: unknown[];
}

/** The error and what caused it, outermost first. */
function causes(fault: unknown): Fault[] {
	const chain: Fault[] = [];
	let current: unknown = fault;
	while (typeof current === 'object' && current !== null && chain.length < 8) {
		const error = current as Fault;
		chain.push(error);
		current = error.cause ?? error.errors?.[0];
	}
	return chain;
}
