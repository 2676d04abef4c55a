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

/** Milliseconds between two readings of the connection: once it is switched off, no sync comes any more. */
const CONNECTION_INTERVAL = 5 * 60_000;

/** Milliseconds from the node's start within which a first look shows what had ended before; until a later one, more may. */
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
		const found = oldestFirst(answer.jobs).find((job) => isWaitedFor(run, job, answer.jobs));
		// Read once more: a list may lack the numbers.
		if (found) return { ...run, stage: 'watching', job: found, nextAt: now };
		const { status } = run.connection ?? {};
		if (status !== undefined && status !== 'active') {
			return settle(run, { is: 'inactive', status });
		}
		// Airbyte runs one at a time, so a record below the newest is over, whatever it says.
		const job = newest && !isTerminal(newest) ? newest : undefined;
		if (now >= (run.deadline ?? Infinity)) return settle({ ...run, job }, { is: 'noSync', job });
		return { ...run, job, nextAt: nextLookAt(run.order, beganAt(run, job), now) };
	},
	fail: (run, problem, again, now) => {
		const isOver = run.connection ? isFinal(run, problem) : isStartOver(run, problem, now);
		if (isOver) return settle(run, { is: 'failed', problem });
		return { ...again, trouble: problem };
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
		trouble: undefined,
		// Where it could not be read, at least Airbyte has let us in.
		connection: connection ?? run.connection ?? { connectionId },
		connectionReadAt: isConnectionDue(run) ? now : run.connectionReadAt,
		...(isFirst && {
			newestBefore: newestEnded,
			sawStart: sinceStart && now - after <= PROMPT,
		}),
	};
}

/** One that was cancelled neither brought data nor went wrong; of one that was cleared, the data is gone. */
function isWaitedFor(run: SyncRun, job: Job, jobs: Job[]): boolean {
	if (!endedAfter(run, job)) return false;
	if (job.status === 'failed') return awaitOrder(run).failOnFailure;
	return isSyncSuccess(job) && !isCleared(job, jobs);
}

/**
 * What was seen to run after that time ended after it, and what was seen to be over when the node started ended before it,
 * however far Airbyte's clock is off; of all else its word counts.
 */
function endedAfter(run: SyncRun, job: Job): boolean {
	if (!isTerminal(job)) return false;
	if (run.newestBefore !== undefined && job.jobId > run.newestBefore) return true;
	if (run.sawStart) return false;
	return Date.parse(job.lastUpdatedAt ?? '') > awaitOrder(run).after;
}

/** What the time between two looks grows with: the age of the job that runs, or of the wait. */
function beganAt({ watchedSince = 0 }: SyncRun, job: Job | undefined): number {
	return Math.max(watchedSince, Date.parse(job?.startTime ?? '') || 0);
}
