/** Carries a plan out, many workflows side by side, while things are killed. */
import pLimit from 'p-limit';

import { Dice } from './dice.cts';
import { Errand } from './errand.cts';
import { Killer } from './killer.cts';
import type { ChaosOptions } from './options.cts';
import { planRuns } from './plan.cts';
import type { Site } from './site.cts';
import type { RunRecord } from './verdict.cts';

/** Workflows under way at once, at most. */
const MOST_LANES = 30;

/** Few workflows are not begun all at once, so that there are some at every kill. */
const LEAST_TURNS = 2;

/** How many workflows are read back at once. */
const READERS = 5;

const REPORT_MS = 15_000;

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
	const errands = planRuns(syncs, dice.seed()).map((run) => new Errand(site, run));
	const killer = new Killer(site.n8n, dice.seed(), report);
	const inLane = pLimit(Math.min(MOST_LANES, Math.ceil(errands.length / LEAST_TURNS)));
	const lives = errands.map(async (one) => await inLane(async () => await one.live()));
	const kills = async () => {
		await killer.run(() => inLane.pendingCount > 0);
		// What has ended by itself after the last kill is started again, too.
		while (inLane.activeCount > 0) await killer.superviseFor(2);
	};
	const timer = setInterval(() => report(progressOf(errands)), REPORT_MS);
	await Promise.all([...lives, kills()]).finally(() => clearInterval(timer));
	report(progressOf(errands));
	return {
		records: await readAll(errands),
		mainRestarts: killer.mainRestarts,
		kills: killer.kills,
		...countCalls(site),
	};
}

/** How many workflows are in which state. */
function progressOf(errands: Errand[]): string {
	const states = new Map<string, number>();
	for (const { state } of errands) states.set(state, (states.get(state) ?? 0) + 1);
	return [...states].map(([state, count]) => `${count} ${state}`).join(', ');
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
