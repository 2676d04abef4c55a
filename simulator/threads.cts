import pLimit from 'p-limit';
import type { Clock } from './clock.cts';

/** Seen: so many public calls are worked on at once, each POST and DELETE until it answers. */
const THREADS = 5;

/** Longer than any wait for a thread; whoever waits is woken before. */
const ALL_DAY = 24 * 3_600_000;

/** Airbyte's few threads: a call that comes when all are taken waits for the next free one, in order of arrival. */
export class Threads {
	private readonly inTurn = pLimit(THREADS);

	constructor(private readonly clock: Clock) {}

	/** @param gone once it is aborted, the caller waits no more, and `work` is not begun */
	async hold<T>(gone: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
		const begun = new AbortController();
		const done = this.inTurn(async () => {
			begun.abort();
			return gone.aborted ? undefined : await work();
		});
		// By the clock, which must know that this caller has nothing to do but to wait.
		await this.clock.sleep(ALL_DAY, AbortSignal.any([gone, begun.signal]));
		return begun.signal.aborted ? await done : undefined;
	}
}
