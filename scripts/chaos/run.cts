/** Carries a plan out, many workflows side by side, while things are killed. */
import { setTimeout as sleep } from 'node:timers/promises';

import pLimit from 'p-limit';

import { Dice } from './dice.cts';
import { Errand } from './errand.cts';
import { Killer } from './killer.cts';
import type { ChaosOptions } from './options.cts';
import { type PlannedRun, planRuns } from './plan.cts';
import { Progress } from './progress.cts';
import type { Site } from './site.cts';
import type { RunRecord } from './verdict.cts';

/** Workflows under way at once, at most. */
const MOST_LANES = 30;

/** Few workflows are not begun all at once, so that there are some at every kill. */
const LEAST_TURNS = 2;

/** How many workflows are read back at once. */
const READERS = 5;

export interface ChaosRecord {
	records: RunRecord[];
	mainRestarts: number[];
	kills: Map<string, number>;
	calls: number;
	faults: number;
}

export async function runChaos(
	site: Site,
	{ syncs, seed }: ChaosOptions,
	report: (line: string) => void,
): Promise<ChaosRecord> {
	const dice = new Dice(seed);
	const plan = planRuns(syncs, dice.seed());
	const killer = new Killer(site.n8n, dice.seed(), report);
	const progress = new Progress(plan.length, report);
	const queue = [...plan];
	const done = livingAll(site, queue, progress);
	const killed = killer.run(() => queue.length > 0);
	await Promise.all([done, killed.then(async () => await supervise(killer, progress))]);
	progress.stop();
	return {
		records: await readAll(progress.errands),
		mainRestarts: killer.mainRestarts,
		kills: killer.kills,
		...countCalls(site),
	};
}

async function livingAll(site: Site, queue: PlannedRun[], progress: Progress): Promise<void> {
	const lanes = Math.min(MOST_LANES, Math.ceil(queue.length / LEAST_TURNS));
	const lane = async () => {
		for (let run = queue.shift(); run; run = queue.shift()) {
			await sleep(run.pause * 1_000);
			const errand = new Errand(site, run);
			progress.begin(errand);
			await errand.live();
			progress.end(errand);
		}
	};
	await Promise.all(Array.from({ length: lanes }, lane));
}

/** What has ended by itself after the last kill is started again, too. */
async function supervise(killer: Killer, progress: Progress): Promise<void> {
	while (!progress.isOver) await killer.superviseFor(2);
}

async function readAll(errands: readonly Errand[]): Promise<RunRecord[]> {
	const inTurn = pLimit(READERS);
	return await Promise.all(
		errands.map(async (one) => await inTurn(async () => await one.record())),
	);
}

function countCalls({ airbyte }: Site): { calls: number; faults: number } {
	const { calls } = airbyte.audit;
	return { calls: calls.length, faults: calls.filter(({ fault }) => fault).length };
}
