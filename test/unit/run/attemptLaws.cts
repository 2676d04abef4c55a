/** What a failed job leads to: the question why, a new attempt after a pause, or the end. */
import { hasTooFewRows, truthOf } from './endLaws.cts';
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
			return truth !== 'failed' && !(truth === 'succeeded' && hasTooFewRows(history, job));
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
		if (result?.is !== 'jobFailed' && result?.is !== 'tooFewRows') return undefined;
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

	'it is asked only of a failed job why it failed, and only if wanted': ({
		calls,
		world,
	}: History) => {
		const wrong = calls.find(
			({ action, truth = 'failed' }) =>
				action.do === 'explain' && (truth !== 'failed' || !world.order.failureDetails),
		);
		return wrong && `the one at ${wrong.sentAt}: ${wrong.truth}`;
	},

	/** A process that dies forgets the answer. */
	'it is asked once': ({ calls }: History) => {
		const asked = calls.flatMap(({ action, outcome }) =>
			action.do === 'explain' && outcome ? [action.jobId] : [],
		);
		return new Set(asked).size < asked.length ? asked.join(', ') : undefined;
	},

	'what Airbyte tells of a failure is told, and nothing else': (history: History) => {
		const { run, world } = history;
		const { result } = run;
		const failed = [...run.earlier, ...(result?.is === 'jobFailed' ? [result.job] : [])];
		const wrong = failed.find(({ jobId, status, failure }) => {
			const told = toldOf(history, jobId);
			const isAsked = status === 'failed' && world.order.failureDetails;
			if (isAsked && !explanations(history, jobId).length) return true;
			return JSON.stringify(failure) !== JSON.stringify(told);
		});
		return wrong && `job ${wrong.jobId}: ${JSON.stringify(wrong.failure)}`;
	},

	'not to know why a job failed changes nothing': ({ calls, run }: History) => {
		const last = calls[calls.length - 1];
		if (last?.action.do !== 'explain' || run.result === undefined) return undefined;
		const { is } = run.result;
		if (is === 'stopped' || (is === 'done' && run.order.until === 'seen')) return undefined;
		return is === 'jobFailed' ? undefined : `it is ${is}`;
	},
};

function explanations({ calls }: History, jobId: number): CallRecord[] {
	return calls.filter(({ action }) => action.do === 'explain' && action.jobId === jobId);
}

function toldOf(history: History, jobId: number) {
	const told = explanations(history, jobId).map(({ outcome }) => outcome);
	const last = told[told.length - 1];
	return last?.is === 'failure' ? last.failure : undefined;
}
