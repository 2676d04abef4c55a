/**
 * Turns an answer over HTTP that is no success into a {@link Problem}.
 *
 * Airbyte answers errors in five shapes, proxies in front of it in HTML (reference: Airbyte's problem catalogue
 * and exception handlers).
 */
import type { Answer, CallContext } from './call';
import { cleanText, isWebPage, quote, sentences } from './clean';
import { clock } from './clock';
import type { Problem } from './problem';
import { proxyAdvice } from './proxy';

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
function proxyName({ proxy }: CallContext): string {
	return proxy ? `The proxy ${proxy.address}` : 'The proxy';
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
