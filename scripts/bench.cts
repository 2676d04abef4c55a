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

/** Prints lines with the time since the start. */
function reporter(): (line: string) => void {
	const startedAt = Date.now();
	return (line) => {
		const seconds = Math.round((Date.now() - startedAt) / 1_000);
		const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
		console.log(`${clock.padStart(6)}  ${line}`);
	};
}

function options(): BenchOptions {
	try {
		return readOptions(process.argv.slice(2));
	} catch (error) {
		console.error(`${(error as Error).message}\n${USAGE}`);
		process.exit(2);
	}
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

main(options()).then(
	(code) => process.exit(code),
	(error: Error) => {
		console.error(error.stack);
		process.exit(1);
	},
);
