import type { FaultEffect, FaultKind, When } from './faults.cts';
import type { RouteKey } from './routes.cts';

export interface RandomFaultOptions {
	seed: number;
	/** The share of calls that a fault strikes, 0 to 1. */
	rate: number;
	/** By default the kinds that a caller survives by retrying; `hang`, `cut`, `router` and `firewall` only when named. */
	kinds?: FaultKind[];
	/** All, unless some are named. */
	routes?: RouteKey[];
	/** The longest delay, in real milliseconds. */
	maxDelayMs?: number;
}

const KINDS: FaultKind[] = ['status', 'html', 'delay', 'reset', 'empty', 'expireTokens'];

/** Faults by chance, the same ones each time for the same seed and the same sequence of calls. */
export class RandomFaults {
	private readonly random: () => number;

	constructor(private readonly options: RandomFaultOptions) {
		this.random = seeded(options.seed);
	}

	draw(route: RouteKey): FaultEffect | undefined {
		const { rate, kinds = KINDS, routes } = this.options;
		if (routes && !routes.includes(route)) return undefined;
		if (this.random() >= rate) return undefined;
		return this.effect(this.pick(kinds), this.pick<When>(['before', 'after']));
	}

	private effect(kind: FaultKind, when: When): FaultEffect {
		switch (kind) {
			case 'status':
				return refusal(this.pick([429, 500, 502, 503, 504]), when);
			case 'html':
			case 'empty':
				return { kind, when, status: this.pick([502, 503, 504]) };
			case 'delay':
				return { kind, when, ms: Math.floor(this.random() * (this.options.maxDelayMs ?? 50)) };
			case 'router':
			case 'firewall':
				// Both refuse the call before it has any effect.
				return { kind, when: 'before' };
			default:
				return { kind, when };
		}
	}

	private pick<T>(choices: T[]): T {
		return choices[Math.floor(this.random() * choices.length)];
	}
}

/** Whoever sends too many requests is turned away before anything has happened. */
function refusal(status: number, when: When): FaultEffect {
	return { kind: 'status', status, when: status === 429 ? 'before' : when };
}

/** mulberry32: small, fast and good enough to strike at random. */
export function seeded(seed: number): () => number {
	let state = seed | 0;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
}
