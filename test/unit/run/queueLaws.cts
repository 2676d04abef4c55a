/** Waits behind others: for their jobs on the connection, and in Airbyte's queue. */
import type { Job } from '../../../nodes/airbyte/api/job';
import type { Outcome } from '../../../nodes/airbyte/run/action';
import type { SyncRun } from '../../../nodes/airbyte/run/run';
import { hasRunBefore } from '../../../nodes/airbyte/run/run';
import { serves } from '../../../nodes/airbyte/api/job';
import { hasTakenAnothers, isFresh } from './callLaws.cts';
import type { CallRecord, History } from './live.cts';
import { isOver } from './model.cts';
import { isQueue, runsOf } from './timeLaws.cts';

export const queueLaws = {
	'where a job runs, an order to fail or to skip ends at once': ({ calls, run }: History) => {
		const { order, result } = run;
		if (order.kind !== 'start') return undefined;
		const found = calls.findIndex((call) => runningIn(call).length > 0);
		const expected = {
			fail: 'busy',
			skip: calls[found] && hasRunBefore(calls[found].run) ? 'busy' : 'skipped',
			attach: '',
			queue: '',
			replace: '',
		}[order.onActiveJob];
		if (expected === '' || found < 0 || isFreshSkip(run)) return undefined;
		return found === calls.length - 1 && result?.is === expected
			? undefined
			: `it is ${result?.is}, ${calls.length - 1 - found} calls later`;
	},

	'skipped means that a job was running, and that nothing was to be started then': ({
		calls,
		run,
	}: History) => {
		const { order, result } = run;
		if (result?.is !== 'skipped' || isFreshSkip(run)) return undefined;
		if (hasRunBefore(run)) return 'a job of its own had failed, or another ran instead';
		const running = runningIn(calls[calls.length - 1]);
		if (!running.some(({ jobId }) => jobId === result.job?.jobId)) return 'no such job was running';
		return order.kind === 'start' && order.onActiveJob === 'skip' ? undefined : 'it was';
	},

	'skipped as fresh means that a sync had ended well, and recently enough': ({
		airbyte,
		calls,
		run,
	}: History) => {
		const { order, result } = run;
		if (result?.is !== 'skipped' || order.kind !== 'start' || !isFreshSkip(run)) return undefined;
		if (hasRunBefore(run)) return 'a job of its own had failed, or another ran instead';
		const job = airbyte.job(result.job?.jobId ?? NaN);
		const looks = calls.filter(({ action }) => action.do === 'find');
		const since = (looks.at(-1)?.answeredAt ?? NaN) - order.skipIfSyncedWithin * 1_000;
		if (!job || airbyte.statusOf(job) !== 'succeeded' || !serves(job, 'sync')) return 'it had not';
		if (airbyte.endOf(job) <= since) return `not since ${since}`;
		return (job.plan.rows ?? 0) < order.minimumRows ? 'it has too few rows' : undefined;
	},

	"others' jobs are waited for only if the order says so, and only others'": (history: History) => {
		const wrong = history.calls.find(({ run, action }) => {
			if (run.stage !== 'queueing') return false;
			if (run.order.kind !== 'start' || action.do !== 'look') return true;
			const isInstead = run.instead?.some(({ jobId }) => jobId === action.jobId) ?? false;
			const isOwn = history.airbyte.ownOf(run.order).some(({ jobId }) => jobId === action.jobId);
			if (isOwn && !hasTakenAnothers(history)) return true;
			// What a clear or refresh is for cannot always be told.
			const { onActiveJob, jobType } = run.order;
			const isUnlike = onActiveJob === 'attach' && jobType !== 'sync';
			return onActiveJob !== 'queue' && !isInstead && !isUnlike;
		});
		return wrong && `not at ${wrong.sentAt}`;
	},

	"the time to wait for others' jobs is the Timeout, from the first of them": (
		history: History,
	) => {
		const sinces = new Map<number, number>();
		for (const { attempt, queueingSince } of runsOf(history)) {
			if (queueingSince === undefined) continue;
			const known = sinces.get(attempt) ?? queueingSince;
			if (queueingSince !== known) return `from ${known}, then from ${queueingSince}`;
			sinces.set(attempt, known);
		}
		const late = history.calls.filter(
			({ run, sentAt }) => isQueue(run) && sentAt >= queueEnd(history, run),
		);
		// The last one decides: the other job may have ended meanwhile. A process that dies on it looks again.
		const wrong = late.find(
			({ outcome, run }, index) =>
				outcome !== undefined && late[index + 1]?.run.attempt === run.attempt,
		);
		return wrong && `the look at ${wrong.sentAt} was not the last`;
	},

	'busy after a wait means that the time is over, and that nothing was started': (
		history: History,
	) => {
		const { run, airbyte, calls, endedAt } = history;
		if (run.result?.is !== 'busy' || !run.result.waited) return undefined;
		const { jobId } = run.result.job;
		if (endedAt < queueEnd(history, run)) return `at ${endedAt}`;
		if (history.world.lateBy < 60_000 && airbyte.ownOf(run.order).length > run.attempt - 1) {
			return 'a job was started';
		}
		const seen = calls.flatMap(({ outcome, action }) =>
			action.do === 'cancel' ? [] : jobsIn(outcome),
		);
		const last = seen.filter((job) => job.jobId === jobId).pop();
		return last && !isOver(last.status) ? undefined : `job ${jobId} was not running`;
	},

	'a job is started only on a fresh count that leaves room for it': ({ calls }: History) => {
		const wrong = calls.find(({ action, run: { order } }, index) => {
			const { maximumRunningJobs: most = 0 } = order.kind === 'start' ? order : {};
			if (action.do !== 'submit' || most === 0) return false;
			const before = calls.slice(0, index).reverse();
			const count = before.find(({ outcome }) => outcome?.is === 'count')?.outcome;
			const isRoom = count?.is === 'count' && count.running < most;
			return !isRoom || !isFresh(calls, index, 'count');
		});
		return wrong && `not at ${wrong.sentAt}`;
	},

	'crowded means that the time is over, and that there was no room at the last count': (
		history: History,
	) => {
		const { run, calls, endedAt } = history;
		const { order } = run;
		if (run.result?.is !== 'crowded' || order.kind !== 'start') return undefined;
		if (endedAt < queueEnd(history, run)) return `at ${endedAt}`;
		const counts = calls.flatMap(({ outcome }) => (outcome?.is === 'count' ? [outcome] : []));
		const last = counts[counts.length - 1]?.running ?? 0;
		return last >= (order.maximumRunningJobs ?? 0) ? undefined : `there were ${last}`;
	},

	'a job is given up for the queue only if it was seen nowhere else, and its time there is over': ({
		calls,
	}: History) => {
		const wrong = calls.find(({ run, sentAt }, index) => {
			if (run.ending?.why !== 'queue' || run.stage !== 'verifying') return false;
			const { watchedSince = Infinity, order } = run;
			const end = watchedSince + order.queueTimeout * 1_000;
			if (order.queueTimeout === 0 || run.ending.since !== end || sentAt < end) return true;
			const before = calls.slice(0, index);
			// Once it is cancelled for that, it stays so.
			if (
				before.some(
					({ action, run: { attempt } }) => action.do === 'cancel' && attempt === run.attempt,
				)
			)
				return false;
			return hasLeftQueue(before, run.job?.jobId);
		});
		return wrong && `not at ${wrong.sentAt}`;
	},

	'a job that stays in the queue is not waited for any longer than that': ({ calls }: History) => {
		const wrong = calls.find(({ run, sentAt }, index) => {
			const { job, order, stage, watchedSince = Infinity } = run;
			if (stage !== 'watching' || order.queueTimeout === 0 || !job || !isInQueue(job)) return false;
			const isOverdue = sentAt >= watchedSince + order.queueTimeout * 1_000;
			return isOverdue && !hasLeftQueue(calls.slice(0, index), job.jobId);
		});
		return wrong && `there is a look at ${wrong.sentAt}`;
	},

	'a job that leaves the queue at the last moment is not cancelled for it': ({
		calls,
	}: History) => {
		const wrong = calls.find((call, index) => {
			if (call.action.do !== 'cancel' || call.run.ending?.why !== 'queue') return false;
			// Once it is cancelled for that, it stays so.
			if (call.run.cancelledAt !== undefined) return false;
			return !jobsIn(calls[index - 1]?.outcome).some(isInQueue);
		});
		return wrong && `not at ${wrong.sentAt}`;
	},

	'timed out in the queue is told as such': ({ run }: History) =>
		run.result?.is === 'timedOut' && run.result.inQueue !== (run.ending?.why === 'queue')
			? `it was for ${run.ending?.why}`
			: undefined,
};

function isFreshSkip({ result }: SyncRun): boolean {
	return result?.is === 'skipped' && result.reason === 'fresh';
}

function queueEnd(
	{ world }: History,
	{ queueingSince = Infinity }: { queueingSince?: number },
): number {
	return queueingSince + world.order.timeout * 1_000;
}

function jobsIn(outcome: Outcome | undefined): Job[] {
	if (outcome?.is === 'job') return [outcome.job];
	return outcome?.is === 'jobs' ? outcome.jobs : [];
}

/** What runs on the connection when a start is looked for, as far as its record is believed. */
export function runningIn(call: CallRecord): Job[] {
	const { run, outcome, answeredAt } = call;
	if (outcome?.is === 'count' && run.stage === 'counting') return listedWithoutRoom(run, outcome);
	const isAsked = ['finding', 'submitting', 'searching'].includes(run.stage);
	const [newest] = isAsked ? jobsIn(outcome) : [];
	if (run.order.kind !== 'start' || !newest || isOver(newest.status)) return [];
	const isLate = newest.jobId > (run.lateJob?.above ?? Infinity);
	if (isLate && serves(newest, run.order.jobType)) return [];
	// One that was there before is handed back instead of a new one.
	const wasThere = newest.jobId <= (run.newestBefore ?? 0);
	if (run.stage === 'submitting') return wasThere ? [newest] : [];
	if (run.stage === 'searching') {
		return wasThere && !run.ending && isRefusalBelieved(call) ? [newest] : [];
	}
	const isYoung = answeredAt - Date.parse(newest.startTime ?? '') < 60_000;
	const isBelieved = isYoung || run.runsForSure === newest.jobId || run.order.jobType !== 'sync';
	return isBelieved ? [newest] : [];
}

/** The connection's own job where there is no room: nothing is submitted then, so its record is believed. */
function listedWithoutRoom({ order, listed }: SyncRun, { running }: Outcome & { is: 'count' }) {
	if (order.kind !== 'start' || order.onActiveJob === 'queue') return [];
	return running >= (order.maximumRunningJobs ?? 0) && listed ? [listed] : [];
}

/** A refused submission may be carried out later. */
function isRefusalBelieved({ run, sentAt }: CallRecord): boolean {
	const { order, unclear, submissions } = run;
	if (order.kind !== 'start' || !unclear) return false;
	const isOver = sentAt >= unclear.since + 60_000;
	return isOver && (unclear.problem.kind === 'conflict' || submissions >= 3);
}

function isInQueue({ status }: Job): boolean {
	return status === 'pending' || status === 'queued';
}

/** Whether the job was seen elsewhere; a DELETE is answered with an old record. */
function hasLeftQueue(calls: CallRecord[], jobId: number | undefined): boolean {
	return calls.some(
		({ action, outcome, isForgotten }) =>
			action.do !== 'cancel' &&
			!isForgotten &&
			jobsIn(outcome).some((job) => job.jobId === jobId && !isInQueue(job)),
	);
}
