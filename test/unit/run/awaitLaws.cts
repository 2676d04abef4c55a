/** A wait for a sync that somebody else starts. */
import { serves } from '../../../nodes/airbyte/api/job';
import type { CallRecord, History } from './live.cts';
import type { ModelJob } from './model.cts';

/** Airbyte tells times in whole seconds. */
const SECOND = 1_000;

/** How soon after the start a look is answered that shows what had ended by then; during a longer one, jobs may come. */
const PROMPT = 5 * SECOND;

export const awaitLaws = {
	'whoever waits for a sync of others starts and cancels nothing': ({ calls, world }: History) => {
		if (world.order.kind !== 'await') return undefined;
		const wrong = calls.find(({ action }) => action.do === 'submit' || action.do === 'cancel');
		return wrong && `${wrong.action.do} at ${wrong.sentAt}`;
	},

	'what it takes ended after the time that it is about, and is what it waits for': (
		history: History,
	) => {
		const { order, result } = history.run;
		if (order.kind !== 'await' || (result?.is !== 'done' && result?.is !== 'jobFailed')) {
			return undefined;
		}
		const job = history.airbyte.job(result.job.jobId);
		if (!job || !ends(history, job)) return `job ${result.job.jobId} does not count`;
		return history.airbyte.endOf(job) > order.after ? undefined : `job ${job.jobId} is older`;
	},

	'from its start, it takes nothing that had ended at its first look': (history: History) => {
		const { result } = history.run;
		if (result?.is !== 'done' && result?.is !== 'jobFailed') return undefined;
		const job = history.airbyte.job(result.job.jobId);
		const first = promptLookOf(history);
		if (!first || !job || history.airbyte.endOf(job) > first.arrivedAt) return undefined;
		return `job ${job.jobId}, seen to be over at ${first.arrivedAt}`;
	},

	'it takes the first that succeeded, or else the first that failed': (history: History) => {
		const { order, result } = history.run;
		if (order.kind !== 'await' || (result?.is !== 'done' && result?.is !== 'jobFailed')) {
			return undefined;
		}
		const { jobId } = result.job;
		const succeeded = (job: ModelJob) => history.airbyte.statusOf(job) === 'succeeded';
		const wrong =
			result.is === 'done'
				? surelyAwaited(history, Infinity).find((job) => succeeded(job) && job.jobId < jobId)
				: surelyAwaited(history, lastLookOf(history)).find(
						(job) => succeeded(job) || job.jobId < jobId,
					);
		return wrong && `job ${wrong.jobId}, not ${jobId}`;
	},

	'that none succeeded means that the time is over, and that the last look showed none': (
		history: History,
	) => {
		const { run, endedAt } = history;
		if (run.result?.is !== 'noSync') return undefined;
		if (endedAt < (run.deadline ?? Infinity)) return `at ${endedAt}, not ${run.deadline}`;
		const wrong = surelyAwaited(history, lastLookOf(history))[0];
		return wrong && `job ${wrong.jobId}`;
	},
};

/** Whether it is a job whose end the wait ends with. */
function ends({ airbyte, world }: History, job: ModelJob): boolean {
	const { order } = world;
	const status = airbyte.statusOf(job);
	if (status === 'failed') return order.kind === 'await' && order.failOnFailure;
	return status === 'succeeded' && serves(job, 'sync');
}

/** When the last look that was not lost came to Airbyte. */
function lastLookOf({ calls }: History): number {
	const looks = calls.filter(({ outcome, isForgotten }) => outcome?.is === 'jobs' && !isForgotten);
	return looks.at(-1)?.arrivedAt ?? 0;
}

/** Those that ended after the wait's time, even by Airbyte's word, and by this moment. */
function surelyAwaited(history: History, moment: number): ModelJob[] {
	const { airbyte, world } = history;
	const after = world.order.kind === 'await' ? world.order.after : Infinity;
	const least = Math.max(after + SECOND, promptLookOf(history)?.arrivedAt ?? -Infinity);
	return airbyte.jobs.filter((job) => {
		const end = airbyte.endOf(job);
		return ends(history, job) && end > least && end <= moment && !isCleared(airbyte, job, moment);
	});
}

function isCleared({ jobs }: History['airbyte'], { jobId }: ModelJob, moment: number): boolean {
	return jobs.some(
		(job) =>
			job.jobId > jobId && ['clear', 'reset'].includes(job.jobType) && job.createdAt <= moment,
	);
}

/** The first look that was not lost, if it shows what had ended when a wait from its start began. */
function promptLookOf({ calls, world: { order } }: History): CallRecord | undefined {
	if (order.kind !== 'await' || !order.sinceStart) return undefined;
	const first = calls.find(({ outcome, isForgotten }) => outcome?.is === 'jobs' && !isForgotten);
	return first && first.answeredAt - order.after <= PROMPT ? first : undefined;
}
