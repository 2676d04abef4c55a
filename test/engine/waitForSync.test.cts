/** Airbyte Connection waits for a sync that somebody else starts, in both waiting modes. */
import type { IDataObject, INodeParameters } from 'n8n-workflow';

import { clock } from '../../nodes/airbyte/api/clock';
import { readExamples } from '../../scripts/demo/examples.cts';
import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import type { NodeRun } from './harness/engine.cts';
import { runNode } from './harness/engine.cts';
import { Fixture, byId } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const { cancelledAfter, failsAfter, runsForever, succeedsAfter } = timelines;
const MODES = ['synchronous', 'deferrable'] as const;
const EVENTS = 'POST /api/v1/connections/events/list';

const now = () => fixture.time.shared.now();

type StartOptions = Parameters<typeof fixture.airbyte.startJob>[1];

function startIn(seconds: number, connectionId: string, options?: StartOptions): void {
	fixture.time.at(now() + seconds * 1_000, async () => {
		fixture.airbyte.startJob(connectionId, options);
	});
}

/** A connection that starts these jobs by itself, each so many seconds from now. */
function connectionWith(...jobs: Array<[seconds: number, timeline: Timeline]>): string {
	const { connectionId } = fixture.airbyte.addConnection({
		name: 'Orders',
		jobs: jobs.map(([, timeline]) => timeline),
	});
	for (const [seconds] of jobs) startIn(seconds, connectionId);
	return connectionId;
}

type Mode = (typeof MODES)[number];
type End = { items: IDataObject[]; error?: Error & { description?: unknown }; at: number };

/** Runs the node in this mode to its end. */
async function waitFor(
	mode: Mode,
	connectionIds: string | string[],
	parameters: INodeParameters = {},
	rest: Partial<NodeRun> = {},
): Promise<End> {
	const ids = [connectionIds].flat();
	if (mode === 'deferrable') {
		return (await deferred.endOf(park(ids, parameters, rest))) as End;
	}
	const { items, error } = await runNode({
		node: 'airbyteConnection',
		parameters: {
			operation: 'waitForSync',
			connectionId: byId('={{ $json.id }}'),
			mode,
			...parameters,
		},
		items: ids.map((id) => ({ id })),
		credential: fixture.credential(),
		...rest,
	});
	return { items, error: error as End['error'], at: now() };
}

function park(ids: string[], parameters: INodeParameters = {}, rest: Partial<NodeRun> = {}) {
	const operation = { operation: 'waitForSync', ...parameters };
	return deferred.start(ids, operation, { node: 'airbyteConnection', ...rest });
}

/** Nothing is ever started or cancelled by it. */
function expectHandsOff(): void {
	expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
	expect(fixture.airbyte.audit.count('DELETE /jobs/{jobId}')).toBe(0);
}
afterEach(expectHandsOff);

describe.each(MODES)('in %s mode', (mode) => {
	test('it is done at the first success after its start, with the numbers of the job', async () => {
		const connectionId = connectionWith([40, succeedsAfter(100, { rows: 7 })]);
		const { items, error, at } = await waitFor(mode, connectionId);
		expect(error).toBeUndefined();
		expect(items).toEqual([
			{
				jobId: 1,
				connectionId,
				connectionName: 'Orders',
				jobType: 'sync',
				status: 'succeeded',
				startTime: expect.any(String),
				lastUpdatedAt: expect.any(String),
				duration: 'PT1M40S',
				durationSeconds: 100,
				rowsSynced: 7,
				bytesSynced: 256_000,
				jobUrl: expect.stringContaining('timeline?jobId=1'),
				attached: false,
				attempt: 1,
			},
		]);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(12_000);
	});

	test('a success before its start does not count, one whose sync began before does', async () => {
		const jobs = [succeedsAfter(10), succeedsAfter(100, { rows: 2 })];
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(60_000);
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(60_000);
		const { items } = await waitFor(mode, connectionId);
		expect(items).toMatchObject([{ jobId: 2, rowsSynced: 2 }]);
	});

	test.each([3, 120])(
		"with n8n's clock %d seconds behind Airbyte's, a sync that was over before its start does not count",
		async (seconds) => {
			const connectionId = connectionWith([100, succeedsAfter(60)]);
			fixture.airbyte.startJob(connectionId, { timeline: succeedsAfter(1) });
			fixture.time.shared.advance(2_000);
			clock.now = () => now() - seconds * 1_000;
			expect((await waitFor(mode, connectionId)).items).toMatchObject([{ jobId: 2 }]);
		},
	);

	test('with After, a sync that succeeded since then is taken at once', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(60) });
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(3_600_000);
		const began = now();
		const after = new Date(began - 7_200_000).toISOString();
		const { items, at } = await waitFor(mode, connectionId, { after });
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(at - began).toBeLessThan(1_000);
	});

	test('of several successes after that time, the first counts, however many there were since', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(60) });
		for (let at = 0; at < 25; at++) {
			fixture.airbyte.startJob(connectionId);
			fixture.time.shared.advance(600_000);
		}
		const after = new Date(fixture.airbyte.job(4)!.updatedAt).toISOString();
		const { items } = await waitFor(mode, connectionId, { after });
		expect(items).toMatchObject([{ jobId: 5 }]);
	});

	test('a failure after that time does not count where a sync has succeeded since', async () => {
		const after = new Date(now()).toISOString();
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: [failsAfter(60), succeedsAfter(60), failsAfter(60)],
		});
		for (let at = 0; at < 3; at++) {
			fixture.airbyte.startJob(connectionId);
			fixture.time.shared.advance(600_000);
		}
		const { items } = await waitFor(mode, connectionId, { after });
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded' }]);
	});

	test('a job that fails ends it, with the reason', async () => {
		const connectionId = connectionWith([30, failsAfter(60)], [200, succeedsAfter(10)]);
		const { error } = await waitFor(mode, connectionId);
		expect(error?.message).toBe('Airbyte job 1 failed');
		expect(error?.description).toContain('The source did not answer in time');
		expect(error?.description).toContain("turn off 'Fail With the Job'");
	});

	test('with Fail With the Job off, it waits for the next success', async () => {
		const connectionId = connectionWith([30, failsAfter(60)], [200, succeedsAfter(10)]);
		const { items } = await waitFor(mode, connectionId, { options: { failOnFailure: false } });
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded' }]);
	});

	test('a job that failed before its start does not end it, nor one that is cancelled', async () => {
		const jobs = [failsAfter(10), cancelledAfter(30), succeedsAfter(30)];
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(60_000);
		for (const seconds of [20, 100]) startIn(seconds, connectionId);
		const { items } = await waitFor(mode, connectionId);
		expect(items).toMatchObject([{ jobId: 3, status: 'succeeded' }]);
	});

	test('a refresh counts, a clear does not', async () => {
		const connectionId = connectionWith();
		startIn(20, connectionId, { jobType: 'clear', timeline: succeedsAfter(20) });
		const timeline = succeedsAfter(20, { rows: 3 });
		startIn(100, connectionId, { jobType: 'refresh', timeline });
		const { items } = await waitFor(mode, connectionId);
		expect(items).toMatchObject([{ jobId: 2, jobType: 'refresh', rowsSynced: 3 }]);
	});

	test('a sync whose data was cleared since does not count', async () => {
		const after = new Date(now()).toISOString();
		const connectionId = connectionWith([500, succeedsAfter(10, { rows: 3 })]);
		for (const jobType of ['sync', 'clear'] as const) {
			fixture.airbyte.startJob(connectionId, { jobType, timeline: succeedsAfter(60) });
			fixture.time.shared.advance(100_000);
		}
		const { items } = await waitFor(mode, connectionId, { after });
		expect(items).toMatchObject([{ jobId: 3, rowsSynced: 3 }]);
	});

	test('a time to come counts as it is', async () => {
		const connectionId = connectionWith([10, succeedsAfter(10)], [100, succeedsAfter(10)]);
		const after = new Date(now() + 60_000).toISOString();
		expect((await waitFor(mode, connectionId, { after })).items).toMatchObject([{ jobId: 2 }]);
	});

	test.each([
		['inactive', 'disabled'],
		['deprecated', 'deprecated'],
	] as const)('a connection that is %s ends it at once', async (status, word) => {
		const { connectionId } = fixture.airbyte.addConnection({ name: 'Orders', status });
		const summary = { disabledReason: 'SCHEMA_CHANGES_ARE_BREAKING' };
		fixture.airbyte.addEvent(connectionId, { eventType: 'CONNECTION_DISABLED', summary });
		const began = now();
		const { error, at } = await waitFor(mode, connectionId);
		expect(error?.message).toBe(`Connection 'Orders' is ${word} in Airbyte`);
		expect(error?.description).toContain('No sync of it can be waited for.');
		expect(String(error?.description).includes('Airbyte switched it off')).toBe(
			status === 'inactive',
		);
		expect(at - began).toBeLessThan(1_000);
	});

	test('a connection that is switched off meanwhile ends it within minutes', async () => {
		const connectionId = connectionWith();
		fixture.time.at(now() + 600_000, async () => {
			fixture.airbyte.updateConnection(connectionId, { status: 'inactive' });
		});
		const began = now();
		const { error, at } = await waitFor(mode, connectionId, { timeout: 86_400 });
		expect(error?.message).toBe("Connection 'Orders' is disabled in Airbyte");
		expect(at - began).toBeLessThan(960_000);
	});

	test('the timeout ends it in words, and nothing else', async () => {
		const began = now();
		const idle = await waitFor(mode, connectionWith(), { timeout: 100 });
		expect(idle.error?.message).toBe("No sync of connection 'Orders' succeeded within 100 seconds");
		expect(idle.error?.description).toContain('None was running at the last look.');
		expect(idle.at - began).toBeGreaterThanOrEqual(100_000);
		expect(idle.at - began).toBeLessThan(106_000);
		const busy = await waitFor(mode, connectionWith([10, runsForever()]), { timeout: 100 });
		expect(busy.error?.description).toContain("Job 1 is still 'running'");
		expect(busy.error?.description).toContain('timeline?jobId=1');
		expect(fixture.airbyte.job(1)?.status).toBe('running');
	});

	test('an Airbyte that is away is waited out, and told of where it stays away', async () => {
		const fault = { route: 'GET /jobs', kind: 'status', status: 503 } as const;
		fixture.airbyte.faults.add({ ...fault, skip: 2, times: 6 });
		const connectionId = connectionWith([30, succeedsAfter(30)]);
		expect((await waitFor(mode, connectionId)).items).toMatchObject([{ jobId: 1 }]);
		fixture.airbyte.faults.add({ ...fault, skip: 2, times: Infinity });
		const { error } = await waitFor(mode, connectionId, { timeout: 60 });
		expect(error?.description).toMatch(/Airbyte could not be asked at the end: .*\(503\)/);
	});

	test('each item has its own wait and comes out in its place, failed ones as items', async () => {
		const ids = [
			connectionWith([200, succeedsAfter(10, { rows: 1 })]),
			'orders',
			connectionWith([10, failsAfter(10)]),
			connectionWith([100, succeedsAfter(10, { rows: 4 })]),
		];
		const parameters = { options: { batchSize: 2 } };
		const goesOn = { onError: 'continueRegularOutput' } as const;
		const { items } = await waitFor(mode, ids, parameters, goesOn);
		expect(items).toMatchObject([
			{ rowsSynced: 1 },
			{ error: `'Connection' is not a connection's ID: "orders"` },
			{ error: expect.stringMatching(/^Airbyte job \d failed$/), details: { status: 'failed' } },
			{ rowsSynced: 4 },
		]);
	});

	test('an item that fails fails the node, which no longer waits for what others start', async () => {
		const began = now();
		const ids = [connectionWith(), connectionWith([10, failsAfter(10)]), connectionWith()];
		const { error, at } = await waitFor(mode, ids);
		expect(error?.message).toMatch(/^Airbyte job 1 failed$/);
		expect(at - began).toBeLessThan(100_000);
	});

	test('a connection that does not exist is told at once', async () => {
		const { error } = await waitFor(mode, '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f');
		expect(error?.message).toContain('reading the connection (403)');
		expect(error?.description).toContain("Check 'Connection'");
	});

	test('a look is one request', async () => {
		await waitFor(mode, connectionWith(), { timeout: 250 });
		expect(fixture.airbyte.audit.count('GET /connections/{connectionId}')).toBe(1);
		expect(fixture.airbyte.audit.count('GET /jobs')).toBeGreaterThan(50);
		expect(fixture.airbyte.audit.count(EVENTS)).toBe(0);
	});
});

describe('a stop', () => {
	test('of the running execution ends the wait', async () => {
		const connectionId = connectionWith([10, runsForever()]);
		let stopNow = () => {};
		fixture.time.at(now() + 60_000, async () => stopNow());
		await waitFor('synchronous', connectionId, {}, { onStart: (stop) => (stopNow = stop) });
		await fixture.time.comesToRest();
		expect(now() - fixture.airbyte.job(1)!.createdAt).toBeLessThan(120_000);
		expect(fixture.airbyte.job(1)?.status).toBe('running');
	});

	test('of the waiting execution ends the wait, and leaves nothing behind', async () => {
		const id = park([connectionWith([10, runsForever()])], { timeout: 86_400 });
		deferred.after(300, () => deferred.n8n.stop(id));
		await deferred.endOf(id);
		expect(fixture.airbyte.job(1)?.status).toBe('running');
	});
});

test('the wait in n8n’s database survives a crash of n8n, and takes what succeeded meanwhile', async () => {
	const connectionId = connectionWith([100, succeedsAfter(100, { rows: 9 })]);
	const id = park([connectionId], { timeout: 86_400 });
	await deferred.n8n.comesToRest(now() + 60_000);
	expect(deferred.n8n.get(id).status).toBe('waiting');
	await deferred.n8n.kill(600);
	const { items } = await deferred.endOf(id);
	expect(items).toMatchObject([{ jobId: 1, rowsSynced: 9 }]);
});

test("n8n's Retry of the example takes the sync that somebody has mended and run again meanwhile", async () => {
	const examples = await readExamples();
	const nodes = examples.flatMap((example) => example.nodes);
	const { after } = nodes.find(({ name }) => name === 'Wait for the sync')!.parameters;
	const connectionId = connectionWith(
		[60, failsAfter(60)],
		[3_600, succeedsAfter(60, { rows: 9 })],
	);
	// What a Schedule Trigger gives.
	const items = [{ id: connectionId, timestamp: new Date(now()).toISOString() }];
	const id = park([], { after }, { items });
	expect((await deferred.endOf(id)).error?.message).toBe('Airbyte job 1 failed');
	await deferred.passTime(7_200_000);
	const retried = await deferred.endOf(deferred.n8n.retry(id));
	expect(retried.items).toMatchObject([{ jobId: 2, rowsSynced: 9 }]);
});

test('a success that was found is not lost where Airbyte is away from then on to the timeout', async () => {
	const id = park([connectionWith([100, succeedsAfter(100)])], { timeout: 600 });
	const away = { kind: 'status', status: 503, times: Infinity } as const;
	fixture.airbyte.faults.add({ ...away, route: 'GET /jobs/{jobId}' });
	deferred.after(300, () => fixture.airbyte.faults.add({ ...away, route: 'GET /jobs' }));
	const { items } = await deferred.endOf(id);
	expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
});

describe('After', () => {
	const AFTER = Date.UTC(2026, 0, 5, 2, 0, 0);
	/** One success before it and one after it. */
	function connection(): string {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(60) });
		fixture.time.shared.set(AFTER - 600_000);
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.set(AFTER + 600_000);
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(600_000);
		return connectionId;
	}

	test.each([
		'2026-01-05T02:00:00Z',
		'2026-01-05 02:00:00Z',
		'2026-01-05T03:00:00+01:00',
		`={{ DateTime.fromMillis(${AFTER}) }}`,
		`={{ new Date(${AFTER}) }}`,
		`={{ ${AFTER} }}`,
		`${AFTER}`,
	])('can be %s', async (after) => {
		const { items } = await waitFor('synchronous', connection(), { after });
		expect(items).toMatchObject([{ jobId: 2 }]);
	});

	test('as eight digits is a date', async () => {
		const berlin = { timezone: 'Europe/Berlin' };
		const { items } = await waitFor('synchronous', connection(), { after: '20260105' }, berlin);
		expect(items).toMatchObject([{ jobId: 1 }]);
	});

	test("without a zone it is in the workflow's", async () => {
		const berlin = { timezone: 'Europe/Berlin' };
		const after = '2026-01-05T03:00:00';
		const { items } = await waitFor('synchronous', connection(), { after }, berlin);
		expect(items).toMatchObject([{ jobId: 2 }]);
	});

	test('is to the day and hour where a slash would leave month and day open', async () => {
		const berlin = { timezone: 'Europe/Berlin' };
		for (const after of ['2026/01/05 03:00', '1/5/2026, 3:00:00 AM']) {
			const { error } = await waitFor('synchronous', connectionWith(), { after }, berlin);
			expect(error?.message).toBe(`'After' is not a time: "${after}"`);
		}
	});

	test.each([
		['soon', '"soon"'],
		['Orders 2', '"Orders 2"'],
		['step 12', '"step 12"'],
		['202601060300', '"202601060300"'],
		['20260106030000', '"20260106030000"'],
		['={{ 1767668400000000 }}', '"1767668400000000"'],
		['1767668400000000000', '"1767668400000000000"'],
		['={{ 1767578400 }}', '"1767578400"'],
		['={{ ({ a: 1 }) }}', '"{"a":1}"'],
		['={{ true }}', '"true"'],
		['3600', '"3600"'],
		['={{ " 12 " }}', '" 12 "'],
		['5.5', '"5.5"'],
		['-3600', '"-3600"'],
		['2026', '"2026"'],
		['1767578400', '"1767578400"'],
	])('cannot be %s', async (after, shown) => {
		const { error } = await waitFor('synchronous', connectionWith(), { after });
		expect(error?.message).toBe(`'After' is not a time: ${shown}`);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});
});

test.each(MODES)('%s: Airbyte 2.0 lists a refresh only if asked for', async (mode) => {
	fixture.airbyte.settings.version = '2.0.0';
	const connectionId = connectionWith();
	startIn(10, connectionId, { jobType: 'refresh', timeline: succeedsAfter(20) });
	const { items } = await waitFor(mode, connectionId, { timeout: 600 });
	expect(items).toMatchObject([{ jobId: 1, jobType: 'refresh', status: 'succeeded' }]);
});

test('Mode is checked', async () => {
	const { error } = await waitFor('synchronous', connectionWith(), { mode: 'asynchronous' });
	expect(error?.message).toBe(`'Mode' cannot be "asynchronous"`);
});

test('a sync that ends while the first look is on its way is the one that is waited for', async () => {
	fixture.time.slowDown('GET /connections/{connectionId}', 25_000);
	const connectionId = connectionWith([1, succeedsAfter(10)]);
	const { items } = await waitFor('synchronous', connectionId, { timeout: 300 });
	expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
});

test('so is one that ends while the connection is read', async () => {
	fixture.time.slowDown('GET /connections/{connectionId}', 3_000);
	const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(1) });
	fixture.airbyte.startJob(connectionId);
	const { items } = await waitFor('synchronous', connectionId, { timeout: 300 });
	expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
});
