/** Random worlds for syncs to live in: what the jobs do, what goes wrong, and what the user asked for. */
import fc from 'fast-check';
import type { OnError } from 'n8n-workflow';

import type { RouteKey, Timeline } from '../../../simulator/index.cts';
import { timelines } from '../../../simulator/index.cts';

/** The way in which a node waits. */
export type Driver = 'synchronous' | 'deferrable';

/** One item, with a connection of its own. Times are seconds from the start of the execution. */
export interface ItemPlan {
	/** What becomes of the jobs on its connection, one after the other; the last repeats. */
	jobs: Timeline[];
	/** Jobs of others, started where none runs at that time; at 0 it runs already. */
	others: Array<{ at: number; job: Timeline }>;
	/** When somebody cancels what runs there. */
	cancelledAt?: number;
	status: 'active' | 'inactive';
}

export interface World {
	/** How it is started: by hand in the editor, or in production. */
	mode: 'manual' | 'webhook';
	items: ItemPlan[];
	/** Each call is struck by a fault at this rate. */
	faults: { seed: number; rate: number };
	/** A call that is not answered. */
	hang?: { route: RouteKey; skip: number; when: 'before' | 'after' };
	/** The share of the answers that are on their way for long. */
	slow: number;
	tokenLifetimeSeconds: number;
	role: 'user' | 'instanceAdmin';
	waitSeconds: number;
	timeout: number;
	options: {
		adaptivePolling: boolean;
		batchSize: number;
		cancelOnStop: boolean;
		cancelOnTimeout: boolean;
		onActiveJob: 'attach' | 'fail' | 'queue' | 'skip';
		failureDetails: boolean;
		minimumRows: number;
		queueTimeout: number;
		retries: number;
		retryDelay: number;
	};
	onError: OnError;
	/** `call`: while or right after Airbyte serves its n-th call. */
	stop?: { how: 'stop' | 'delete'; when: { at: number } | { call: number } };
}

/** Mostly one of a few telling values, sometimes any in between. */
function span(...values: number[]): fc.Arbitrary<number> {
	const any = fc.integer({ min: Math.min(...values), max: Math.max(...values) });
	return fc.oneof(
		{ weight: 4, arbitrary: fc.constantFrom(...values) },
		{ weight: 1, arbitrary: any },
	);
}

function sometimes<T>(share: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
	return fc.oneof(
		{ weight: 100 - share, arbitrary: fc.constant(undefined) },
		{ weight: share, arbitrary },
	);
}

const failure = fc.constantFrom(
	undefined,
	null,
	{ origin: 'source', type: 'config_error', message: 'The password is wrong', retryable: false },
	{ origin: 'destination', type: 'system_error', message: 'Out of memory', retryable: true },
);

/** How a job ends, if it does. */
const ending: fc.Arbitrary<Timeline> = fc.oneof(
	{
		weight: 5,
		arbitrary: fc
			.tuple(span(1, 10, 60, 200, 700), fc.constantFrom(0, 1, 12_480, undefined))
			.map(([seconds, rows]) => timelines.succeedsAfter(seconds, { rows })),
	},
	{
		weight: 4,
		arbitrary: fc
			.tuple(span(1, 20, 200), failure)
			.map(([seconds, why]) => timelines.failsAfter(seconds, why)),
	},
	{ weight: 1, arbitrary: span(1, 20, 200).map((seconds) => timelines.cancelledAfter(seconds)) },
	{ weight: 4, arbitrary: fc.constant(timelines.runsForever()) },
);

const job: fc.Arbitrary<Timeline> = fc
	.tuple(
		ending,
		fc.constantFrom('', '', '', 'pending', 'queued', 'incomplete', 'paused'),
		span(1, 20, 100),
		fc.constantFrom(0, 0, 0, 10, 60, 300),
	)
	.map(([end, word, seconds, cancelTakes]) => ({ ...before(word, seconds, end), cancelTakes }));

function before(word: string, seconds: number, end: Timeline): Timeline {
	if (word === '') return end;
	if (word === 'incomplete') return timelines.incompleteThen(seconds, 20, end);
	return timelines.statusThen(word, seconds, end);
}

const others = fc.array(fc.record({ at: span(0, 0, 0, 1, 30, 90, 300), job }), {
	minLength: 1,
	maxLength: 2,
});

const item: fc.Arbitrary<ItemPlan> = fc.record({
	jobs: fc.array(job, { minLength: 1, maxLength: 3 }),
	others: sometimes(33, others).map((some) => some ?? []),
	cancelledAt: sometimes(10, span(5, 50, 150, 400)),
	status: fc.constantFrom(...Array<'active'>(15).fill('active'), 'inactive' as const),
});

const mostlyTrue = fc.constantFrom(true, true, true, false);

const options = fc.record({
	adaptivePolling: fc.boolean(),
	batchSize: fc.constantFrom(10, 10, 1, 2),
	cancelOnStop: mostlyTrue,
	cancelOnTimeout: mostlyTrue,
	onActiveJob: fc.constantFrom<World['options']['onActiveJob']>(
		...(['attach', 'attach', 'fail', 'queue', 'queue', 'skip'] as const),
	),
	failureDetails: mostlyTrue,
	minimumRows: fc.constantFrom(0, 0, 0, 0, 1, 5_000),
	queueTimeout: fc.constantFrom(0, 0, 0, 5, 60),
	retries: fc.constantFrom(0, 1, 2),
	retryDelay: fc.constantFrom(0, 20, 300),
});

const hang = fc.record({
	route: fc.constantFrom<RouteKey>(
		'POST /jobs',
		'POST /jobs',
		'POST /jobs',
		'GET /jobs',
		'GET /jobs/{jobId}',
		'DELETE /jobs/{jobId}',
		'GET /connections/{connectionId}',
		'POST /applications/token',
	),
	skip: fc.constantFrom(0, 0, 0, 1, 2),
	when: fc.constantFrom('before' as const, 'after' as const),
});

const stop = fc.record({
	how: fc.constantFrom('stop' as const, 'stop' as const, 'delete' as const),
	when: fc.oneof(
		fc.record({ at: span(1, 30, 100, 300) }),
		fc.record({ call: fc.integer({ min: 1, max: 9 }) }),
	),
});

const parts = {
	mode: fc.constantFrom('manual' as const, 'webhook' as const),
	items: fc.oneof(
		{ weight: 3, arbitrary: fc.array(item, { minLength: 1, maxLength: 1 }) },
		{ weight: 2, arbitrary: fc.array(item, { minLength: 2, maxLength: 3 }) },
	),
	faults: fc.record({
		seed: fc.integer(),
		rate: fc.constantFrom(0, 0.05, 0.1, 0.2, 0.2, 0.35, 0.5),
	}),
	hang: sometimes(15, hang),
	slow: fc.constantFrom(0, 0, 0, 0.1, 0.3),
	// At once: an answer that is slow outlives the token of the next call.
	tokenLifetimeSeconds: fc.constantFrom(900, 900, 180, 15, 1),
	role: fc.constantFrom('user' as const, 'instanceAdmin' as const),
	timeout: fc.constantFrom(1, 10, 60, 300, 300, 900),
	waitSeconds: fc.constantFrom(1, 3, 20, 60, 400),
	options,
	onError: fc.constantFrom<OnError>(
		'stopWorkflow',
		'stopWorkflow',
		'continueRegularOutput',
		'continueErrorOutput',
	),
	stop: sometimes(15, stop),
};

/** Few looks even at long waits, so that there is time for many worlds. */
export const worlds: fc.Arbitrary<World> = fc
	.record(parts)
	.map((world) => ({ ...world, waitSeconds: Math.max(world.waitSeconds, world.timeout / 30) }));
