/**
 * `npm run bench`: what waiting for syncs costs, in our three modes and in the loop that people build by hand, on real
 * n8ns against simulated Airbytes. Prints the tables, keeps the numbers in bench/results.json and writes
 * docs/benchmarks.md from them.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { Airbytes } from './bench/airbytes.cts';
import { type BenchOptions, USAGE, readOptions } from './bench/options.cts';
import { documentOf, tablesOf } from './bench/report.cts';
import { type Results, keepResults, readResults } from './bench/results.cts';
import { Bench } from './bench/run.cts';
import { reporter, runCommand } from './commandLine.cts';
import { installN8n } from './n8n/install.cts';
import { packPackage } from './n8n/package.cts';

const DOCUMENT = resolve(__dirname, '..', 'docs', 'benchmarks.md');

async function main(options: BenchOptions): Promise<number> {
	const report = reporter();
	report('packing this package');
	const parts = { install: await installN8n(), tarball: await packPackage() };
	const airbytes = new Airbytes();
	try {
		const results = {};
		const keep = options.quick ? () => {} : keepAll;
		await new Bench(parts, airbytes, options, report, keep).run(results);
		console.log(`\n${tablesOf(results)}`);
		return 0;
	} finally {
		airbytes.stop();
	}
}

/** Parts that were not measured this time stay as they were. */
function keepAll(results: Results): void {
	const all = { ...readResults(), ...results };
	keepResults(all);
	writeFileSync(DOCUMENT, documentOf(all));
}

runCommand(USAGE, readOptions, main);
