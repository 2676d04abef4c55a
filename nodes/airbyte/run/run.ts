/**
 * One item's job between two steps: what was asked for, how far it has come, and what came of it. Plain JSON; times
 * are milliseconds since the epoch.
 */
import { jobPage } from '../api/addresses';
import type { Connection } from '../api/connection';
import type { Job, JobType, RefreshMode } from '../api/job';
import { isOfType } from '../api/job';
import type { JobRecord } from '../api/jobRecord';
import type { Problem } from '../api/problem';
import type { Stream } from '../api/connectionStreams';
import type { Order } from './order';
import { NOTHING } from './order';

export type StageName =
	/** The item waits for its turn in the batch. */
	| 'notBegun'
	/** Reading the connection: does it exist, may it run, where is its page? */
	| 'inspecting'
	/** Reading the connection's newest jobs before a new one is asked for. */
	| 'finding'
	/** Another job runs on the connection: looking at it until it ends. */
	| 'queueing'
	/** Another job is to make room for ours: looking at it before and after its cancel. */
	| 'replacing'
	| 'cancellingAnother'
	/** Counting the jobs that run in the workspace: right before a start, and while there are too many. */
	| 'counting'
	| 'crowded'
	| 'submitting'
	/** The outcome of the submission is unclear: looking for the job that may have come of it. */
	| 'searching'
	/** Looking at the connection's newest jobs until one of them, which somebody else started, is what is waited for. */
	| 'awaiting'
	/** The job is known; looking at it until it ends. */
	| 'watching'
	/** Before and after a cancel: looking, since that hits whatever runs on the connection, and may get lost. */
	| 'verifying'
	| 'cancelling'
	/** The job ended: reading what only its record tells, such as why it failed. */
	| 'explaining'
	/** The job failed for good: reading the end of its last attempt's log. */
	| 'readingLog'
	/** The job failed: waiting before a new one is asked for. */
	| 'pausing'
	| 'settled';

export type SkipReason = 'running' | 'fresh' | 'inactive';

/** What came of a run. */
export type Result =
	| { is: 'done'; job: Job }
	/** Nothing was started, as the order has it: another job ran, one succeeded a short while ago, or it is switched off. */
	| { is: 'skipped'; reason: SkipReason; job?: Job }
	/** The job ended as failed or cancelled. */
	| { is: 'jobFailed'; job: Job }
	/** The job succeeded with fewer rows than the order's least. */
	| { is: 'tooFewRows'; job: Job }
	/** It succeeded with more rejected rows than the order's most, or Airbyte did not tell how many. */
	| { is: 'tooManyRejected'; job: Job }
	/** The time is over, or that in Airbyte's queue is; `job` is its status at the last look, cancelled or not. */
	| { is: 'timedOut'; job: Job; cancelled: boolean; inQueue: boolean; trouble?: Problem }
	/** Another job runs; `waited` when its end was waited for in vain. */
	| { is: 'busy'; job: Job; waited: boolean }
	/** Another job that was to be cancelled goes on, or jobs of others came one after the other. */
	| { is: 'notReplaced'; job: Job; trouble?: Problem }
	/** As many jobs ran in the workspace as the order allows, for as long as it was waited. */
	| { is: 'crowded' }
	| { is: 'inactive'; status: string }
	/** None of the syncs that others start succeeded in time; `job` runs then, `trouble` kept the last looks from telling. */
	| { is: 'noSync'; job?: Job; trouble?: Problem }
	/** Airbyte ran jobs of another type instead of the one asked for, of which this is the last. */
	| { is: 'instead'; job: Job }
	/** The job with that number is not the one that was waited for. */
	| { is: 'another'; job: Job }
	/** Something else than the job went wrong; `job` may still be running. */
	| { is: 'failed'; problem: Problem; job?: Job }
	| { is: 'stopped'; job?: Job };

export interface SyncRun {
	order: Order;
	stage: StageName;
	/** When this attempt began to look for a start, or for its own job after another's. */
	startedAt: number;
	/** 1 + retries used. */
	attempt: number;
	/** The jobs of earlier attempts, which failed. */
	earlier: Job[];
	/** No action before this moment. */
	nextAt: number;
	/** Faults in a row. */
	faults: number;
	/** Refused sign-ins in a row. */
	refusals?: number;
	/** Submissions sent. */
	submissions: number;
	/**
	 * A job of the connection with a higher id is new: the highest one before the submission, or that had ended when a
	 * sync of others began to be waited for.
	 */
	newestBefore?: number;
	/** Whether `newestBefore` tells what had ended when the node was started, whatever the jobs' timestamps say. */
	sawStart?: boolean;
	/** When was asked for what the next submission or cancel decides on, and how often its answer took too long. */
	seenAt?: number;
	staleLooks?: number;
	/** Since when the outcome of a submission has been unclear, and why. */
	unclear?: { since: number; problem: Problem };
	/** A submission's job was not found in time: a job of the type with a higher id is ours, however late it comes. */
	awaitedAbove?: number;
	/** Until when it may still appear, where another job is waited for meanwhile. */
	awaitedUntil?: number;
	/** That other job as it was when ours was refused for it: it may be dead, and ours come when Airbyte notices. */
	awaitedBehind?: Job;
	connection?: Connection;
	/** When it was read for a wait in which it may be switched off. */
	connectionReadAt?: number;
	/** Why the last look failed in such a wait. */
	trouble?: Problem;
	/** What the connection calls the streams that the order names. */
	streams?: Stream[];
	/** Jobs of another type that Airbyte ran where ours was asked for. */
	instead?: Job[];
	/** A job of the connection whose record says that it runs; it may be dead, which the next submission is to tell. */
	listed?: Job;
	/** The job that Airbyte itself says runs; what a record says is not enough. */
	runsForSure?: number;
	/** Some of the jobs of other connections that took all room at the last count. */
	crowdedBy?: Job[];
	/** Another job whose end is waited for, and since when others' ends, or room for one more, have been. */
	blocker?: Job;
	queueingSince?: number;
	/**
	 * Another job that is to be cancelled: since when, the how manyth it is, how often Airbyte said that it does not run,
	 * when Airbyte took the first cancel, or may have, and when the next one is due.
	 */
	replacing?: {
		jobId: number;
		since: number;
		jobs: number;
		refusals: number;
		cancelledAt?: number;
		cancelAgainAt?: number;
	};
	/** Jobs that were cancelled to start ours. */
	replaced?: Job[];
	job?: Job;
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
	/** When Airbyte took the first request to cancel, or may have, and when the next one is due. */
	cancelledAt?: number;
	cancelAgainAt?: number;
	/** While it is explained, what is known by then. */
	result?: Result;
	/** Until when Airbyte is asked again for that. */
	explainingUntil?: number;
	/** What Airbyte was asked for and did not tell of the job, and why. */
	untold?: Untold[];
	/** The attempt whose log is to be read. */
	logOf?: number;
}

export interface Untold {
	what: 'streams' | 'rejected' | 'log';
	why: string;
}

/**
 * Why a job that still runs is not waited for any longer. `queue`: Airbyte did not get to it in time; `fault`: looking
 * at it failed for good.
 */
export type EndReason = 'timeout' | 'queue' | 'stop' | 'asked' | 'fault';

export type Action =
	/** `withReason`: of one that is inactive, why it is. */
	| { do: 'inspect'; connectionId: string; withReason?: boolean; withStreams?: boolean }
	/**
	 * `since`: milliseconds; all jobs are wanted that ended after it, as far as Airbyte lists them at once. `withRefreshes`:
	 * refreshes, too, for which an old Airbyte has to be asked separately.
	 */
	| {
			do: 'find';
			connectionId: string;
			since?: number;
			withRefreshes?: boolean;
			withConnection?: boolean;
			withReason?: boolean;
	  }
	| {
			do: 'submit';
			connectionId: string;
			jobType: JobType;
			refreshMode?: RefreshMode;
			streams?: Stream[];
	  }
	/** Jobs of the workspace that run on other connections; from `most` on it does not matter how many. */
	| { do: 'count'; workspaceId: string; connectionId: string; most: number }
	| ({ do: 'look'; withConnection?: boolean } & WhichJob)
	| ({ do: 'cancel' } & WhichJob)
	| { do: 'explain'; jobId: number }
	| { do: 'readLog'; jobId: number; attempt: number; lines: number }
	| { do: 'sleep'; until: number }
	| { do: 'settled'; result: Result };

/** A job, and whether it is the one that a field names. */
interface WhichJob {
	jobId: number;
	isNamed?: boolean;
}

export type Sleep = Action & { do: 'sleep' };
export type Call = Exclude<Action, { do: 'sleep' | 'settled' }>;

/** `askedAt`: when the call was sent. */
export type Outcome =
	| { is: 'connection'; connection: Connection; streams?: Stream[] }
	| { is: 'jobs'; jobs: Job[]; askedAt: number; connection?: Connection }
	| { is: 'job'; job: Job; askedAt: number; connection?: Connection }
	/** `oldest`: some of them, to be told of. */
	| { is: 'count'; running: number; oldest?: Job[] }
	| { is: 'record'; record: JobRecord }
	| { is: 'log'; log: string }
	| { is: 'problem'; problem: Problem };

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
export function refuse(problem: Problem): SyncRun {
	return settle(plan(NOTHING), { is: 'failed', problem });
}

export function isRefused({ order }: SyncRun): boolean {
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
	// To see a job once takes a few tries at most; its time has nothing to do with it.
	if (order.until === 'seen') return { ...run, watchedSince: now };
	const watched = { ...run, watchedSince: now, deadline: now + order.timeout * 1_000 };
	return order.until === 'cancelled' ? endFor('asked', watched, now) : watched;
}

/** Whether a job of this run may be there, or come, that was not found: what came of a submission is not clear. */
export function mayCome({ unclear, awaitedAbove }: SyncRun): boolean {
	return unclear !== undefined || awaitedAbove !== undefined;
}

export function endFor(why: EndReason, run: SyncRun, since: number, problem?: Problem): SyncRun {
	// The job that is known may be another's, which a stop leaves alone.
	const isUnknown = !run.job || (why === 'stop' && !run.ours);
	const isSought = run.unclear !== undefined || (run.awaitedAbove !== undefined && isUnknown);
	const stage = isSought ? 'searching' : 'verifying';
	const ending = { why, since, problem };
	return { ...run, stage, ending, staleLooks: undefined, nextAt: since, faults: 0 };
}

export function settle(run: SyncRun, result: Result): SyncRun {
	return { ...run, stage: 'settled', result };
}

const STARTING = new Set<StageName>([
	'inspecting',
	'finding',
	'replacing',
	'cancellingAnother',
	'counting',
	'submitting',
	'searching',
]);

/** Whether a job is about to be started, or may have been: others on the same connection had better wait. */
export function isStarting({ stage, order }: SyncRun): boolean {
	return order.kind === 'start' && STARTING.has(stage);
}

export function startOrder(run: SyncRun): Order & { kind: 'start' } {
	if (run.order.kind !== 'start') throw new Error('This run follows a job that exists');
	return run.order;
}

/** The job that is waited for: its own, or another one that it queues behind. */
export function jobOf(run: SyncRun): Job | undefined {
	return run.job ?? run.blocker;
}

/** The page of a job of the run's connection in Airbyte's web app. */
export function pageOf({ connection }: SyncRun, { jobId }: Job): string | undefined {
	return connection?.url && jobPage(connection.url, jobId);
}

export function whichJob(run: SyncRun): WhichJob {
	if (run.order.kind === 'follow') return { jobId: run.order.jobId, isNamed: true };
	if (!run.job) throw new Error('No job is known yet');
	return { jobId: run.job.jobId };
}

/**
 * The run after a look at another job that ours was refused for. If that job gets on, Airbyte has settled the
 * submission, and later jobs are others'. If its record was a dead one, it fails when ours comes.
 */
export function withoutAwaited(run: SyncRun, { jobId, status }: Job, now: number): SyncRun {
	const { awaitedBehind: behind, awaitedUntil = 0 } = run;
	const isAlive = behind?.jobId === jobId && status !== behind.status && status !== 'failed';
	return isAlive && now >= awaitedUntil ? { ...run, awaitedAbove: undefined } : run;
}

/** The stages that look at a job that is in the way of ours. */
const ABOUT_ANOTHER = new Set<StageName>(['queueing', 'replacing', 'cancellingAnother']);

/** Whether a look shows another job than the one that was looked for: on another connection, or of another type. */
export function isAnother({ stage, job, blocker }: SyncRun, shown: Job): boolean {
	const known = ABOUT_ANOTHER.has(stage) ? blocker : job;
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
