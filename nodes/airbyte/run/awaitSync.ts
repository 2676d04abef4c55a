/**
 * The wait for a sync that somebody else starts: which of the connection's jobs ends it, and what ends it without one.
 */
import type { Job } from '../api/job';
import { isCleared, isSyncSuccess, isTerminal, newestFirst, oldestFirst } from '../api/job';
import type { Outcome } from './action';
import { answeredBy } from './answeredBy';
import type { Order } from './order';
import { isFinal, isStartOver } from './patience';
import type { SyncRun } from './run';
import { settle } from './run';
import { nextLookAt } from './schedule';

/** Milliseconds between two readings of the connection, to notice that it was switched off and no sync will come. */
const CONNECTION_INTERVAL = 5 * 60_000;

/** Milliseconds after the node's start within which the first look still shows what had ended before it. */
const PROMPT = 5_000;

export const awaiting = answeredBy('jobs', {
	ask: (run) => {
		const { connectionId, after, failureDetails } = awaitOrder(run);
		const withConnection = isConnectionDue(run);
		return {
			do: 'find',
			connectionId,
			since: after,
			withRefreshes: true,
			...(withConnection && { withConnection, withReason: failureDetails }),
		};
	},
	apply: (before, answer, now) => {
		const [newest] = newestFirst(answer.jobs);
		const run = withAnswer(before, answer, newest, now);
		const ends = oldestFirst(answer.jobs).filter((job) => isWaitedFor(run, job, answer.jobs));
		// A success makes up for what failed before.
		const found = ends.find(isSyncSuccess) ?? ends[0];
		// Read once more: a list may lack the numbers.
		if (found) return { ...run, stage: 'watching', job: found, nextAt: now };
		const { status } = run.connection ?? {};
		if (status !== undefined && status !== 'active') {
			return settle(run, { is: 'inactive', status });
		}
		// Airbyte runs one job at a time on a connection, so all but the newest have ended, whatever their records say.
		const job = newest && !isTerminal(newest) ? newest : undefined;
		if (now >= (run.deadline ?? Infinity)) return settle({ ...run, job }, { is: 'noSync', job });
		return { ...run, job, nextAt: nextLookAt(run.order, beganAt(run, job), now) };
	},
	fail: (run, problem, again, now) => {
		const isOver = run.connection ? isFinal(run, problem) : isStartOver(run, problem, now);
		return isOver ? settle(run, { is: 'failed', problem }) : again;
	},
});

function awaitOrder({ order }: SyncRun): Order & { kind: 'await' } {
	if (order.kind !== 'await') throw new Error('This run waits for a job of its own');
	return order;
}

function isConnectionDue({ connectionReadAt = -Infinity, nextAt }: SyncRun): boolean {
	return nextAt - connectionReadAt >= CONNECTION_INTERVAL;
}

/** The run with what a look has shown. */
function withAnswer(
	run: SyncRun,
	{ connection, askedAt }: Outcome & { is: 'jobs' },
	newest: Job | undefined,
	now: number,
): SyncRun {
	const { connectionId, after, sinceStart } = awaitOrder(run);
	const isFirst = run.newestBefore === undefined && askedAt >= after;
	const newestEnded = newest && !isTerminal(newest) ? newest.jobId - 1 : (newest?.jobId ?? 0);
	return {
		...run,
		// If it could not be read: the jobs could, so access is known to work (`wasLetIn`).
		connection: connection ?? run.connection ?? { connectionId },
		connectionReadAt: isConnectionDue(run) ? now : run.connectionReadAt,
		...(isFirst && {
			newestBefore: newestEnded,
			sawStart: sinceStart && now - after <= PROMPT,
		}),
	};
}

/** Not a cancelled job, which neither brought data nor failed, and not a success whose data has been cleared since. */
function isWaitedFor(run: SyncRun, job: Job, jobs: Job[]): boolean {
	if (!endedAfter(run, job)) return false;
	if (job.status === 'failed') return awaitOrder(run).failOnFailure;
	return isSyncSuccess(job) && !isCleared(job, jobs);
}

/**
 * A job seen running after that time ended after it, and a job seen ended when the node started ended before it, however
 * wrong Airbyte's clock is. For all other jobs its timestamp decides.
 */
function endedAfter(run: SyncRun, job: Job): boolean {
	if (!isTerminal(job)) return false;
	if (run.newestBefore !== undefined && job.jobId > run.newestBefore) return true;
	if (run.sawStart) return false;
	return Date.parse(job.lastUpdatedAt ?? '') > awaitOrder(run).after;
}

/** Since when the polling interval grows: the start of the running job, or of the wait. */
function beganAt({ watchedSince = 0 }: SyncRun, job: Job | undefined): number {
	return Math.max(watchedSince, Date.parse(job?.startTime ?? '') || 0);
}
