/** Rules 2 and 4: what is told in the end is true, and nothing is left running unseen. */
import type { Job } from '../../../nodes/airbyte/api/job';
import type { Result } from '../../../nodes/airbyte/run/result';
import type { SyncRun } from '../../../nodes/airbyte/run/run';
import { mustCancel } from '../../../nodes/airbyte/deferred/stopped';
import { hasTakenAnothers, isLeftOpen } from './callLaws.cts';
import type { History } from './live.cts';
import { FINAL } from './timeLaws.cts';
import { isOver, serves } from './model.cts';
import { runningIn } from './queueLaws.cts';

/** How long an Airbyte that is away, or slow to cancel, is bothered in the end. */
const ENDING_PATIENCE = 120_000;

/** The same after a stop. */
const STOP_PATIENCE = 3_600_000;

/** How often it is tried at least, unless it is very late and rarely tried. */
const LEAST_TRIES = 4;

/** How far Airbyte's clock may be behind. */
const CLOCK_SKEW = 31_000;

const LONGEST_ENDING = 1_200_000;

/** Seconds. */
const LONG_PAUSE = 15;

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
		if (order.until === 'ended') {
			if (hasTooFewRows(history, result.job)) return 'it has too few rows';
			if (hasTooManyRejected(history, result.job)) return 'too many were rejected';
			return truth === 'succeeded' ? undefined : `it ${truth}`;
		}
		if (order.until === 'cancelled') return isOver(truth) ? undefined : `it is ${truth}`;
		return undefined;
	},

	'a sync is done only by what moves its data': ({ airbyte, run }: History) => {
		const { order, result } = run;
		if (order.kind !== 'start' || result?.is !== 'done') return undefined;
		const type = airbyte.job(result.job.jobId)?.jobType;
		return type && serves({ jobType: type }, order.jobType) ? undefined : `it was a ${type}`;
	},

	'another job first is told as such, when it has been often enough': ({
		airbyte,
		run,
	}: History) => {
		const { order, result } = run;
		if (order.kind !== 'start' || result?.is !== 'instead') return undefined;
		const type = airbyte.job(result.job.jobId)?.jobType;
		if (!type || serves({ jobType: type }, order.jobType)) return `it was a ${type}`;
		return run.instead?.length === 4 ? undefined : `${run.instead?.length} times`;
	},

	'no look shows another job': ({ run }: History) =>
		run.result?.is === 'wrongJob' ? 'so it is told' : undefined,

	'a job failed only if it did': (history: History) => {
		const { result } = history.run;
		if (result?.is !== 'jobFailed') return undefined;
		const truth = truthOf(history, result.job);
		return truth === 'failed' || truth === 'cancelled' ? undefined : `it is ${truth}`;
	},

	'too few rows are told only of a sync that succeeded with fewer': (history: History) => {
		const { result } = history.run;
		if (result?.is !== 'tooFewRows') return undefined;
		const truth = truthOf(history, result.job);
		if (truth !== 'succeeded') return `it ${truth}`;
		return hasTooFewRows(history, result.job) ? undefined : 'it has enough';
	},

	'too many rejected rows are told only of a sync that succeeded with more, or where it is not known':
		(history: History) => {
			const { result } = history.run;
			if (result?.is !== 'tooManyRejected') return undefined;
			const truth = truthOf(history, result.job);
			if (truth !== 'succeeded') return `it ${truth}`;
			const isKnown = result.job.rowsRejected !== undefined;
			return isKnown && !hasTooManyRejected(history, result.job) ? 'it is few enough' : undefined;
		},

	/** A run that is stopped before its end may know and tell. A process that dies forgets the answer. */
	'what a job moved in its streams is told where it was asked for and answered': ({
		calls,
		run,
	}: History) => {
		const job = jobOf(run.result);
		const asked = calls.filter(
			({ action, isForgotten }) =>
				action.do === 'explain' && action.jobId === job?.jobId && !isForgotten,
		);
		const isDue = asked[asked.length - 1]?.outcome?.is === 'record' && run.order.includeStreams;
		if (isDue && run.result?.is === 'stopped') return undefined;
		return isDue === (job?.streams !== undefined) ? undefined : `due: ${isDue}`;
	},

	'a look to see a job never fails for what the job is': ({ run }: History) =>
		run.order.until === 'seen' && run.result?.is !== 'done' && run.result?.is !== 'failed'
			? run.stage === 'settled' && run.result?.is !== 'stopped'
				? `it is ${run.result?.is}`
				: undefined
			: undefined,

	'timed out means that the time is over, and cancelled that it is': (history: History) => {
		const { result, order } = history.run;
		if (result?.is !== 'timedOut') return undefined;
		const end = timeOf(history.run);
		const truth = truthOf(history, result.job);
		// Whether it would have failed all the same is not known.
		const isCancelled = truth === 'cancelled' || (truth === 'failed' && isSent(history));
		if (result.cancelled && !isCancelled) return `it is ${truth}`;
		if (!result.cancelled && isOver(result.job.status)) return `it has ${result.job.status}`;
		if (result.cancelled && !isSent(history) && endOf(result.job) + CLOCK_SKEW <= end) {
			return 'it was cancelled before, by somebody else';
		}
		if (order.until === 'cancelled') return undefined;
		return history.endedAt >= end ? undefined : `at ${history.endedAt}, not ${end}`;
	},

	'a job that the run cancelled for its time is not told to be cancelled by somebody': ({
		airbyte,
		calls,
		run,
	}: History) => {
		const { result } = run;
		// A DELETE was lost, or forgotten, and before it had its effect the job left the queue.
		const isTakenBack = calls.some(
			({ action, run: { ending } }) => action.do === 'cancel' && ending?.why !== run.ending?.why,
		);
		if (isTakenBack) return undefined;
		if (result?.is !== 'jobFailed' || result.job.status !== 'cancelled') return undefined;
		const isCancelled = airbyte.cancelled.some(
			({ job, by }) =>
				by === 'cancel' && job.jobId === result.job.jobId && job.plan.end !== 'cancelled',
		);
		return isCancelled ? `job ${result.job.jobId}` : undefined;
	},

	'busy at once means that a job was running that could not be attached to': (history: History) => {
		const { result, order } = history.run;
		if (result?.is !== 'busy' || result.waited) return undefined;
		const shown = runningIn(history.calls[history.calls.length - 1]);
		const isShown = shown.some(
			({ jobId, status }) => jobId === result.job.jobId && !isOver(status),
		);
		if (!isShown) return 'no such job was running';
		const job = history.airbyte.job(result.job.jobId);
		const isSame = order.kind === 'start' && job && serves(job, order.jobType);
		return order.kind === 'start' && order.onActiveJob === 'attach' && isSame
			? `it could be attached to job ${result.job.jobId}`
			: undefined;
	},

	'inactive means that the connection is': ({ airbyte, calls, run }: History) => {
		if (run.result?.is !== 'inactive') return undefined;
		return airbyte.isActive(calls[calls.length - 1].arrivedAt) ? 'it is active' : undefined;
	},

	'a submission that a disabled connection refused is told as such, if the connection is to be read':
		({ airbyte, calls, run }: History) => {
			const { result } = run;
			if (result?.is !== 'failed' || result.problem.kind !== 'conflict') return undefined;
			const refused = calls.find(
				({ action, arrivedAt }) => action.do === 'submit' && !airbyte.isActive(arrivedAt),
			);
			const isRead = calls.some(
				({ sentAt, outcome }) =>
					refused && sentAt >= refused.sentAt && outcome?.is === 'connection',
			);
			return isRead ? 'it was read' : undefined;
		},

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
		if (!isOpen || !job || !isOver(job.status)) return undefined;
		// The looks at it were refused, so it was cancelled.
		if (run.ending?.why === 'fault') return undefined;
		// Whether it has enough rows could not be read.
		const isUnread = job.rowsSynced === undefined && run.order.minimumRows > 0;
		return isUnread && job.status === 'succeeded' ? undefined : `job ${job.jobId} ${job.status}`;
	},

	'a stop is told as such, unless the run was over or its time was': ({ run, ...all }: History) =>
		run.result?.is === 'stopped' && all.stoppedAt === undefined ? 'nobody stopped it' : undefined,

	'nothing that the run started runs on unseen': (history: History) => {
		const { airbyte, run, world } = history;
		const { result } = run;
		if (world.order.kind === 'follow' || isGivenUp(history)) return undefined;
		if (history.stoppedParked || isDisabledMeanwhile(history)) return undefined;
		// The error tells that a job may be running.
		if (result?.is === 'failed' && isLeftOpen(history.calls, history.endedAt)) return undefined;
		// Whoever takes another's job for its own cannot know that its own is still to come.
		if (hasTakenAnothers(history)) return undefined;
		// A job that appears after the search is over is not noticed.
		if (world.lateBy >= 60_000) return undefined;
		if (airbyte.pendingSubmissions > 0 && airbyte.isActive()) return 'a job is still to come';
		const unseen = airbyte
			.ownOf(run.order)
			.find((job) => !isOver(airbyte.statusOf(job)) && jobOf(result)?.jobId !== job.jobId);
		return unseen && `job ${unseen.jobId}`;
	},

	'the jobs of an execution that is stopped in the database are known, or looked for, there': (
		history: History,
	) => {
		const { order } = history.world;
		if (order.kind !== 'start' || !order.cancelOnStop) return undefined;
		if (hasTakenAnothers(history)) return undefined;
		const wrong = history.parkings.find(({ at, run, unended }) => {
			const isHandled = mustCancel(run, 'stopped');
			if (isHandled && isLeftOpen(history.calls, at)) return false;
			return unended.some((jobId) => !isHandled || !run.ours || jobId !== run.job?.jobId);
		});
		return wrong && `not at ${wrong.at}: ${wrong.unended.join(', ')}`;
	},

	'a job whose time is over or that was stopped is left only after all patience': (
		history: History,
	) => {
		const { airbyte, run, endedAt, calls, stoppedAt } = history;
		const { result, ending, order } = run;
		const isEnd = result?.is === 'stopped' || result?.is === 'timedOut';
		if (!isEnd || !ending || !mayCancel(history) || isGivenUp(history)) return undefined;
		const running = airbyte
			.ofRun()
			.find((job) => run.ours && !isOver(airbyte.statusOf(job)) && job.jobId === run.job?.jobId);
		const isAsked = order.until === 'cancelled' && result.job;
		if (!running && !(isAsked && !isOver(truthOf(history, result.job as Job)))) return undefined;
		const last = calls[calls.length - 1];
		const problem = last?.outcome?.is === 'problem' ? last.outcome.problem : undefined;
		if (problem && FINAL.has(problem.kind)) return undefined;
		const isStop = ending.why === 'stop';
		const waited = endedAt - (isStop ? (stoppedAt ?? Infinity) : ending.since);
		if (waited < (isStop ? STOP_PATIENCE : ENDING_PATIENCE)) return `${waited} ms only`;
		// n8n may have been down when the time was over: that is no try.
		const tries = calls.filter((call) => call.run.ending?.since === ending.since).length;
		const isRare = order.parks || (problem?.retryAfterSeconds ?? 0) > LONG_PAUSE;
		return problem && tries < LEAST_TRIES && !(isRare && waited >= LONGEST_ENDING)
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

function isSent({ calls }: History): boolean {
	return calls.some(({ action }) => action.do === 'cancel');
}

function jobOf(result: Result | undefined): Job | undefined {
	return result && 'job' in result ? result.job : undefined;
}

/** When the time was over that ended the run. */
function timeOf({ deadline = Infinity, watchedSince = Infinity, ending, order }: SyncRun): number {
	return ending?.why === 'queue' ? watchedSince + order.queueTimeout * 1_000 : deadline;
}

function endOf({ lastUpdatedAt = '' }: Job): number {
	return Date.parse(lastUpdatedAt);
}

export function truthOf({ airbyte }: History, { jobId }: Job): string {
	const job = airbyte.job(jobId);
	return job ? airbyte.statusOf(job) : 'unknown';
}

export function hasTooFewRows({ airbyte, world }: History, { jobId }: Job): boolean {
	const job = airbyte.job(jobId);
	return !!job && serves(job, 'sync') && (job.plan.rows ?? 0) < world.order.minimumRows;
}

/** Unless it is few enough for certain. */
export function hasTooManyRejected({ airbyte, world }: History, { jobId }: Job): boolean {
	const job = airbyte.job(jobId);
	const { maximumRejectedRows = Infinity } = world.order;
	return !!job && serves(job, 'sync') && (job.plan.rejected ?? Infinity) > maximumRejectedRows;
}

/** A job came of a submission although it was refused, and before that was found out the connection was disabled. */
function isDisabledMeanwhile({ airbyte, calls, run }: History): boolean {
	if (run.result?.is !== 'inactive' || !calls[calls.length - 1].run.unclear) return false;
	const submissions = calls.filter(({ action }) => action.do === 'submit');
	return airbyte.isActive(submissions[submissions.length - 1].arrivedAt);
}

/** By its options a stopped run leaves its job, or the search for it, as it is. */
function isGivenUp({ run, world }: History): boolean {
	const { order } = world;
	return run.result?.is === 'stopped' && order.kind === 'start' && !order.cancelOnStop;
}

function mayCancel({ run, world }: History): boolean {
	const { order } = world;
	if (order.kind !== 'start') return order.until === 'cancelled';
	return run.ending?.why === 'stop' ? order.cancelOnStop : order.cancelOnTimeout;
}
