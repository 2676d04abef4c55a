import type { Errand } from './errand.cts';

const EVERY_MS = 15_000;

/** Tells every now and then how far a chaos run is. */
export class Progress {
	readonly errands: Errand[] = [];

	private readonly underWay = new Set<Errand>();

	private readonly timer: NodeJS.Timeout;

	constructor(
		private readonly planned: number,
		private readonly report: (line: string) => void,
	) {
		this.timer = setInterval(() => this.tell(), EVERY_MS);
	}

	get isOver(): boolean {
		return this.errands.length === this.planned && this.underWay.size === 0;
	}

	begin(errand: Errand): void {
		this.errands.push(errand);
		this.underWay.add(errand);
	}

	end(errand: Errand): void {
		this.underWay.delete(errand);
	}

	stop(): void {
		clearInterval(this.timer);
		this.tell();
	}

	private tell(): void {
		const states = new Map<string, number>();
		for (const { state } of this.underWay) states.set(state, (states.get(state) ?? 0) + 1);
		const now = [...states].map(([state, count]) => `${count} ${state}`).join(', ');
		const ended = this.errands.length - this.underWay.size;
		this.report(`${ended} of ${this.planned} workflows ended${now && `; ${now}`}`);
	}
}
