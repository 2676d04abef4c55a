/**
 * The life of one item's job, from what was asked to what came of it.
 *
 * A pure state machine over plain JSON: it knows no clock and no network, so that it can be tested without
 * either and stored as it is. {@link step} tells what to do next, {@link apply} takes in what came of it.
 * Times are milliseconds since the epoch.
 */
import type { Job } from '../api/job';
import { isQueued, isTerminal } from '../api/job';
import type { Problem } from '../api/problem';
import { retryAt } from './schedule';
import { applyConfirmed, applyEndingProblem, applyVerified } from './cancel';
import { applyFailure, concludeByStatus } from './end';
import type { Action, EndReason, Outcome, SyncRun } from './run';
import { connectionOf, endFor, jobIdOf, settle, startOrder } from './run';
import {
	afterQueue,
	applyBlocker,
	applyConnection,
	applyFound,
	applySearch,
	applySearchProblem,
	applySubmissionProblem,
	applySubmitted,
	isQueueOver,
	isStartOver,
	queueBehind,
} from './start';
import { afterLinking, applyLook, isFinal, isFinalWhileWatching } from './watch';

/**
 * How long what was seen may decide about starting or cancelling a job. After a longer while (the machine slept,
 * n8n was started again) others may have started or ended jobs, so it is looked at again.
 */
const FRESH = 5_000;

/** What to do now. The run comes back because time may have moved it on. */
export function step(before: SyncRun, now: number): { run: SyncRun; action: Action } {
	const run = timely(woken(refreshed(afterLostOutcome(before, now), now), now), now);
	const action = actionOf(run, now);
	const isCall = action.do !== 'sleep' && action.do !== 'settled';
	return { run: isCall ? { ...run, askedAt: now } : run, action };
}

/**
 * The process ended between a call and its outcome, and another goes on with the run as it was stored before the
 * call. What the call did is unknown: a submission's job is searched for, all else is done again.
 */
function afterLostOutcome(run: SyncRun, now: number): SyncRun {
	if (run.askedAt === undefined) return run;
	return run.stage === 'submitting' || run.stage === 'cancelling'
		? apply(run, { is: 'problem', problem: OUTCOME_LOST }, now)
		: { ...run, askedAt: undefined };
}

const OUTCOME_LOST: Problem = {
	kind: 'unanswered',
	message: 'n8n was started again before Airbyte answered',
	description: '',
	passing: true,
	mayHaveArrived: true,
};

function refreshed(run: SyncRun, now: number): SyncRun {
	if (now - run.nextAt <= FRESH) return run;
	// Patience with an Airbyte that is away begins with the first call, not with the wait for one's turn.
	if (run.stage === 'inspecting' && run.faults === 0) return { ...run, startedAt: now };
	if (run.stage === 'submitting') return { ...run, stage: 'finding', nextAt: now };
	if (run.stage === 'cancelling') return { ...run, stage: 'verifying', nextAt: now };
	return run;
}

/** The pause before a new attempt is over. */
function woken(run: SyncRun, now: number): SyncRun {
	if (run.stage !== 'pausing' || now < run.nextAt) return run;
	return { ...run, stage: 'inspecting', startedAt: now };
}

/** Ends waits whose time is over. */
function timely(run: SyncRun, now: number): SyncRun {
	const end = endOfWait(run);
	if (end === undefined || now < end.at) return run;
	if (!run.blocker) return endFor(end.why, run, end.at);
	// The other job may have ended since the last look at it; an Airbyte that is away can't tell.
	return run.faults === 0
		? { ...run, nextAt: Math.min(run.nextAt, now) }
		: settle(run, { is: 'busy', job: run.blocker, waited: true });
}

/** When the present wait is over, and why then; undefined while nothing is waited for. */
export function endOfWait(run: SyncRun): { at: number; why: EndReason } | undefined {
	const { order, stage, deadline = Infinity, queueingSince = 0, watchedSince = 0 } = run;
	if (stage === 'queueing') return { at: queueingSince + order.timeout * 1_000, why: 'timeout' };
	if (stage !== 'watching') return undefined;
	const isInQueue = order.queueTimeout > 0 && !run.hasRun && run.job && isQueued(run.job);
	const queueEnd = isInQueue ? watchedSince + order.queueTimeout * 1_000 : Infinity;
	return queueEnd < deadline ? { at: queueEnd, why: 'queue' } : { at: deadline, why: 'timeout' };
}

function actionOf(run: SyncRun, now: number): Action {
	if (run.stage === 'settled' && run.result) return { do: 'settled', result: run.result };
	if (now < run.nextAt) return { do: 'sleep', until: wakeUpAt(run) };
	switch (run.stage) {
		case 'inspecting':
		case 'linking':
			return { do: 'inspect', connectionId: connectionOf(run) };
		case 'finding':
		case 'searching':
			return { do: 'find', connectionId: connectionOf(run) };
		case 'submitting':
			return { do: 'submit', connectionId: connectionOf(run), jobType: startOrder(run).jobType };
		case 'cancelling':
			return { do: 'cancel', jobId: jobIdOf(run) };
		case 'explaining':
			return { do: 'explain', jobId: jobIdOf(run) };
		case 'queueing':
			return { do: 'look', jobId: run.blocker?.jobId ?? 0 };
		default:
			return { do: 'look', jobId: jobIdOf(run) };
	}
}

/** A sleep never goes past the end of the wait. */
function wakeUpAt(run: SyncRun): number {
	return Math.min(run.nextAt, endOfWait(run)?.at ?? Infinity);
}

/** Takes in what came of the action. */
export function apply(asked: SyncRun, outcome: Outcome, now: number): SyncRun {
	if (asked.stage === 'settled') return asked;
	const { askedAt = now, ...run } = asked;
	if (outcome.is === 'problem') return applyProblem(run, outcome.problem, now);
	// To find no job running is no progress while submissions are turned away.
	const calm = run.stage === 'finding' ? run : { ...run, faults: 0, refusals: undefined };
	if (outcome.is === 'connection') return applyConnection(calm, outcome.connection, now);
	if (outcome.is === 'failure') return applyFailure(calm, outcome.failure, now);
	if (outcome.is === 'jobs') {
		return run.stage === 'searching'
			? applySearch(calm, outcome.jobs, askedAt, now)
			: applyFound(calm, outcome.jobs, now);
	}
	return applyJob(calm, outcome.job, now);
}

function applyJob(run: SyncRun, job: Job, now: number): SyncRun {
	switch (run.stage) {
		case 'submitting':
			return applySubmitted(run, job, now);
		case 'cancelling':
			// The answer is the record from before; what became of the job is read back.
			return { ...run, stage: 'confirming', cancelledAt: now, nextAt: now };
		case 'verifying':
			return applyVerified(run, job, now);
		case 'confirming':
			return applyConfirmed(run, job, now);
		case 'queueing':
			return applyBlocker(run, job, now);
		default:
			return applyLook(run, job, now);
	}
}

function applyProblem(before: SyncRun, problem: Problem, now: number): SyncRun {
	const refusals = problem.kind === 'signIn' ? (before.refusals ?? 0) + 1 : undefined;
	const run = { ...before, refusals };
	const faults = run.faults + 1;
	const again = { ...run, faults, nextAt: retryAt(faults, now, problem.retryAfterSeconds) };
	switch (run.stage) {
		case 'inspecting':
			// The connection was to tell why a submission was refused; what came of it is to be found out all the same.
			if (run.unclear) return { ...run, stage: 'searching', nextAt: again.nextAt };
			return isStartOver(run, problem, now) ? settle(run, { is: 'failed', problem }) : again;
		case 'queueing':
			if (problem.kind === 'notFound' || problem.kind === 'notRunning') return afterQueue(run, now);
			if (isFinal(run, problem)) return settle(run, { is: 'failed', problem });
			return run.blocker && isQueueOver(run, now) ? queueBehind(run.blocker, run, now) : again;
		case 'explaining':
			return applyFailure(run, undefined, now);
		case 'finding':
			return isStartOver(run, problem, now) ? settle(run, { is: 'failed', problem }) : again;
		case 'submitting':
			return applySubmissionProblem(run, again, problem, now);
		case 'searching':
			return applySearchProblem(run, again, problem, now);
		case 'linking':
			return withPause(
				afterLinking({ ...run, connection: { connectionId: connectionOf(run) } }, now),
				again.nextAt,
			);
		case 'watching':
			if (!isFinalWhileWatching(run, problem)) return again;
			// Only the numbers of a job that is known to have ended are missing.
			return run.job && isTerminal(run.job)
				? concludeByStatus(run, run.job, now, problem)
				: settle(run, { is: 'failed', problem, job: run.job });
		default:
			return applyEndingProblem(run, again, problem, now);
	}
}

function withPause(run: SyncRun, until: number): SyncRun {
	return { ...run, nextAt: Math.max(run.nextAt, until) };
}

/** The execution was stopped: nothing that this run started may go on unseen. */
export function stop(before: SyncRun, now: number): SyncRun {
	const run = afterLostOutcome(before, now);
	// An end for the queue is taken back if the job begins to run.
	const isEnding = run.ending !== undefined && run.ending.why !== 'queue';
	if (run.stage === 'settled' || isEnding) return run;
	const cancels = run.order.kind === 'start' && run.order.cancelOnStop;
	const mayRun = run.unclear !== undefined || (run.job !== undefined && run.ours);
	if (!cancels || !mayRun) return settle(run, { is: 'stopped', job: run.job });
	return endFor('stop', run, now);
}
