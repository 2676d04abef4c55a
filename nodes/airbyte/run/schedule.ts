/**
 * When to look at a job next. All times are milliseconds since the epoch, spans milliseconds.
 */
import type { WaitOrder } from './order';

/**
 * The share of the time waited between two looks. Looks come at random moments relative to the job's end, so
 * the delay is half of it in the middle (0.9 %) and at most all of it, while an hour's job costs some
 * 230 looks instead of the 1,200 of a fixed three-second rhythm.
 */
const SHARE_OF_WAIT = 0.018;

/** However long it takes: a person who watches, or a cancelled job, should not wait longer for the next look. */
export const LONGEST_INTERVAL = 10 * 60_000;

/** What Retry-After is believed at most: enough for any overload, and n8n's timers end at 24 days. */
const LONGEST_RETRY_AFTER = 10 * 60_000;

/** Waiting times after the 1st, 2nd, … fault in a row; the last one repeats. */
const BACKOFF = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/** The moment of the next look at a job that has been waited for since `since`. */
export function nextLookAt(
	{ waitSeconds, adaptivePolling }: Pick<WaitOrder, 'waitSeconds' | 'adaptivePolling'>,
	since: number,
	now: number,
): number {
	const shortest = waitSeconds * 1_000;
	if (!adaptivePolling) return now + shortest;
	const share = Math.min((now - since) * SHARE_OF_WAIT, LONGEST_INTERVAL);
	return now + Math.max(shortest, share);
}

/**
 * The moment to try again after faults.
 *
 * @param faults how many there were in a row, from 1
 * @param retryAfterSeconds what Airbyte asked for (Retry-After), if it did
 */
export function retryAt(faults: number, now: number, retryAfterSeconds?: number): number {
	const backoff = BACKOFF[Math.min(faults, BACKOFF.length) - 1];
	const asked = Math.min((retryAfterSeconds ?? 0) * 1_000, LONGEST_RETRY_AFTER);
	return now + Math.max(backoff, asked);
}
