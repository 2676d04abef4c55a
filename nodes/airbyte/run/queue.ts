/**
 * Another job runs on the connection: how far its record is believed, and the wait for its end.
 */
import type { Job } from '../api/job';
import { isTerminal } from '../api/job';
import { answeredBy } from './answeredBy';
import { mayCome, withoutLateJob } from './lateJob';
import { isFinal } from './patience';
import type { SyncRun } from './run';
import { hasFailed, hasRunBefore, isUnderWay, isWrongJob, settle, startOrder } from './run';
import { nextLookAt } from './schedule';

/**
 * Milliseconds of age from which a record that says running is doubted: a submission then shows whether the job really
 * runs. A younger job is believed, since Airbyte holds a submission for a minute while a job is in its first half second.
 */
const OLD_ENOUGH_TO_ASK = 60_000;

/** The end of another job. */
export const queueing = answeredBy('job', {
	ask: (run) => ({ do: 'look', jobId: blockerOf(run).jobId }),
	apply: (before, { job }, now) => {
		const run = withoutLateJob(before, job, now);
		if (isTerminal(job) || isWrongJob(run, job)) return startAnew(run, now);
		// A submission is what this waits for, and its answer shows whether the other job really runs.
		return needsProbe(run, job, now)
			? { ...startAnew(run, now), stage: 'finding' }
			: queueBehind(run, job, now);
	},
	fail: (run, problem, again, now) => {
		if (problem.kind === 'notFound' || problem.kind === 'notRunning') return startAnew(run, now);
		return isFinal(run, problem) ? settle(run, { is: 'failed', problem }) : again;
	},
});

export function blockerOf({ blocker }: SyncRun): Job {
	if (!blocker) throw new Error('No other job is known');
	return blocker;
}

/** By now the connection may have been disabled, and others may have started a job. */
export function startAnew(run: SyncRun, now: number): SyncRun {
	return {
		...run,
		blocker: undefined,
		stage: 'inspecting',
		startedAt: now,
		nextAt: now,
		submissions: 0,
		staleLooks: undefined,
	};
}

/** Others may be quicker when the job ends, so that there is a next one to wait for; the time runs from the first. */
export function queueBehind(run: SyncRun, blocker: Job, now: number): SyncRun {
	const queueingSince = run.queueingSince ?? now;
	if (isQueueOver(run, now)) return settle(run, { is: 'busy', job: blocker, waited: true });
	const nextAt = nextLookAt(run.order, queueingSince, now);
	return { ...run, stage: 'queueing', blocker, queueingSince, nextAt, faults: 0 };
}

/** Whether others have been waited for as long as the order has it. */
export function isQueueOver({ order, queueingSince }: SyncRun, now: number): boolean {
	return queueingSince !== undefined && now >= queueingSince + order.timeout * 1_000;
}

/**
 * Whether a run is not to go on, since another one has failed: it has waited for others' jobs, for a sync that somebody else
 * starts, or for room, and no more.
 */
export function isCalledOff(run: SyncRun, all: SyncRun[], continueOnFail: boolean): boolean {
	const isUntouched = !run.job && !mayCome(run) && !hasRunBefore(run) && !run.replacing;
	const hasOnlyQueued = isUnderWay(run) && run.queueingSince !== undefined && isUntouched;
	const hasOnlyWaited = hasOnlyQueued || run.stage === 'awaiting';
	return hasOnlyWaited && !continueOnFail && all.some(hasFailed);
}

/**
 * Whether to submit in order to find out if a job runs that a record tells of: Airbyte refuses a sync then. A clear would
 * cancel what runs, and a job that is to be replaced is cancelled anyway.
 */
export function needsProbe(run: SyncRun, job: Job, now: number): boolean {
	const order = startOrder(run);
	const isQuestion = order.jobType === 'sync' && order.onActiveJob !== 'replace';
	if (!isQuestion || run.runsForSure === job.jobId) return false;
	const age = now - Date.parse(job.startTime ?? '');
	return !(age < OLD_ENOUGH_TO_ASK);
}
