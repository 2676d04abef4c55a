/**
 * One item's job between two steps: what was asked for, how far it has come, and what came of it. Plain JSON; times
 * are milliseconds since the epoch.
 */
import type { Connection } from '../api/connection';
import type { Stream } from '../api/connectionStreams';
import type { Job } from '../api/job';
import { isOfType } from '../api/job';
import type { Problem } from '../api/problem';
import type { WhichJob } from './action';
import type { Order } from './order';
import { NOTHING } from './order';
import type { Result } from './result';
import type { StageName } from './stages';
import { traitsOf } from './stages';

export interface SyncRun {
	order: Order;
	stage: StageName;
	/** When this attempt last began to look for a start, or for its own job after another's. */
	startedAt: number;
	/** 1 + retries used. */
	attempt: number;
	/** The jobs of earlier attempts, which failed. */
	earlier: Job[];
	/** No action before this moment. */
	nextAt: number;
	/** Faults in a row. */
	faults: number;
	/** Sign-ins in a row that Airbyte refused. */
	signInRefusals?: number;
	/** Submissions sent. */
	submissions: number;
	/**
	 * A job of the connection with a higher id is newer. Before a submission: the highest id so far. In a wait for a sync of
	 * others: the highest id that had ended at the first look.
	 */
	newestBefore?: number;
	/** Whether `newestBefore` tells what had ended when the node was started, whatever the jobs' timestamps say. */
	sawStart?: boolean;
	/** When the look was sent that the next submission or cancel decides on. */
	seenAt?: number;
	/** How many such looks in a row were too old to decide on when they were answered. */
	staleLooks?: number;
	/** Since when the outcome of a submission has been unclear, and why. */
	unclear?: { since: number; problem: Problem };
	lateJob?: LateJob;
	connection?: Connection;
	/** When it was last read in a wait for a sync of others, in which it may be switched off. */
	connectionReadAt?: number;
	/** Why the last call failed; undefined after a good one, unless that only leads to a try. */
	trouble?: Problem;
	/** What the connection calls the streams that the order names. */
	streams?: Stream[];
	/** Jobs of another type that Airbyte ran where ours was asked for. */
	instead?: Job[];
	/** A job of the connection whose record says that it runs. It may be dead: the next submission shows that. */
	listed?: Job;
	/** When the newest job was first seen to have ended, where a refresh waits for that. */
	endSeen?: { jobId: number; at: number };
	/** The job that Airbyte itself says runs; what a record says is not enough. */
	runsForSure?: number;
	/** Some of the jobs of other connections that took all room at the last count. */
	crowdedBy?: Job[];
	/** The other job whose end is waited for, or that is to be cancelled. */
	blocker?: Job;
	/** Since when ends of other jobs, or room for one more, have been waited for. */
	queueingSince?: number;
	/** The blocker that is to be cancelled. */
	replacing?: {
		jobId: number;
		since: number;
		/** 1 for the first job that gives way to this run, 2 for the next. */
		jobs: number;
		/** How many times Airbyte said that it does not run, against its record. */
		timesNotRunning: number;
		/** When Airbyte took the first request to cancel it, or may have. */
		cancelledAt?: number;
		cancelAgainAt?: number;
	};
	/** Jobs that were cancelled to start ours. */
	replaced?: Job[];
	job?: Job;
	/** The sync that was fresh enough, but counts as failed, as more of its rows were rejected than the order allows. */
	staleJob?: number;
	/** Whether the job was seen in another status than pending or queued. */
	hasRun?: boolean;
	/** Whether this run started the job; only then is it ours to cancel. */
	ours: boolean;
	watchedSince?: number;
	/** Wall-clock end of the wait. */
	deadline?: number;
	ending?: { why: EndReason; since: number; problem?: Problem };
	/** After a stop, until when Airbyte is asked to cancel the job, if not as long as at the end of a wait. */
	stopsUntil?: number;
	/** When Airbyte took the first request to cancel the job, or may have. */
	cancelledAt?: number;
	cancelAgainAt?: number;
	/** While more is read about the job's end, what is known by then. */
	result?: Result;
	/** Until when the job's record is asked for again. */
	explainingUntil?: number;
	/** What Airbyte was asked for and did not tell of the job, and why. */
	unserved?: Unserved[];
	/** The attempt whose log is to be read. */
	logOf?: number;
}

/** A job of ours that was searched for in vain, and may still appear. */
interface LateJob {
	/** A job of the type with a higher id is ours, however late it comes. */
	above: number;
	/** Until when it may still appear, where another job is waited for meanwhile; milliseconds since the epoch. */
	until?: number;
	/** That other job as it was when ours was refused for it: it may be dead, and ours come when Airbyte notices. */
	behind?: Job;
}

export interface Unserved {
	what: 'streams' | 'rejected' | 'log';
	why: string;
}

/**
 * Why a job that still runs is not waited for any longer. `queue`: Airbyte did not get to it in time; `fault`: looking
 * at it failed for good.
 */
export type EndReason = 'timeout' | 'queue' | 'stop' | 'asked' | 'fault';

/** Time between two looks while a job is searched for, or its cancel read back. */
export const SEARCH_INTERVAL = 3_000;

/** The run of an item that waits for its turn. */
export function plan(order: Order): SyncRun {
	return {
		order,
		stage: 'notBegun',
		startedAt: 0,
		attempt: 1,
		earlier: [],
		nextAt: 0,
		faults: 0,
		submissions: 0,
		ours: false,
	};
}

/** The run of an item whose fields make no sense. */
export function failInput(problem: Problem): SyncRun {
	return settle(plan(NOTHING), { is: 'failed', problem });
}

export function hasBadInput({ order }: SyncRun): boolean {
	return order.kind === 'none';
}

export function isSettled({ stage }: SyncRun): boolean {
	return stage === 'settled';
}

/** Whether it was begun and has not ended. */
export function isUnderWay({ stage }: SyncRun): boolean {
	return stage !== 'notBegun' && stage !== 'settled';
}

/** Whether it ended badly, so that, unless the node is to continue, no further ones are begun. */
export function hasFailed({ stage, result }: SyncRun): boolean {
	return stage === 'settled' && result?.is !== 'done' && result?.is !== 'skipped';
}

const FIRST_STAGE = {
	none: 'watching',
	start: 'inspecting',
	follow: 'watching',
	await: 'awaiting',
} as const;

/** A run at its beginning. */
export function begin(order: Order, now: number): SyncRun {
	const run: SyncRun = {
		...plan(order),
		stage: FIRST_STAGE[order.kind],
		startedAt: now,
		nextAt: now,
	};
	if (order.kind === 'start') return run;
	// A single look has no deadline: it is limited by its tries.
	if (order.until === 'seen') return { ...run, watchedSince: now };
	const watched = { ...run, watchedSince: now, deadline: now + order.timeout * 1_000 };
	return order.until === 'cancelled' ? endFor(watched, 'asked', now) : watched;
}

export function endFor(run: SyncRun, why: EndReason, since: number, problem?: Problem): SyncRun {
	// The job that is known may be another's, which a stop leaves alone.
	const isUnknown = !run.job || (why === 'stop' && !run.ours);
	const isSought = run.unclear !== undefined || (run.lateJob !== undefined && isUnknown);
	const stage = isSought ? 'searching' : 'verifying';
	const ending = { why, since, problem };
	return { ...run, stage, ending, staleLooks: undefined, nextAt: since, faults: 0 };
}

export function settle(run: SyncRun, result: Result): SyncRun {
	return { ...run, stage: 'settled', result };
}

/** Whether a job has run in its name: one that failed, or one that Airbyte ran instead. */
export function hasRunBefore({ attempt, instead = [] }: SyncRun): boolean {
	return attempt > 1 || instead.length > 0;
}

/** Whether a job is about to be started, or may have been: others on the same connection had better wait. */
export function isStarting(run: SyncRun): boolean {
	return run.order.kind === 'start' && traitsOf(run).starts === true;
}

export function startOrder(run: SyncRun): Order & { kind: 'start' } {
	if (run.order.kind !== 'start') throw new Error('This run follows a job that exists');
	return run.order;
}

/** The job that is waited for: its own, or another one that it queues behind. */
export function jobOf(run: SyncRun): Job | undefined {
	return run.job ?? run.blocker;
}

export function whichJob(run: SyncRun): WhichJob {
	if (run.order.kind === 'follow') return { jobId: run.order.jobId, isNamed: true };
	if (!run.job) throw new Error('No job is known yet');
	return { jobId: run.job.jobId };
}

/** Whether a look shows another job than the one that was looked for: on another connection, or of another type. */
export function isWrongJob(run: SyncRun, shown: Job): boolean {
	const known = traitsOf(run).isAboutBlocker ? run.blocker : run.job;
	if (!known) return false;
	const { connectionId = shown.connectionId, jobType = shown.jobType } = known;
	const isElsewhere = shown.connectionId !== undefined && shown.connectionId !== connectionId;
	return (
		isElsewhere ||
		(jobType !== undefined && !isOfType({ ...shown, jobType: shown.jobType ?? jobType }, jobType))
	);
}

/** Whether this run may cancel its job for that reason. */
export function mayCancel({ order, ours }: SyncRun, why: EndReason): boolean {
	if (why === 'asked') return true;
	if (order.kind !== 'start' || !ours) return false;
	return why === 'stop' ? order.cancelOnStop : order.cancelOnTimeout;
}
