/** Turns an answer over HTTP that is no success into a {@link Problem}. */
import type { Answer, CallContext } from './call';
import { isSuccess } from './call';
import { cleanText } from './clean';
import { clock } from './clock';
import type { Problem } from './problem';
import { quote, sentences } from './prose';
import { proxyAdvice } from './proxy';
import type { Shape } from './shape';
import { describe, kindOf, saidIn, shapeOf } from './shape';

/** The problem in an answer whose status is not 2xx. */
export function problemInAnswer(answer: Answer, call: CallContext): Problem {
	const { statusCode } = answer;
	const base = {
		httpStatus: statusCode,
		passing: false,
		mayHaveArrived: false,
		retryAfterSeconds: readRetryAfter(answer.headers['retry-after']),
	};
	if (statusCode >= 300 && statusCode < 400) return redirected(answer, call);
	if (statusCode === 407) return { ...base, ...refusedByProxy(answer, call) };
	if (OVERLOADED[statusCode]) return { ...base, ...overloaded(answer, call) };
	const shape = shapeOf(answer.body);
	if (statusCode >= 500) return { ...base, ...serverTrouble(answer, shape, call) };
	// With Basic Auth or a header, a 401 that is not in Airbyte's shape is the ingress refusing that.
	const isForIngress = ['basicAuth', 'header'].includes(call.authentication);
	const isAboutSignIn = shape !== undefined || isForIngress;
	if (statusCode === 401 && isAboutSignIn) return { ...base, ...signInRefused(answer, call) };
	if (shape === undefined) return { ...base, ...notAirbyte(answer, call) };
	return { ...base, ...airbytesRefusal(answer, shape, call) };
}

/** The problem with an answer that is not Airbyte's, whatever its status says. */
export function notAirbyte(answer: Answer, call: CallContext): Problem {
	const { statusCode } = answer;
	const status = isSuccess(answer) ? '' : ` (${statusCode})`;
	return {
		kind: 'notAirbyte',
		httpStatus: statusCode,
		message: `${call.server} answered with ${kindOf(answer.body)} instead of Airbyte's API${status} while ${call.doing}`,
		description: sentences(
			quote(saidIn(answer, call), 'It says'),
			`Asked: ${call.url}.`,
			adviceOnForeign(statusCode, call),
			call.proxy
				? `It may be the proxy ${call.proxy.address} that answers ('${call.proxy.field}').`
				: '',
		),
		passing: false,
		// A router and a firewall have turned it away; anything else may have passed it on.
		mayHaveArrived: isSuccess(answer) || !TURNED_AWAY.has(statusCode),
	};
}

const TURNED_AWAY = new Set([400, 401, 403, 404, 405, 413, 414, 415, 421, 431]);

/** What an answer adds to the problem in it, words above all. */
export type ProblemWords = Pick<Problem, 'kind' | 'message' | 'description'> & Partial<Problem>;

function airbytesRefusal(answer: Answer, shape: Shape, call: CallContext): ProblemWords {
	const { statusCode } = answer;
	if (statusCode === 409) return conflict(answer, call);
	if (isAboutPath(statusCode, shape, call)) {
		return {
			kind: 'wrongPath',
			message: `Airbyte does not know this path (${statusCode}) while ${call.doing}`,
			description: describe(answer, call, `Asked: ${call.url}. Check ${call.pathFields}.`),
		};
	}
	if (statusCode === 403) return forbidden(answer, shape, call);
	if (statusCode === 404) return notFound(answer, call);
	const advice = call.field ? `Check '${call.field}'.` : `Check ${call.pathFields}.`;
	return {
		kind: 'refused',
		message: `Airbyte did not accept the request (${statusCode}) while ${call.doing}`,
		description: describe(answer, call, advice),
	};
}

function signInRefused(answer: Answer, call: CallContext): ProblemWords {
	return {
		kind: 'signIn',
		message: `Airbyte did not accept the sign-in while ${call.doing} (401)`,
		description: describe(answer, call, signInAdvice(call.authentication)),
	};
}

function notFound(answer: Answer, call: CallContext): ProblemWords {
	const { field, doing } = call;
	const advice = field
		? `Check '${field}': it may have been deleted, or belong to another Airbyte.`
		: 'It may have been deleted, or belong to another Airbyte.';
	return {
		kind: 'notFound',
		message: field
			? `Airbyte found nothing for '${field}' (404) while ${doing}`
			: `Airbyte found nothing (404) while ${doing}`,
		description: describe(answer, call, advice),
	};
}

/**
 * With sign-in on, Airbyte answers 403 to a path, a method or a type of content that it does not know; with sign-in off
 * 404, 405 and 415. The configuration API answers so to a missing role, too.
 */
function isAboutPath(statusCode: number, shape: Shape, { isConfigApi }: CallContext): boolean {
	if (shape === 'noRoute') return true;
	if (statusCode === 403) return shape === 'hateoas' && !isConfigApi;
	return shape === 'hateoas' && [404, 405, 415].includes(statusCode);
}

function forbidden(answer: Answer, shape: Shape, call: CallContext): ProblemWords {
	const onId = call.field
		? `Check '${call.field}': Airbyte answers the same for an ID that does not exist and for one that these credentials may not see.`
		: '';
	const onRole = `The application's user needs at least the ${call.role ?? 'Reader'} role in the workspace for this.`;
	const onPath =
		shape === 'hateoas' ? 'An Airbyte that does not have this call answers the same.' : '';
	return {
		kind: 'forbidden',
		message: `Airbyte refused access while ${call.doing} (403)`,
		description: describe(answer, call, onId, onRole, onPath),
	};
}

function adviceOnForeign(statusCode: number, { pathFields, authentication }: CallContext): string {
	if (statusCode < 300) {
		return `Check ${pathFields}, and that no login page or proxy stands between n8n and Airbyte.`;
	}
	if (statusCode === 401 || statusCode === 403) {
		const basic =
			authentication === 'none' ? ", or 'Authentication' to 'Basic Auth' for a password" : '';
		return `Something in front of Airbyte turns the call away, such as a firewall or a login page. Let calls to the API pass, or set what it asks for in 'Headers' in the credential${basic}.`;
	}
	return `The address was reached, but what answered there does not know this host name or path. Check ${pathFields}, and 'Headers' if it expects a certain 'Host'.`;
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
			`Enter the address that it points to as '${call.serverField}' in the credential, often with https:// instead of http://. If it is a login page, let calls to the API pass without it.`,
		),
		passing: false,
		mayHaveArrived: false,
	};
}

function refusedByProxy(answer: Answer, call: CallContext): ProblemWords {
	const proxy = call.proxy ? `The proxy ${call.proxy.address}` : 'The proxy';
	return {
		kind: 'unreachable',
		message: `${proxy} asks for the right user and password while ${call.doing} (407)`,
		description: sentences(quote(saidIn(answer, call), 'It says'), proxyAdvice(call.proxy)),
	};
}

const OVERLOADED: Record<number, string | undefined> = {
	408: 'Airbyte did not answer in time (408)',
	425: 'Airbyte did not take the request in time (425)',
	429: 'Airbyte is receiving too many requests (429)',
};

function overloaded(answer: Answer, call: CallContext): ProblemWords {
	const { statusCode } = answer;
	const advice = call.isPoll
		? "Poll less often ('Poll Times') if this happens often."
		: "If this happens often, raise 'Wait Seconds' or lower 'Batch Size' where the node has them.";
	return {
		kind: 'unavailable',
		passing: true,
		// Envoy answers so where Airbyte has the request, and takes long for its answer.
		mayHaveArrived: statusCode === 408,
		message: `${OVERLOADED[statusCode]} while ${call.doing}`,
		description: describe(answer, call, advice),
	};
}

function signInAdvice(authentication: CallContext['authentication']): string {
	if (authentication === 'header') {
		return "Check the value of 'Authorization' in 'Headers' in the credential.";
	}
	if (authentication === 'none') {
		return "This Airbyte requires a sign-in: set 'Authentication' to 'Client Credentials' in the credential and enter an application's client ID and secret.";
	}
	if (authentication === 'basicAuth') {
		return "Check 'Username' and 'Password' in the credential. Airbyte 1.0 and newer signs in with 'Client Credentials' unless your own ingress asks for a password.";
	}
	return "Check 'Client ID' and 'Client Secret' in the credential: the application may have been deleted, or belong to another Airbyte.";
}

/** Airbyte answers 409 for four different things; only the text tells them apart. */
function conflict(answer: Answer, call: CallContext): ProblemWords {
	const said = saidIn(answer, call);
	if (/already running/i.test(said)) {
		return {
			kind: 'alreadyRunning',
			message: 'Airbyte says a job is running on this connection, but lists none (409)',
			description: describe(
				answer,
				call,
				'Check the connection in Airbyte: cancel a job that is stuck, or wait for a refresh to end.',
			),
		};
	}
	if (/not currently running|could not find job/i.test(said)) return notRunning(answer, call);
	return {
		kind: 'conflict',
		message: `Airbyte refused because of the connection's current state (409) while ${call.doing}`,
		description: describe(
			answer,
			call,
			'Check in Airbyte that the connection is enabled, and that its source and destination work.',
		),
		mayHaveArrived: true,
	};
}

function notRunning(answer: Answer, call: CallContext): ProblemWords {
	const isOfJob = call.field !== 'Connection';
	const check = call.field ? `Check '${call.field}': the` : 'The';
	const advice = isOfJob
		? `${check} job may have ended, or never existed.`
		: "Check 'Connection', and its jobs in Airbyte.";
	return {
		kind: 'notRunning',
		message: isOfJob
			? `Airbyte has no running job with this ID (409) while ${call.doing}`
			: `Airbyte has no running job on this connection (409) while ${call.doing}`,
		description: describe(answer, call, advice),
		mayHaveArrived: true,
	};
}

function serverTrouble(answer: Answer, shape: Shape | undefined, call: CallContext): ProblemWords {
	const { statusCode, body } = answer;
	if (statusCode === 501 && shape !== undefined) {
		return {
			kind: 'refused',
			message: `This Airbyte does not support that (501) while ${call.doing}`,
			description: describe(answer, call, 'It may need a newer or another edition of Airbyte.'),
		};
	}
	const isForeign = shape === undefined && kindOf(body) !== 'an empty body';
	const gateway = isForeign ? 'The gateway in front of Airbyte' : 'Airbyte';
	const who =
		call.proxy && shape === undefined ? `${gateway} or the proxy ${call.proxy.address}` : gateway;
	return {
		kind: 'unavailable',
		passing: true,
		mayHaveArrived: true,
		message: `${who} is not able to answer (${statusCode}) while ${call.doing}`,
		description: describe(answer, call, 'Check that Airbyte is up; its server log has the reason.'),
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
