/**
 * A driver in random worlds: faults on every route, slow answers, tokens that die at once, jobs of others, people
 * who stop and cancel. Other worlds, and more of them: `SEED=1 RUNS=4 npx jest --selectProjects engine
 * --testPathPatterns chaos`. A failure tells its seed, and the smallest world that it was found in.
 */
import fc from 'fast-check';

import { violations } from './laws.cts';
import { live } from './live.cts';
import { Sights } from './sights.cts';
import { story } from './story.cts';
import type { Driver, World } from './world.cts';
import { worlds } from './world.cts';

const seed = Number(process.env.SEED ?? 4_711);
const runs = Math.ceil(500 * Number(process.env.RUNS ?? 1));

/** Declares the tests of one driver; each has a file of its own, so that they run side by side. */
export function chaosOf(driver: Driver): void {
	const sights = new Sights();

	test(`${runs} syncs: each item gets one job, its truth, and nothing is left running unseen`, async () => {
		const obeysLaws = async (world: World) => {
			const life = await live(driver, world);
			const wrong = violations(life);
			if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\n\n${story(life)}`);
			sights.see(life);
		};
		await fc.assert(fc.asyncProperty(worlds, obeysLaws), {
			seed,
			numRuns: runs,
			// Before jest's own limit, which would not tell the seed.
			interruptAfterTimeLimit: 500_000,
			markInterruptAsFailure: true,
		});
	}, 600_000);

	/** Syncs to which nothing happens would prove nothing; a few do not show much. */
	(runs < 500 ? test.skip : test)('they come to every end, through every trap', () => {
		expect(sights.missing(driver)).toEqual([]);
	});
}
