/**
 * When to look at a job next. All times are milliseconds since the epoch, spans milliseconds.
 */

/**
 * The share of a job's age between two looks. Looks come at random moments relative to the job's end, so
 * the delay is half of it in the middle (0.9 %) and at most all of it, while an hour's job costs some
 * 230 looks instead of the 1,200 of a fixed three-second rhythm.
 */
const SHARE_OF_AGE = 0.018;

/** However old the job: a person who watches, or a cancelled job, should not wait longer for the next look. */
export const LONGEST_INTERVAL = 10 * 60_000;

/** What Retry-After is believed at most: enough for any overload, and n8n's timers end at 24 days. */
const LONGEST_RETRY_AFTER = 10 * 60_000;

/** Waiting times after the 1st, 2nd, … fault in a row; the last one repeats. */
const BACKOFF = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

export interface Rhythm {
	/** Shortest time between two looks, in seconds. */
	waitSeconds: number;
	adaptivePolling: boolean;
}

/** The moment of the next look at a job that began at `since`. */
export function nextLookAt(rhythm: Rhythm, since: number, now: number): number {
	const shortest = rhythm.waitSeconds * 1_000;
	if (!rhythm.adaptivePolling) return now + shortest;
	const share = Math.min((now - since) * SHARE_OF_AGE, LONGEST_INTERVAL);
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

/** n8n looks for due executions once a minute: a parking that is so much shorter ends two seconds late at most. */
const SHORTEST_PARKING = 58_000;

/** Between two turns, which are of different clocks; with time to spare for a clock that is woken late. */
const SHORTEST_TURN = 31_000;

/** 0 and 1 take turns in looking; the {@link SPARE} clock only sees after them. */
export type Rank = 0 | 1 | typeof SPARE;
export const SPARE = 2;
export const RANKS: readonly Rank[] = [0, 1, SPARE];

/** Often enough to heal a wait within half an hour, seldom enough to be overdue only after a long outage. */
const SPARE_INTERVAL = 20 * 60_000;

/**
 * When an alarm clock is to ring next. Two clocks take turns on one sequence of moments that depends on nothing but
 * the wait's beginning, so that they never fall into step, whatever delays or kills them.
 */
export function nextTurn(rhythm: Rhythm, since: number, rank: Rank, now: number): number {
	if (rank === SPARE) return now + SPARE_INTERVAL;
	let moment = since;
	for (let turn = 0; ; turn++) {
		const next = Math.max(nextLookAt(rhythm, since, moment), moment + SHORTEST_TURN);
		// Whole milliseconds, as dates have: woken a fraction early, a clock would find its turn still to come.
		moment = Math.ceil(next);
		if (moment >= now + SHORTEST_PARKING && turn % 2 === rank) return moment;
	}
}
