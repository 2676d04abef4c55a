import type { Clock } from './clock.cts';

/** Longer than any wait for a thread; whoever waits is woken before. */
const ALL_DAY = 24 * 3_600_000;

/** Airbyte's few threads: a call that comes when all are taken waits for the next free one, in order of arrival. */
export class Threads {
	private taken = 0;
	private readonly waiting: Array<() => void> = [];

	constructor(
		private readonly clock: Clock,
		private readonly count: number,
	) {}

	/** @param gone once it is aborted, the caller waits no more, and `work` is not begun */
	async hold<T>(gone: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
		if (this.taken < this.count) this.taken += 1;
		else if (!(await this.turn(gone))) return undefined;
		try {
			return gone.aborted ? undefined : await work();
		} finally {
			this.pass();
		}
	}

	/** Hands the thread to whoever has waited longest. */
	private pass(): void {
		const next = this.waiting.shift();
		if (next) next();
		else this.taken -= 1;
	}

	/**
	 * Waits by the clock, which must know that this caller has nothing to do but to wait.
	 *
	 * @returns whether a thread was handed over
	 */
	private async turn(gone: AbortSignal): Promise<boolean> {
		const free = new AbortController();
		const wake = () => free.abort();
		this.waiting.push(wake);
		await this.clock.sleep(ALL_DAY, AbortSignal.any([gone, free.signal]));
		const place = this.waiting.indexOf(wake);
		if (place >= 0) this.waiting.splice(place, 1);
		return place < 0;
	}
}
