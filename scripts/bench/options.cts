/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';

import { wholeNumber } from '../commandLine.cts';
import type { PartName } from './results.cts';

export interface BenchOptions {
	parts: PartName[];
	seed: number;
	/** How many deferred syncs `thousand` and `killed` run. */
	count: number;
	/** Few and short, to see that all of it works; nothing is kept. */
	quick: boolean;
}

/** What runs unless something is named: about half an hour. */
const USUAL: PartName[] = [
	'load',
	'code',
	'adaptive',
	'ways',
	'parked',
	'profile',
	'items',
	'threads',
];
export const ALL_PARTS: PartName[] = [...USUAL, 'thousand', 'killed'];

export const USAGE = `Usage: npm run bench -- [--only part,…] [--count 1..5000] [--seed 0..2147483647] [--quick]
Parts: ${USUAL.join(', ')}; not by default: thousand, killed`;

const HIGHEST_SEED = 2 ** 31 - 1;

/** @throws {Error} in words for whoever typed it */
export function readOptions(args: string[]): BenchOptions {
	const { values } = parseArgs({
		args,
		options: {
			only: { type: 'string' },
			count: { type: 'string', default: '1000' },
			seed: { type: 'string', default: '1' },
			quick: { type: 'boolean', default: false },
		},
	});
	return {
		parts: values.only === undefined ? USUAL : values.only.split(',').map(part),
		seed: wholeNumber('seed', values.seed, 0, HIGHEST_SEED),
		count: wholeNumber('count', values.count, 1, 5_000),
		quick: values.quick,
	};
}

function part(name: string): PartName {
	const known = ALL_PARTS.find((one) => one === name);
	if (known) return known;
	throw new Error(`--only takes ${ALL_PARTS.join(', ')}, not '${name}'`);
}
