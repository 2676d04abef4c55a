/**
 * What a job's end means: what is told of it, what else Airbyte is asked about it, and whether a new one is tried.
 */
import type { Job } from '../api/job';
import { isTerminal, serves } from '../api/job';
import type { JobRecord } from '../api/jobRecord';
import type { Problem } from '../api/problem';
import { dropUndefined } from '../api/read';
import { answeredBy } from './answeredBy';
import type { Result } from './result';
import type { SyncRun, Unserved } from './run';
import { begin, settle, startOrder } from './run';

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
	const inQueue = ending.why === 'queue';
	return conclude(run, { is: 'timedOut', job, cancelled: true, inQueue }, now);
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
export function lacksRows({ order }: SyncRun, job: Job): boolean {
	return serves(job, 'sync') && (job.rowsSynced ?? 0) < order.minimumRows;
}

/** Results of a job that ended, or of a look at one. */
type Conclusion = { job: Job } & Extract<
	Result,
	{ is: 'done' | 'skipped' | 'jobFailed' | 'tooFewRows' | 'tooManyRejected' | 'timedOut' }
>;

/** Settles a run once all is known that was asked for, or begins anew. */
export function conclude(run: SyncRun, result: Conclusion, now: number): SyncRun {
	if (!needsRecord(run, result)) return end(run, result, now);
	const explainingUntil = now + EXPLAINING;
	return { ...run, stage: 'explaining', result, nextAt: now, faults: 0, explainingUntil };
}

function end(run: SyncRun, result: Conclusion, now: number): SyncRun {
	return mayRetry(run, result) ? retry(run, result.job, now) : settle(run, result);
}

/** Whether something was asked for that only the job's record tells. */
function needsRecord(run: SyncRun, result: Conclusion): boolean {
	const { failureDetails, includeStreams, logLines } = run.order;
	if (!isTerminal(result.job)) return false;
	const isWhyAsked = hasFailedJob(result) && (failureDetails || logLines > 0);
	return includeStreams || isWhyAsked || isGuarded(run, result);
}

/** A job that failed while it was being cancelled failed because of that. */
function hasFailedJob({ is, job }: Conclusion): boolean {
	return job.status === 'failed' && is !== 'timedOut';
}

/** Whether the success depends on how many rows were rejected. */
function isGuarded({ order }: SyncRun, { is, job }: Conclusion): boolean {
	const isAsked = order.maximumRejectedRows !== undefined && order.until === 'ended';
	return isAsked && (is === 'done' || is === 'skipped') && serves(job, 'sync');
}

export const explaining = answeredBy('record', {
	ask: (run) => ({ do: 'explain', jobId: conclusionOf(run).job.jobId }),
	apply: (run, { record }, now) => explain(run, record, NOT_TOLD, now),
	// Details may be missing; they are asked for again only where a success or a new job depends on them.
	fail: (run, { message, passing }, again, now) => {
		const known = conclusionOf(run);
		const mayWait = passing && again.nextAt < (run.explainingUntil ?? now);
		return mayWait && (isGuarded(run, known) || mayRetry(run, known))
			? again
			: explain(run, {}, message, now);
	},
});

/** Milliseconds for which it is asked again: with the last call, below the minute that gateways give the webhook. */
const EXPLAINING = 30_000;

const NOT_TOLD = 'Airbyte does not tell';

/** @param why the reason to give for what the record lacks */
function explain(before: SyncRun, record: JobRecord, why: string, now: number): SyncRun {
	const { includeStreams, logLines } = before.order;
	const known = conclusionOf(before);
	const job = dropUndefined({
		...known.job,
		rowsRejected: record.rowsRejected,
		streams: includeStreams ? record.streams : undefined,
		// A success may have had failed attempts, which are not reported.
		failure: known.job.status === 'failed' ? record.failure : undefined,
	});
	const result = judged(before, { ...known, job });
	if (known.is === 'skipped' && result.is !== 'skipped')
		return { ...before, stage: 'finding', staleJob: job.jobId, result: undefined, nextAt: now };
	const isLogWanted = logLines > 0 && hasFailedJob(result) && !mayRetry(before, result);
	const unserved: Unserved[] = [];
	if (includeStreams && !job.streams) unserved.push({ what: 'streams', why });
	if (isGuarded(before, known) && job.rowsRejected === undefined) {
		unserved.push({ what: 'rejected', why });
	}
	if (isLogWanted && record.lastAttempt === undefined) unserved.push({ what: 'log', why });
	const run = { ...before, result, job: before.job && job, unserved, logOf: record.lastAttempt };
	return isLogWanted && run.logOf !== undefined
		? { ...run, stage: 'readingLog', nextAt: now }
		: end(run, result, now);
}

/** With 'Maximum Rejected Rows', a success counts only if Airbyte tells how many rows were rejected. */
function judged(run: SyncRun, result: Conclusion): Conclusion {
	const { job } = result;
	const { maximumRejectedRows = Infinity } = run.order;
	const isFine = (job.rowsRejected ?? Infinity) <= maximumRejectedRows;
	return isFine || !isGuarded(run, result) ? result : { is: 'tooManyRejected', job };
}

export const readingLog = answeredBy('log', {
	ask: (run) => ({
		do: 'readLog',
		jobId: conclusionOf(run).job.jobId,
		attempt: run.logOf ?? 0,
		lines: run.order.logLines,
	}),
	apply: (run, { log }) => {
		const known = conclusionOf(run);
		if (log === '') return settle(withoutLog(run, NOT_TOLD), known);
		const job = { ...known.job, failure: { ...known.job.failure, log } };
		return settle({ ...run, job }, { ...known, job });
	},
	fail: (run, { message }) => settle(withoutLog(run, message), conclusionOf(run)),
});

function withoutLog(run: SyncRun, why: string): SyncRun {
	return { ...run, unserved: [...(run.unserved ?? []), { what: 'log', why }] };
}

function conclusionOf({ result }: SyncRun): Conclusion {
	switch (result?.is) {
		case 'done':
		case 'jobFailed':
		case 'tooFewRows':
		case 'tooManyRejected':
		case 'timedOut':
			return result;
		case 'skipped':
			if (result.job) return { ...result, job: result.job };
	}
	throw new Error('No job has ended yet');
}

/** Types of failures that are not retried: somebody has to change the configuration, or somebody cancelled on purpose. */
const NOT_TO_BE_RETRIED = new Set(['config_error', 'manual_cancellation']);

function mayRetry(run: SyncRun, { is, job }: Conclusion): boolean {
	const { order, attempt } = run;
	if (order.kind !== 'start' || attempt > order.retries || !endedInTime(run, job)) return false;
	if (is === 'done' || is === 'skipped' || is === 'timedOut') return false;
	// What Airbyte does not tell of this job, it will not tell of a new one.
	if (is === 'tooManyRejected' && job.rowsRejected === undefined) return false;
	return job.status !== 'cancelled' && !NOT_TO_BE_RETRIED.has(job.failure?.type ?? '');
}

/** Whether the job ended before its wait was over, though that may have been seen only then. */
function endedInTime({ ending }: SyncRun, { lastUpdatedAt }: Job): boolean {
	if (!ending) return true;
	const isOver = ending.why === 'timeout' || ending.why === 'queue';
	return isOver && Date.parse(lastUpdatedAt ?? '') < ending.since;
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
		// The failed job was another's if a late job of our own may still appear.
		lateJob: run.lateJob && { above: run.lateJob.above },
		attempt: run.attempt + 1,
		// Kept to be named in an error; what it moved in each stream can be much.
		earlier: [...run.earlier, dropUndefined({ ...failed, streams: undefined })],
		nextAt: now + order.retryDelay * 1_000,
	};
}
