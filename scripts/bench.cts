/**
 * `npm run bench`: how late deferred syncs end, and what they cost: this package, the package of another commit and
 * the loop that people build by hand, on real n8ns against simulated Airbytes. Keeps what it saw in
 * bench/results.json and writes docs/benchmarks.md from it.
 */
import { parseArgs } from 'node:util';

import { reporter, runCommand } from './commandLine.cts';
import { CONTENDERS, type ContenderName, packagesOf } from './bench/contender.cts';
import { measurePart } from './bench/measure.cts';
import { CHOICES } from './bench/parts.cts';
import { type Results, documentOf, keepResults, keptOf, readResults } from './bench/report.cts';

type Choice = keyof typeof CHOICES;
const NAMES = Object.keys(CHOICES) as Choice[];
const BASE = 'ecacdb6';

const USAGE = `Usage: npm run bench -- [--only ${NAMES.join(',')}] [--against ${BASE}]
  [--contenders ${CONTENDERS.join(',')}] [--small]
  --small  a few waits instead of many, to try the benchmark: nothing is kept`;

interface Options {
	only: Choice[];
	against: string;
	contenders: ContenderName[];
	small: boolean;
}

function readOptions(args: string[]): Options {
	const { values } = parseArgs({
		args,
		options: {
			only: { type: 'string', default: NAMES.join(',') },
			against: { type: 'string', default: BASE },
			contenders: { type: 'string', default: CONTENDERS.join(',') },
			small: { type: 'boolean', default: false },
		},
	});
	return {
		...values,
		only: someOf(NAMES, values.only),
		contenders: someOf(CONTENDERS, values.contenders),
	};
}

/** @throws {Error} in words for whoever typed it */
function someOf<Name extends string>(all: Name[], text: string): Name[] {
	return text.split(',').map((word) => {
		const name = all.find((one) => one === word);
		if (!name) throw new Error(`There is no '${word}': choose from ${all.join(', ')}`);
		return name;
	});
}

async function main({ only, against, contenders, small }: Options): Promise<number> {
	const report = reporter();
	report('packing');
	const packages = await packagesOf(contenders, against);
	let results: Results = small ? {} : readResults();
	for (const name of only.flatMap((choice) => CHOICES[choice])) {
		const part = await measurePart(name, packages, { contenders, small, report });
		results = { ...results, [name]: keptOf(part, against) };
		// After each part: what takes long may be interrupted.
		if (!small) keepResults(results);
	}
	if (small) console.log(documentOf(results));
	return 0;
}

runCommand(USAGE, readOptions, main);
