/**
 * When a lookout is to look at its jobs, and when at the record of the execution that waits. Knows no network and no
 * clock; all times in milliseconds.
 */
import type { Sight, Stop } from './observe';

/** Time between two readings of a record: the least, what each lookout of the process adds, and the most of that. */
const OBSERVE_LEAST = 10_000;
const OBSERVE_PER_LOOKOUT = 100;
const OBSERVE_MOST_PER_LOOKOUTS = 60_000;

/** Reading a large record keeps n8n busy: the share of time to spend on one record, and on all of the process. */
const SHARE_OF_READING = 0.01;
const SHARE_OF_READINGS = 0.1;

/** The most that the records of others may delay a reading, as a stop is not noticed in between. */
const OBSERVE_MOST_FOR_SIZE = 10 * 60_000;

/** The time within which an execution that has started its watcher has parked. */
const PARKING = 60_000;

/** Backoff of repeated tries: the first pause, and the longest. */
const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 30_000;

export class Agenda {
	private observeAt: number;
	/** Between two readings. */
	private pause = OBSERVE_LEAST;
	/** Duration of the fastest reading; slower ones also waited for other work of n8n's. */
	private fastestReading = Infinity;
	/** How many times the execution was to be seen soon, since the last look without news. */
	private timesSoon = 0;
	/** Whether the execution may go on, or was stopped: there is nothing to look at until it is seen to wait. */
	private isDone = false;

	/** @param hasParked whether the execution was ever seen to wait */
	constructor(
		private readonly began: number,
		private lookAt: number,
		private hasParked: boolean,
	) {
		this.observeAt = began + FIRST_PAUSE;
	}

	get next(): number {
		return Math.min(this.isDone ? Infinity : this.lookAt, this.observeAt);
	}

	isObservationDue(now: number): boolean {
		return now >= this.observeAt;
	}

	isLookDue(now: number): boolean {
		return !this.isDone && now >= this.lookAt;
	}

	/** Milliseconds that n8n takes to read the record; 0 before it was read. */
	get readingTime(): number {
		return Number.isFinite(this.fastestReading) ? this.fastestReading : 0;
	}

	/**
	 * @param all the agendas of this process
	 * @returns whether the wait is over
	 */
	observed(sight: Exclude<Sight, Stop>, askedAt: number, now: number, all: Agenda[]) {
		if (sight === 'over') {
			// Until it was seen to wait, its deletion could not be told from a crash.
			this.observeAt = now + FIRST_PAUSE;
			return this.hasParked || now > this.began + PARKING;
		}
		this.hasParked = true;
		if (sight === 'goingOn') this.seeSoon(now);
		else this.sawWaiting(askedAt, now, all);
		return false;
	}

	private sawWaiting(askedAt: number, now: number, all: Agenda[]): void {
		this.fastestReading = Math.min(this.fastestReading, now - askedAt);
		const least = Math.min(
			OBSERVE_LEAST + all.length * OBSERVE_PER_LOOKOUT,
			OBSERVE_MOST_PER_LOOKOUTS,
		);
		const together = all.reduce((sum, { readingTime }) => sum + readingTime, 0);
		const needed = Math.max(
			this.fastestReading / SHARE_OF_READING,
			Math.min(together / SHARE_OF_READINGS, OBSERVE_MOST_FOR_SIZE),
		);
		// It grows slowly, as n8n may just be busy.
		this.pause = Math.max(least, Math.min(needed, 2 * this.pause));
		this.observeAt = now + this.pause;
		// What it was told was no news to the resume webhook, or n8n has not let it go on, or not heard of it.
		if (this.isDone) this.lookAt = now;
		this.isDone = false;
	}

	/** The execution was stopped: what is left is to cancel its jobs, if that can be done here. */
	stopped(now: number, canCancel: boolean): void {
		this.isDone = true;
		this.observeAt = canCancel ? now + LONGEST_PAUSE : Infinity;
	}

	/** There may be news. */
	lookBy(at: number): void {
		this.lookAt = Math.min(this.lookAt, at);
	}

	/** All is due. */
	catchUp(now: number): void {
		this.lookAt = now;
		this.observeAt = now;
	}

	/** There was no news. */
	looked(lookAt: number): void {
		this.lookAt = lookAt;
		this.timesSoon = 0;
	}

	/** There was news, which the resume webhook was told. */
	told(now: number): void {
		this.isDone = true;
		this.seeSoon(now);
	}

	/** n8n's database may be locked, or starting again. */
	failed(now: number): void {
		this.observeAt = Math.max(this.observeAt, now + FIRST_PAUSE);
		this.lookAt = Math.max(this.lookAt, now + FIRST_PAUSE);
	}

	private seeSoon(now: number): void {
		this.observeAt = now + Math.min(FIRST_PAUSE * 4 ** this.timesSoon, LONGEST_PAUSE);
		this.timesSoon += 1;
	}
}
