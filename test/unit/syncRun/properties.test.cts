/**
 * The rules that the machine keeps in every world: random timelines of jobs, faults, clocks, stops, restarts and
 * other people's jobs. `SEED=1 RUNS=10 npx jest --selectProjects unit --testPathPatterns syncRun` explores other
 * worlds, ten times as many.
 */
import fc from 'fast-check';

import { obeysLaws } from './laws.cts';
import { live } from './live.cts';
import { kinds } from './worlds.cts';

const seed = Number(process.env.SEED ?? 4_711);
const factor = Number(process.env.RUNS ?? 1);

test.each(kinds)(
	'%s: all laws are kept',
	(_what, runs, worlds) => {
		fc.assert(
			fc.property(worlds, (world) => obeysLaws(live(world))),
			{ seed, numRuns: Math.ceil(runs * factor) },
		);
	},
	600_000,
);

test('at least 100,000 lives are lived', () => {
	expect(kinds.reduce((sum, [, runs]) => sum + runs, 0)).toBeGreaterThanOrEqual(100_000);
});

/** Laws over worlds in which nothing happens would prove nothing. */
test('the worlds lead to every end, from every stage, through every trap', () => {
	const seen = new Map<string, number>();
	const see = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
	for (const [, runs, worlds] of kinds) {
		for (const world of fc.sample(worlds, { seed, numRuns: Math.ceil(runs / 20) })) {
			const { run, calls, airbyte } = live(world);
			see(`result ${run.result?.is}`);
			if (run.result?.is === 'failed' && run.result.uncertain) see('result uncertain');
			if (run.result?.is === 'timedOut' && run.result.cancelled) see('result cancelled');
			for (const stage of new Set(calls.map((call) => call.run.stage))) see(`stage ${stage}`);
			const submissions = calls.filter(({ action }) => action.do === 'submit').length;
			if (submissions > 1) see('second submission');
			if (airbyte.cancelled.some(({ by }) => by === 'cancel')) see('cancelled job');
			if (run.job && airbyte.job(run.job.jobId)?.by === 'others') see("others' job");
		}
	}
	const ends = ['done', 'jobFailed', 'timedOut', 'busy', 'inactive', 'failed', 'stopped'];
	const stages = ['inspecting', 'finding', 'submitting', 'searching', 'watching', 'verifying'];
	const traps = ['result uncertain', 'result cancelled', 'second submission', 'cancelled job'];
	const expected = [
		...ends.map((end) => `result ${end}`),
		...[...stages, 'cancelling', 'confirming', 'linking'].map((stage) => `stage ${stage}`),
		...traps,
		"others' job",
	];
	expect(expected.filter((what) => (seen.get(what) ?? 0) < 20)).toEqual([]);
}, 60_000);
