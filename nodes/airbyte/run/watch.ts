/** The wait for a job that is known: what a look at it leads to. */
import type { Job } from '../api/job';
import { isQueued, isTerminal } from '../api/job';
import type { Problem } from '../api/problem';
import type { Call, Outcome } from './action';
import { answeredBy } from './answeredBy';
import { conclude, concludeByStatus } from './end';
import { mayCome, withoutLateJob } from './lateJob';
import { isFinal, isStartOver } from './patience';
import type { SyncRun } from './run';
import { endFor, isWrongJob, mayCancel, settle, startOrder, whichJob } from './run';
import { nextLookAt } from './schedule';

/** From here on the job is known, and the time runs. */
export function watch(run: SyncRun, job: Job, now: number): SyncRun {
	const order = startOrder(run);
	const watched: SyncRun = {
		...run,
		stage: 'watching',
		job,
		unclear: undefined,
		hasRun: !isQueued(job),
		faults: 0,
		watchedSince: now,
		deadline: now + order.timeout * 1_000,
		nextAt: now + order.waitSeconds * 1_000,
	};
	if (run.ending?.why === 'stop') return endFor(watched, 'stop', now);
	if (order.until === 'started') return settle(watched, { is: 'done', job });
	// The record that a submission or a list gives may lack the numbers; a terminal job is read once more.
	return isTerminal(job) ? { ...watched, nextAt: now } : watched;
}

export const watching = answeredBy('job', {
	ask: lookAtJob,
	apply: (run, answer, now) => {
		if (isWrongJob(run, answer.job)) return settle(run, { is: 'wrongJob', job: answer.job });
		return afterLook(withLook(withoutLateJob(run, answer.job, now), answer), now);
	},
	fail: (run, problem, again, now) => {
		if (!isFinalWhileWatching(run, problem, now)) return again;
		// Only the numbers of a job that is known to have ended are missing.
		if (run.job && isTerminal(run.job)) return concludeByStatus(run, run.job, now, problem);
		// Airbyte did not like the request, which says nothing against cancelling what was started.
		if (problem.kind === 'refused' && mayCancel(run, 'fault')) {
			return endFor(run, 'fault', now, problem);
		}
		return settle(run, { is: 'failed', problem, job: run.job });
	},
});

/** Where its connection is not known yet, that is read with it, for the link to the job's page. */
export function lookAtJob(run: SyncRun): Call {
	return { do: 'look', ...whichJob(run), withConnection: run.connection === undefined };
}

/** The run with what a look has shown. */
export function withLook(run: SyncRun, { job, connection }: Outcome & { is: 'job' }) {
	const hasRun = run.hasRun || !(isQueued(job) || isTerminal(job));
	return { ...run, job, hasRun, connection: run.connection ?? connection };
}

export function afterLook(run: SyncRun & { job: Job }, now: number): SyncRun {
	const { job, order } = run;
	if (order.until === 'seen') return conclude(run, { is: 'done', job }, now);
	if (isTerminal(job)) return afterEnd(run, now);
	return { ...run, stage: 'watching', nextAt: nextLookAt(order, run.watchedSince ?? now, now) };
}

/** Where another's job has ended, our own may have come with its end, and is then waited for anew. */
export function afterEnd(run: SyncRun & { job: Job }, now: number): SyncRun {
	return mayCome(run)
		? { ...run, stage: 'searching', ending: undefined, startedAt: now, nextAt: now }
		: concludeByStatus(run, run.job, now);
}

/** A wait for a job that was never seen fails as early as a start would: the address may be wrong. */
function isFinalWhileWatching(run: SyncRun, problem: Problem, now: number): boolean {
	if (isFinal(run, problem)) return true;
	if (run.job) return false;
	const isOver = !problem.passing && isStartOver(run, problem, now);
	return isOver || (run.order.until === 'seen' && run.faults >= 3);
}
