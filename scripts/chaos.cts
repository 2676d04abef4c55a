/**
 * `npm run chaos -- --syncs N --seed S`: a real n8n in queue mode runs syncs in all modes against an Airbyte on
 * which faults strike, while its main process, its workers, Redis and PostgreSQL are killed. Ends with exit code 0
 * only if no sync was doubled, lost, orphaned or wrongly reported; docs/reliability.md says what that means.
 */
import { randomInt } from 'node:crypto';

import { type ChaosOptions, USAGE, readOptions } from './chaos/options.cts';
import { keepEvidence } from './chaos/evidence.cts';
import { detailsOf, isGood, tableOf } from './chaos/report.cts';
import { runChaos } from './chaos/run.cts';
import { type Site, closeSite, openSite } from './chaos/site.cts';
import { judge } from './chaos/verdict.cts';
import { reporter, runCommand, untilInterrupted } from './commandLine.cts';

async function main(options: ChaosOptions): Promise<number> {
	const { syncs, seed } = options;
	const report = reporter();
	report(`${syncs} syncs, seed ${seed}`);
	const site = await openSite(seed, report);
	try {
		return await Promise.race([play(site, options, report), untilInterrupted()]);
	} finally {
		await closeSite(site);
	}
}

/** Runs the syncs and prints what came of them; gives the exit code. */
async function play(
	site: Site,
	options: ChaosOptions,
	report: (line: string) => void,
): Promise<number> {
	const { syncs, seed } = options;
	const record = await runChaos(site, options, report);
	const verdict = judge(record.records, record.mainRestarts);
	console.log(`\n${tableOf(verdict)}\n\n${detailsOf(verdict, record)}`);
	const good = isGood(verdict, options);
	if (!good) console.log(`\nAll that is known: ${await keepEvidence(site, record)}`);
	console.log(`\nAgain: npm run chaos -- --syncs ${syncs} --seed ${seed}`);
	return good ? 0 : 1;
}

runCommand(USAGE, (args) => readOptions(args, () => randomInt(2 ** 31)), main);
