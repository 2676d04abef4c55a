/** `npm run chaos` with few syncs: what it finds in earnest, and what its words mean, is in docs/reliability.md. */
import { detailsOf, isGood, tableOf } from '../../scripts/chaos/report.cts';
import { runChaos } from '../../scripts/chaos/run.cts';
import { closeSite, openSite } from '../../scripts/chaos/site.cts';
import { judge } from '../../scripts/chaos/verdict.cts';
import { queueModeLacks } from '../../scripts/n8n/queue.cts';
import { testUnless } from './harness/testUnless.cts';

const lacking = queueModeLacks();
const testWhereItRuns = testUnless(lacking);

const SYNCS = 50;
const SEED = 2026;

testWhereItRuns(
	`no sync is doubled, lost, orphaned or wrongly reported while all that can be is killed (seed ${SEED})`,
	async () => {
		const options = { syncs: SYNCS, seed: SEED };
		const lines: string[] = [];
		const site = await openSite(SEED, (line) => lines.push(line));
		try {
			const record = await runChaos(site, options, (line) => lines.push(line));
			const verdict = judge(record.records, record.mainRestarts);
			const report = [tableOf(verdict), detailsOf(verdict, record), ...lines].join('\n');
			if (!isGood(verdict, options)) throw new Error(report);
		} finally {
			await closeSite(site);
		}
	},
	1_200_000,
);
