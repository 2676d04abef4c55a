/** Where Airbyte's time comes from, in milliseconds since 1970. */
export interface Clock {
	now(): number;
}

export class SystemClock implements Clock {
	now(): number {
		return Date.now();
	}
}

/** Stands still until a test moves it, so that hours of a sync pass in no time. */
export class ManualClock implements Clock {
	constructor(private time: number = Date.now()) {}

	now(): number {
		return this.time;
	}

	advance(milliseconds: number): void {
		this.time += milliseconds;
	}

	set(time: number): void {
		this.time = time;
	}
}
