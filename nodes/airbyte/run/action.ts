/** What a run has to do next, and what may come of it. */
import type { Connection } from '../api/connection';
import type { Stream } from '../api/connectionStreams';
import type { Job, JobType, RefreshMode } from '../api/job';
import type { JobRecord } from '../api/jobRecord';
import type { Problem } from '../api/problem';
import type { Result } from './result';

export type Action =
	/** `withReason`: also why the connection is inactive, where it is. */
	| { do: 'inspect'; connectionId: string; withReason?: boolean; withStreams?: boolean }
	/**
	 * `since`: milliseconds since the epoch; all jobs that ended after it are wanted, up to one page of Airbyte's list.
	 * `withRefreshes`: refreshes as well, which an older Airbyte lists only when asked for them.
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
	/** Counts the jobs that run on other connections of the workspace; the count may stop at `most`. */
	| { do: 'count'; workspaceId: string; connectionId: string; most: number; isExact?: boolean }
	| ({ do: 'look'; withConnection?: boolean } & WhichJob)
	| ({ do: 'cancel' } & WhichJob)
	/** Reads what only the configuration API knows of a job that ended: why it failed, its streams, its rejected rows. */
	| { do: 'explain'; jobId: number }
	/** Reads which streams another job is for. */
	| { do: 'compare'; jobId: number }
	| { do: 'readLog'; jobId: number; attempt: number; lines: number }
	| { do: 'sleep'; until: number }
	| { do: 'settled'; result: Result };

/** A job; `isNamed` if a field of the node names it. */
export interface WhichJob {
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
	/** `oldest`: the oldest few of them, for the error. */
	| { is: 'count'; running: number; oldest?: Job[] }
	| { is: 'record'; record: JobRecord }
	| { is: 'log'; log: string }
	| { is: 'problem'; problem: Problem };
