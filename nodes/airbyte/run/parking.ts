/**
 * A run that waits in n8n's database: whether it may, how far a look at it goes, and what of that has to be kept.
 */
import { dropUndefined } from '../api/read';
import type { Action, Call, Sleep } from './action';
import type { Result } from './result';
import type { SyncRun } from './run';
import { isStarting } from './run';
import { traitsOf } from './stages';

/** Whether nothing is left to do for now but to wait and look, from n8n's database if so asked. */
export function canPark(run: SyncRun): boolean {
	const { order, stage, job } = run;
	if (!order.parks || (stage === 'watching' && job === undefined)) return false;
	return traitsOf(run).looks === true || stage === 'pausing';
}

/** The same run with its next look due now. */
export function lookNow(run: SyncRun, now: number): SyncRun {
	return traitsOf(run).looks ? { ...run, nextAt: now } : run;
}

/** Milliseconds that one look may spend on cancelling an overdue job; the next look goes on from there. */
const LONGEST_LOOK = 15_000;

/** Milliseconds within which a look that failed is taken again. */
const AGAIN_WITHIN = 3_000;

/**
 * Whether a look that began at `since` ends before this action. It only looks, cancels and asks: what starts a job has
 * to be stored first, so that is for `execute()`.
 */
export function isLookOver(run: SyncRun, action: Call | Sleep, since: number): boolean {
	if (action.do !== 'sleep') return isStarting(run);
	// Nothing of it is kept, so the next look would begin it anew.
	if (run.stage === 'explaining') return false;
	// After one fault the look is taken again at once.
	const isAgain = run.faults === 1 && action.until <= since + AGAIN_WITHIN;
	return (canPark(run) && !isAgain) || action.until > since + LONGEST_LOOK;
}

/** What tells more of a job that has ended. */
const EXPLAINS = new Set<Action['do']>(['explain', 'readLog']);
const LOOKS = new Set<Action['do']>(['look', 'find', 'count']);

/** Whether a look that does nothing about what it finds ends before this action. */
export function isQuietLookOver(run: SyncRun, action: Action): boolean {
	return !(EXPLAINS.has(action.do) || (LOOKS.has(action.do) && canPark(run)));
}

/** Whether a quiet look has seen all there is to be known of a run's end. */
export function isSuccess({ stage, result, unserved = [] }: SyncRun): boolean {
	return stage === 'settled' && result?.is === 'done' && unserved.length === 0;
}

/** Results that the next look would find again, so that they need not be stored. */
const LASTING = new Set<Result['is'] | undefined>([
	'done',
	'skipped',
	'jobFailed',
	'tooFewRows',
	'tooManyRejected',
]);

/**
 * Whether what was found out about a run that waits in n8n's database has to be kept: it is to go on with something
 * else, or could not be found out again. All else is forgotten and looked at again.
 */
export function hasMovedOn(before: SyncRun, now: SyncRun): boolean {
	if (now.stage === 'settled') return before.stage !== 'settled' && !LASTING.has(now.result?.is);
	if (isStarting(now) || now.stage === 'pausing') return now.stage !== before.stage;
	// Refusals in a row are counted across looks, as one look has few.
	if ((now.signInRefusals ?? 0) !== (before.signInRefusals ?? 0)) return true;
	// That it was asked to end tells a cancelled job from a failed one.
	if (now.cancelledAt !== before.cancelledAt) return true;
	// Once the job ahead of ours moves on, later jobs are not ours; the next look could not tell that any more.
	if (now.lateJob?.above !== before.lateJob?.above) return true;
	// What ran at the first look tells which jobs end after it; and the job that was found is not to be lost again.
	const isFurther = now.stage !== 'awaiting' || now.newestBefore !== before.newestBefore;
	if (before.stage === 'awaiting' && isFurther) return true;
	return now.order.queueTimeout > 0 && now.hasRun === true && before.hasRun !== true;
}

/** A settled run without what is only for its output, which can be much: logs and streams. */
export function withoutDetails(run: SyncRun): SyncRun {
	const { result } = run;
	if (run.stage !== 'settled' || !result || !('job' in result) || !result.job) return run;
	const job = dropUndefined({ ...result.job, streams: undefined, failure: undefined });
	return { ...run, job: run.job && job, result: { ...result, job } as Result };
}
