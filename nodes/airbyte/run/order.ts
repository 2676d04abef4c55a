/** What one item asks for, as its fields say it. */
import type { JobType, RefreshMode } from '../api/job';

/** What to do when a job runs on the connection already. */
export const ACTIVE_JOB_POLICIES = ['attach', 'fail', 'queue', 'replace', 'skip'] as const;
export type ActiveJobPolicy = (typeof ACTIVE_JOB_POLICIES)[number];

/** What to do with a connection that is switched off. */
export const INACTIVE_POLICIES = ['fail', 'skip'] as const;

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
	/** A sync that succeeds with more rejected rows counts as failed; undefined: not asked. */
	maximumRejectedRows?: number;
	/** Whether to ask Airbyte why a job failed. */
	failureDetails: boolean;
	/** How many of the last lines of a failed attempt's log to ask for; 0: none. */
	logLines: number;
	/** Whether to ask Airbyte what a job that ended moved in each stream. */
	includeStreams: boolean;
	/** Whether the output is to have few keys. */
	simplify: boolean;
	/** Whether to wait in n8n's database rather than in the running execution. */
	parks: boolean;
}

/**
 * What one item asks for: a new job of a connection, one that exists, a sync that somebody else starts, or nothing, as its
 * fields made no sense.
 */
export type Order =
	| (WaitOrder & { kind: 'none'; until: 'seen' })
	| (WaitOrder & {
			kind: 'start';
			connectionId: string;
			jobType: JobType;
			/** Of a refresh; `merge`, unless told. */
			refreshMode?: RefreshMode;
			/** Started only while fewer jobs run in the connection's workspace; 0, or not told: however many do. */
			maximumRunningJobs?: number;
			/** Names of the streams to refresh or clear; all, unless told. */
			streams?: string[];
			onActiveJob: ActiveJobPolicy;
			onInactive: (typeof INACTIVE_POLICIES)[number];
			/** Seconds; a connection whose last successful sync ended within them is not synced again. 0: always sync. */
			skipIfSyncedWithin: number;
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
	  })
	| (WaitOrder & {
			kind: 'await';
			connectionId: string;
			/** Only jobs that ended later count; milliseconds since the epoch. */
			after: number;
			/** Whether that is the moment at which the node was started. */
			sinceStart?: boolean;
			/** Whether one that failed ends the wait. */
			failOnFailure: boolean;
			until: 'ended';
	  });

/** What is asked for by fields that make no sense. */
export const NOTHING: Order = {
	kind: 'none',
	until: 'seen',
	waitSeconds: 0,
	adaptivePolling: false,
	timeout: 0,
	queueTimeout: 0,
	minimumRows: 0,
	failureDetails: false,
	logLines: 0,
	includeStreams: false,
	simplify: false,
	parks: false,
};
