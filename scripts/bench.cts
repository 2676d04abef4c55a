/**
 * `npm run bench`: how late deferred syncs end, and what they cost: this package, the package of another commit and
 * the loop that people build by hand, on real n8ns against simulated Airbytes. Keeps what it saw in
 * bench/results.json and writes docs/benchmarks.md from it.
 */
import { parseArgs } from 'node:util';

import { reporter, runCommand } from './commandLine.cts';
import { packagesOf } from './bench/contender.cts';
import { measurePart } from './bench/measure.cts';
import { CHOICES, PARTS } from './bench/parts.cts';
import { keepResults, keptOf, readResults } from './bench/report.cts';

type Choice = keyof typeof CHOICES;
const NAMES = Object.keys(CHOICES) as Choice[];

/** The earlier commit that this package is compared with. */
const EARLIER = 'ecacdb6';

const USAGE = `Usage: npm run bench -- [--only ${NAMES.join(',')}]`;

function readOptions(args: string[]): Choice[] {
	const options = { only: { type: 'string', default: NAMES.join(',') } } as const;
	const { values } = parseArgs({ args, options });
	return values.only.split(',').map((word) => {
		const name = NAMES.find((one) => one === word);
		if (!name) throw new Error(`There is no '${word}': choose from ${NAMES.join(', ')}`);
		return name;
	});
}

async function main(only: Choice[]): Promise<number> {
	const report = reporter();
	const names = only.flatMap((choice) => CHOICES[choice]);
	report('packing');
	const contenders = names.flatMap((name) => PARTS[name].contenders);
	const packages = await packagesOf(contenders, EARLIER);
	let results = readResults();
	for (const name of names) {
		const part = await measurePart(name, packages, report);
		results = { ...results, [name]: keptOf(part, EARLIER) };
		// After each part: what takes long may be interrupted.
		keepResults(results);
	}
	return 0;
}

runCommand(USAGE, readOptions, main);
