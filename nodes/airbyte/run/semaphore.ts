/** Semaphores of this process: how many executions do the same thing at the same time. */

interface Semaphore {
	taken: number;
	/** First come, first served. */
	waiting: Array<() => void>;
}

/** By what they limit. Exported so that tests can let a process end. */
export const semaphores = new Map<string, Semaphore>();

/** Can be acquired and released any number of times, and has to be released in the end. */
export class Permit {
	isHeld = false;

	/**
	 * @param what the same for all who wait for one another
	 * @param most how many hold it at the same time
	 */
	constructor(
		private readonly what: string,
		private readonly most: number,
	) {}

	/** @returns whether it was acquired now; false where it was held already */
	async acquire(): Promise<boolean> {
		if (this.isHeld) return false;
		const semaphore = semaphores.get(this.what) ?? { taken: 0, waiting: [] };
		semaphores.set(this.what, semaphore);
		if (semaphore.taken < this.most) semaphore.taken++;
		else await new Promise<void>((resolve) => semaphore.waiting.push(resolve));
		this.isHeld = true;
		return true;
	}

	/** Hands it to whoever has waited longest. */
	release(): void {
		const semaphore = semaphores.get(this.what);
		if (!this.isHeld || !semaphore) return;
		this.isHeld = false;
		const next = semaphore.waiting.shift();
		if (next) return next();
		semaphore.taken--;
		if (semaphore.taken === 0) semaphores.delete(this.what);
	}
}
