/** The command line of `npm run chaos`. */
import { parseArgs } from 'node:util';

import { wholeNumber } from '../commandLine.cts';

export interface ChaosOptions {
	/** How many items ask for a job. */
	syncs: number;
	/** Decides about all that is left to chance. */
	seed: number;
}

export const USAGE = 'Usage: npm run chaos -- [--syncs 1..10000] [--seed 0..2147483647]';

const MOST_SYNCS = 10_000;
const HIGHEST_SEED = 2 ** 31 - 1;

/** @throws {Error} in words for whoever typed it */
export function readOptions(args: string[], randomSeed: () => number): ChaosOptions {
	const { values } = parseArgs({
		args,
		options: { syncs: { type: 'string', default: '50' }, seed: { type: 'string' } },
	});
	const seed =
		values.seed === undefined ? randomSeed() : wholeNumber('seed', values.seed, 0, HIGHEST_SEED);
	return { syncs: wholeNumber('syncs', values.syncs, 1, MOST_SYNCS), seed };
}
