/** What a start does while another job runs on the connection, by the order's `onActiveJob`. */
import { isSameStream } from '../api/connectionStreams';
import type { Job } from '../api/job';
import { serves } from '../api/job';
import type { JobRecord } from '../api/jobRecord';
import { answeredBy } from './answeredBy';
import { isStartOver } from './patience';
import { blockerOf, queueBehind } from './queue';
import { replace } from './replace';
import type { SyncRun } from './run';
import { hasRunBefore, settle, startOrder } from './run';
import { watch } from './watch';

/**
 * A job that does something else can't be attached to. Airbyte would answer 409 for a sync, but for a reset it
 * would cancel the running sync, which is not ours to cancel.
 */
export function applyActive(run: SyncRun, active: Job, now: number): SyncRun {
	const order = startOrder(run);
	switch (order.onActiveJob) {
		case 'queue':
			return queueBehind(run, active, now);
		case 'replace':
			return replace(run, active, now);
		case 'skip':
			if (hasRunBefore(run)) break;
			return settle(run, { is: 'skipped', reason: 'running', job: active });
		case 'attach':
			if (serves(active, order.jobType)) return attach(run, active, now);
	}
	return settle(run, { is: 'busy', job: active, waited: false });
}

/** A clear or refresh may be for other streams than ours, and of a refresh nobody can tell whether it truncates. */
function attach(run: SyncRun, active: Job, now: number): SyncRun {
	const { jobType, refreshMode } = startOrder(run);
	if (jobType === 'sync') return watch({ ...run, ours: false }, active, now);
	return refreshMode === 'truncate'
		? queueBehind(run, active, now)
		: { ...run, stage: 'comparing', blocker: active, nextAt: now, faults: 0 };
}

/** If Airbyte does not tell which streams it is for, its end is waited for: twice is better than not at all. */
export const comparing = answeredBy('record', {
	ask: (run) => ({ do: 'compare', jobId: blockerOf(run).jobId }),
	apply: (run, { record }, now) =>
		isCoveredBy(record, run)
			? watch({ ...run, ours: false, blocker: undefined }, blockerOf(run), now)
			: queueBehind(run, blockerOf(run), now),
	fail: (run, problem, again, now) => {
		if (problem.passing && !isStartOver(run, problem, now)) return again;
		const queued = queueBehind(run, blockerOf(run), now);
		return { ...queued, nextAt: Math.max(queued.nextAt, again.nextAt) };
	},
});

function isCoveredBy({ enabledStreams, chosenStreams }: JobRecord, { streams }: SyncRun): boolean {
	const wanted = streams ?? enabledStreams;
	if (!wanted?.length || !chosenStreams) return false;
	return wanted.every((one) => chosenStreams.some((other) => isSameStream(one, other)));
}
