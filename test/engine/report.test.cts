/** What a job moved, and the end of the log of one that failed: what only Airbyte's configuration API tells. */
import type { IDataObject, INodeParameters } from 'n8n-workflow';

import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';
import { givesUpSoon } from './harness/impatience.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const RECORD = 'POST /api/v1/jobs/get_without_logs';
const always = { route: RECORD, times: Infinity } as const;
const LOG = 'POST /api/v1/attempt/get_for_job';

const moved = [
	{ name: 'orders', namespace: 'shop', rows: 100, bytes: 5_000, rejected: 3 },
	{ name: 'customers', rows: 7, bytes: 90 },
	{ name: 'empty', rows: 0, bytes: 0 },
];
const streams = [
	{ name: 'orders', namespace: 'shop', rows: 100, bytes: 5_000, rejected: 3 },
	{ name: 'customers', rows: 7, bytes: 90, rejected: 0 },
	{ name: 'empty', rows: 0, bytes: 0, rejected: 0 },
];
const succeeds: Timeline = { ...timelines.succeedsAfter(100), moved };
const why = {
	origin: 'source',
	type: 'config_error',
	message: 'The table is gone',
	retryable: false,
};
const fails: Timeline = {
	...timelines.failsAfter(100, why),
	moved,
	settlesWithin: 0,
	log: { lines: ['Reading with client-secret', 'The table shop.orders is gone'] },
};

interface End {
	items: IDataObject[];
	hints: string[];
	error?: { message: string; description?: string | null };
	at: number;
}

type Runner = (jobs: Timeline | Timeline[], options: IDataObject) => Promise<End>;

const addConnection = (jobs: Timeline | Timeline[]) =>
	fixture.airbyte.addConnection({ name: 'Shop → Lake', jobs }).connectionId;

const now = () => fixture.time.shared.now();

const hintsIn = (data: object): string[] =>
	[...JSON.stringify(data).matchAll(/"message":"('[^"]+' was not served [^"]+)"/g)].map(
		([, message]) => message,
	);

const whileItWaits: Array<[string, Runner]> = [
	[
		'synchronous',
		async (jobs, options) => {
			const parameters = { options: options as INodeParameters };
			const end = await fixture.sync(addConnection(jobs), parameters);
			return { ...end, hints: hintsIn(end.data.resultData), at: now() };
		},
	],
	[
		'deferrable',
		async (jobs, options) => {
			const parameters = { options: options as INodeParameters };
			const id = deferred.start([addConnection(jobs)], parameters);
			const end = await deferred.endOf(id);
			return { ...end, hints: hintsIn(deferred.n8n.data(id).resultData) };
		},
	],
	[
		'Job Status, wait',
		async (jobs, options) => {
			const { jobId } = fixture.airbyte.startJob(addConnection(jobs));
			const parameters = { operation: 'wait', jobId, options: options as INodeParameters };
			const end = await fixture.jobStatus(parameters);
			return { ...end, hints: hintsIn(end.data.resultData), at: now() };
		},
	],
];

const look: Runner = async (jobs, options) => {
	const { jobId } = fixture.airbyte.startJob(addConnection(jobs));
	fixture.time.shared.advance(200_000);
	const parameters = { operation: 'get', jobId, options: options as INodeParameters };
	const end = await fixture.jobStatus(parameters);
	return { ...end, hints: hintsIn(end.data.resultData), at: now() };
};

const continues = { onError: 'continueRegularOutput' as const };

describe.each([...whileItWaits, ['Job Status, get', look] as [string, Runner]])(
	'what a job moved: %s',
	(_mode, run) => {
		test('in each stream, if asked for', async () => {
			const { items } = await run(succeeds, { includeStreams: true });
			expect(items[0]).toMatchObject({ status: 'succeeded', rowsRejected: 3 });
			expect(items[0].streams).toStrictEqual(streams);
			expect(items[0].connectionName).toBe('Shop → Lake');
		});

		test('without being asked for, nobody asks Airbyte', async () => {
			const { items } = await run(succeeds, {});
			expect(items[0]).not.toHaveProperty('streams');
			expect(items[0]).not.toHaveProperty('rowsRejected');
			expect(fixture.airbyte.audit.count(RECORD)).toBe(0);
		});

		test.each([
			['refuses', { kind: 'status', status: 403 }],
			['is away', { kind: 'status', status: 503 }],
			['is not there, by a router', { kind: 'router' }],
			['answers with a page', { kind: 'html', status: 200 }],
		] as const)('is a favour: where that API %s, a hint says so', async (_how, fault) => {
			fixture.airbyte.faults.add({ route: RECORD, times: Infinity, ...fault });
			const { items, hints } = await run(succeeds, { includeStreams: true });
			expect(items[0]).toMatchObject({ status: 'succeeded' });
			expect(items[0]).not.toHaveProperty('streams');
			expect(hints).toEqual([
				expect.stringMatching(
					/^'Include Streams' was not served for job 1 of connection 'Shop → Lake': .+\.$/,
				),
			]);
		});
	},
);

describe.each(whileItWaits)('rejected rows: %s', (_mode, run) => {
	test.each([
		[3, 'succeeded'],
		[4, 'succeeded'],
	])('at most %i are fine where 3 were', async (maximumRejectedRows, status) => {
		const { items, error } = await run(succeeds, { maximumRejectedRows });
		expect(error).toBeUndefined();
		expect(items[0]).toMatchObject({ status, rowsRejected: 3 });
	});

	test.each([[0], ['0'], [2]])('more than %j is a failure', async (maximumRejectedRows) => {
		const { error } = await run(succeeds, { maximumRejectedRows });
		expect(error?.message).toBe(
			`Airbyte job 1 succeeded with more than ${maximumRejectedRows} rejected rows`,
		);
		expect(error?.description).toContain('did not take 3 rows');
		expect(error?.description).toContain("of connection 'Shop → Lake'");
	});

	test('any number is fine when the field is empty', async () => {
		const { error } = await run(succeeds, { maximumRejectedRows: '' });
		expect(error).toBeUndefined();
	});

	test('not to know is a failure, in words', async () => {
		fixture.airbyte.faults.add({ route: RECORD, kind: 'router', times: Infinity });
		const { error } = await run(succeeds, { maximumRejectedRows: 10 });
		expect(error?.message).toBe('Airbyte job 1 succeeded, but its rejected rows are not known');
		expect(error?.description).toContain("'Maximum Rejected Rows' was not served: ");
		expect(fixture.airbyte.jobs()).toHaveLength(1);
	});

	test.each([
		['is away', () => fixture.airbyte.faults.add({ ...always, kind: 'status', status: 503 })],
		['is busy', () => fixture.airbyte.faults.add({ ...always, kind: 'status', status: 429 })],
		['is slow', () => fixture.time.slowDown(RECORD, 20_000)],
	])('where that API %s, this is told within a minute', async (_how, trouble) => {
		fixture.time.slowDown(RECORD, 30);
		trouble();
		const startedAt = now();
		const { error, at } = await run(succeeds, { maximumRejectedRows: 10 });
		expect(error?.message).toBe('Airbyte job 1 succeeded, but its rejected rows are not known');
		expect(at - startedAt).toBeLessThan(100_000 + 60_000);
		expect(fixture.airbyte.audit.count(RECORD)).toBeGreaterThan(2);
	});

	test('a fault that passes is not one', async () => {
		fixture.airbyte.faults.add({ route: RECORD, kind: 'status', status: 503, times: 3 });
		const { items, error } = await run(succeeds, { maximumRejectedRows: 10 });
		expect(error).toBeUndefined();
		expect(items[0]).toMatchObject({ rowsRejected: 3 });
	});
});

describe.each(whileItWaits.slice(0, 2))('retries: %s', (_mode, run) => {
	const retries = { retries: 2, retryDelay: 0 };

	test('a job with too many rejected rows is tried again', async () => {
		const jobs = [succeeds, { ...succeeds, moved: [moved[1]] }];
		const { items } = await run(jobs, { maximumRejectedRows: 0, ...retries });
		expect(items[0]).toMatchObject({ jobId: 2, attempt: 2, rowsRejected: 0 });
	});

	test('one of which they are not known is not', async () => {
		fixture.airbyte.faults.add({ route: RECORD, kind: 'router', times: Infinity });
		const { error } = await run(succeeds, { maximumRejectedRows: 0, ...retries });
		expect(error?.message).toContain('are not known');
		expect(fixture.airbyte.jobs()).toHaveLength(1);
	});

	test('the log of a job that is tried again is not read', async () => {
		const jobs = [timelines.failsAfter(60), succeeds];
		const { items } = await run(jobs, { logLines: 10, ...retries });
		expect(items[0]).toMatchObject({ jobId: 2, status: 'succeeded' });
		expect(fixture.airbyte.audit.count(LOG)).toBe(0);
	});
});

describe.each(whileItWaits)('the log of a failed job: %s', (_mode, run) => {
	test.each(['structured', 'formatted'] as const)(
		'its end is in the error, without colours and secrets: %s',
		async (logFormat) => {
			fixture.airbyte.settings.logFormat = logFormat;
			const { error } = await run(fails, { logLines: 3 });
			expect(error?.message).toBe('Airbyte job 1 failed');
			const [, end = ''] = error?.description?.split('The log ends with:\n') ?? [];
			const lines = end.split('\n');
			expect(lines).toHaveLength(3);
			expect(lines[0]).toMatch(/^20[-\d]+ [:\d]+.* destination > WARN Reading with \*\*\*$/);
			expect(lines[1]).toMatch(/ destination > WARN The table shop\.orders is gone$/);
			expect(lines[2]).toMatch(/ platform > ERROR The table is gone$/);
		},
	);

	test('is read once', async () => {
		await run(fails, { logLines: 3 });
		expect(fixture.airbyte.audit.count(LOG)).toBe(1);
	});

	test('is not asked for when all is well, nor without the option', async () => {
		await run(succeeds, { logLines: 3 });
		await run(fails, {});
		expect(fixture.airbyte.audit.count(LOG)).toBe(0);
	});

	test.each([
		['refuses', { kind: 'status', status: 403 }],
		['is away', { kind: 'status', status: 503 }],
		['answers with a page', { kind: 'html', status: 200 }],
		['refuses the token', { kind: 'status', status: 401 }],
	] as const)('never changes the result: Airbyte %s', async (_how, fault) => {
		fixture.airbyte.faults.add({ route: LOG, times: Infinity, ...fault });
		const { error } = await run(fails, { logLines: 3 });
		expect(error?.message).toBe('Airbyte job 1 failed');
		expect(error?.description).toContain('The table is gone');
		expect(error?.description).toMatch(/'Log Lines' was not served: .+\./);
	});
});

describe('a long log', () => {
	const long = (lines: string[]): Timeline => ({ ...fails, log: { routineLines: 200_000, lines } });

	async function logOf(timeline: Timeline): Promise<string[]> {
		const options = { logLines: 200 };
		const { items } = await fixture.sync(addConnection(timeline), { options }, continues);
		const { failure } = items[0].details as { failure: { log: string } };
		return failure.log.split('\n');
	}

	test.each(['structured', 'formatted'] as const)(
		'is cut to its last lines: %s',
		async (format) => {
			fixture.airbyte.settings.logFormat = format;
			const lines = await logOf(long(['"quoted" \\ {[', 'ünïcödé 🙂']));
			expect(lines).toHaveLength(200);
			expect(lines[197]).toContain('"quoted" \\ {[');
			expect(lines[198]).toContain('ünïcödé 🙂');
			expect(lines[199]).toContain('The table is gone');
		},
	);

	test('and to 64 kB, each line to 4,000 characters', async () => {
		const lines = await logOf(
			long(Array.from({ length: 100 }, (_, n) => `${n} ${'x'.repeat(9_000)}`)),
		);
		expect(Buffer.byteLength(lines.join('\n'))).toBeLessThanOrEqual(65_536);
		expect(lines.length).toBeGreaterThan(10);
		expect(Math.max(...lines.map(({ length }) => length))).toBe(4_000);
	});

	test('the error shows some of it', async () => {
		const options = { logLines: 200 };
		const { error } = await fixture.sync(addConnection(long([])), { options });
		const [, end = ''] = error?.description?.split('The log ends with:\n') ?? [];
		expect(end.split('\n')).toHaveLength(5);
		expect(end.length).toBeLessThanOrEqual(1_000);
	});

	test('that stops coming is given up', async () => {
		fixture.airbyte.faults.add({ route: LOG, kind: 'hang', times: Infinity });
		const patience = givesUpSoon(LOG, 300, () => true);
		const options = { logLines: 5 };
		const { error } = await fixture.sync(addConnection(fails), { options });
		patience();
		expect(error?.message).toBe('Airbyte job 1 failed');
		expect(error?.description).toContain("'Log Lines' was not served: ");
	});
});

test('what wakes a waiting execution does not carry the logs of jobs that have ended', async () => {
	const jobs = [{ ...fails, log: { routineLines: 500 } }, succeeds].map(addConnection);
	const options = { batchSize: 1, logLines: 200, includeStreams: true };
	const id = deferred.start(jobs, { options }, continues);
	let carried: string[] = [];
	deferred.after(300, () => {
		carried = [...deferred.n8n.executions]
			.filter(([, { workflow }]) => workflow.nodes.some(({ name }) => name === 'Ring'))
			.map(([child]) => JSON.stringify(deferred.n8n.data(child)))
			.filter((data) => data.includes('"jobFailed"'));
	});
	const { items } = await deferred.endOf(id);
	expect(items).toMatchObject([{ details: { streams } }, { streams }]);
	expect(JSON.stringify(items[0])).toContain('Records read from stream');
	expect(carried.length).toBeGreaterThan(0);
	expect(carried.filter((data) => /Records read|customers/.test(data))).toEqual([]);
});

test('a job that failed tells what it moved, too', async () => {
	const options = { includeStreams: true };
	const { items } = await fixture.sync(addConnection(fails), { options }, continues);
	expect(items[0].details).toMatchObject({ status: 'failed', streams, failure: why });
});

test('so does one whose time was over', async () => {
	const parameters = { timeout: 60, options: { includeStreams: true } };
	const runsLong = { ...timelines.runsForever(), moved };
	const { items } = await fixture.sync(addConnection(runsLong), parameters, continues);
	expect(items[0].details).toMatchObject({ status: 'cancelled' });
	expect(items[0].details).toHaveProperty('streams');
});

test('a sync that was fresh enough tells what it moved', async () => {
	const connectionId = addConnection(succeeds);
	fixture.airbyte.startJob(connectionId);
	fixture.time.shared.advance(200_000);
	const options = { skipIfSyncedWithin: 3_600, includeStreams: true };
	const { items } = await fixture.sync(connectionId, { options });
	expect(items).toMatchObject([{ jobId: 1, skipped: true, reason: 'fresh', streams }]);
});

test('a job that was only started has moved nothing yet', async () => {
	const { items } = await fixture.sync(addConnection(succeeds), {
		mode: 'asynchronous',
		options: { includeStreams: true },
	});
	expect(items[0]).not.toHaveProperty('streams');
	expect(fixture.airbyte.audit.count(RECORD)).toBe(0);
});

test('a reset is not judged by rejected rows', async () => {
	const { status } = await fixture.sync(addConnection(succeeds), {
		jobType: 'reset',
		options: { maximumRejectedRows: 0 },
	});
	expect(status).toBe('success');
});
