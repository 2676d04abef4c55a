/** What a failed job leads to: the question why, a new attempt after a pause, or the end. */
import { hasTooFewRows, hasTooManyRejected, truthOf } from './endLaws.cts';
import type { Result } from '../../../nodes/airbyte/run/result';
import type { CallRecord, History } from './live.cts';

/** Failures that no new job mends. */
const FOR_GOOD = new Set(['config_error', 'manual_cancellation']);

export const attemptLaws = {
	'an attempt is made only after a job that failed, and no more often than wanted': (
		history: History,
	) => {
		const { run, world } = history;
		const { attempt, earlier } = run;
		const retries = world.order.kind === 'start' ? world.order.retries : 0;
		if (attempt > 1 + retries) return `attempt ${attempt}`;
		const ids = new Set(earlier.map(({ jobId }) => jobId));
		if (ids.size !== attempt - 1 || ids.size !== earlier.length) {
			return `attempt ${attempt} after ${[...ids].join(', ')}`;
		}
		const wrong = earlier.find((job) => {
			const truth = truthOf(history, job);
			const isBad = hasTooFewRows(history, job) || hasTooManyRejected(history, job);
			return truth !== 'failed' && !(truth === 'succeeded' && isBad);
		});
		return wrong && `job ${wrong.jobId} ${truthOf(history, wrong)}`;
	},

	'no attempt after a failure that no new job mends': (history: History) => {
		const wrong = history.run.earlier.find(({ jobId }) =>
			FOR_GOOD.has(toldOf(history, jobId)?.type ?? ''),
		);
		return wrong && `but after job ${wrong.jobId}`;
	},

	'a failure that a new job may mend is not the end while there are retries left': (
		history: History,
	) => {
		const { order, attempt, ending, result } = history.run;
		if (!result || !('job' in result) || !result.job || !isBad(result)) return undefined;
		if (order.kind !== 'start' || attempt > order.retries || ending) return undefined;
		const { jobId, status } = result.job;
		if (status === 'cancelled' || FOR_GOOD.has(toldOf(history, jobId)?.type ?? ''))
			return undefined;
		return `job ${jobId} ${status}, attempt ${attempt}`;
	},

	'an attempt waits for the Retry Delay, and counts': ({ calls, world }: History) => {
		if (world.order.kind !== 'start') return undefined;
		const delay = world.order.retryDelay * 1_000;
		const wrong = calls.find(({ run, sentAt }, index) => {
			const before: CallRecord | undefined = calls[index - 1];
			const step = run.attempt - (before?.run.attempt ?? 1);
			return step !== 0 && (step !== 1 || sentAt < (before?.answeredAt ?? 0) + delay);
		});
		return wrong && `not the one at ${wrong.sentAt}`;
	},

	"a job's record is read only once it has ended, and only for what is wanted": ({
		calls,
		world,
	}: History) => {
		const { failureDetails, logLines, includeStreams, maximumRejectedRows } = world.order;
		const wanted: Record<string, boolean> = {
			failed: includeStreams || failureDetails || logLines > 0,
			succeeded: includeStreams || maximumRejectedRows !== undefined,
			cancelled: includeStreams,
		};
		const wrong = calls.find(
			({ action, truth }) => action.do === 'explain' && truth !== undefined && !wanted[truth],
		);
		return wrong && `the one at ${wrong.sentAt}: ${wrong.truth}`;
	},

	'a log is read only of the last job, if that failed, and only if wanted': ({
		calls,
		run,
		world,
	}: History) => {
		const wrong = calls.find(({ action, truth = 'failed' }) => {
			if (action.do !== 'readLog') return false;
			const isEarlier = run.earlier.some(({ jobId }) => jobId === action.jobId);
			return truth !== 'failed' || world.order.logLines === 0 || isEarlier;
		});
		return wrong && `the one at ${wrong.sentAt}: ${wrong.truth}`;
	},

	/** A process that dies forgets the answer. Where a success, or a new job, depends on it, a fault is not one. */
	'it is asked once': ({ calls, world }: History) => {
		const { order } = world;
		const mayRetry = order.kind === 'start' && order.retries > 0;
		const isGuarded = order.maximumRejectedRows !== undefined;
		const asked = calls.flatMap(({ action, outcome, isForgotten, truth }) => {
			if (action.do !== 'explain' || !outcome || isForgotten) return [];
			// Nobody knows the truth of a call that was never sent.
			const isNeeded = (truth !== 'failed' && isGuarded) || (truth !== 'succeeded' && mayRetry);
			return outcome.is === 'problem' && isNeeded ? [] : [action.jobId];
		});
		return new Set(asked).size < asked.length ? asked.join(', ') : undefined;
	},

	'what Airbyte tells of a failure is told, and nothing else': (history: History) => {
		const { run, world } = history;
		const { result } = run;
		const failed = [...run.earlier, ...(result?.is === 'jobFailed' ? [result.job] : [])];
		const wrong = failed.find(({ jobId, status, failure }) => {
			const told = status === 'failed' ? toldOf(history, jobId) : undefined;
			const isAsked = status === 'failed' && world.order.failureDetails;
			if (isAsked && !explanations(history, jobId).length) return true;
			const log = logOf(history, jobId);
			const all = log === undefined ? told : { ...told, log };
			return JSON.stringify(failure) !== JSON.stringify(all);
		});
		return wrong && `job ${wrong.jobId}: ${JSON.stringify(wrong.failure)}`;
	},

	"not to know what a job's record tells changes nothing but what depends on it": ({
		calls,
		run,
	}: History) => {
		const last = calls[calls.length - 1];
		const isLast = last?.action.do === 'explain' || last?.action.do === 'readLog';
		if (!isLast || run.result === undefined) return undefined;
		const { is } = run.result;
		const { order } = run;
		if (is === 'tooManyRejected') {
			return order.maximumRejectedRows === undefined ? 'nobody asked' : undefined;
		}
		const isOfTheJob = isBad(run.result) || ['done', 'skipped', 'timedOut', 'stopped'].includes(is);
		return isOfTheJob ? undefined : `it is ${is}`;
	},
};

/** Whether a job ended in a way that a new one may mend. */
function isBad(result: Result): boolean {
	if (result.is === 'tooManyRejected') return result.job.rowsRejected !== undefined;
	return result.is === 'jobFailed' || result.is === 'tooFewRows';
}

function explanations({ calls }: History, jobId: number): CallRecord[] {
	return calls.filter(({ action }) => action.do === 'explain' && action.jobId === jobId);
}

function toldOf(history: History, jobId: number) {
	const told = explanations(history, jobId).map(({ outcome }) => outcome);
	const last = told[told.length - 1];
	return last?.is === 'record' ? last.record.failure : undefined;
}

function logOf({ calls }: History, jobId: number): string | undefined {
	const read = calls.filter(({ action }) => action.do === 'readLog' && action.jobId === jobId);
	const last = read[read.length - 1]?.outcome;
	return last?.is === 'log' ? last.log : undefined;
}
