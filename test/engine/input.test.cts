import type { IDataObject, INodeParameters } from 'n8n-workflow';

import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Fixture, byId } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const ID = '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f';

type Row = [parameters: INodeParameters, message: RegExp];

/** Mostly by expressions, which the editor's own checks do not see. */
const refusedForSync: Row[] = [
	[{ connectionId: byId('={{ "" }}') }, /^'Connection' is empty$/],
	[{ connectionId: byId('={{ "  " }}') }, /^'Connection' is empty$/],
	[{ connectionId: byId('={{ "Shop → Lake" }}') }, /^'Connection' is not .*Shop → Lake/],
	[{ connectionId: byId(`={{ "${ID.slice(1)}" }}`) }, /^'Connection' is not/],
	[{ connectionId: byId(`={{ "${ID}/../x" }}`) }, /^'Connection' is not/],
	[{ connectionId: byId('={{ 4711 }}') }, /^'Connection' is not .*4711/],
	[{ connectionId: byId('={{ {} }}') }, /^'Connection' is not/],
	[{ mode: 'synchronised' }, /^'Mode' cannot be "synchronised"$/],
	[{ mode: '={{ [1] }}' }, /^'Mode' cannot be/],
	[{ jobType: 'normalise' }, /^'Job Type' cannot be "normalise"$/],
	[
		{ options: { maximumRunningJobs: 0.5 } },
		/^'Maximum Running Jobs' must be a whole number, not "0.5"$/,
	],
	[{ waitSeconds: 0 }, /^'Wait Seconds' must be between 1 and 3600, not "0"$/],
	[{ waitSeconds: -3 }, /^'Wait Seconds' must be between/],
	[{ waitSeconds: 3_601 }, /^'Wait Seconds' must be between/],
	[{ waitSeconds: '={{ "three" }}' }, /^'Wait Seconds' must be a number, not "three"$/],
	[{ waitSeconds: '={{ "5s" }}' }, /^'Wait Seconds' must be a number/],
	[{ waitSeconds: '={{ NaN }}' }, /^'Wait Seconds' must be a number/],
	[{ waitSeconds: '={{ [5] }}' }, /^'Wait Seconds' must be a number/],
	[{ waitSeconds: '={{ true }}' }, /^'Wait Seconds' must be a number/],
	[{ timeout: 0 }, /^'Timeout' must be between/],
	[{ timeout: -1 }, /^'Timeout' must be between/],
	[{ timeout: 2_592_001 }, /^'Timeout' must be between/],
	[{ timeout: '={{ Infinity }}' }, /^'Timeout' must be/],
	[{ timeout: '={{ "1 hour" }}' }, /^'Timeout' must be a number, not "1 hour"$/],
	[{ options: { onActiveJob: 'wait' } }, /^'If a Job Is Already Running' cannot be "wait"$/],
	[{ options: { cancelOnStop: '={{ "yes" }}' } }, /^'Cancel On Stop' must be true or false/],
	[{ options: { cancelOnTimeout: '={{ 1 }}' } }, /^'Cancel On Timeout' must be true/],
	[{ options: { adaptivePolling: '={{ "no" }}' } }, /^'Adaptive Polling' must be true/],
	[{ options: { apiVersion: '1' } }, /^'API Version' is not a version/],
	[{ options: { apiVersion: 'v1/../admin' } }, /^'API Version' is not a version/],
	[{ options: { batchSize: 0 } }, /^'Batch Size' must be between 1 and 100/],
	[{ options: { batchSize: 101 } }, /^'Batch Size' must be between 1 and 100/],
	[{ options: { batchSize: 2.5 } }, /^'Batch Size' must be a whole number/],
	[{ options: { batchSize: '={{ "all" }}' } }, /^'Batch Size' must be a number/],
	[{ options: { retries: 11 } }, /^'Retries' must be between 0 and 10, not "11"$/],
	[{ options: { retries: -1 } }, /^'Retries' must be between/],
	[{ options: { retries: 0.5 } }, /^'Retries' must be a whole number, not "0.5"$/],
	[{ options: { retries: '={{ "once" }}' } }, /^'Retries' must be a number/],
	[{ options: { retryDelay: 86_401 } }, /^'Retry Delay' must be between 0 and 86400, not "86401"$/],
	[{ options: { retryDelay: -1 } }, /^'Retry Delay' must be between/],
	[{ options: { retryDelay: '={{ "5m" }}' } }, /^'Retry Delay' must be a number/],
	[
		{ options: { minimumRows: 1_000_000_000_000_001 } },
		/^'Minimum Rows' must be .*, not "1000000000000001"$/,
	],
	[{ options: { minimumRows: -1 } }, /^'Minimum Rows' must be .*, not "-1"$/],
	[{ options: { minimumRows: 0.5 } }, /^'Minimum Rows' must be a whole number, not "0.5"$/],
	[{ options: { minimumRows: '={{ "many" }}' } }, /^'Minimum Rows' must be a number/],
	[{ options: { logLines: 201 } }, /^'Log Lines' must be between 0 and 200, not "201"$/],
	[
		{ options: { maximumRejectedRows: -1 } },
		/^'Maximum Rejected Rows' must be 0 or more, not "-1"$/,
	],
	[
		{ options: { maximumRejectedRows: '={{ "few" }}' } },
		/^'Maximum Rejected Rows' must be a number/,
	],
	[{ options: { includeStreams: '={{ "yes" }}' } }, /^'Include Streams' must be true or false/],
	[
		{ options: { queueTimeout: 2_592_001 } },
		/^'Queue Timeout' must be between 0 and 2592000, not "2592001"$/,
	],
	[{ options: { queueTimeout: -1 } }, /^'Queue Timeout' must be between/],
	[{ options: { queueTimeout: '={{ "never" }}' } }, /^'Queue Timeout' must be a number/],
	[{ options: { failureDetails: '={{ "yes" }}' } }, /^'Include Reason' must be true or false/],
	[{ options: { failureDetails: '={{ 0 }}' } }, /^'Include Reason' must be true or false/],
];

describe('Airbyte Trigger Sync refuses, before anything is sent', () => {
	test.each(refusedForSync)('%j', async (parameters, message) => {
		fixture.airbyte.addConnection({ connectionId: ID });
		const { error, status, items } = await fixture.sync(ID, parameters);
		expect(status).toBe('error');
		expect(items).toEqual([]);
		expect(error?.message).toMatch(message);
		expect(error?.description).toMatch(/^[A-Z].+\.$/);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});

	test.each(refusedForSync)(
		'%j: as a failed item with Continue On Fail',
		async (parameters, message) => {
			fixture.airbyte.addConnection({ connectionId: ID });
			const run = { onError: 'continueRegularOutput' } as const;
			const { items, status } = await fixture.sync(ID, parameters, run);
			expect(status).toBe('success');
			expect(items).toHaveLength(1);
			expect(items[0].error).toMatch(message);
			expect(items[0].details).toEqual({});
			expect(fixture.airbyte.audit.calls).toEqual([]);
		},
	);

	test('an empty connection that is no expression: n8n itself', async () => {
		await expect(fixture.sync('')).rejects.toThrow(/Connection.*is required/);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});

	test('a word too long to repeat is cut', async () => {
		const { error } = await fixture.sync(ID, { mode: 'x'.repeat(10_000) });
		expect(error?.message).toMatch(/^'Mode' cannot be "x{59}…"$/);
	});
});

const refusedForStatus: Row[] = [
	[{ jobId: '={{ "" }}' }, /^'Job ID' is empty$/],
	[{ jobId: '  ' }, /^'Job ID'/],
	[{}, /^'Job ID' is empty$/],
	[{ jobId: 'latest' }, /^'Job ID' is not a job's number: "latest"$/],
	[{ jobId: '0' }, /^'Job ID' is not a job's number/],
	[{ jobId: '={{ -1 }}' }, /^'Job ID' is not a job's number/],
	[{ jobId: '={{ 1.5 }}' }, /^'Job ID' is not a job's number/],
	[{ jobId: '1/../2' }, /^'Job ID' is not a job's number/],
	[{ jobId: '9007199254740993' }, /^'Job ID' is not a job's number/],
	[
		{ jobId: '1', operation: '__CUSTOM_API_CALL__' },
		/^'Custom API Call' is for n8n's HTTP Request node$/,
	],
	[{ jobId: '1', operation: 'restart' }, /^'Operation' cannot be "restart"$/],
	[{ jobId: '1', operation: 'wait', mode: 'asynchronous' }, /^'Mode' cannot be "asynchronous"$/],
	[{ jobId: '1', operation: 'wait', timeout: '={{ "long" }}' }, /^'Timeout' must be a number/],
	[{ jobId: '1', operation: 'wait', waitSeconds: -1 }, /^'Wait Seconds' must be between/],
	[{ jobId: '1', options: { batchSize: 1_000 } }, /^'Batch Size' must be between/],
	[{ jobId: '1', options: { apiVersion: 'latest' } }, /^'API Version' is not a version/],
];

test.each(refusedForStatus)(
	'Airbyte Job Status refuses %j, before anything is sent',
	async (parameters, message) => {
		const { error, status } = await fixture.jobStatus(parameters);
		expect(status).toBe('error');
		expect(error?.message).toMatch(message);
		expect(error?.description).toMatch(/^[A-Z].+\.$/);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	},
);

describe('what is meant is understood', () => {
	test.each<[string, INodeParameters]>([
		['a connection in capitals with blanks', { connectionId: byId(` ${ID.toUpperCase()} `) }],
		[
			'numbers as text',
			{ waitSeconds: '={{ "5" }}', timeout: '={{ " 60 " }}', options: { batchSize: '={{ "2" }}' } },
		],
		[
			'words in another case',
			{ mode: 'Synchronous', jobType: 'SYNC', options: { onActiveJob: 'Attach' } },
		],
		[
			'switches as text',
			{ options: { cancelOnStop: '={{ "true" }}', adaptivePolling: '={{ "false" }}' } },
		],
		['an API version in capitals', { options: { apiVersion: ' V1 ' } }],
		[
			'expressions that come out empty, for the default',
			{ mode: '={{ "" }}', timeout: '={{ null }}', waitSeconds: '={{ undefined }}' },
		],
		[
			'options whose expressions come out empty, for the default',
			{
				options: {
					retries: '={{ null }}',
					retryDelay: '={{ undefined }}',
					minimumRows: '={{ null }}',
					includeStreams: '={{ null }}',
					logLines: '={{ "" }}',
					maximumRejectedRows: '={{ null }}',
					queueTimeout: '={{ "" }}',
					failureDetails: '={{ null }}',
				},
			},
		],
		[
			"a connection by its page's address",
			{
				connectionId: {
					__rl: true,
					mode: 'url',
					value: `https://cloud.airbyte.com/workspaces/w/connections/${ID}/timeline?x=1`,
				},
			},
		],
	])('%s', async (_what, parameters) => {
		fixture.airbyte.addConnection({ connectionId: ID, jobs: timelines.succeedsAfter(9) });
		const { items, error } = await fixture.sync(ID, parameters);
		expect(error).toBeUndefined();
		expect(items).toMatchObject([{ connectionId: ID, status: 'succeeded' }]);
	});

	test('"5" for 5 waits five seconds', async () => {
		fixture.airbyte.addConnection({ connectionId: ID, jobs: timelines.succeedsAfter(50) });
		await fixture.sync(ID, { waitSeconds: '={{ "5" }}' });
		expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(10);
	});

	test.each([['7'], [' 7 '], ['={{ 7 }}'], ['={{ "7" }}']])('job %j', async (jobId) => {
		fixture.airbyte.addConnection({ connectionId: ID });
		for (let job = 1; job <= 7; job++) {
			fixture.airbyte.startJob(ID, { timeline: timelines.succeedsAfter(1) });
			fixture.time.shared.advance(5_000);
		}
		const { items } = await fixture.jobStatus({ jobId });
		expect(items).toMatchObject([{ jobId: 7, status: 'succeeded' }]);
	});
});

describe('every field takes an expression', () => {
	const fromItem: INodeParameters = {
		connectionId: byId('={{ $json.connection }}'),
		mode: '={{ $json.mode }}',
		jobType: '={{ $json.type }}',
		waitSeconds: '={{ $json.wait }}',
		timeout: '={{ $json.timeout }}',
		options: {
			adaptivePolling: '={{ $json.adaptive }}',
			apiVersion: '={{ $json.version }}',
			batchSize: '={{ $json.batch }}',
			cancelOnStop: '={{ $json.stop }}',
			cancelOnTimeout: '={{ $json.cancel }}',
			failureDetails: '={{ $json.details }}',
			minimumRows: '={{ $json.rows }}',
			includeStreams: '={{ $json.streams }}',
			logLines: '={{ $json.lines }}',
			maximumRejectedRows: '={{ $json.rejected }}',
			onActiveJob: '={{ $json.active }}',
			queueTimeout: '={{ $json.queue }}',
			retries: '={{ $json.retries }}',
			retryDelay: '={{ $json.delay }}',
		},
	};
	const item = {
		connection: ID,
		mode: 'synchronous',
		type: 'sync',
		wait: 10,
		timeout: 600,
		adaptive: false,
		version: 'v1',
		batch: 3,
		stop: true,
		cancel: true,
		details: true,
		rows: 0,
		streams: false,
		lines: 0,
		rejected: '',
		active: 'attach',
		queue: 0,
		retries: 0,
		delay: 0,
	};
	const explanation = 'POST /api/v1/jobs/get_without_logs';
	const runWith = async (
		changes: IDataObject,
		jobs: Timeline | Timeline[] = timelines.succeedsAfter(100),
	) => {
		fixture.airbyte.addConnection({ connectionId: ID, jobs });
		return await fixture.sync(ID, fromItem, { items: [{ ...item, ...changes }] });
	};

	test('and goes by its value: connection, waits, rhythm', async () => {
		const { items } = await runWith({});
		expect(items).toMatchObject([{ connectionId: ID, status: 'succeeded', jobType: 'sync' }]);
		expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(10);
	});

	test('mode', async () => {
		const { items } = await runWith({ mode: 'asynchronous' });
		expect(items).toMatchObject([{ status: 'pending' }]);
		expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(0);
	});

	test('job type', async () => {
		await runWith({ type: 'clear' });
		expect(fixture.airbyte.audit.startedJobs()).toMatchObject([{ jobType: 'reset' }]);
	});

	test('timeout, and that the job is cancelled then', async () => {
		const { error } = await runWith({ timeout: 60 }, timelines.runsForever());
		expect(error?.message).toBe('Airbyte job 1 did not end within 60 seconds and was cancelled');
	});

	test('whether the job is cancelled at the timeout', async () => {
		const { error } = await runWith({ timeout: 60, cancel: false }, timelines.runsForever());
		expect(error?.message).toContain('may still be running');
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});

	test('what to tell of a job, and how many rejected rows are too many', async () => {
		const timeline = { ...timelines.succeedsAfter(100), rejected: 3 };
		const { error } = await runWith({ rejected: '2' }, timeline);
		expect(error?.message).toBe('Airbyte job 1 succeeded with more than 2 rejected rows');
		const { items } = await runWith({ streams: true });
		expect(items[0]).toHaveProperty('streams');
		const failed = await runWith({ lines: 20 }, timelines.failsAfter(60));
		expect(failed.error?.description).toContain('The log ends with:');
	});

	test('what to do about a running job', async () => {
		fixture.airbyte.addConnection({ connectionId: ID, jobs: timelines.runsForever() });
		fixture.airbyte.startJob(ID);
		const items = [{ ...item, active: 'fail' }];
		const { error } = await fixture.sync(ID, fromItem, { items });
		expect(error?.message).toContain('A sync (job 1) is running');
	});

	test('retries, and the delay before each', async () => {
		const jobs = [timelines.failsAfter(60), timelines.succeedsAfter(60)];
		const { items } = await runWith({ retries: 1, delay: 120 }, jobs);
		expect(items).toMatchObject([{ jobId: 2, attempt: 2 }]);
		const [first, second] = fixture.airbyte.jobs();
		expect(second.createdAt - first.updatedAt).toBeGreaterThanOrEqual(120_000);
		expect(second.createdAt - first.updatedAt).toBeLessThan(140_000);
	});

	test('how many rows there have to be', async () => {
		const { error } = await runWith({ rows: 10 }, timelines.succeedsAfter(60, { rows: 9 }));
		expect(error?.message).toBe('Airbyte job 1 succeeded with fewer than 10 rows');
	});

	test("the time in Airbyte's queue", async () => {
		const jobs = timelines.queuedThen(300, timelines.succeedsAfter(60));
		const { error } = await runWith({ queue: 120 }, jobs);
		expect(error?.message).toContain('had no capacity for job 1 within 120 seconds');
	});

	test.each([
		[true, 1],
		[false, 0],
	])('whether it is asked why a job failed: %s', async (details, asked) => {
		const { error } = await runWith({ details }, timelines.failsAfter(60));
		expect(error?.message).toBe('Airbyte job 1 failed');
		expect(fixture.airbyte.audit.count(explanation)).toBe(asked);
	});

	test('API version', async () => {
		await runWith({ version: 'v7' });
		const paths = fixture.airbyte.audit.calls.map(({ path }) => path);
		expect(paths).toContain(`/api/public/v7/connections/${ID}`);
	});

	test("each item's own values", async () => {
		const other = fixture.airbyte.addConnection({ jobs: timelines.runsForever() }).connectionId;
		fixture.airbyte.addConnection({ connectionId: ID, jobs: timelines.succeedsAfter(5) });
		const { items } = await fixture.sync(ID, fromItem, {
			items: [
				{ ...item, connection: other, mode: 'asynchronous' },
				{ ...item, connection: ID },
			],
		});
		expect(items).toMatchObject([
			{ connectionId: other, status: 'pending' },
			{ connectionId: ID, status: 'succeeded' },
		]);
	});

	test('the fields of Airbyte Job Status but its operation, which n8n keeps fixed', async () => {
		fixture.airbyte.addConnection({ connectionId: ID });
		fixture.airbyte.startJob(ID, { timeline: timelines.succeedsAfter(60) });
		const parameters = {
			operation: 'wait',
			jobId: '={{ $json.nested.id }}',
			waitSeconds: '={{ $json.wait }}',
			timeout: '={{ $json.timeout }}',
		};
		const wish = { nested: { id: 1 }, wait: 30, timeout: 90 };
		const { items } = await fixture.jobStatus(parameters, { items: [wish] });
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBeLessThanOrEqual(4);
	});
});

describe('one bad item among good ones', () => {
	const items = [{ id: ID }, { id: 'nonsense' }];
	const connectionId = byId('={{ $json.id }}');

	test('without Continue On Fail nothing is sent, and the item is named', async () => {
		fixture.airbyte.addConnection({ connectionId: ID });
		const { error, status } = await fixture.sync(ID, { connectionId }, { items });
		expect(status).toBe('error');
		expect(error?.message).toBe("'Connection' is not a connection's ID: \"nonsense\"");
		expect(error?.context.itemIndex).toBe(1);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});

	test('with Continue On Fail only the bad one fails, in its place', async () => {
		fixture.airbyte.addConnection({ connectionId: ID });
		const result = await fixture.sync(
			ID,
			{ connectionId },
			{ items: [items[1], items[0], items[1]], onError: 'continueRegularOutput' },
		);
		expect(result.items).toMatchObject([
			{ error: expect.stringContaining("'Connection'") },
			{ connectionId: ID, status: 'succeeded' },
			{ error: expect.stringContaining("'Connection'") },
		]);
		expect(result.outputs[0].map(({ pairedItem }) => pairedItem)).toEqual([
			{ item: 0 },
			{ item: 1 },
			{ item: 2 },
		]);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('with the error output the bad one goes there, the good one does not', async () => {
		fixture.airbyte.addConnection({ connectionId: ID });
		const run = { items, onError: 'continueErrorOutput' } as const;
		const { outputs } = await fixture.sync(ID, { connectionId }, run);
		expect(outputs[0].map(({ json }) => json)).toMatchObject([{ status: 'succeeded' }]);
		expect(outputs[1].map(({ json }) => json)).toMatchObject([
			{ error: expect.stringContaining("'Connection'"), details: {} },
		]);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});
});
