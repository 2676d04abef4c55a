/**
 * What a job's end means: what is told of it, whether Airbyte is asked why it failed, and whether a new one is tried.
 */
import type { Job, JobFailure } from '../api/job';
import type { Problem } from '../api/problem';
import type { Result, SyncRun } from './run';
import { begin, counts, jobIdOf, settle, startOrder } from './run';
import { answeredBy } from './stage';

/** How far Airbyte's clock may be behind n8n's. */
const CLOCK_SKEW = 30_000;

/**
 * The truth about a job that ended: a success stays one, even when it came while it was being cancelled.
 *
 * @param trouble why its numbers could not be read
 */
export function concludeByStatus(run: SyncRun, job: Job, now: number, trouble?: Problem): SyncRun {
	const { ending } = run;
	if (ending?.why === 'stop') return settle(run, { is: 'stopped', job });
	if (ending?.why === 'asked') return settle(run, { is: 'done', job });
	if (job.status === 'succeeded') {
		if (!lacksRows(run, job)) return conclude(run, { is: 'done', job }, now);
		return trouble && job.rowsSynced === undefined
			? settle(run, { is: 'failed', problem: trouble, job })
			: conclude(run, { is: 'tooFewRows', job }, now);
	}
	if (!ending || !isCancelledByUs(run, job)) return conclude(run, { is: 'jobFailed', job }, now);
	if (ending.problem) return settle(run, { is: 'failed', problem: ending.problem, job });
	return settle(run, { is: 'timedOut', job, cancelled: true, inQueue: ending.why === 'queue' });
}

/** Airbyte ends some cancelled jobs as failed, when the cancel falls into the end of an attempt. */
function isCancelledByUs(run: SyncRun, job: Job): boolean {
	return run.cancelledAt !== undefined || (job.status === 'cancelled' && endedLate(run, job));
}

/** Whether the job went on past the end of its wait, so that its time was over whoever cancelled it in the end. */
function endedLate({ ending }: SyncRun, { lastUpdatedAt }: Job): boolean {
	return !!ending && !!lastUpdatedAt && Date.parse(lastUpdatedAt) + CLOCK_SKEW > ending.since;
}

/** Airbyte has told of success when an attempt died early (airbytehq/airbyte#84961, #85355). */
function lacksRows({ order }: SyncRun, job: Job): boolean {
	return counts(job, 'sync') && (job.rowsSynced ?? 0) < order.minimumRows;
}

type Conclusion = Extract<Result, { is: 'done' | 'jobFailed' | 'tooFewRows' }>;

/** Settles a run whose job has ended, once it is known why the job failed, or begins anew. */
export function conclude(run: SyncRun, result: Conclusion, now: number): SyncRun {
	const isOpen = result.job.status === 'failed' && run.order.failureDetails && !result.job.failure;
	if (isOpen) return { ...run, stage: 'explaining', result, nextAt: now, faults: 0 };
	return mayRetry(run, result) ? retry(run, result.job, now) : settle(run, result);
}

export const explaining = answeredBy('failure', {
	ask: (run) => ({ do: 'explain', jobId: jobIdOf(run) }),
	apply: (run, { failure }, now) => explain(run, failure, now),
	// What is not known cannot be told; it changes nothing else.
	fail: (run, _problem, _again, now) => explain(run, undefined, now),
});

function explain(run: SyncRun, failure: JobFailure | undefined, now: number): SyncRun {
	const { result, ...rest } = run;
	if (result?.is !== 'done' && result?.is !== 'jobFailed') return run;
	const job = { ...result.job, failure };
	const explained = { ...rest, job };
	return mayRetry(explained, { ...result, job })
		? retry(explained, job, now)
		: settle(explained, { ...result, job });
}

/** A new job can't mend what somebody has to mend, and is not wanted where somebody cancelled. */
const NOT_TO_BE_RETRIED = new Set(['config_error', 'manual_cancellation']);

function mayRetry({ order, attempt, ending }: SyncRun, { is, job }: Conclusion): boolean {
	if (order.kind !== 'start' || ending || is === 'done' || attempt > order.retries) return false;
	return job.status !== 'cancelled' && !NOT_TO_BE_RETRIED.has(job.failure?.type ?? '');
}

/** The run of the next attempt. */
function retry(run: SyncRun, failed: Job, now: number): SyncRun {
	const order = startOrder(run);
	return {
		...begin(order, now),
		stage: 'pausing',
		connection: run.connection,
		instead: run.instead,
		replaced: run.replaced,
		attempt: run.attempt + 1,
		earlier: [...run.earlier, failed],
		nextAt: now + order.retryDelay * 1_000,
	};
}
