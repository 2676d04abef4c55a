/**
 * One item's job between two steps: what was asked for, how far it has come, and what came of it. Plain JSON; times
 * are milliseconds since the epoch.
 */
import type { Connection, Job, JobFailure, JobType } from '../api/job';
import type { Problem } from '../api/problem';

/** What to do when a job runs on the connection already. */
export const ACTIVE_JOB_POLICIES = ['attach', 'fail', 'queue', 'skip'] as const;
export type ActiveJobPolicy = (typeof ACTIVE_JOB_POLICIES)[number];

/** How to wait. */
export interface WaitOrder {
	/** Shortest time between two looks, seconds. */
	waitSeconds: number;
	adaptivePolling: boolean;
	/** Seconds from the moment the job is known; as long at most for the end of another job, if queued behind it. */
	timeout: number;
	/** Seconds that the job may stay pending or queued; 0: only the timeout counts. */
	queueTimeout: number;
	/** A sync that succeeds with fewer rows counts as failed. */
	minimumRows: number;
	/** Whether to ask Airbyte why a job failed. */
	failureDetails: boolean;
	/** Whether to wait in n8n's database rather than in the running execution. */
	parks: boolean;
}

/** What one item asks for: a new job of a connection, one that exists, or nothing, as its fields made no sense. */
export type Order =
	| (WaitOrder & { kind: 'none'; until: 'seen' })
	| (WaitOrder & {
			kind: 'start';
			connectionId: string;
			jobType: JobType;
			onActiveJob: ActiveJobPolicy;
			/** `started`: done once Airbyte has the job's id. `ended`: done when the job is terminal. */
			until: 'started' | 'ended';
			cancelOnStop: boolean;
			cancelOnTimeout: boolean;
			/** How many new jobs there may be after failed ones, and seconds before each. */
			retries: number;
			retryDelay: number;
	  })
	| (WaitOrder & {
			kind: 'follow';
			jobId: number;
			/** `seen`: one good look. `ended`: wait. `cancelled`: cancel it, and wait until that is true. */
			until: 'seen' | 'ended' | 'cancelled';
	  });

type Stage =
	/** The item waits for its turn in the batch. */
	| 'notBegun'
	/** Reading the connection: does it exist, may it run, where is its page? */
	| 'inspecting'
	/** Reading the connection's newest jobs before a new one is asked for. */
	| 'finding'
	/** Another job runs on the connection: looking at it until it ends. */
	| 'queueing'
	| 'submitting'
	/** The outcome of the submission is unclear: looking for the job that may have come of it. */
	| 'searching'
	/** The job is known; looking at it until it ends. */
	| 'watching'
	/** About to cancel: looking once more, since cancelling hits whatever runs on the connection. */
	| 'verifying'
	| 'cancelling'
	/** Cancelled: reading back what became of the job. */
	| 'confirming'
	/** A job that somebody else started: finding its page. */
	| 'linking'
	/** The job failed: finding out why. */
	| 'explaining'
	/** The job failed: waiting before a new one is asked for. */
	| 'pausing'
	| 'settled';

/** What came of a run. */
export type Result =
	| { is: 'done'; job: Job }
	/** Another job ran, and the order was to start nothing then. */
	| { is: 'skipped'; job: Job }
	/** The job ended as failed or cancelled. */
	| { is: 'jobFailed'; job: Job }
	/** The job succeeded with fewer rows than the order's least. */
	| { is: 'tooFewRows'; job: Job }
	/** The time is over, or that in Airbyte's queue is; `job` is its status at the last look, cancelled or not. */
	| { is: 'timedOut'; job: Job; cancelled: boolean; inQueue: boolean; trouble?: Problem }
	/** Another job runs; `waited` when its end was waited for in vain. */
	| { is: 'busy'; job: Job; waited: boolean }
	| { is: 'inactive'; status: string }
	/** Something else than the job went wrong; `job` may still be running. */
	| { is: 'failed'; problem: Problem; job?: Job; uncertain?: boolean }
	| { is: 'stopped'; job?: Job };

export interface SyncRun {
	order: Order;
	stage: Stage;
	/** When this attempt began to look for a start. */
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
	/** Highest job id of the connection before the submission; a job with a higher one is new. */
	newestBefore?: number;
	/** Since when the outcome of a submission has been unclear, and why. */
	unclear?: { since: number; problem: Problem };
	connection?: Connection;
	/** Another job whose end is waited for, and since when others' ends have been. */
	blocker?: Job;
	queueingSince?: number;
	job?: Job;
	/** Whether the job was seen in another status than pending or queued. */
	hasRun?: boolean;
	/** Whether this run started the job; only then is it ours to cancel. */
	ours: boolean;
	watchedSince?: number;
	/** Wall-clock end of the wait. */
	deadline?: number;
	ending?: { why: EndReason; since: number };
	/** When the call was asked for whose outcome has not been told yet. */
	askedAt?: number;
	/** When Airbyte took the request to cancel. */
	cancelledAt?: number;
	/** While it is explained, that of a job that failed. */
	result?: Result;
}

/** Why a job that still runs is not waited for any longer; `queue`: Airbyte did not get to it in time. */
export type EndReason = 'timeout' | 'queue' | 'stop' | 'asked';

export type Action =
	| { do: 'inspect'; connectionId: string }
	| { do: 'find'; connectionId: string }
	| { do: 'submit'; connectionId: string; jobType: JobType }
	| { do: 'look'; jobId: number }
	| { do: 'cancel'; jobId: number }
	| { do: 'explain'; jobId: number }
	| { do: 'sleep'; until: number }
	| { do: 'settled'; result: Result };

export type Outcome =
	| { is: 'connection'; connection: Connection }
	| { is: 'jobs'; jobs: Job[] }
	| { is: 'job'; job: Job }
	/** Why the job failed, as far as Airbyte tells. */
	| { is: 'failure'; failure?: JobFailure }
	| { is: 'problem'; problem: Problem };

/** Time between two looks while searching or confirming. */
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

const NOTHING: Order = {
	kind: 'none',
	until: 'seen',
	waitSeconds: 0,
	adaptivePolling: false,
	timeout: 0,
	queueTimeout: 0,
	minimumRows: 0,
	failureDetails: false,
	parks: false,
};

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

/** A run at its beginning. */
export function begin(order: Order, now: number): SyncRun {
	const run: SyncRun = {
		...plan(order),
		stage: order.kind === 'start' ? 'inspecting' : 'watching',
		startedAt: now,
		nextAt: now,
	};
	if (order.kind !== 'follow') return run;
	// To see a job once takes a few tries at most; its time has nothing to do with it.
	if (order.until === 'seen') return { ...run, watchedSince: now };
	const watched = { ...run, watchedSince: now, deadline: now + order.timeout * 1_000 };
	return order.until === 'cancelled' ? endFor('asked', watched, now) : watched;
}

export function endFor(why: EndReason, run: SyncRun, since: number): SyncRun {
	const stage = run.unclear ? 'searching' : 'verifying';
	return { ...run, stage, ending: { why, since }, nextAt: since, faults: 0 };
}

export function settle(run: SyncRun, result: Result): SyncRun {
	return { ...run, stage: 'settled', result };
}

const STARTING = new Set<Stage>(['inspecting', 'finding', 'submitting', 'searching']);

/** Whether a job is about to be started, or may have been: others on the same connection had better wait. */
export function isStarting({ stage, order }: SyncRun): boolean {
	return order.kind === 'start' && STARTING.has(stage);
}

export function startOrder(run: SyncRun): Order & { kind: 'start' } {
	if (run.order.kind !== 'start') throw new Error('This run follows a job that exists');
	return run.order;
}

export function connectionOf(run: SyncRun): string {
	return run.order.kind === 'start' ? run.order.connectionId : (run.job?.connectionId ?? '');
}

export function jobIdOf(run: SyncRun): number {
	if (run.order.kind === 'follow') return run.order.jobId;
	if (!run.job) throw new Error('No job is known yet');
	return run.job.jobId;
}
