/** New jobs after failed ones, why jobs fail, and what counts as a failure. */
import type { INodeParameters } from 'n8n-workflow';

import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const MODES = ['synchronous', 'deferrable'];
const RECORD = 'POST /api/v1/jobs/get_without_logs';

const transient = {
	origin: 'source',
	type: 'transient_error',
	message: 'The source did not answer',
	retryable: true,
};
const config = {
	origin: 'destination',
	type: 'config_error',
	message: 'Wrong password',
	retryable: false,
};

const connectionWith = (...jobs: Timeline[]) =>
	fixture.airbyte.addConnection({ jobs }).connectionId;

describe('retries', () => {
	test('a new job after a failed one, as long after it as was said', async () => {
		const connectionId = connectionWith(
			timelines.failsAfter(60, transient),
			timelines.failsAfter(60, transient),
			timelines.succeedsAfter(60, { rows: 9 }),
		);
		const { items, data } = await fixture.sync(connectionId, {
			options: { retries: 2, retryDelay: 120 },
		});
		expect(items).toMatchObject([{ jobId: 3, status: 'succeeded', attempt: 3, rowsSynced: 9 }]);
		expect(items[0]).not.toHaveProperty('failure');
		const [first, second] = fixture.airbyte.jobs();
		expect(second.createdAt - first.updatedAt).toBeGreaterThanOrEqual(120_000);
		expect(second.createdAt - first.updatedAt).toBeLessThan(126_000);
		expect(JSON.stringify(data.resultData)).toContain('after a failed job was run again: job 3');
	});

	test('no more than so many; the error tells of all', async () => {
		const connectionId = connectionWith(timelines.failsAfter(60, transient));
		const { error } = await fixture.sync(connectionId, { options: { retries: 2, retryDelay: 0 } });
		expect(error?.message).toBe('Airbyte job 3 failed');
		expect(error?.description).toContain(
			'Tried before: job 1 failed ("The source did not answer"), job 2 failed',
		);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(3);
	});

	test.each([
		['the failure is one of configuration', timelines.failsAfter(60, config)],
		['somebody cancelled the job', timelines.cancelledAfter(60)],
	])('none when %s', async (_why, jobs) => {
		const { error } = await fixture.sync(connectionWith(jobs), {
			options: { retries: 5, retryDelay: 0 },
		});
		expect(error?.message).toMatch(/^Airbyte job 1 /);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test.each([3_550, 3_590])(
		'a job that failed after %d s of 3,600, which is seen only when they are over, is tried again',
		async (seconds) => {
			const connectionId = connectionWith(
				timelines.failsAfter(seconds, transient),
				timelines.succeedsAfter(10),
			);
			const options = { retries: 1, retryDelay: 1 };
			const { items } = await fixture.sync(connectionId, { timeout: 3_600, options });
			expect(items).toMatchObject([{ jobId: 2, attempt: 2 }]);
		},
	);

	describe.each(MODES)('an item whose job failed is not skipped, %s', (mode) => {
		test.each<[string, INodeParameters, (connectionId: string) => void]>([
			[
				'because the connection was switched off before the retry',
				{ onInactive: 'skip' },
				(connectionId) => fixture.airbyte.updateConnection(connectionId, { status: 'inactive' }),
			],
			[
				'because another job runs when the retry is due',
				{ onActiveJob: 'skip' },
				(connectionId) => void fixture.airbyte.startJob(connectionId),
			],
		])('%s', async (_why, options, change) => {
			const connectionId = connectionWith(timelines.failsAfter(60), timelines.runsForever());
			const { shared } = fixture.time;
			fixture.time.at(shared.now() + 90_000, async () => change(connectionId));
			const { error } = await deferred.syncIn(mode, connectionId, {
				options: { retries: 1, retryDelay: 60, ...options },
			});
			expect(error?.description).toContain('job 1 failed');
		});
	});

	test('none when the time was over', async () => {
		const { error } = await fixture.sync(connectionWith(timelines.runsForever()), {
			timeout: 60,
			options: { retries: 5, retryDelay: 0 },
		});
		expect(error?.message).toContain('was cancelled');
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('each job has the whole timeout', async () => {
		const connectionId = connectionWith(
			timelines.failsAfter(90, transient),
			timelines.succeedsAfter(90),
		);
		const { items } = await fixture.sync(connectionId, {
			timeout: 100,
			options: { retries: 1, retryDelay: 50 },
		});
		expect(items[0]).toMatchObject({ jobId: 2, status: 'succeeded' });
	});

	describe.each(MODES)('where Airbyte does not tell at once why a job failed, %s', (mode) => {
		const parameters = { options: { retries: 1, retryDelay: 0 } };
		const failing = (status: number, times: number) => {
			fixture.airbyte.faults.add({ route: RECORD, kind: 'status', status, times });
			return connectionWith(timelines.failsAfter(60, config), timelines.succeedsAfter(9));
		};

		test('it is asked again, as a wrong configuration is not tried again', async () => {
			const { error } = await deferred.syncIn(mode, failing(503, 2), parameters);
			expect(error?.description).toContain('Wrong password');
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		});

		test('it is not asked for long', async () => {
			const { items } = await deferred.syncIn(mode, failing(503, Infinity), parameters);
			expect(items[0]).toMatchObject({ jobId: 2, attempt: 2 });
			expect(fixture.airbyte.audit.count(RECORD)).toBeLessThan(10);
		});

		test('it is not asked again where it refuses to tell', async () => {
			const { items } = await deferred.syncIn(mode, failing(403, Infinity), parameters);
			expect(items[0]).toMatchObject({ jobId: 2, attempt: 2 });
			// The lookout asks, and then the resume webhook.
			expect(fixture.airbyte.audit.count(RECORD)).toBe(mode === 'deferrable' ? 2 : 1);
		});
	});

	test('a failure that Airbyte does not explain is tried again', async () => {
		const connectionId = connectionWith(timelines.failsAfter(60, null), timelines.succeedsAfter(9));
		const { items } = await fixture.sync(connectionId, { options: { retries: 1 } });
		expect(items[0]).toMatchObject({ jobId: 2, attempt: 2 });
	});

	test('a job that somebody else started meanwhile is attached to', async () => {
		const connectionId = connectionWith(
			timelines.failsAfter(60, transient),
			timelines.succeedsAfter(300),
		);
		fixture.time.at(fixture.time.shared.now() + 90_000, async () => {
			fixture.airbyte.startJob(connectionId);
		});
		const { items } = await fixture.sync(connectionId, {
			options: { retries: 1, retryDelay: 60 },
		});
		expect(items[0]).toMatchObject({ jobId: 2, status: 'succeeded', attached: true, attempt: 2 });
	});

	test('two items of one connection that both fail start their next jobs one after the other', async () => {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: [timelines.failsAfter(60, transient), timelines.succeedsAfter(60)],
		});
		const { items } = await fixture.sync(
			connectionId,
			{ options: { retries: 1, retryDelay: 30 } },
			{ items: [{}, {}] },
		);
		expect(items).toMatchObject([
			{ jobId: 2, attempt: 2, attached: false },
			{ jobId: 2, attempt: 2, attached: true },
		]);
		expect(fixture.airbyte.jobs()).toHaveLength(2);
	});
});

describe('minimum rows', () => {
	const options = { options: { minimumRows: 10 } };

	test('so is one of which Airbyte tells no rows', async () => {
		fixture.airbyte.settings.version = '2.0.0';
		const connectionId = connectionWith({ ...timelines.succeedsAfter(60), rows: undefined });
		const { error } = await fixture.sync(connectionId, options);
		expect(error?.description).toContain('reported no row count');
	});

	test('just enough is enough', async () => {
		const connectionId = connectionWith(timelines.succeedsAfter(60, { rows: 10 }));
		const { items } = await fixture.sync(connectionId, options);
		expect(items[0]).toMatchObject({ rowsSynced: 10 });
	});

	test('a reset moves no rows', async () => {
		const connectionId = connectionWith(timelines.succeedsAfter(60, { rows: 0 }));
		const { status } = await fixture.sync(connectionId, { ...options, jobType: 'reset' });
		expect(status).toBe('success');
	});

	test.each(MODES)('is tried again, with retries, in %s mode', async (mode) => {
		const connectionId = connectionWith(
			timelines.succeedsAfter(60, { rows: 0 }),
			timelines.succeedsAfter(60, { rows: 10 }),
		);
		const { items } = await deferred.syncIn(mode, connectionId, {
			options: { minimumRows: 10, retries: 1, retryDelay: 1 },
		});
		expect(items[0]).toMatchObject({ jobId: 2, attempt: 2 });
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
	});

	test('holds for a job that is waited for by its id', async () => {
		const connectionId = connectionWith(timelines.succeedsAfter(60, { rows: 0 }));
		fixture.airbyte.startJob(connectionId);
		const { error } = await fixture.jobStatus({ operation: 'wait', jobId: '1', ...options });
		expect(error?.message).toBe('Airbyte job 1 succeeded with fewer than 10 rows');
	});
});

describe('queue timeout', () => {
	const options = { options: { queueTimeout: 120 } };

	describe.each(MODES)('in %s mode', (mode) => {
		test.each(['pending', 'queued'])('a job that stays %s is cancelled', async (word) => {
			const connectionId = connectionWith(
				timelines.statusThen(word, 600, timelines.succeedsAfter(60)),
			);
			fixture.airbyte.settings.cancelsPendingJobs = true;
			const { error } = await deferred.syncIn(mode, connectionId, options);
			expect(error?.message).toBe(
				'Airbyte had no capacity for job 1 within 120 seconds, and it was cancelled',
			);
			const { status, createdAt, updatedAt } = fixture.airbyte.job(1)!;
			expect(status).toBe('cancelled');
			expect(updatedAt - createdAt).toBeLessThan(130_000);
		});

		test('one that got going in time has the whole timeout', async () => {
			const connectionId = connectionWith(timelines.queuedThen(110, timelines.succeedsAfter(600)));
			const { items } = await deferred.syncIn(mode, connectionId, options);
			expect(items[0]).toMatchObject({ status: 'succeeded' });
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		});
	});

	test('one that gets going at the last moment is not cancelled', async () => {
		const connectionId = connectionWith(timelines.queuedThen(119, timelines.succeedsAfter(60)));
		const parameters = { waitSeconds: 60, ...options };
		const { items } = await fixture.sync(connectionId, parameters);
		expect(items[0]).toMatchObject({ status: 'succeeded' });
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});

	test('waiting for capacity again between two attempts is no reason', async () => {
		const connectionId = connectionWith(
			timelines.incompleteThen(30, 30, timelines.queuedThen(600, timelines.succeedsAfter(60))),
		);
		const { items } = await fixture.sync(connectionId, options);
		expect(items[0]).toMatchObject({ status: 'succeeded' });
	});

	test('a job that is only followed is left alone', async () => {
		const connectionId = connectionWith(timelines.queuedThen(600, timelines.succeedsAfter(60)));
		fixture.airbyte.startJob(connectionId);
		const { error } = await fixture.jobStatus({ operation: 'wait', jobId: '1', ...options });
		expect(error?.message).toBe(
			'Airbyte had no capacity for job 1 within 120 seconds, and it may still start',
		);
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});
});

describe('failure details', () => {
	test('are in the error and in the details of a failed item', async () => {
		const connectionId = connectionWith(timelines.failsAfter(60, config));
		const { error } = await fixture.sync(connectionId);
		expect(error?.description).toContain(
			'failed in the destination (config_error): "Wrong password". Check the settings',
		);
		const { items } = await fixture.sync(connectionId, {}, { onError: 'continueRegularOutput' });
		expect(items[0].details).toMatchObject({ failure: config });
	});

	test('of a job that is only looked at are in its output', async () => {
		const connectionId = connectionWith(timelines.failsAfter(60, config));
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(61_000);
		const { items } = await fixture.jobStatus({ operation: 'get', jobId: '1' });
		expect(items[0]).toMatchObject({ status: 'failed', failure: config });
	});

	test.each([
		['refuses', { kind: 'status', status: 403 }],
		['is away', { kind: 'status', status: 503 }],
		['answers with a page', { kind: 'html', status: 200 }],
		['breaks the connection', { kind: 'reset' }],
	] as const)('never change the result: Airbyte %s', async (_how, fault) => {
		fixture.airbyte.faults.add({ route: RECORD, when: 'before', times: 50, ...fault });
		const { error } = await fixture.sync(connectionWith(timelines.failsAfter(60, config)));
		expect(error?.message).toBe('Airbyte job 1 failed');
		expect(fixture.airbyte.audit.count(RECORD)).toBe(1);
	});

	test('hold no secret that Airbyte echoes', async () => {
		const echo = { ...config, message: 'Could not use client-secret at the source' };
		const { error } = await fixture.sync(connectionWith(timelines.failsAfter(60, echo)));
		expect(error?.description).toContain('Could not use *** at the source');
	});
});
