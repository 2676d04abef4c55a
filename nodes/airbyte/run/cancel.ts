/**
 * The end of a wait whose job still runs: whether that is cancelled, what became of it, and how long this is tried.
 */
import type { Job } from '../api/job';
import { isQueued, isTerminal } from '../api/job';
import type { Problem } from '../api/problem';
import { concludeByStatus } from './end';
import type { SyncRun } from './run';
import { SEARCH_INTERVAL, settle } from './run';
import { afterLook, isFinalForOurs, lacksPage } from './watch';

/** How long a cancelled job is read back, and how long an unreachable Airbyte is asked to cancel. */
export const ENDING_PATIENCE = 120_000;

/** How many times in a row it is asked at least, even if n8n was down meanwhile. */
const LEAST_ENDING_FAULTS = 3;

/** How long all of that may take at most. */
const LONGEST_ENDING = 10 * 60_000;

/** How long a job is read back at least, however late the cancel came: Airbyte takes some seconds to carry it out. */
const READING_BACK = 12_000;

export function applyVerified(run: SyncRun, job: Job, now: number): SyncRun {
	const seen = { ...run, job };
	if (lacksPage(seen, job)) return { ...seen, stage: 'linking', nextAt: now };
	if (isTerminal(job)) return concludeByStatus(seen, job, now);
	if (run.ending?.why === 'queue' && !isQueued(job)) return outOfQueue(seen, job, now);
	if (mayCancel(run)) return { ...seen, stage: 'cancelling', nextAt: now };
	return settleUnended(seen, now);
}

/** At the last moment Airbyte got to the job. */
function outOfQueue(run: SyncRun, job: Job, now: number): SyncRun {
	return afterLook({ ...run, ending: undefined, hasRun: true }, job, now);
}

export function applyConfirmed(run: SyncRun, job: Job, now: number): SyncRun {
	const seen = { ...run, job };
	if (isTerminal(job)) return concludeByStatus(seen, job, now);
	if (isEndingOver(run, now)) return settleUnended(seen, now);
	return { ...seen, nextAt: now + SEARCH_INTERVAL };
}

function mayCancel(run: SyncRun): boolean {
	if (run.ending?.why === 'asked') return true;
	if (run.order.kind !== 'start' || !run.ours) return false;
	return run.ending?.why === 'stop' ? run.order.cancelOnStop : run.order.cancelOnTimeout;
}

/** The job goes on although its time is over: because it is not ours, by the options, or as nobody could stop it. */
function settleUnended(run: SyncRun, now: number, trouble?: Problem): SyncRun {
	const { job } = run;
	if (job && isTerminal(job)) return concludeByStatus(run, job, now, trouble);
	if (run.ending?.why === 'stop' || !job) {
		return trouble && !job
			? settle(run, { is: 'failed', problem: trouble })
			: settle(run, { is: 'stopped', job });
	}
	const inQueue = run.ending?.why === 'queue';
	return settle(run, { is: 'timedOut', job, cancelled: false, inQueue, trouble });
}

export function applyEndingProblem(
	run: SyncRun,
	again: SyncRun,
	problem: Problem,
	now: number,
): SyncRun {
	if (run.stage === 'cancelling' && problem.kind === 'notRunning') {
		// It ended in between. Read back how.
		return { ...run, stage: 'confirming', nextAt: now };
	}
	const isLate = run.ending !== undefined && now - run.ending.since >= LONGEST_ENDING;
	const isOver = isEndingOver(run, now) && (isLate || run.faults >= LEAST_ENDING_FAULTS);
	if (isOver || isFinalForOurs(problem)) {
		return run.job
			? settleUnended(run, now, problem)
			: settle(run, { is: 'failed', problem, job: run.job });
	}
	// A repeated DELETE could hit the next job of the connection: look first.
	return run.stage === 'cancelling' ? { ...again, stage: 'verifying' } : again;
}

/** Patience begins anew with a cancel that Airbyte took, for n8n may have been down when the time was over. */
function isEndingOver({ ending, cancelledAt = 0 }: SyncRun, now: number): boolean {
	if (!ending || now - cancelledAt < READING_BACK) return false;
	const waited = now - ending.since;
	return waited >= LONGEST_ENDING || now - Math.max(ending.since, cancelledAt) >= ENDING_PATIENCE;
}
