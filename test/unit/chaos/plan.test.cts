/** The chaos run (`scripts/chaos`): what it plans. */
import { Dice } from '../../../scripts/chaos/dice.cts';
import { planKillRound, planRuns } from '../../../scripts/chaos/plan.cts';
import { isTerminal } from '../../../simulator/index.cts';

const count = (runs: ReturnType<typeof planRuns>) =>
	runs.reduce((sum, { syncs }) => sum + syncs.length, 0);

test('the same seed plans the same, another one does not', () => {
	expect(planRuns(50, 1)).toEqual(planRuns(50, 1));
	expect(planRuns(50, 1)).not.toEqual(planRuns(50, 2));
});

test.each([1, 2, 50, 1000])('plans exactly %i syncs', (syncs) => {
	for (let seed = 0; seed < 20; seed++) expect(count(planRuns(syncs, seed))).toBe(syncs);
});

test('a run of fifty has every mode, and jobs that succeed, fail and never end', () => {
	for (let seed = 0; seed < 50; seed++) {
		const runs = planRuns(50, seed);
		const ways = new Set(runs.map(({ way }) => way));
		expect([...ways].filter((way) => way.startsWith('asynchronous'))).not.toEqual([]);
		expect(ways).toContain('synchronous');
		expect(ways).toContain('deferrable');
		const ends = runs.flatMap(({ syncs }) =>
			syncs.map(({ jobs }) => jobs.at(-1)?.steps.at(-1)?.status),
		);
		expect(ends).toEqual(expect.arrayContaining(['succeeded', 'failed', 'running']));
	}
});

test('what never ends by itself times out, if it is not stopped', () => {
	for (const { syncs, stopAfter = 0, timeout } of planRuns(1000, 3)) {
		const neverEnds = syncs.some(
			({ jobs }) => !isTerminal(jobs.at(-1)?.steps.at(-1)?.status ?? ''),
		);
		expect(neverEnds).toBe(timeout <= 120);
		expect(stopAfter).toBeLessThan(timeout);
	}
});

test('every policy is there, and retries; what never ends starts no second job', () => {
	const runs = planRuns(1000, 5);
	const policies = new Set(runs.map(({ options }) => options.onActiveJob));
	expect([...policies].sort()).toEqual(['attach', 'fail', 'queue', 'skip']);
	expect(runs.filter(({ options }) => options.retries > 0).length).toBeGreaterThan(50);
	for (const { options, timeout } of runs.filter(({ timeout }) => timeout <= 120)) {
		expect({ ...options, timeout }).toMatchObject({ retries: 0, timeout });
		expect(options.onActiveJob).not.toBe('queue');
	}
});

test('only deferrable executions are stopped', () => {
	const stopped = planRuns(1000, 4).filter(({ stopAfter }) => stopAfter !== undefined);
	expect(stopped.length).toBeGreaterThan(20);
	for (const { way } of stopped) expect(way).toBe('deferrable');
});

test('a round of kills has each kind of process once, in an order of its own', () => {
	const dice = new Dice(1);
	const rounds = Array.from({ length: 30 }, () =>
		planKillRound(dice).map(({ victim }) => victim.replace(/ \d/, '')),
	);
	for (const round of rounds) {
		expect([...round].sort()).toEqual(['PostgreSQL', 'Redis', 'main', 'worker']);
	}
	expect(new Set(rounds.map((round) => round.join())).size).toBeGreaterThan(5);
});

test('dice weigh their choices', () => {
	const dice = new Dice(5);
	const throws = Array.from({ length: 10_000 }, () =>
		dice.pick([
			[70, 'often'],
			[30, 'seldom'],
			[0, 'never'],
		]),
	);
	const share = throws.filter((one) => one === 'often').length / throws.length;
	expect(share).toBeCloseTo(0.7, 1);
	expect(throws).not.toContain('never');
});
