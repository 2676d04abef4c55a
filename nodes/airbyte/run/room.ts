/**
 * Whether there is room for one more job in the connection's workspace, where the order allows only so many, and the
 * wait until there is.
 */
import type { Problem } from '../api/problem';
import type { Call } from './action';
import { applyActive } from './active';
import { answeredBy } from './answeredBy';
import { isFinal, isStartOver } from './patience';
import { isQueueOver, startAnew } from './queue';
import { replaces } from './replace';
import type { SyncRun } from './run';
import { settle, startOrder } from './run';
import { nextLookAt } from './schedule';
import { countedFrom } from './time';

export function isLimited(run: SyncRun): boolean {
	return mostOf(run) > 0;
}

/** `seenAt` stays that of the look at the connection's jobs, the older of the two that a start decides on. */
export const counting = answeredBy('count', {
	ask: (run) => ({ ...count(run), isExact: true }),
	apply: (run, { running, oldest }, now) =>
		running < mostOf(run) ? withRoom(run, now) : withoutRoom({ ...run, crowdedBy: oldest }, now),
	// By the next try others may have started a job.
	fail: (run, problem, again, now) =>
		isStartOver(run, problem, now)
			? settle(run, { is: 'failed', problem })
			: { ...again, stage: 'finding' },
});

/** Once there is room the start begins anew. Others may be faster then, so the timeout counts from the first wait. */
export const crowded = answeredBy('count', {
	ask: count,
	apply: (run, { running, oldest }, now) =>
		running < mostOf(run) ? startAnew(run, now) : waitForRoom({ ...run, crowdedBy: oldest }, now),
	fail: (run, problem, again) =>
		isFinal(run, problem) ? settle(run, { is: 'failed', problem }) : again,
});

/** A run that is to be counted for, or has failed as its workspace is not known. */
export function toCount(run: SyncRun): SyncRun {
	return run.connection?.workspaceId === undefined
		? settle(run, { is: 'failed', problem: NO_WORKSPACE })
		: { ...run, stage: 'counting' };
}

const NO_WORKSPACE: Problem = {
	kind: 'notAirbyte',
	message: "Airbyte does not tell the connection's workspace",
	description:
		"Nothing was started: 'Maximum Running Jobs' counts the jobs in it. Remove the option.",
	passing: false,
	mayHaveArrived: false,
};

function count(run: SyncRun): Call & { do: 'count' } {
	const { connectionId } = startOrder(run);
	const { workspaceId } = run.connection ?? {};
	if (!workspaceId) throw new Error('The workspace is not known');
	return { do: 'count', workspaceId, connectionId, most: mostOf(run) };
}

/** How many jobs may run at most; 0: any number. */
function mostOf(run: SyncRun): number {
	return startOrder(run).maximumRunningJobs ?? 0;
}

/** A job is replaced only where there is room for ours. */
function withRoom(run: SyncRun, now: number): SyncRun {
	const { listed, seenAt = now } = run;
	return listed && replaces(run)
		? applyActive(run, listed, now)
		: { ...run, stage: 'submitting', nextAt: now, seenAt: countedFrom(run, seenAt, now) };
}

/**
 * Without room nothing is submitted that could disprove the record of the connection's own job, so it is believed. An
 * order that queues or replaces waits for room first.
 */
function withoutRoom(run: SyncRun, now: number): SyncRun {
	const { listed } = run;
	const isDecided = listed && !replaces(run) && startOrder(run).onActiveJob !== 'queue';
	return isDecided ? applyActive(run, listed, now) : waitForRoom(run, now);
}

function waitForRoom(run: SyncRun, now: number): SyncRun {
	if (isQueueOver(run, now)) return settle(run, { is: 'crowded' });
	const { order, queueingSince = now } = run;
	const nextAt = nextLookAt(order, queueingSince, now);
	return { ...run, stage: 'crowded', queueingSince, nextAt, faults: 0 };
}
