/** When the watcher and the watchdog of a wait ring, and how fast a process looks. Pure; all times in milliseconds. */
import type { Role } from './childWorkflow';

/** Time between two rings: the least, the share of the wait's age, what each wait of this process adds, and the most. */
export const RHYTHMS = {
	// After a crash nobody looks for this long.
	watcher: { least: 2 * 60_000, share: 0.1, each: 300, most: 30 * 60_000 },
	watchdog: { least: 5 * 60_000, share: 0.5, each: 1_000, most: 60 * 60_000 },
};

/** Between two looks of a process. */
export const LOOK_SPACING = 60;

/** A child that rings so much later than it was to was kept from it: n8n was down. */
export const LATE = 60_000;

/** What the time of a ring depends on. */
interface Circumstances {
	now: number;
	/** Of the wait. */
	age: number;
	/** By how much this ring came later than it was to. */
	late: number;
	/** How many waits this process looks after. */
	waits: number;
}

/** It counts from now, not from when this ring was due, so that children that were due together drift apart. */
export function nextRing(role: Role, { now, age, late, waits }: Circumstances): number {
	// n8n is busy where it wakes late, likely with others. After an outage all are overdue, which says nothing of that.
	const lag = late > LATE ? 0 : 2 * late;
	// Whole milliseconds, as dates have.
	return Math.ceil(now + intervalOf(role, age, waits) + lag);
}

/**
 * The watchdog's, half-way between two of the watcher. n8n loses an execution that is due while all its workers are away:
 * so that a short absence does not cost both.
 *
 * @param due the watcher's next
 */
export function nextRingBetween(due: number, circumstances: Circumstances): number {
	const { now, age, waits } = circumstances;
	const wanted = nextRing('watchdog', circumstances);
	let [before, after] = [now, Math.max(now, due)];
	while (after <= wanted) {
		before = after;
		after += intervalOf('watcher', age + before - now, waits);
	}
	return Math.ceil((before + after) / 2);
}

function intervalOf(role: Role, age: number, waits: number): number {
	const { least, share, each, most } = RHYTHMS[role];
	return Math.min(Math.max(least, age * share, waits * each), most);
}
