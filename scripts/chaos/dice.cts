import { seeded } from '../../simulator/index.cts';

/** Chance that can be repeated: the same seed gives the same throws. */
export class Dice {
	private readonly random: () => number;

	constructor(seed: number) {
		this.random = seeded(seed);
	}

	/** True in this share of throws, 0 to 1. */
	chance(share: number): boolean {
		return this.random() < share;
	}

	/** A whole number, both ends included. */
	between(least: number, most: number): number {
		return least + Math.floor(this.random() * (most - least + 1));
	}

	/** One of the choices, each as often as its weight says. */
	pick<T>(choices: ReadonlyArray<readonly [weight: number, choice: T]>): T {
		let left = this.random() * choices.reduce((sum, [weight]) => sum + weight, 0);
		for (const [weight, choice] of choices) {
			if (left < weight) return choice;
			left -= weight;
		}
		return choices[choices.length - 1][1];
	}

	shuffled<T>(cards: readonly T[]): T[] {
		const deck = [...cards];
		for (let last = deck.length - 1; last > 0; last--) {
			const other = this.between(0, last);
			[deck[last], deck[other]] = [deck[other], deck[last]];
		}
		return deck;
	}

	/** For dice of another kind of events, so that more of one do not change the other. */
	seed(): number {
		return this.between(0, 2 ** 31 - 1);
	}
}
