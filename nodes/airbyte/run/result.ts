/** What came of a run. */
import type { Job } from '../api/job';
import type { Problem } from '../api/problem';

export type SkipReason = 'running' | 'fresh' | 'inactive';

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
	/** Another job runs; `waited` when its end was waited for in vain; `trouble` kept the last looks from telling of it. */
	| { is: 'busy'; job: Job; waited: boolean; trouble?: Problem }
	/** Another job that was to be cancelled goes on, or jobs of others came one after the other. */
	| { is: 'notReplaced'; job: Job; trouble?: Problem }
	/** As many jobs ran in the workspace as the order allows, for as long as it was waited. */
	| { is: 'crowded'; trouble?: Problem }
	| { is: 'inactive'; status: string }
	/** None of the syncs that others start succeeded in time; `job` runs then, `trouble` kept the last looks from telling. */
	| { is: 'noSync'; job?: Job; trouble?: Problem }
	/** Airbyte ran jobs of another type instead of the one asked for, of which this is the last. */
	| { is: 'instead'; job: Job }
	/** The job with that number is not the one that was waited for. */
	| { is: 'wrongJob'; job: Job }
	/** Something else than the job went wrong; `job` may still be running. */
	| { is: 'failed'; problem: Problem; job?: Job }
	| { is: 'stopped'; job?: Job };
