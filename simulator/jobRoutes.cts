/** The public API's calls that start, show and cancel jobs. */
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import type { CancelOutcome, Connection } from './connection.cts';
import type { JobView } from './job.cts';
import { hasStarted } from './job.cts';
import { listJobs } from './jobListing.cts';
import { findConnection, findJob, NOT_RUNNING } from './lookups.cts';
import { readBody, readJobId } from './parameters.cts';
import { pass, untilStarted } from './pauses.cts';
import {
	forbidden,
	notConvertible,
	stateConflict,
	tryAgainLater,
	unprocessable,
} from './problems.cts';
import type { Call, Route, Stage, Unanswered } from './routes.cts';
import { jobResponse } from './wire.cts';

export const jobRoutes: Route[] = [
	{ key: 'POST /jobs', serve: startJob },
	{ key: 'GET /jobs', serve: listJobs },
	{ key: 'GET /jobs/{jobId}', serve: showJob },
	{ key: 'DELETE /jobs/{jobId}', serve: cancelJob },
];

/** Reference: Airbyte knows the reason, and does not say it. */
const UNFULFILLED = 'Could not fulfill request';

/** Seen: how long a POST waits for its job before it gives up, in seconds. */
const PATIENCE = 60;

/** Seen: seconds from a job's start in which further POSTs get 200 with the same job. */
const SHARED_START = 0.4;

/** Seen: how long a POST takes where dead records have to be made failed first, in seconds. */
const REPAIR = 4;

/** Seen: seconds after an attempt's failure in which a DELETE is lost. */
const LOST_CANCEL = 0.1;

/** Seen: a reset of an inactive connection ends cancelled after so many seconds. */
const INACTIVE_RESET = 1.5;

/** Seen: a DELETE that makes its job fail is answered after so long, a second before the end. */
const FAILING_CANCEL = 31;

async function startJob(call: Call, stage: Stage): Promise<Answer | Unanswered> {
	const { connectionId, jobType } = readJobRequest(call);
	// Seen: no answer, ever. Airbyte copies the id into a header, which refuses it.
	if (/^\s/.test(connectionId)) return 'hang';
	const connection = findConnection(stage, connectionId);
	if (stage.settings.role === 'reader') refuse(forbidden());
	if (jobType === 'refresh') {
		refuse(unprocessable('Refreshes are not supported in the public API'));
	}
	if (connection.status === 'deprecated') refuse(stateConflict(UNFULFILLED));
	if (jobType === 'sync') return await sync(connection, call, stage);
	return await reset(connection, call, stage);
}

function readJobRequest(call: Call): { connectionId: string; jobType: string } {
	const { connectionId, jobType } = readBody(call);
	if (typeof connectionId !== 'string') return refuse(notConvertible(call.url, 'connectionId'));
	const word = String(jobType).toLowerCase();
	if (!['sync', 'reset', 'refresh', 'clear'].includes(word)) {
		refuse(notConvertible(call.url, 'jobType'));
	}
	return { connectionId, jobType: word };
}

async function sync(connection: Connection, call: Call, stage: Stage): Promise<Answer> {
	const { connectionId, status, starts } = connection;
	const { airbyte } = stage;
	if (status !== 'active') refuse(stateConflict(UNFULFILLED));
	const active = airbyte.scheduler.active(connectionId);
	if (active) return await whileActive(active, call, stage);
	if (airbyte.scheduler.lingers(connectionId)) refuse(tryAgainLater(alreadyRunning(connectionId)));
	const slow = starts.shift();
	if (slow?.answer === 'conflict') {
		if (slow.jobAfter !== undefined) startIn(slow.jobAfter, connectionId, stage);
		return await conflictAfter(slow.takes, call, stage);
	}
	const isStuck = airbyte.scheduler.dead(connectionId).length > 0;
	const due = startIn(isStuck ? REPAIR : 0, connectionId, stage);
	const wait = (due.at - airbyte.clock.now()) / 1000;
	if (wait > PATIENCE) return await conflictAfter(PATIENCE, call, stage);
	await pass(Math.max(wait, slow?.takes ?? 0), call, stage);
	airbyte.scheduler.catchUp();
	return await newJob(due.jobId, call, stage);
}

function startIn(seconds: number, connectionId: string, { airbyte }: Stage) {
	return airbyte.scheduler.startLater(connectionId, { at: airbyte.clock.now() + seconds * 1000 });
}

/**
 * Seen: 409 at once while a job runs; POSTs at the same instant all get the job of the first, and
 * those in the next half second hang and get an error that says nothing.
 */
async function whileActive(active: JobView, call: Call, stage: Stage): Promise<Answer> {
	const { airbyte, settings } = stage;
	const { connectionId } = active;
	const age = (airbyte.clock.now() - active.createdAt) / 1000;
	const shared = active.origin === 'api' ? SHARED_START : 0;
	if (age < shared) return await newJob(active.jobId, call, stage);
	const isWaiting = !hasStarted(active);
	if (isWaiting && settings.handsOutPendingJobs) return json(answered(active, stage));
	const isStarting = age < shared + settings.startingSeconds;
	if (isStarting || isWaiting) return await conflictAfter(PATIENCE, call, stage);
	return refuse(tryAgainLater(alreadyRunning(connectionId)));
}

const alreadyRunning = (connectionId: string): string =>
	`A sync is already running for: ${connectionId}`;

/**
 * Reference: reset and clear are the same call, know no 409 and cancel what runs. Between two
 * attempts they do not: the call gets no answer, and the next job is the reset.
 */
async function reset(
	connection: Connection,
	call: Call,
	stage: Stage,
): Promise<Answer | Unanswered> {
	const { connectionId, status, streams } = connection;
	const { scheduler } = stage.airbyte;
	scheduler.leavePending(connectionId, { jobType: 'reset', streams });
	const active = scheduler.active(connectionId);
	if (active?.status === 'incomplete') return 'hang';
	if (active) scheduler.cancel(active.jobId);
	const job = scheduler.start(connectionId, { jobType: 'reset' });
	if (status === 'inactive') scheduler.cancel(job.jobId, INACTIVE_RESET);
	return await newJob(job.jobId, call, stage);
}

/**
 * Reference: POST answers as soon as the job has an id, which is before anything runs; up to 2.0.0
 * only once it was running, however long that took.
 */
async function newJob(jobId: number | undefined, call: Call, stage: Stage): Promise<Answer> {
	const { airbyte, settings } = stage;
	const job = jobId === undefined ? undefined : airbyte.scheduler.get(jobId);
	if (!job) return refuse(stateConflict(UNFULFILLED));
	return settings.version === 'head'
		? json(answered({ ...job, status: 'pending', terminal: false }, stage))
		: json(answered(await untilStarted(job.jobId, call, stage), stage));
}

const answered = (job: JobView, { settings }: Stage): object =>
	jobResponse(job, { statistics: false, version: settings.version });

async function conflictAfter(seconds: number, call: Call, stage: Stage): Promise<Answer> {
	await pass(seconds, call, stage);
	return stateConflict(UNFULFILLED);
}

function showJob(call: Call, stage: Stage): Answer {
	const { version } = stage.settings;
	return json(jobResponse(findJob(stage, readJobId(call)), { statistics: true, version }));
}

/** Reference: cancels whatever runs on the job's connection, and answers with the job asked for. */
async function cancelJob(call: Call, stage: Stage): Promise<Answer> {
	const { airbyte, audit, settings } = stage;
	const { jobId, connectionId } = findJob(stage, readJobId(call), 'WORKSPACE_RUNNER');
	if (settings.role === 'reader') refuse(forbidden('WORKSPACE_RUNNER'));
	const active = airbyte.scheduler.active(connectionId) ?? refuse(stateConflict(NOT_RUNNING));
	const { cancels } = airbyte.connection(connectionId);
	const outcome = cancels.shift() ?? usualOutcome(active, stage);
	const at = airbyte.clock.now();
	audit.jobCancelled({ jobId, cancelledJobId: active.jobId, connectionId, at, outcome });
	await carryOut(outcome, active, call, stage);
	const job = findJob(stage, jobId);
	const told = outcome === 'lost' ? { ...job, status: 'incomplete', terminal: false } : job;
	return json(answered(told, stage));
}

function usualOutcome(active: JobView, { airbyte, settings }: Stage): CancelOutcome {
	if (!hasStarted(active) && !settings.cancelsPendingJobs) return 'ignored';
	const since = (airbyte.clock.now() - active.updatedAt) / 1000;
	const isLost = active.status === 'incomplete' && since < LOST_CANCEL;
	return isLost ? 'lost' : 'works';
}

/** Reference: DELETE answers once the job has stopped, without limit. */
async function carryOut(
	outcome: CancelOutcome,
	{ jobId }: JobView,
	call: Call,
	stage: Stage,
): Promise<void> {
	const { scheduler } = stage.airbyte;
	if (outcome === 'notRunning') refuse(stateConflict(NOT_RUNNING));
	if (outcome === 'fails') {
		scheduler.failRestarted(jobId, FAILING_CANCEL + 1);
		return await pass(FAILING_CANCEL, call, stage);
	}
	if (outcome !== 'works') return;
	const takes = scheduler.cancelTakes(jobId);
	scheduler.cancel(jobId, takes);
	await pass(takes, call, stage);
}
