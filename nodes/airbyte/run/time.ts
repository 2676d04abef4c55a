/**
 * What the passing of time makes of a run: waits end, pauses are over, and what was seen gets too old to decide on.
 */
import { isQueued } from '../api/job';
import type { EndReason, SyncRun } from './run';
import { endFor, settle } from './run';
import { LONGEST_INTERVAL } from './schedule';
import { traitsOf } from './stages';

/**
 * How long what was seen may decide about starting or cancelling a job, from when it was asked for. After a longer
 * while (a slow answer, a machine that slept) others may have started or ended jobs, so it is looked at again.
 */
const FRESH = 5_000;

/** Looks that may be too old by the time they are answered; an Airbyte that is so slow is then taken at its word. */
const MOST_STALE_LOOKS = 3;

export function moveOn(run: SyncRun, now: number): SyncRun {
	const rules = [afterClockSetBack, lookAgainIfOld, endPause, endOverdueWait];
	return rules.reduce((moved, rule) => rule(moved, now), run);
}

/**
 * From when on the age of a look counts that the next submission or cancel decides on.
 *
 * @param askedAt when it was asked for
 */
export function countedFrom({ staleLooks = 0 }: SyncRun, askedAt: number, now: number): number {
	return staleLooks < MOST_STALE_LOOKS ? askedAt : now;
}

/** After the machine's clock was set back, no look is put off by more than the longest time between two. */
function afterClockSetBack(run: SyncRun, now: number): SyncRun {
	const { order } = run;
	const pause = run.stage === 'pausing' && order.kind === 'start' ? order.retryDelay : 0;
	const longest = Math.max(LONGEST_INTERVAL, Math.max(order.waitSeconds, pause) * 1_000);
	return run.nextAt - now <= longest ? run : { ...run, nextAt: now + longest };
}

function lookAgainIfOld(before: SyncRun, now: number): SyncRun {
	const late = now - before.nextAt;
	// It waited for its turn, or the machine slept, which does not use up the patience of a start.
	const isLate = traitsOf(before).approaches && late > FRESH;
	const run = isLate ? { ...before, startedAt: before.startedAt + late, nextAt: now } : before;
	const stage = traitsOf(run).decidesOn;
	const { seenAt = now, staleLooks = 0 } = run;
	if (!stage || now - seenAt <= FRESH) return run;
	const isSlow = before.nextAt - seenAt > FRESH;
	return { ...run, stage, nextAt: now, staleLooks: staleLooks + (isSlow ? 1 : 0) };
}

/** The pause before a new attempt is over. */
function endPause(run: SyncRun, now: number): SyncRun {
	if (run.stage !== 'pausing' || now < run.nextAt) return run;
	return { ...run, stage: 'inspecting', startedAt: now, nextAt: now };
}

/** Ends waits whose time is over. */
function endOverdueWait(run: SyncRun, now: number): SyncRun {
	const end = endOfWait(run);
	if (end === undefined || now < end.at) return run;
	if (run.stage === 'watching') return endFor(run, end.why, end.at);
	// Others' jobs may have ended since the last look at them; an Airbyte that is away can't tell.
	if (run.faults === 0) return { ...run, nextAt: Math.min(run.nextAt, now) };
	const { stage, job, trouble, blocker } = run;
	if (stage === 'crowded') return settle(run, { is: 'crowded', trouble });
	return settle(
		run,
		blocker ? { is: 'busy', job: blocker, waited: true, trouble } : { is: 'noSync', job, trouble },
	);
}

/** The earliest end of these waits that is still to come; Infinity if there is none. */
export function nextEnd(runs: SyncRun[], now: number): number {
	const ends = runs.map((run) => endOfWait(run)?.at ?? Infinity);
	return Math.min(...ends.filter((at) => at > now));
}

/** When the present wait is over, and why then; undefined while nothing is waited for. */
export function endOfWait(run: SyncRun): { at: number; why: EndReason } | undefined {
	const { order, stage, deadline = Infinity, queueingSince = 0, watchedSince = 0 } = run;
	if (stage === 'queueing' || stage === 'crowded')
		return { at: queueingSince + order.timeout * 1_000, why: 'timeout' };
	if (stage === 'awaiting') return { at: deadline, why: 'timeout' };
	if (stage !== 'watching') return undefined;
	const isInQueue = order.queueTimeout > 0 && !run.hasRun && run.job && isQueued(run.job);
	const queueEnd = isInQueue ? watchedSince + order.queueTimeout * 1_000 : Infinity;
	return queueEnd < deadline ? { at: queueEnd, why: 'queue' } : { at: deadline, why: 'timeout' };
}
