/**
 * What can go wrong with a call, as the run gets to know it: the problems are made by the code that makes them
 * in earnest, so that a change of what counts as passing is seen here too.
 */
import { notAirbyte, problemInAnswer } from '../../../nodes/airbyte/api/answers';
import type { CallContext } from '../../../nodes/airbyte/api/call';
import { problemInFault } from '../../../nodes/airbyte/api/faults';
import type { Problem } from '../../../nodes/airbyte/api/problem';

/** Whether the call has its effect at Airbyte: not at all, in time, or (a submission) some time after the answer. */
type Effect = 'none' | 'now' | 'late';

interface Fault {
	problem: Problem;
	effect: Effect;
	/** Comes only of submissions; all other calls go well. */
	onlySubmissions?: true;
}

export const call: CallContext = {
	doing: 'calling',
	server: 'https://airbyte.test',
	url: 'https://airbyte.test/api/public/v1/jobs',
	serverField: 'Server URL',
	pathFields: "'Server URL' in the credential",
	authentication: 'clientCredentials',
	field: 'Connection',
	secrets: [],
};

function status(statusCode: number, headers: Record<string, string> = {}, said = ''): Problem {
	return problemInAnswer(
		{ statusCode, headers, body: { title: 'state-conflict', data: { message: said } } },
		call,
	);
}

function network(code: string, syscall = 'connect'): Problem {
	return problemInFault(Object.assign(new Error(`${syscall} ${code}`), { code }), call);
}

const page: Problem = notAirbyte(
	{ statusCode: 200, headers: {}, body: '<html><title>Welcome</title></html>' },
	call,
);

function foreign(statusCode: number, type: string, body: string): Problem {
	return problemInAnswer({ statusCode, headers: { 'content-type': type }, body }, call);
}

/** 409 that names no reason: an inactive connection, or a job that was slow to appear. */
export const conflict = status(409, {}, 'Could not fulfill request');
export const alreadyRunning = status(409, {}, 'A sync is already running for: c');
export const notRunning = status(409, {}, 'Job is not currently running');
export const unanswered = network('ECONNRESET', 'read');

/** What a refresh is answered with where a job runs, or the destination cannot. */
export const noJob: Problem = {
	kind: 'noJob',
	message: 'No job',
	description: '',
	passing: false,
	mayHaveArrived: true,
};

export const FAULTS = {
	neverSent: { problem: network('ECONNREFUSED'), effect: 'none' },
	noSecureConnection: { problem: network('CERT_HAS_EXPIRED'), effect: 'none' },
	lostBefore: { problem: unanswered, effect: 'none' },
	lostAfter: { problem: unanswered, effect: 'now' },
	lostAndLate: { problem: unanswered, effect: 'late' },
	away: { problem: status(503), effect: 'none' },
	brokenAfter: { problem: status(500), effect: 'now' },
	brokenAndLate: { problem: status(500), effect: 'late' },
	tooMany: { problem: status(429), effect: 'none' },
	tooManyFor45: { problem: status(429, { 'retry-after': '45' }), effect: 'none' },
	tooManyFor400: { problem: status(429, { 'retry-after': '400' }), effect: 'none' },
	tooManyForADay: { problem: status(429, { 'retry-after': '86400' }), effect: 'none' },
	awayFor45: { problem: status(503, { 'retry-after': '45' }), effect: 'none' },
	pageBefore: { problem: page, effect: 'none' },
	pageAfter: { problem: page, effect: 'now' },
	routersPage: { problem: foreign(404, 'text/plain', '404 page not found'), effect: 'none' },
	firewallsPage: {
		problem: foreign(403, 'text/html', '<html><title>Request blocked</title></html>'),
		effect: 'none',
	},
	conflictBefore: { problem: conflict, effect: 'none' },
	conflictAfter: { problem: conflict, effect: 'now' },
	conflictAndLate: { problem: conflict, effect: 'late' },
	// Up to 2.0: of a job that has just been started, or is to be, or is not.
	startRaceBefore: { problem: notRunning, effect: 'none', onlySubmissions: true },
	startRaceAfter: { problem: notRunning, effect: 'now', onlySubmissions: true },
	startRaceAndLate: { problem: notRunning, effect: 'late', onlySubmissions: true },
	turnedAway: { problem: status(429), effect: 'none', onlySubmissions: true },
	// Old versions say so for ever, with nothing running.
	stuck: { problem: alreadyRunning, effect: 'none', onlySubmissions: true },
	signIn: { problem: status(401), effect: 'none' },
	forbidden: { problem: status(403), effect: 'none' },
	notFound: { problem: status(404), effect: 'none' },
	refused: { problem: status(422), effect: 'none' },
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

export function faultOf(name: FaultName): Fault {
	return FAULTS[name];
}
