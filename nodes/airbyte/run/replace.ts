/**
 * Another job gives way to ours, as the order has it: it is cancelled, whoever started it, and read back until it has
 * ended.
 */
import type { Job } from '../api/job';
import { isTerminal } from '../api/job';
import type { Problem } from '../api/problem';
import { answeredBy } from './answeredBy';
import { cancelAgainAfter, isPatienceOver } from './cancel';
import { isFinal } from './patience';
import { blockerOf, startAnew } from './queue';
import type { SyncRun } from './run';
import { isWrongJob, SEARCH_INTERVAL, settle, startOrder } from './run';
import { countedFrom } from './time';

/** How many jobs give way at most, where others start one after the other. */
const MOST_JOBS = 5;

/**
 * How often Airbyte has to say that a job does not run, against its record, until that is believed. It says so, too,
 * while its workers do not answer.
 */
const MOST_NOT_RUNNING = 3;

/** Whether another job is to give way. */
export function replaces(run: SyncRun): boolean {
	return startOrder(run).onActiveJob === 'replace';
}

export function replace(run: SyncRun, job: Job, now: number): SyncRun {
	const { jobId } = job;
	const known = run.replacing?.jobId === jobId ? run.replacing : undefined;
	const { since = now, jobs = (run.replacing?.jobs ?? 0) + 1 } = known ?? {};
	const isOver = jobs > MOST_JOBS || (known !== undefined && isPatienceOver(known, now));
	if (isOver) return settle(run, { is: 'notReplaced', job });
	const state = { jobId, since, jobs, timesNotRunning: 0 };
	// `replacing` has just found this job ended or gone, so the list may only lag behind: wait a moment.
	const nextAt = known ? now + SEARCH_INTERVAL : now;
	return {
		...run,
		stage: 'replacing',
		blocker: job,
		replacing: state,
		staleLooks: undefined,
		nextAt,
		faults: 0,
	};
}

/** Whether a job has to end before ours can run. Not one that Airbyte has often enough said is not running. */
export function isInTheWay({ replacing, runsForSure }: SyncRun, job: Job): boolean {
	const isGone = replacing?.jobId === job.jobId && replacing.timesNotRunning >= MOST_NOT_RUNNING;
	return !isTerminal(job) && (!isGone || runsForSure === job.jobId);
}

/** Looking before each cancel, since that hits whatever runs on the connection, and after it. */
export const replacing = answeredBy('job', {
	ask: (run) => ({ do: 'look', jobId: stateOf(run).jobId }),
	apply: (run, { job, askedAt }, now) => {
		if (isTerminal(job) || isWrongJob(run, job)) return startAnew(withReplaced(run, job), now);
		const { timesNotRunning, cancelAgainAt } = stateOf(run);
		if (timesNotRunning >= MOST_NOT_RUNNING) return startAnew(run, now);
		if (cancelAgainAt !== undefined && now < cancelAgainAt) {
			return { ...run, nextAt: now + SEARCH_INTERVAL };
		}
		return cancelAgainAt !== undefined && isPatienceOver(stateOf(run), now)
			? settle(run, { is: 'notReplaced', job })
			: { ...run, stage: 'cancellingBlocker', nextAt: now, seenAt: countedFrom(run, askedAt, now) };
	},
	fail: (run, problem, again, now) => {
		if (problem.kind === 'notFound' || problem.kind === 'notRunning') return startAnew(run, now);
		return givenUp(run, problem, now) ?? again;
	},
});

/** Whatever comes of it, a look decides. */
export const cancellingBlocker = answeredBy('job', {
	ask: (run) => ({ do: 'cancel', jobId: stateOf(run).jobId }),
	apply: (run, { job }, now) => {
		const { cancelledAt = now } = stateOf(run);
		return lookAgain(run, { cancelledAt, cancelAgainAt: cancelAgainAfter(job, now) }, now);
	},
	fail: (run, problem, again, now) => {
		if (problem.kind === 'notRunning') {
			const timesNotRunning = stateOf(run).timesNotRunning + 1;
			return lookAgain(run, { timesNotRunning, cancelAgainAt: now + SEARCH_INTERVAL }, now);
		}
		const over = givenUp(run, problem, now);
		if (over) return over;
		const { cancelledAt = problem.mayHaveArrived ? now : undefined } = stateOf(run);
		return lookAgain(again, { cancelledAt, cancelAgainAt: undefined }, again.nextAt);
	},
});

/** The run at its end, if the problem is final or has lasted too long. */
function givenUp(run: SyncRun, problem: Problem, now: number): SyncRun | undefined {
	if (isFinal(run, problem)) return settle(run, { is: 'failed', problem });
	return isPatienceOver(stateOf(run), now)
		? settle(run, { is: 'notReplaced', job: blockerOf(run), trouble: problem })
		: undefined;
}

function lookAgain(
	run: SyncRun,
	known: Partial<NonNullable<SyncRun['replacing']>>,
	nextAt: number,
): SyncRun {
	const state = { ...stateOf(run), ...known };
	return { ...run, stage: 'replacing', replacing: state, staleLooks: undefined, nextAt };
}

function withReplaced(run: SyncRun, job: Job): SyncRun {
	const isOurDoing = stateOf(run).cancelledAt !== undefined && job.status !== 'succeeded';
	return isOurDoing ? { ...run, replaced: [...(run.replaced ?? []), job] } : run;
}

function stateOf({ replacing: state }: SyncRun) {
	if (!state) throw new Error('No job is to be replaced');
	return state;
}
