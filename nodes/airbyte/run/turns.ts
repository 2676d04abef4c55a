/**
 * Turns at something of which there are only so many, for all executions of this process.
 */

/** Those who have a turn at the same thing, and those who wait for one, in their order. */
interface Line {
	taken: number;
	waiting: Array<() => void>;
}

/** Exported so that tests can let a process end. */
export const lines = new Map<string, Line>();

/** Somebody's turn: taken and passed any number of times, and in the end it has to be passed. */
export class Turn {
	isMine = false;

	/**
	 * @param what the same for all who wait for one another
	 * @param most how many have it at the same time
	 */
	constructor(
		private readonly what: string,
		private readonly most: number,
	) {}

	/** @returns false where it was one's turn already; otherwise true, once it is */
	async take(): Promise<boolean> {
		if (this.isMine) return false;
		const line = lines.get(this.what) ?? { taken: 0, waiting: [] };
		lines.set(this.what, line);
		if (line.taken < this.most) line.taken++;
		else await new Promise<void>((resolve) => line.waiting.push(resolve));
		this.isMine = true;
		return true;
	}

	/** Lets the next one in line have it. */
	pass(): void {
		const line = lines.get(this.what);
		if (!this.isMine || !line) return;
		this.isMine = false;
		const next = line.waiting.shift();
		if (next) return next();
		line.taken--;
		if (line.taken === 0) lines.delete(this.what);
	}
}
