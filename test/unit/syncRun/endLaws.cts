/** Rules 2 and 4: what is told in the end is true, and nothing is left running unseen. */
import type { Job } from '../../../nodes/airbyte/job';
import type { Result } from '../../../nodes/airbyte/syncRun';
import { isTakenForOurs } from './callLaws.cts';
import type { History } from './live.cts';
import { FINAL } from './timeLaws.cts';
import { isOver } from './model.cts';

/** How long an Airbyte that is away, or slow to cancel, is bothered in the end. */
const ENDING_PATIENCE = 120_000;

/** How often it is tried at least, unless it is very late. */
const LEAST_TRIES = 4;
const LONGEST_ENDING = 600_000;

export const endLaws = {
	'the job of the result is the one that was asked for': ({ world, airbyte, run }: History) => {
		const job = jobOf(run.result);
		if (!job) return undefined;
		if (!airbyte.job(job.jobId)) return `there is no job ${job.jobId}`;
		if (world.order.kind === 'follow' && job.jobId !== world.order.jobId) {
			return `it is job ${job.jobId}`;
		}
		return undefined;
	},

	'done means that it is true': (history: History) => {
		const { result, order } = history.run;
		if (result?.is !== 'done') return undefined;
		const truth = truthOf(history, result.job);
		if (order.until === 'ended') return truth === 'succeeded' ? undefined : `it ${truth}`;
		if (order.until === 'cancelled') return isOver(truth) ? undefined : `it is ${truth}`;
		return undefined;
	},

	'a job failed only if it did': (history: History) => {
		const { result } = history.run;
		if (result?.is !== 'jobFailed') return undefined;
		const truth = truthOf(history, result.job);
		return truth === 'failed' || truth === 'cancelled' ? undefined : `it is ${truth}`;
	},

	'a look to see a job never fails for what the job is': ({ run }: History) =>
		run.order.until === 'seen' && run.result?.is !== 'done' && run.result?.is !== 'failed'
			? run.stage === 'settled' && run.result?.is !== 'stopped'
				? `it is ${run.result?.is}`
				: undefined
			: undefined,

	'timed out means that the time is over, and cancelled that it is': (history: History) => {
		const { result, deadline = Infinity, order } = history.run;
		if (result?.is !== 'timedOut') return undefined;
		const truth = truthOf(history, result.job);
		if (result.cancelled && truth !== 'cancelled') return `it is ${truth}`;
		if (!result.cancelled && isOver(result.job.status)) return `it has ${result.job.status}`;
		const isSent = history.calls.some(({ action }) => action.do === 'cancel');
		if (result.cancelled && !isSent && endOf(result.job) + 1_000 <= deadline) {
			return 'it was cancelled before, by somebody else';
		}
		if (order.until === 'cancelled') return undefined;
		return history.endedAt >= deadline ? undefined : `at ${history.endedAt}, not ${deadline}`;
	},

	'a job that the run cancelled for its time is not told to be cancelled by somebody': ({
		airbyte,
		run,
	}: History) => {
		const { result } = run;
		if (result?.is !== 'jobFailed' || result.job.status !== 'cancelled') return undefined;
		const isCancelled = airbyte.cancelled.some(
			({ job, by }) => by === 'cancel' && job.jobId === result.job.jobId && !job.plan.end,
		);
		return isCancelled ? `job ${result.job.jobId}` : undefined;
	},

	'busy means that a job was running that could not be attached to': (history: History) => {
		const { result, order } = history.run;
		if (result?.is !== 'busy') return undefined;
		const last = history.calls[history.calls.length - 1];
		const isListed =
			last?.outcome?.is === 'jobs' &&
			last.outcome.jobs.some(({ jobId, status }) => jobId === result.job.jobId && !isOver(status));
		if (!isListed) return 'no such job was running';
		const job = history.airbyte.job(result.job.jobId);
		const isSame = (job?.jobType === 'sync') === ('jobType' in order && order.jobType === 'sync');
		return 'onActiveJob' in order && order.onActiveJob === 'attach' && isSame
			? `it could be attached to job ${result.job.jobId}`
			: undefined;
	},

	'inactive means that the connection is': ({ world, run }: History) =>
		run.result?.is === 'inactive' && world.connectionStatus === 'active'
			? 'it is active'
			: undefined,

	'failed tells the problem that there was last': ({ calls, run }: History) => {
		if (run.result?.is !== 'failed') return undefined;
		const problems = calls.flatMap(({ outcome }) =>
			outcome?.is === 'problem' ? [JSON.stringify(outcome.problem)] : [],
		);
		return problems.includes(JSON.stringify(run.result.problem)) ? undefined : 'there was none';
	},

	'a job that is known to have ended is told as such': ({ run }: History) => {
		const job = jobOf(run.result);
		const isOpen = run.result?.is === 'failed' || run.result?.is === 'busy';
		return isOpen && job && isOver(job.status) ? `job ${job.jobId} ${job.status}` : undefined;
	},

	'a stop is told as such, unless the run was over or its time was': ({ run, ...all }: History) =>
		run.result?.is === 'stopped' && all.stoppedAt === undefined ? 'nobody stopped it' : undefined,

	'nothing that the run started runs on unseen': (history: History) => {
		const { airbyte, run, world } = history;
		const { result } = run;
		if (world.order.kind === 'follow' || isGivenUp(history)) return undefined;
		if (result?.is === 'failed' && result.uncertain) return undefined;
		// Whoever takes another's job for its own cannot know that its own is still to come.
		if (run.job && isTakenForOurs(history, run.job.jobId)) return undefined;
		if (airbyte.pendingSubmissions > 0) return 'a job is still to come';
		const unseen = airbyte
			.ofRun()
			.find((job) => !isOver(airbyte.statusOf(job)) && jobOf(result)?.jobId !== job.jobId);
		return unseen && `job ${unseen.jobId}`;
	},

	'a job whose time is over or that was stopped is left only after all patience': (
		history: History,
	) => {
		const { airbyte, run, endedAt, calls } = history;
		const { result, ending, order } = run;
		const isEnd = result?.is === 'stopped' || result?.is === 'timedOut';
		if (!isEnd || !ending || !mayCancel(history)) return undefined;
		const running = airbyte
			.ofRun()
			.find((job) => run.ours && !isOver(airbyte.statusOf(job)) && job.jobId === run.job?.jobId);
		const isAsked = order.until === 'cancelled' && result.job;
		if (!running && !(isAsked && !isOver(truthOf(history, result.job as Job)))) return undefined;
		const last = calls[calls.length - 1];
		const problem = last?.outcome?.is === 'problem' ? last.outcome.problem : undefined;
		if (problem && FINAL.has(problem.kind)) return undefined;
		const waited = endedAt - ending.since;
		if (waited < ENDING_PATIENCE) return `${waited} ms only`;
		// n8n may have been down when the time was over: that is no try.
		const tries = calls.filter((call) => call.run.ending !== undefined).length;
		return problem && tries < LEAST_TRIES && waited < LONGEST_ENDING
			? `${tries} tries only`
			: undefined;
	},

	'a stop that may cancel, does': ({ run, world, stoppedAt, airbyte, calls }: History) => {
		const { order } = world;
		if (stoppedAt === undefined || order.kind !== 'start' || !order.cancelOnStop) return undefined;
		if (run.result?.is !== 'stopped' || !run.ours || !run.job) return undefined;
		const job = airbyte.job(run.job.jobId);
		const isTried = calls.some(({ sentAt, action }) => sentAt >= stoppedAt && action.do === 'look');
		return job && !isTried ? 'it did not even look' : undefined;
	},
};

function jobOf(result: Result | undefined): Job | undefined {
	return result && 'job' in result ? result.job : undefined;
}

function endOf({ lastUpdatedAt = '' }: Job): number {
	return Date.parse(lastUpdatedAt);
}

function truthOf({ airbyte }: History, { jobId }: Job): string {
	const job = airbyte.job(jobId);
	return job ? airbyte.statusOf(job) : 'unknown';
}

/** By its options a stopped run leaves its job, or the search for it, as it is. */
function isGivenUp({ run, world }: History): boolean {
	const { order } = world;
	return run.result?.is === 'stopped' && order.kind === 'start' && !order.cancelOnStop;
}

function mayCancel({ run, world }: History): boolean {
	const { order } = world;
	if (order.kind === 'follow') return order.until === 'cancelled';
	return run.ending?.why === 'stop' ? order.cancelOnStop : order.cancelOnTimeout;
}
