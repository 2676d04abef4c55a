/** Random worlds for a run to live in. */
import fc from 'fast-check';

import type { JobType } from '../../../nodes/airbyte/job';
import type { Order } from '../../../nodes/airbyte/syncRun';
import type { FaultName } from './faults.cts';
import { FAULTS } from './faults.cts';
import type { CallPlan, World } from './live.cts';
import { CALM } from './live.cts';
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

const word = fc.constantFrom('pending', 'queued', 'running', 'incomplete', 'paused', '');

const plan: fc.Arbitrary<JobPlan> = fc.record(
	{
		phases: fc.array(fc.tuple(word, span(0, 400, 5 * SECOND, MINUTE, 10 * MINUTE, 3 * HOUR)), {
			maxLength: 3,
		}),
		end: fc.constantFrom('succeeded', 'succeeded', 'failed', 'cancelled'),
	},
	{ requiredKeys: ['phases'] },
);

const jobType = fc.constantFrom<JobType>('sync', 'sync', 'sync', 'reset', 'clear');

const others: fc.Arbitrary<OthersJob> = fc.record({
	at: span(0, 30, 90, 200, SECOND, 20 * SECOND, MINUTE, 5 * MINUTE, HOUR),
	jobType,
	plan,
});

/** Few looks even at long waits, so that there is time for many worlds. */
const waiting = fc
	.record({
		waitSeconds: fc.constantFrom(1, 3, 30, 600, 3_600),
		timeout: fc.constantFrom(1, 2, 10, 30, 60, 300, 1_000, 3_600, 20_000),
		adaptivePolling: fc.boolean(),
		parks: fc.constant(false),
	})
	.map((order) => ({ ...order, waitSeconds: Math.max(order.waitSeconds, order.timeout / 40) }));

const mostlyTrue = fc.constantFrom(true, true, true, false);

const startOrder: fc.Arbitrary<Order> = fc
	.tuple(
		waiting,
		fc.record({
			jobType,
			onActiveJob: fc.constantFrom('attach' as const, 'attach' as const, 'fail' as const),
			until: fc.constantFrom('ended' as const, 'ended' as const, 'started' as const),
			cancelOnStop: mostlyTrue,
			cancelOnTimeout: mostlyTrue,
		}),
	)
	.map(([wait, rest]): Order => ({ ...wait, ...rest, kind: 'start', connectionId: CONNECTION_ID }));

const followOrder: fc.Arbitrary<Order> = fc
	.tuple(
		waiting,
		fc.constantFrom('seen' as const, 'ended' as const, 'ended' as const, 'cancelled' as const),
		// Most follow the first job of the world; one that does not exist is asked for now and then.
		fc.constantFrom(100, 100, 100, 100, 100, 100, 99),
	)
	.map(([wait, until, jobId]): Order => ({ ...wait, kind: 'follow', jobId, until }));

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
		back: fc.constantFrom(0, 1, 30, 30, 30, 30, 300, 300, 20 * SECOND, 90 * SECOND, 2 * HOUR),
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
}

function worlds(options: WorldOptions): fc.Arbitrary<World> {
	const { order, stops = false, parks = false, others: most = 0, names } = options;
	const parts = {
		order,
		connectionStatus: fc.constantFrom(...Array<string>(12).fill('active'), 'inactive'),
		namesConnection: fc.constantFrom(true, true, true, true, false),
		cancelTakes: span(0, 100, 5 * SECOND, MINUTE, 3 * MINUTE, HOUR),
		plan,
		others: fc.array(others, { maxLength: most }),
		calls: calls(options),
		rest: fc.oneof(
			{ weight: 15, arbitrary: fc.constant('none' as const) },
			{ weight: Math.min(1, options.faults), arbitrary: fc.constantFrom(...(names ?? faultNames)) },
		),
		lateBy: span(1, SECOND, 30 * SECOND, 59 * SECOND, 59_990),
		oversleep: fc.constantFrom(0, 0, 0, 1, 50, MINUTE, 2 * HOUR),
		stop: stops ? stop : fc.constant(undefined),
	};
	return fc
		.record(parts)
		.map((world) => ({ ...withFollowedJob(world), order: { ...world.order, parks } }));
}

/** A job can only be followed if there is one: the first of the others', from the beginning. */
function withFollowedJob(world: World): World {
	if (world.order.kind !== 'follow') return world;
	const first = { at: 0, jobType: world.others[0]?.jobType ?? 'sync', plan: world.plan };
	return { ...world, others: [first, ...world.others] };
}

const start = { order: startOrder };
const follow = { order: followOrder };
const passing = { faults: 5, names: passingFaults };

/** Kinds of worlds, and how many of each the tests live in. */
export const kinds: Array<[what: string, runs: number, worlds: fc.Arbitrary<World>]> = [
	['a calm Airbyte', 8_000, worlds({ ...start, faults: 0 })],
	['faults that pass', 18_000, worlds({ ...start, ...passing })],
	['faults of all kinds', 12_000, worlds({ ...start, faults: 4 })],
	["others' jobs on the connection", 16_000, worlds({ ...start, faults: 3, others: 4 })],
	['a stop', 16_000, worlds({ ...start, faults: 3, others: 1, stops: true })],
	[
		'restarts in the middle of a call',
		12_000,
		worlds({ ...start, faults: 3, others: 1, dies: true }),
	],
	["a wait in n8n's database", 10_000, worlds({ ...start, faults: 3, others: 1, parks: true })],
	['a job that is followed', 12_000, worlds({ ...follow, faults: 4, others: 2, stops: true })],
];
