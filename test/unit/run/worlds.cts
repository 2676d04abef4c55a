/** Random worlds for a run to live in. */
import fc from 'fast-check';

import type { JobFailure, JobType } from '../../../nodes/airbyte/api/job';
import { dropUndefined } from '../../../nodes/airbyte/api/read';
import type { ActiveJobPolicy, Order } from '../../../nodes/airbyte/run/order';
import type { FaultName } from './faults.cts';
import { FAULTS } from './faults.cts';
import type { CallPlan, World } from './live.cts';
import { CALM, START } from './live.cts';
import type { JobPlan, OthersJob } from './model.cts';
import { CONNECTION_ID } from './model.cts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const faultNames = Object.keys(FAULTS) as FaultName[];
const passingFaults = faultNames.filter(
	(name) => !['signIn', 'forbidden', 'notFound', 'refused'].includes(name),
);

/** Mostly one of a few telling values, sometimes any in between. */
function span(...values: number[]): fc.Arbitrary<number> {
	const any = fc.integer({ min: 0, max: Math.max(...values) });
	return fc.oneof(
		{ weight: 4, arbitrary: fc.constantFrom(...values) },
		{ weight: 1, arbitrary: any },
	);
}

const anyWord = fc.constantFrom('pending', 'queued', 'running', 'incomplete', 'paused', '');
const mostlyQueued = fc.constantFrom('pending', 'queued', 'queued', 'running');

const failure: fc.Arbitrary<JobFailure | undefined> = fc
	.constantFrom(
		...['system_error', 'system_error', 'system_error', 'transient_error', 'transient_error'],
		...['config_error', 'manual_cancellation', undefined, undefined],
	)
	.map((type) => (type === undefined ? undefined : { type, origin: 'source' }));

type End = NonNullable<JobPlan['end']>;

/** How jobs end; without a word of it they run for ever. */
const anyEnd = fc.constantFrom<Array<End | undefined>>(
	...(['succeeded', 'succeeded', 'failed', 'cancelled', undefined] as const),
);
const mostlyAnEnd = fc.constantFrom<Array<End | undefined>>(
	...(['succeeded', 'succeeded', 'failed', 'failed', 'cancelled'] as const),
);
const mostlyBadEnd = fc.constantFrom<Array<End | undefined>>(
	...(['failed', 'failed', 'failed', 'failed', 'failed', 'succeeded', 'succeeded'] as const),
	...(['succeeded', 'cancelled', undefined] as const),
);

function plan(end: fc.Arbitrary<End | undefined>, word = anyWord): fc.Arbitrary<JobPlan> {
	const phase = fc.tuple(word, span(0, 400, 5 * SECOND, MINUTE, 10 * MINUTE, 3 * HOUR));
	const parts = {
		phases: fc.array(phase, { maxLength: 3 }),
		end,
		rows: fc.constantFrom(0, 5, 500, 5_000, undefined),
		rejected: fc.constantFrom(0, 0, 0, 5, 500, undefined),
		failure,
	};
	return fc.record(parts).map((record) => dropUndefined<JobPlan>(record));
}

const jobType = fc.constantFrom<JobType>('sync', 'sync', 'sync', 'clear', 'clear');
const othersType = fc.constantFrom<OthersJob['jobType']>(
	...(['sync', 'sync', 'sync', 'reset', 'clear', 'refresh'] as const),
);

/** Now and then nothing is behind the record of one that began long before the run. */
const others: fc.Arbitrary<OthersJob> = fc
	.record({
		at: span(0, 30, 90, 200, SECOND, 20 * SECOND, MINUTE, 5 * MINUTE, HOUR),
		jobType: othersType,
		plan: plan(anyEnd),
		age: fc.constantFrom(0, 0, 0, SECOND, 59 * SECOND, 61 * SECOND, HOUR),
		isDead: fc.constantFrom(false, false, false, false, true),
	})
	.map(({ at, age, isDead, ...job }) => ({
		...job,
		at: age > 0 ? -age : at,
		plan: isDead && age > MINUTE ? { ...job.plan, isDead } : job.plan,
	}));

const mostlyTrue = fc.constantFrom(true, true, true, false);

/** What an order may ask for beside a job; the first of each is what it does without being asked. */
interface OrderOptions {
	jobType?: JobType[];
	onActiveJob?: ActiveJobPolicy[];
	maximumRunningJobs?: number[];
	skipIfSyncedWithin?: number[];
	retries?: number[];
	minimumRows?: number[];
	maximumRejectedRows?: Array<number | undefined>;
	queueTimeout?: number[];
	until?: Array<'started' | 'ended'>;
	timeout?: number[];
}

const timeouts = [1, 2, 10, 30, 60, 300, 1_000, 3_600, 20_000];

/** Few looks even at long waits, so that there is time for many worlds. */
function waiting(options: OrderOptions) {
	const { minimumRows = [0], maximumRejectedRows = [undefined] } = options;
	const { queueTimeout = [0], timeout = timeouts } = options;
	return fc
		.record({
			waitSeconds: fc.constantFrom(1, 3, 30, 600, 3_600),
			timeout: fc.constantFrom(...timeout),
			adaptivePolling: fc.boolean(),
			minimumRows: fc.constantFrom(...minimumRows),
			queueTimeout: fc.constantFrom(...queueTimeout),
			maximumRejectedRows: fc.constantFrom(...maximumRejectedRows),
			failureDetails: mostlyTrue,
			logLines: fc.constantFrom(0, 0, 20),
			includeStreams: fc.constantFrom(false, false, true),
			simplify: fc.constant(false),
			parks: fc.constant(false),
		})
		.map((order) => ({ ...order, waitSeconds: Math.max(order.waitSeconds, order.timeout / 40) }));
}

function startOrder(options: OrderOptions = {}): fc.Arbitrary<Order> {
	const { onActiveJob = ['attach', 'attach', 'fail'], retries = [0] } = options;
	const { until = ['ended', 'ended', 'started'] } = options;
	const asked = fc.record({
		jobType: options.jobType ? fc.constantFrom(...options.jobType) : jobType,
		onActiveJob: fc.constantFrom(...onActiveJob),
		onInactive: fc.constant('fail' as const),
		maximumRunningJobs: options.maximumRunningJobs
			? fc.constantFrom(...options.maximumRunningJobs)
			: fc.constant(0),
		skipIfSyncedWithin: fc.constantFrom(...(options.skipIfSyncedWithin ?? [0])),
		until: fc.constantFrom(...until),
		cancelOnStop: mostlyTrue,
		cancelOnTimeout: mostlyTrue,
		retries: fc.constantFrom(...retries),
		retryDelay: fc.constantFrom(0, 1, 30, 300, 3_600),
	});
	return fc.tuple(waiting(options), asked).map(([wait, rest]): Order => ({
		...wait,
		...rest,
		kind: 'start',
		connectionId: CONNECTION_ID,
	}));
}

function followOrder(options: OrderOptions = {}): fc.Arbitrary<Order> {
	return fc
		.tuple(
			waiting(options),
			fc.constantFrom('seen' as const, 'ended' as const, 'ended' as const, 'cancelled' as const),
			// Most follow the first job of the world; one that does not exist is asked for now and then.
			fc.constantFrom(100, 100, 100, 100, 100, 100, 99),
		)
		.map(([wait, until, jobId]): Order => ({ ...wait, kind: 'follow', jobId, until }));
}

function awaitOrder(options: OrderOptions = {}): fc.Arbitrary<Order> {
	const after = span(0, SECOND, MINUTE, HOUR, 3 * HOUR).map((ago) => START + HOUR - ago);
	const time = fc.oneof(
		fc.constant({ after: START, sinceStart: true }),
		after.map((moment) => ({ after: moment })),
	);
	return fc
		.tuple(waiting(options), time, fc.boolean())
		.map(([wait, moment, failOnFailure]): Order => ({
			...wait,
			kind: 'await',
			connectionId: CONNECTION_ID,
			...moment,
			failOnFailure,
			until: 'ended',
		}));
}

interface CallOptions {
	/** Share of the calls that go wrong, 0 to 10. */
	faults: number;
	names?: FaultName[];
	dies?: boolean;
}

function calls({
	faults,
	names = faultNames,
	dies = false,
}: CallOptions): fc.Arbitrary<CallPlan[]> {
	const fault: fc.Arbitrary<CallPlan['fault']> = fc.oneof(
		{ weight: 10 - faults, arbitrary: fc.constant('none' as const) },
		{ weight: faults, arbitrary: fc.constantFrom(...names) },
	);
	const call = fc.record({
		fault,
		there: fc.constantFrom(0, 1, 30, 30, 30, 300, 300, 20 * SECOND),
		back: fc.constantFrom(
			...[0, 1, 30, 30, 30, 30, 300, 300],
			...[3, 6, 20, 30, 30, 90, 7_200].map((s) => s * SECOND),
		),
		pause: fc.constantFrom(...Array<number>(16).fill(0), 5, SECOND, MINUTE, 3 * HOUR),
		...(dies ? { dies: fc.constantFrom(false, false, true) } : {}),
	});
	// Most worlds begin well, so that the trouble comes at all stages.
	return fc
		.tuple(fc.integer({ min: 0, max: 4 }), fc.array(call, { maxLength: 12 }))
		.map(([calm, rest]) => [...Array<CallPlan>(calm).fill(CALM), ...rest]);
}

const stop = fc.oneof(
	fc.record({ inCall: fc.integer({ min: 0, max: 8 }) }),
	fc.record({ after: span(0, 100, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR) }),
);

interface WorldOptions extends CallOptions {
	order: fc.Arbitrary<Order>;
	stops?: boolean;
	/** Whether the runs wait in n8n's database. */
	parks?: boolean;
	/** How many jobs of others there are at most. */
	others?: number;
	/** Whether one of them runs from the beginning. */
	isBusy?: boolean;
	plan?: fc.Arbitrary<JobPlan>;
	/** Whether somebody may disable the connection while the run lives. */
	isDisabled?: boolean;
	/** Whether jobs may run on other connections of the workspace. */
	isCrowded?: boolean;
	/** Whether the destination may be unable to refresh. */
	mayRefuse?: boolean;
	/** Whether Airbyte may run something else first than what it is asked for. */
	isOther?: boolean;
	/** What happens to all calls after the first few. */
	rest?: fc.Arbitrary<World['rest']>;
	/** When jobs come that their submission's answer told nothing of. */
	lateBy?: fc.Arbitrary<number>;
}

const never = fc.constant(undefined);

type Instead = World['instead'];
const nothing = fc.constant<Instead>([]);
const instead = fc.oneof(
	fc.constantFrom<Instead[]>([], ['reset'], ['refresh'], ['reset', 'refresh']),
	fc.integer({ min: 2, max: 5 }).map((length) => Array<'reset'>(length).fill('reset')),
);

const elsewhere = fc.record({
	jobs: fc.constantFrom(1, 2, 3, 5),
	until: span(0, SECOND, MINUTE, 10 * MINUTE, HOUR, 10 * HOUR),
});

/** Within the minute for which the job of an unclear submission is searched for, and after it. */
const inTime = span(1, SECOND, 30 * SECOND, 59 * SECOND, 59_990);
const tooLate = span(30 * SECOND, 61 * SECOND, 70 * SECOND, 150 * SECOND, 10 * MINUTE);

function worlds(options: WorldOptions): fc.Arbitrary<World> {
	const { order, stops = false, parks = false, others: most = 0, isBusy = false, names } = options;
	const parts = {
		order,
		inactiveAt: options.isDisabled
			? fc.oneof(never, span(50, 100, 200, SECOND, MINUTE, 10 * MINUTE, HOUR))
			: fc.constantFrom(...Array<undefined>(12).fill(undefined), 0),
		namesConnection: fc.constantFrom(true, true, true, true, false),
		listsRows: fc.boolean(),
		cancelTakes: span(0, 100, 5 * SECOND, MINUTE, 3 * MINUTE, HOUR),
		handsOutPendingJobs: fc.boolean(),
		lostCancels: fc.constantFrom(0, 0, 0, 1, 2),
		cancelEnds: fc.constantFrom('cancelled' as const, 'cancelled' as const, 'failed' as const),
		instead: options.isOther ? instead : nothing,
		elsewhere: options.isCrowded ? elsewhere : fc.constant({ jobs: 0, until: 0 }),
		refreshes: options.mayRefuse ? mostlyTrue : fc.constant(true),
		plans: fc.array(options.plan ?? plan(anyEnd), { minLength: 1, maxLength: 3 }),
		first: others,
		others: fc.array(others, { maxLength: most }),
		calls: calls(options),
		rest:
			options.rest ??
			fc.oneof(
				{ weight: 15, arbitrary: fc.constant('none' as const) },
				{
					weight: Math.min(1, options.faults),
					arbitrary: fc.constantFrom(...(names ?? faultNames)),
				},
			),
		lateBy: options.lateBy ?? inTime,
		oversleep: fc.constantFrom(0, 0, 0, 1, 50, MINUTE, 2 * HOUR),
		stop: stops ? stop : never,
	};
	return fc.record(parts).map(({ first, ...world }): World => {
		const runs = world.order.kind === 'follow' ? { ...first, plan: world.plans[0] } : first;
		// A job can only be followed if there is one, and it is the first.
		const isFollowed = world.order.kind === 'follow';
		const later = world.others.map((job) => (isFollowed ? { ...job, at: Math.abs(job.at) } : job));
		const there = isFollowed ? 0 : Math.min(runs.at, 0);
		const jobs = isBusy || isFollowed ? [{ ...runs, at: there }, ...later] : later;
		return { ...world, others: jobs, order: { ...world.order, parks } };
	});
}

/** Long enough for jobs to end. */
const longTimeouts = [10, 300, 1_000, 3_600, 20_000, 20_000];

const start = { order: startOrder() };
const follow = {
	order: followOrder({
		queueTimeout: [0, 0, 0, 30],
		minimumRows: [0, 0, 0, 500],
		maximumRejectedRows: [undefined, undefined, 10],
	}),
};
const awaited = {
	order: awaitOrder({ timeout: longTimeouts }),
	others: 4,
	stops: true,
	isDisabled: true,
};
const passing = { faults: 5, names: passingFaults };
const queues = {
	order: startOrder({ onActiveJob: ['queue', 'queue', 'queue', 'skip'], timeout: longTimeouts }),
};
const replaces = {
	order: startOrder({ onActiveJob: ['replace'], timeout: longTimeouts, retries: [0, 0, 1] }),
};
const limited = {
	order: startOrder({
		onActiveJob: ['attach', 'queue'],
		maximumRunningJobs: [1, 2, 3, 4],
		timeout: longTimeouts,
		retries: [0, 0, 1],
	}),
	isCrowded: true,
};
const refreshes = {
	order: startOrder({
		jobType: ['refresh'],
		onActiveJob: ['attach', 'queue', 'replace'],
		timeout: longTimeouts,
		retries: [0, 0, 2],
	}),
	plan: plan(mostlyAnEnd),
};
const resets = {
	order: startOrder({ onActiveJob: ['attach', 'queue'], timeout: longTimeouts, jobType: ['sync'] }),
	plan: plan(mostlyAnEnd),
};
const retries = {
	order: startOrder({
		retries: [1, 2, 3],
		minimumRows: [0, 1, 500, 5_000],
		maximumRejectedRows: [undefined, undefined, 0, 10],
		until: ['ended'],
		timeout: longTimeouts,
	}),
	plan: plan(mostlyBadEnd),
};
const parked = {
	order: startOrder({
		onActiveJob: ['attach', 'queue', 'queue'],
		retries: [0, 1, 2],
		until: ['ended'],
		timeout: [...timeouts, ...longTimeouts],
	}),
	plan: plan(mostlyBadEnd),
	parks: true,
};
const queueTimes = {
	order: startOrder({ queueTimeout: [1, 10, 60, 300, 3_600] }),
	plan: plan(anyEnd, mostlyQueued),
};
const everything = {
	isCrowded: true,
	order: startOrder({
		maximumRunningJobs: [0, 0, 0, 1, 3],
		skipIfSyncedWithin: [0, 0, 60, 3_600, 100_000],
		onActiveJob: ['attach', 'fail', 'queue', 'replace', 'skip'],
		retries: [0, 1, 2, 2],
		minimumRows: [0, 0, 500],
		maximumRejectedRows: [undefined, undefined, 0, 10],
		queueTimeout: [0, 0, 10, 300],
		until: ['ended', 'ended', 'ended', 'started'],
		timeout: [...timeouts, ...longTimeouts],
	}),
	plan: plan(mostlyBadEnd, fc.oneof(anyWord, mostlyQueued)),
};

const anything = { faults: 3, others: 2, stops: true, isOther: true };
const lateFaults: FaultName[] = [
	'lostAndLate',
	'brokenAndLate',
	'conflictAndLate',
	'conflictBefore',
	'conflictBefore',
];

/** Now and then Airbyte never starts anything. */
const noStart = fc.constantFrom<World['rest'][]>('none', 'none', 'startRaceBefore');

/** Kinds of worlds, and how many of each the tests live in. */
export const kinds: Array<[what: string, runs: number, worlds: fc.Arbitrary<World>]> = [
	['a calm Airbyte', 1_000, worlds({ ...start, faults: 0 })],
	['faults that pass', 2_500, worlds({ ...start, ...passing })],
	['faults of all kinds', 2_000, worlds({ ...start, faults: 4 })],
	["others' jobs on the connection", 3_000, worlds({ ...start, faults: 3, others: 4 })],
	['a stop', 2_500, worlds({ ...start, faults: 3, others: 1, stops: true })],
	[
		'other types than the one asked for',
		2_500,
		worlds({ ...resets, faults: 1, others: 1, isOther: true }),
	],
	[
		'jobs that come after the search for them',
		2_500,
		worlds({
			...resets,
			faults: 8,
			names: lateFaults,
			lateBy: tooLate,
			rest: noStart,
			stops: true,
		}),
	],
	["a wait in n8n's database", 2_500, worlds({ ...parked, faults: 2, others: 2, isBusy: true })],
	["looks in n8n's database that fail", 1_500, worlds({ ...parked, ...passing, others: 1 })],
	['a job that is followed', 2_000, worlds({ ...follow, faults: 4, others: 2, stops: true })],
	['a sync of others that is waited for', 1_500, worlds({ ...awaited, faults: 3 })],
	[
		"a sync of others that is waited for in n8n's database",
		1_500,
		worlds({ ...awaited, faults: 2, dies: true, parks: true }),
	],
	[
		"a wait for others' jobs",
		2_500,
		worlds({ ...queues, faults: 3, others: 3, isBusy: true, stops: true }),
	],
	[
		'a refresh',
		2_000,
		worlds({ ...refreshes, mayRefuse: true, faults: 3, others: 2, stops: true }),
	],
	['a full workspace', 1_500, worlds({ ...limited, faults: 3, others: 2, stops: true })],
	[
		"a full workspace, waited for in n8n's database",
		1_500,
		worlds({ ...limited, faults: 2, others: 2, dies: true, parks: true }),
	],
	[
		"others' jobs that give way",
		2_500,
		worlds({ ...replaces, faults: 3, others: 6, isBusy: true, stops: true }),
	],
	['new jobs after failed ones', 2_500, worlds({ ...retries, faults: 2, others: 1 })],
	['a time in the queue', 2_000, worlds({ ...queueTimes, faults: 2, stops: true })],
	[
		'a connection that is disabled',
		1_500,
		worlds({ ...everything, faults: 2, others: 1, isDisabled: true }),
	],
	['everything at once', 2_500, worlds({ ...everything, ...anything, isDisabled: true })],
	[
		"everything in n8n's database",
		2_500,
		worlds({ ...everything, ...anything, dies: true, parks: true }),
	],
	[
		'looks that Airbyte refuses for good',
		500,
		worlds({ order: startOrder({ until: ['ended'] }), faults: 3, names: ['refused'] }),
	],
];
