/**
 * The end of a wait whose job still runs: whether that is cancelled, what became of it, and how long this is tried.
 */
import type { Job } from '../api/job';
import { isQueued, isTerminal } from '../api/job';
import type { Problem } from '../api/problem';
import { answeredBy } from './answeredBy';
import { concludeByStatus } from './end';
import { mayCome, withoutLateJob } from './lateJob';
import type { Order } from './order';
import { isFinalForOurs } from './patience';
import type { SyncRun } from './run';
import { endFor, isWrongJob, mayCancel, SEARCH_INTERVAL, settle, whichJob } from './run';
import { countedFrom } from './time';
import { afterEnd, afterLook, lookAtJob, withLook } from './watch';

/** Milliseconds for which a cancelled job is read back, and for which an Airbyte that is away is asked to cancel. */
export const ENDING_PATIENCE = 120_000;

/** Faults in a row before an ending is given up, even if its time ran out while n8n was down. */
const LEAST_ENDING_FAULTS = 3;

/**
 * Milliseconds after which an ending is given up, however few faults there were: in n8n's database, where a look forgets
 * those before it, and where Airbyte asks for pauses longer than these. Longer than n8n waits to let an execution go on.
 */
const LONGEST_ENDING = 20 * 60_000;
const LONG_PAUSE = 15_000;

/** Milliseconds for which a job is read back at least, however late the cancel came: Airbyte takes some to carry it out. */
const READING_BACK = 12_000;

/** Milliseconds until a job that still runs is cancelled again: a cancel around the end of an attempt gets lost. */
const CANCEL_AGAIN = 10_000;

/** The same where Airbyte's answer says that it was lost. */
const CANCEL_LOST = 1_000;

/** Milliseconds for which Airbyte is asked to cancel after a stop: longer, as nobody waits for the result. */
export const STOP_PATIENCE = 60 * 60_000;

/**
 * The execution was stopped: nothing that this run started may go on unseen.
 *
 * @param patience how long Airbyte is asked to cancel its job; as long as at the end of a wait, unless told
 */
export function stop(run: SyncRun, now: number, patience?: number): SyncRun {
	// An ending is undone when the job leaves Airbyte's queue, or when a late job of our own appears.
	const isEnding = run.ending !== undefined && run.ending.why !== 'queue' && !mayCome(run);
	if (run.stage === 'settled') return run;
	const stopsUntil = patience === undefined ? undefined : now + patience;
	const cancels = run.order.kind === 'start' && run.order.cancelOnStop;
	if (isEnding) {
		// From here on it is cancelled for the stop, with more patience.
		const isCancelling = cancels && run.ending?.why === 'timeout' && mayCancel(run, 'timeout');
		const ending = isCancelling ? { why: 'stop' as const, since: now } : run.ending;
		return { ...run, order: withoutRetries(run.order), ending, stopsUntil };
	}
	const mayRun = mayCome(run) || (run.job !== undefined && run.ours);
	if (!cancels || !mayRun) return settle(run, { is: 'stopped', job: run.job });
	return endFor({ ...run, stopsUntil }, 'stop', now);
}

function withoutRetries(order: Order): Order {
	return order.kind === 'start' ? { ...order, retries: 0 } : order;
}

/** Whether a run that was stopped may have left a job of its own running. */
export function mayRunOn({ result, ours }: SyncRun): boolean {
	if (!result) return true;
	if (result.is === 'wrongJob') return false;
	if (result.is === 'stopped' && !ours) return false;
	if (result.is === 'failed' && result.problem.kind === 'notFound') return false;
	return !('job' in result && result.job && isTerminal(result.job));
}

/** What is logged of runs that were stopped, and may have left jobs running. */
export function runningAfterStop(executionId: string, runs: SyncRun[]): string {
	const jobs = runs.map(({ job }) => job?.jobId ?? 'unknown').join(', job ');
	return `The execution ${executionId} was stopped, but what it started at Airbyte may still be running: job ${jobs}`;
}

/** Looking before each cancel, since that hits whatever runs on the connection, and after it. */
export const verifying = answeredBy('job', {
	ask: lookAtJob,
	apply: (before, answer, now) => {
		if (isWrongJob(before, answer.job)) return settle(before, { is: 'wrongJob', job: answer.job });
		const run = withLook(withoutLateJob(before, answer.job, now), answer);
		if (isTerminal(run.job)) return afterEnd(run, now);
		if (leavesQueue(run)) return afterLook({ ...run, ending: undefined }, now);
		if (!run.ending || !mayCancel(run, run.ending.why)) return settleUnended(run, now);
		const { cancelAgainAt } = run;
		const wasTried = cancelAgainAt !== undefined;
		if (wasTried && now < cancelAgainAt) return { ...run, nextAt: now + pauseInEnding(run, now) };
		const { trouble } = run;
		return wasTried && isEndingOver(run, now)
			? settleUnended(run, now, trouble?.kind === 'notRunning' ? trouble : undefined)
			: { ...run, stage: 'cancelling', nextAt: now, seenAt: countedFrom(run, answer.askedAt, now) };
	},
	fail: applyEndingProblem,
});

/** A look decides what came of it, whatever Airbyte answers: a cancel may be lost, or be refused although the job runs. */
export const cancelling = answeredBy('job', {
	ask: (run) => ({ do: 'cancel', ...whichJob(run) }),
	apply: (run, { job }, now) => ({
		...run,
		stage: 'verifying',
		cancelledAt: run.cancelledAt ?? now,
		cancelAgainAt: cancelAgainAfter(job, now),
		staleLooks: undefined,
		nextAt: now,
	}),
	fail: (run, problem, again, now) => {
		const next: SyncRun = { ...again, stage: 'verifying', staleLooks: undefined };
		if (problem.kind === 'notRunning') {
			return { ...next, nextAt: now, cancelAgainAt: now + SEARCH_INTERVAL };
		}
		const cancelledAt = run.cancelledAt ?? (problem.mayHaveArrived ? now : undefined);
		// Due after the pause, even if Airbyte has asked for a longer one than there is patience.
		const untried = { ...next, cancelledAt, cancelAgainAt: undefined };
		return applyEndingProblem(run, problem, untried, now);
	},
});

/** Grows after a stop, which may take an hour. Not after other ends, whose `since` may lie in a downtime of n8n. */
function pauseInEnding({ ending }: SyncRun, now: number): number {
	const taken = ending?.why === 'stop' ? now - ending.since : 0;
	return Math.max(SEARCH_INTERVAL, taken / 20);
}

/** Airbyte got to the job just as its Queue Timeout was over, so it is not cancelled. */
function leavesQueue({ ending, job, cancelledAt }: SyncRun): boolean {
	return ending?.why === 'queue' && !!job && !isQueued(job) && cancelledAt === undefined;
}

function applyEndingProblem(run: SyncRun, problem: Problem, again: SyncRun, now: number): SyncRun {
	const isRare = run.order.parks || again.nextAt > now + LONG_PAUSE;
	const isLate = isRare && now >= (run.ending?.since ?? now) + LONGEST_ENDING;
	const isOver = isEndingOver(run, now) && (isLate || run.faults >= LEAST_ENDING_FAULTS);
	return isOver || isFinalForOurs(problem) ? settleUnended(run, now, problem) : again;
}

/** The job goes on although its time is over: because it is not ours, by the options, or as nobody could stop it. */
function settleUnended(run: SyncRun, now: number, trouble?: Problem): SyncRun {
	const { job, ending } = run;
	if (job && isTerminal(job)) return concludeByStatus(run, job, now, trouble);
	if (ending?.problem) return settle(run, { is: 'failed', problem: ending.problem, job });
	if (trouble && !job) return settle(run, { is: 'failed', problem: trouble });
	if (ending?.why === 'stop' || !job) return settle(run, { is: 'stopped', job });
	const inQueue = ending?.why === 'queue';
	return settle(run, { is: 'timedOut', job, cancelled: false, inQueue, trouble });
}

/** When the next cancel is due after one that Airbyte answered with this record, if the job does not end. */
export function cancelAgainAfter({ status }: Job, now: number): number {
	return now + (status === 'incomplete' ? CANCEL_LOST : CANCEL_AGAIN);
}

export function isEndingOver(run: SyncRun, now: number): boolean {
	const { ending, cancelledAt = 0, stopsUntil } = run;
	if (ending === undefined) return false;
	return ending.why === 'stop' && stopsUntil !== undefined
		? now >= stopsUntil && now - cancelledAt >= READING_BACK
		: isPatienceOver({ since: ending.since, cancelledAt }, now);
}

/** Patience begins anew with a cancel that Airbyte took, for n8n may have been down when the time was over. */
export function isPatienceOver(
	{ since, cancelledAt = 0 }: { since: number; cancelledAt?: number },
	now: number,
): boolean {
	if (now - cancelledAt < READING_BACK) return false;
	const waited = now - since;
	return waited >= LONGEST_ENDING || now - Math.max(since, cancelledAt) >= ENDING_PATIENCE;
}
