import { setTimeout as pause } from 'node:timers/promises';

/** Where Airbyte's time comes from, in milliseconds since 1970. */
export interface Clock {
	now(): number;
	/** Resolves so many milliseconds later by this clock, or when the signal is aborted; never rejects. */
	sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export class SystemClock implements Clock {
	now(): number {
		return Date.now();
	}

	async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
		await pause(milliseconds, undefined, { signal }).catch(() => {});
	}
}

/** Stands still until a test moves it, so that hours of a sync pass in no time. */
export class ManualClock implements Clock {
	private sleepers: Array<{ until: number; wake: () => void }> = [];

	constructor(private time: number = Date.now()) {}

	/** How many sleep now. */
	get asleep(): number {
		return this.sleepers.length;
	}

	now(): number {
		return this.time;
	}

	advance(milliseconds: number): void {
		this.set(this.time + milliseconds);
	}

	set(time: number): void {
		this.time = time;
		const due = this.sleepers.filter(({ until }) => until <= time);
		this.sleepers = this.sleepers.filter(({ until }) => until > time);
		for (const { wake } of due) wake();
	}

	async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
		if (signal.aborted) return;
		await new Promise<void>((resolve) => {
			const wake = () => {
				signal.removeEventListener('abort', wake);
				this.sleepers = this.sleepers.filter((other) => other !== sleeper);
				resolve();
			};
			const sleeper = { until: this.time + milliseconds, wake };
			signal.addEventListener('abort', wake);
			this.sleepers.push(sleeper);
		});
	}
}
