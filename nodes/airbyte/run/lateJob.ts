/** A job of ours that may still appear, though it was searched for in vain. */
import type { Job } from '../api/job';
import type { SyncRun } from './run';

/** Whether a job of this run may be there, or come, that was not found: what came of a submission is not clear. */
export function mayCome({ unclear, lateJob }: SyncRun): boolean {
	return unclear !== undefined || lateJob !== undefined;
}

/**
 * The run after a look at another job that ours was refused for. If that job gets on, Airbyte has settled the
 * submission, and later jobs are others'. If its record was a dead one, it fails when ours comes.
 */
export function withoutLateJob(run: SyncRun, { jobId, status }: Job, now: number): SyncRun {
	const { behind, until = 0 } = run.lateJob ?? {};
	const isAlive = behind?.jobId === jobId && status !== behind.status && status !== 'failed';
	return isAlive && now >= until ? { ...run, lateJob: undefined } : run;
}

/** The same by the other job's record in a list, in the place of a look. */
export function withoutLateJobIn(run: SyncRun, jobs: Job[], askedAt: number): SyncRun {
	const behind = jobs.find(({ jobId }) => jobId === run.lateJob?.behind?.jobId);
	return behind ? withoutLateJob(run, behind, askedAt) : run;
}
