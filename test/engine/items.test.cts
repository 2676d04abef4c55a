/** Rule 7: item k in, item k out; and what becomes of the others when one fails. */
import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';

import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture, byId } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const fromItem = { connectionId: byId('={{ $json.id }}') };

function connectionsWith(...jobs: Timeline[]) {
	return jobs.map((timeline) => ({
		id: fixture.airbyte.addConnection({ jobs: timeline }).connectionId,
	}));
}

function mostAtOnce(): number {
	const jobs = fixture.airbyte.audit.startedJobs().map(({ jobId }) => fixture.airbyte.job(jobId)!);
	const moments = jobs.map((job) => job.createdAt);
	return Math.max(
		...moments.map((at) => jobs.filter((job) => job.createdAt <= at && job.updatedAt > at).length),
	);
}

test('many items: one result each, in order, paired, though they end out of order', async () => {
	const items = connectionsWith(
		timelines.succeedsAfter(300, { rows: 1 }),
		timelines.succeedsAfter(10, { rows: 2 }),
		timelines.succeedsAfter(100, { rows: 3 }),
	);
	const { items: results, outputs } = await fixture.sync('', fromItem, { items });
	expect(results.map(({ rowsSynced }) => rowsSynced)).toEqual([1, 2, 3]);
	expect(results.map(({ connectionId }) => connectionId)).toEqual(items.map(({ id }) => id));
	expect(outputs[0].map(({ pairedItem }) => pairedItem)).toEqual([
		{ item: 0 },
		{ item: 1 },
		{ item: 2 },
	]);
});

test.each([1, 4])('at most %d run side by side', async (batchSize) => {
	const items = connectionsWith(...Array.from({ length: 9 }, () => timelines.succeedsAfter(60)));
	const { items: results } = await fixture.sync(
		'',
		{ ...fromItem, options: { batchSize } },
		{ items },
	);
	expect(results).toHaveLength(9);
	expect(mostAtOnce()).toBe(batchSize);
});

test('no items in, no items out, no call', async () => {
	const { items } = await fixture.sync('', fromItem, { items: [] });
	expect(items).toEqual([]);
	expect(fixture.airbyte.audit.calls).toEqual([]);
});

test('two items of one connection: the second attaches to the job of the first', async () => {
	const [item] = connectionsWith(timelines.succeedsAfter(60));
	const { items } = await fixture.sync('', fromItem, { items: [item, item] });
	expect(items).toMatchObject([
		{ jobId: 1, status: 'succeeded', attached: false },
		{ jobId: 1, status: 'succeeded', attached: true },
	]);
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
});

describe('when an item fails', () => {
	const mixed = () =>
		connectionsWith(
			timelines.succeedsAfter(100),
			timelines.failsAfter(10),
			timelines.cancelledAfter(50),
			timelines.succeedsAfter(20),
		);

	test('the node stops: jobs that run are waited for, no further ones started, all are told', async () => {
		const { error } = await fixture.sync(
			'',
			{ ...fromItem, options: { batchSize: 2 } },
			{ items: mixed() },
		);
		expect(error?.message).toBe('Airbyte job 2 failed');
		expect(error?.description).toContain('item 0: job 1 succeeded');
		expect((error as { context?: unknown }).context).toMatchObject({ itemIndex: 1 });
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
		expect(fixture.airbyte.jobs().every((job) => job.terminal)).toBe(true);
	});

	describe.each(['synchronous', 'deferrable'])('%s: those that only wait start no job', (mode) => {
		const run = async (connectionIds: string[], options: INodeParameters) => {
			const items = connectionIds.map((id) => ({ id }));
			return mode === 'deferrable'
				? await deferred.endOf(deferred.start(connectionIds, { options }))
				: await fixture.sync('', { ...fromItem, options }, { items });
		};
		const [fails, succeeds] = [timelines.failsAfter(60), timelines.succeedsAfter(3_000)];

		test('for the end of its job', async () => {
			const { connectionId: id } = fixture.airbyte.addConnection({ jobs: [fails, succeeds] });
			const { error } = await run([id, id, id], { onActiveJob: 'queue' });
			expect(error?.message).toBe('Airbyte job 1 failed');
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		});

		test('and hold up nothing', async () => {
			const [failing, busy] = connectionsWith(fails, succeeds).map(({ id }) => id);
			fixture.airbyte.startJob(busy);
			const began = fixture.time.shared.now();
			const ended = await run([failing, busy], { onActiveJob: 'queue' });
			const at = 'at' in ended ? ended.at : fixture.time.shared.now();
			expect(at - began).toBeLessThan(100_000);
		});

		test('for room', async () => {
			const ids = connectionsWith(fails, succeeds, succeeds).map(({ id }) => id);
			const { error } = await run(ids, { maximumRunningJobs: 1 });
			expect(error?.message).toBe('Airbyte job 1 failed');
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		});
	});

	test('how many others were not begun is told, not each of them', async () => {
		const others = Array.from({ length: 300 }, () => timelines.succeedsAfter(10));
		const items = connectionsWith(timelines.failsAfter(10), ...others);
		const { error } = await fixture.sync('', { ...fromItem, options: { batchSize: 1 } }, { items });
		expect(error?.description).toContain('Of the other items: 300 not begun.');
	});

	test("'Continue' gives every item's result in order, failures with details", async () => {
		const { outputs, status } = await fixture.sync('', fromItem, {
			items: mixed(),
			onError: 'continueRegularOutput',
		});
		expect(status).toBe('success');
		const [output] = outputs;
		expect(output.map(({ json }) => json)).toMatchObject([
			{ jobId: 1, status: 'succeeded' },
			{ error: 'Airbyte job 2 failed', details: { jobId: 2, status: 'failed', jobType: 'sync' } },
			{ error: 'Airbyte job 3 was cancelled', details: { jobId: 3, status: 'cancelled' } },
			{ jobId: 4, status: 'succeeded' },
		]);
		expect(Object.keys(output[1].json).sort()).toEqual(['details', 'error', 'message']);
		expect(output.map(({ pairedItem }) => pairedItem)).toEqual(
			[0, 1, 2, 3].map((item) => ({ item })),
		);
	});

	test("'Continue (using error output)' sends failures there, with their details and their input", async () => {
		const items = mixed();
		const { outputs } = await fixture.sync('', fromItem, { items, onError: 'continueErrorOutput' });
		expect(outputs[0].map(({ json }) => json)).toMatchObject([{ jobId: 1 }, { jobId: 4 }]);
		expect(outputs[1].map(({ json }) => json)).toMatchObject([
			{ id: items[1].id, error: 'Airbyte job 2 failed', details: { jobId: 2, status: 'failed' } },
			{ id: items[2].id, error: 'Airbyte job 3 was cancelled', details: { jobId: 3 } },
		]);
	});

	/** Of what a node throws while it is to go on, n8n makes a success, with the input as its output. */
	describe.each(['continueRegularOutput', 'continueErrorOutput'] as const)('and %s', (onError) => {
		const failuresIn = (outputs: INodeExecutionData[][]) =>
			outputs[onError === 'continueErrorOutput' ? 1 : 0].filter(({ json }) => json.error);

		test('what an expression throws is the failure of its item', async () => {
			const [good, bad] = connectionsWith(timelines.succeedsAfter(5), timelines.succeedsAfter(5));
			const value = "={{ $json.isBad ? $('Nowhere').item.json.id : $json.id }}";
			const { outputs } = await fixture.sync(
				'',
				{ connectionId: byId(value) },
				{ items: [good, { ...bad, isBad: true }], onError },
			);
			expect(outputs[0][0].json).toMatchObject({ jobId: 1, status: 'succeeded' });
			const [failure, ...others] = failuresIn(outputs);
			expect(failure).toMatchObject({ pairedItem: { item: 1 } });
			expect(failure.json.error).toContain("Referenced node doesn't exist");
			expect(others).toEqual([]);
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		});

		test('a credential that cannot be had is the failure of all', async () => {
			const credential = fixture.credential();
			jest.spyOn(credential, 'getDecrypted').mockRejectedValue(new Error('The vault is sealed'));
			const items = connectionsWith(timelines.succeedsAfter(5), timelines.succeedsAfter(5));
			const { outputs } = await fixture.sync('', fromItem, { items, onError, credential });
			expect(failuresIn(outputs).map(({ json }) => json.error)).toEqual([
				'The vault is sealed',
				'The vault is sealed',
			]);
			expect(outputs.flat()).toHaveLength(2);
			expect(fixture.airbyte.audit.calls).toEqual([]);
		});
	});

	test('an unreachable Airbyte fails every item, not the workflow', async () => {
		const items = mixed();
		await fixture.airbyte.goDown();
		const { outputs } = await fixture.sync('', fromItem, { items, onError: 'continueErrorOutput' });
		expect(outputs[0]).toEqual([]);
		expect(outputs[1]).toHaveLength(4);
		await fixture.airbyte.comeUp();
	});
});
