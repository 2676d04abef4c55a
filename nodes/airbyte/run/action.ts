/** What a run has to do next, and what may come of it. */
import type { Connection } from '../api/connection';
import type { Stream } from '../api/connectionStreams';
import type { Job, JobType, RefreshMode } from '../api/job';
import type { JobRecord } from '../api/jobRecord';
import type { Problem } from '../api/problem';
import type { Result } from './result';

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
	/** What the end of a job does not tell by itself. */
	| { do: 'explain'; jobId: number }
	/** For which streams another job is. */
	| { do: 'compare'; jobId: number }
	| { do: 'readLog'; jobId: number; attempt: number; lines: number }
	| { do: 'sleep'; until: number }
	| { do: 'settled'; result: Result };

/** A job, and whether it is the one that a field names. */
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
	/** `oldest`: some of them, to be told of. */
	| { is: 'count'; running: number; oldest?: Job[] }
	| { is: 'record'; record: JobRecord }
	| { is: 'log'; log: string }
	| { is: 'problem'; problem: Problem };
