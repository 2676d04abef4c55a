/**
 * What a chaos run does, decided by its seed before it begins: which workflows are run, what their jobs do in
 * Airbyte, and who else is about. Only its timing depends on the machine.
 */
import {
	type CancelOutcome,
	type SlowStart,
	type Timeline,
	timelines,
} from '../../simulator/index.cts';
import { Dice } from './dice.cts';

/** How a workflow comes from a connection to the end of its job. */
type Way =
	| 'synchronous'
	| 'deferrable'
	/** Asynchronous, followed by Airbyte Job Status, which waits in either mode. */
	| 'asynchronous, then synchronous'
	| 'asynchronous, then deferrable';

type Policy = 'attach' | 'fail' | 'queue' | 'skip';

/** One item: a connection of its own, and what happens on it. */
interface PlannedSync {
	/** In words, for reports. */
	life: string;
	/** What the connection's jobs do, one after the other; the last one stands for all that follow. */
	jobs: Timeline[];
	/** The job that somebody else has started just before. */
	othersJob?: Timeline;
	/** What Airbyte runs before the sync that it is asked for. */
	pending?: 'reset' | 'refresh';
	/** Whether a record of long ago says that a job runs, with nothing behind it. */
	hasDeadRecord?: boolean;
	/** What the first requests to start a job come to. */
	starts?: SlowStart[];
	/** What the first cancels come to. */
	cancels?: CancelOutcome[];
}

/** One workflow, run once unless n8n loses its execution. */
export interface PlannedRun {
	name: string;
	way: Way;
	syncs: PlannedSync[];
	jobType: 'sync' | 'clear';
	waitSeconds: number;
	/** Seconds; jobs of runs that are to time out never end. */
	timeout: number;
	options: {
		onActiveJob: Policy;
		retries: number;
		/** Seconds. */
		retryDelay: number;
		cancelOnTimeout: boolean;
		cancelOnStop: boolean;
		batchSize: number;
	};
	onError: 'stopWorkflow' | 'continueRegularOutput';
	/** Seconds after n8n has taken the execution on at which it is stopped. */
	stopAfter?: number;
	/** Seconds for which its lane rests before it. */
	pause: number;
}

const WAYS = [
	[35, 'synchronous'],
	[35, 'deferrable'],
	[15, 'asynchronous, then synchronous'],
	[15, 'asynchronous, then deferrable'],
] as const;

/**
 * Only deferrable executions are stopped: Airbyte Job Status leaves jobs alone, and a synchronous wait whose worker is
 * killed, or whose main was started again, is not told that it was stopped, which is n8n's (docs/reliability.md).
 */
const FATES = [
	[76, 'ends'],
	[10, 'times out'],
	[14, 'is stopped'],
] as const;

const SIZES = [
	[60, 1],
	[25, 2],
	[15, 3],
] as const;

/** Long enough for whatever ends at all. */
const AMPLE_TIMEOUT = 900;

export function planRuns(count: number, seed: number): PlannedRun[] {
	const dice = new Dice(seed);
	const runs: PlannedRun[] = [];
	for (let left = count; left > 0; left -= runs[runs.length - 1].syncs.length) {
		runs.push(planRun(dice, `Chaos ${runs.length + 1}`, left));
	}
	return runs;
}

function planRun(dice: Dice, name: string, most: number): PlannedRun {
	const way: Way = dice.pick(WAYS);
	const drawn = dice.pick(FATES);
	const fate = drawn === 'is stopped' && way !== 'deferrable' ? 'ends' : drawn;
	const size = Math.min(dice.pick(SIZES), most);
	const jobType = dice.chance(0.08) ? 'clear' : 'sync';
	const plan = () => (jobType === 'sync' ? planSync : planClear)(dice, fate === 'ends');
	return {
		name,
		way,
		syncs: Array.from({ length: size }, plan),
		jobType,
		waitSeconds: dice.between(1, 3),
		timeout: planTimeout(dice, fate),
		options: {
			...planPolicies(dice, fate),
			cancelOnTimeout: dice.chance(0.75),
			cancelOnStop: dice.chance(0.8),
			batchSize: dice.chance(0.15) ? 1 : 10,
		},
		onError: dice.chance(0.3) ? 'continueRegularOutput' : 'stopWorkflow',
		stopAfter: fate === 'is stopped' ? dice.between(3, 40) : undefined,
		pause: dice.between(0, 6),
	};
}

type Fate = (typeof FATES)[number][1];

/** Whose jobs are not to end has one at most: a second one would begin after the timeout. */
function planPolicies(dice: Dice, fate: Fate) {
	const onActiveJob: Policy = dice.pick(POLICIES);
	const mayStartMore = fate === 'ends';
	return {
		onActiveJob: onActiveJob === 'queue' && !mayStartMore ? 'attach' : onActiveJob,
		retries: mayStartMore && dice.chance(0.3) ? dice.between(1, 2) : 0,
		retryDelay: dice.between(1, 70),
	};
}

const POLICIES = [
	[55, 'attach'],
	[15, 'fail'],
	[18, 'queue'],
	[12, 'skip'],
] as const;

/** One that is to be stopped needs a timeout, too: if n8n loses it, it is run again and left to its end. */
function planTimeout(dice: Dice, fate: Fate): number {
	if (fate === 'ends') return AMPLE_TIMEOUT;
	return fate === 'times out' ? dice.between(8, 20) : 120;
}

function planSync(dice: Dice, ends: boolean): PlannedSync {
	const sync = planClear(dice, ends);
	return ends && !sync.othersJob ? withTrouble(dice, sync) : sync;
}

/** A clear finds no trouble: it takes over whatever is there, so that nothing can be found out by asking for it. */
function planClear(dice: Dice, ends: boolean): PlannedSync {
	const life = ends ? planLife(dice) : planEndless(dice);
	return dice.chance(0.12) ? { ...life, othersJob: planOthersJob(dice) } : life;
}

const TROUBLES = [
	[70, 'none'],
	[10, 'a reset is pending'],
	[5, 'a refresh is pending'],
	[8, 'a dead record'],
	[7, 'the job comes late'],
] as const;

/** What else a request to start a job may come to in Airbyte. */
function withTrouble(dice: Dice, sync: PlannedSync): PlannedSync {
	const trouble = dice.pick(TROUBLES);
	const life = `${sync.life}, ${trouble}`;
	const soon = dice.between(3, 12);
	const takes = dice.between(5, 40);
	switch (trouble) {
		case 'none':
			return sync;
		case 'a reset is pending': {
			const reset = dice.chance(0.3) ? [timelines.failsAfter(soon)] : [];
			const jobs = [...reset, timelines.succeedsAfter(soon), ...sync.jobs];
			return { ...sync, life, jobs, pending: 'reset' };
		}
		case 'a refresh is pending':
			return { ...sync, life, pending: 'refresh' };
		case 'a dead record':
			return { ...sync, life, hasDeadRecord: true };
		case 'the job comes late':
			return { ...sync, life, starts: [{ takes, answer: 'conflict', jobAfter: takes + soon }] };
	}
}

function planLife(dice: Dice): PlannedSync {
	const seconds = dice.between(5, 60);
	const succeeds = () => timelines.succeedsAfter(seconds, { rows: dice.between(0, 1_000_000) });
	const early = dice.between(2, 15);
	const life = dice.pick(LIVES);
	switch (life) {
		case 'succeeds':
			return { life, jobs: [succeeds()] };
		case 'fails':
			return { life, jobs: [timelines.failsAfter(seconds)] };
		case 'fails, then succeeds':
			return { life, jobs: [timelines.failsAfter(early), succeeds()] };
		case 'is cancelled in Airbyte':
			return { life, jobs: [timelines.cancelledAfter(seconds)] };
		case 'is queued, then succeeds':
			return { life, jobs: [timelines.queuedThen(early, succeeds())] };
		case 'is pending, then fails':
			return { life, jobs: [timelines.pendingThen(early, timelines.failsAfter(seconds))] };
		case 'is incomplete, then succeeds':
			return { life, jobs: [timelines.incompleteThen(early, 5, succeeds())] };
		case 'has an unknown status, then succeeds':
			return { life, jobs: [timelines.statusThen('contemplating', early, succeeds())] };
	}
}

const LIVES = [
	[50, 'succeeds'],
	[8, 'fails'],
	[10, 'fails, then succeeds'],
	[7, 'is cancelled in Airbyte'],
	[8, 'is queued, then succeeds'],
	[5, 'is pending, then fails'],
	[8, 'is incomplete, then succeeds'],
	[4, 'has an unknown status, then succeeds'],
] as const;

function planEndless(dice: Dice): PlannedSync {
	const cancelTakes = dice.chance(0.5) ? dice.between(1, 6) : 0;
	const jobs = [{ ...timelines.runsForever(), cancelTakes }];
	const cancels: CancelOutcome[] = dice.chance(0.3) ? [dice.pick(LOST_CANCELS), 'works'] : [];
	return { life: ['never ends by itself', ...cancels].join(', '), jobs, cancels };
}

const LOST_CANCELS = [
	[1, 'lost'],
	[1, 'fails'],
	[1, 'notRunning'],
	[1, 'ignored'],
] as const;

function planOthersJob(dice: Dice): Timeline {
	return dice.chance(0.8)
		? timelines.succeedsAfter(dice.between(10, 60), { rows: dice.between(0, 1_000_000) })
		: timelines.failsAfter(dice.between(10, 60));
}

export type Victim = 'main' | 'worker 0' | 'worker 1' | 'Redis' | 'PostgreSQL';

export interface PlannedKill {
	victim: Victim;
	/** Seconds between the moment when all was up again and this kill. */
	after: number;
	/** Seconds until it is started again. */
	down: number;
}

/** A round has each kind of process once. */
export function planKillRound(dice: Dice): PlannedKill[] {
	const worker: Victim = dice.chance(0.5) ? 'worker 0' : 'worker 1';
	return dice
		.shuffled<Victim>(['main', worker, 'Redis', 'PostgreSQL'])
		.map((victim) => ({ victim, after: dice.between(5, 20), down: planDowntime(dice, victim) }));
}

/** Without Redis n8n ends itself after ten seconds, which happens now and then. */
function planDowntime(dice: Dice, victim: Victim): number {
	return victim === 'Redis' && dice.chance(0.25) ? 13 : dice.between(0, 4);
}
