/** Job types that only Airbyte's configuration API starts: refreshes, and clears of some streams. */
import type { INodeParameters } from 'n8n-workflow';

import type { NewConnection } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const { failsAfter, runsForever, succeedsAfter } = timelines;
const REFRESH = 'POST /api/v1/connections/refresh';
const CLEAR = 'POST /api/v1/connections/clear/stream';

const streams = ['public.users', 'public.orders', 'sales.orders', 'plain'];
const connectionWith = (rest: NewConnection = {}) =>
	fixture.airbyte.addConnection({ jobs: succeedsAfter(30, { rows: 7 }), streams, ...rest })
		.connectionId;

const count = (route: string) => fixture.airbyte.audit.count(route);
const started = () => fixture.airbyte.audit.startedJobs().map(({ jobType }) => jobType);
const streamsOf = (jobId: number) =>
	fixture.airbyte.job(jobId)?.streams.map(({ name, namespace }) => `${namespace}.${name}`);

describe.each(['synchronous', 'deferrable'])('%s', (mode) => {
	const run = async (connectionId: string, parameters: INodeParameters) =>
		await deferred.syncIn(mode, connectionId, parameters);
	const refresh = async (connectionId: string, parameters: INodeParameters = {}) =>
		await run(connectionId, { jobType: 'refresh', ...parameters });

	test('a refresh is started, and waited for like any job', async () => {
		const connectionId = connectionWith();
		const { items } = await refresh(connectionId);
		expect(items).toMatchObject([
			{ jobId: 1, connectionId, jobType: 'refresh', status: 'succeeded', rowsSynced: 7 },
		]);
		expect(items[0]).toMatchObject({ attached: false });
		expect(started()).toEqual(['refresh']);
		expect(count('POST /jobs')).toBe(0);
	});

	test.each([
		['is lost after it was taken', { kind: 'reset', when: 'after' }],
		['is lost, and Airbyte says 502', { kind: 'status', status: 502, when: 'after' }],
	] as const)('a refresh whose answer %s is found', async (_how, fault) => {
		fixture.airbyte.faults.add({ route: REFRESH, ...fault });
		const { items } = await refresh(connectionWith());
		expect(items).toMatchObject([{ jobId: 1, jobType: 'refresh', attached: false }]);
		expect(count(REFRESH)).toBe(1);
	});

	test('a refresh that never reached Airbyte is not asked for again', async () => {
		fixture.airbyte.faults.add({ route: REFRESH, kind: 'reset', when: 'before' });
		const { error } = await refresh(connectionWith());
		expect(error?.description).toContain('Airbyte may still start the refresh that was asked for');
		expect(count(REFRESH)).toBe(1);
	});

	test.each([
		['503', { kind: 'status', status: 503 }],
		['a reset', { kind: 'reset' }],
	] as const)('a refresh whose sign-in got %s was not asked for, and is', async (_what, fault) => {
		fixture.airbyte.faults.add({ route: REFRESH, kind: 'expireTokens' });
		fixture.airbyte.faults.add({ route: 'POST /applications/token', skip: 1, ...fault });
		const { items } = await refresh(connectionWith());
		expect(items).toMatchObject([{ jobId: 1, jobType: 'refresh', status: 'succeeded' }]);
		expect(started()).toEqual(['refresh']);
	});

	test.each([1, 16])(
		'a refresh right after a sync, whose workflow ends %d s later, gets a job',
		async (lingersSeconds) => {
			const connectionId = connectionWith({ lingersSeconds });
			await run(connectionId, {});
			const { items } = await refresh(connectionId);
			expect(items).toMatchObject([{ jobId: 2, jobType: 'refresh', status: 'succeeded' }]);
			expect(count(REFRESH)).toBe(1);
		},
	);

	test('a refresh that was queued behind a sync gets a job', async () => {
		const connectionId = connectionWith({ lingersSeconds: 16 });
		fixture.airbyte.startJob(connectionId);
		const { items } = await refresh(connectionId, { options: { onActiveJob: 'queue' } });
		expect(items).toMatchObject([{ jobId: 2, jobType: 'refresh', status: 'succeeded' }]);
		expect(count(REFRESH)).toBe(1);
	});

	test('a destination that cannot refresh is told as such', async () => {
		const { error } = await refresh(connectionWith({ refreshable: false }));
		expect(error?.message).toBe('Airbyte took the refresh, but has started no job');
		expect(error?.description).toContain("then use 'Clear', and a sync after it");
		expect(count(REFRESH)).toBe(1);
	});

	test('a refresh asked for just as a job began is not asked for again', async () => {
		const connectionId = connectionWith({ jobs: succeedsAfter(30) });
		fixture.airbyte.audit.onArrival(({ route }) => {
			if (route === REFRESH) fixture.airbyte.startJob(connectionId);
		});
		const { error } = await refresh(connectionId);
		expect(error?.message).toBe('Airbyte took the refresh, but has started no job');
		expect(error?.description).toContain('runs it before the next sync');
		expect(count(REFRESH)).toBe(1);
	});

	test('streams are refreshed by their names, from a list, too', async () => {
		const { items } = await refresh(connectionWith(), { streams: '={{ ["users", "plain"] }}' });
		expect(items).toMatchObject([{ jobId: 1, jobType: 'refresh', status: 'succeeded' }]);
		expect(streamsOf(1)).toEqual(['public.users', 'undefined.plain']);
	});

	test('a clear of two streams leaves the others alone', async () => {
		const names = ' public.users, sales.orders ,public.users';
		const { items } = await run(connectionWith(), { jobType: 'clear', streams: names });
		expect(items).toMatchObject([{ jobId: 1, jobType: 'reset', status: 'succeeded' }]);
		expect(streamsOf(1)).toEqual(['public.users', 'sales.orders']);
		expect(count('POST /jobs')).toBe(0);
	});

	test('a clear of streams whose answer is lost is found', async () => {
		fixture.airbyte.faults.add({ route: CLEAR, kind: 'reset', when: 'after' });
		const { items } = await run(connectionWith(), { jobType: 'clear', streams: 'users' });
		expect(items).toMatchObject([{ jobId: 1, jobType: 'reset', attached: false }]);
		expect(started()).toEqual(['reset']);
	});
});

const refresh = async (connectionId: string, parameters: INodeParameters = {}) =>
	await fixture.sync(connectionId, { jobType: 'refresh', ...parameters });

test('a refresh that is slow to start is waited for', async () => {
	const starts = [{ takes: 200, answer: 'job' as const }];
	const { items } = await refresh(connectionWith({ starts }));
	expect(items).toMatchObject([{ jobId: 1, jobType: 'refresh' }]);
	expect(count(REFRESH)).toBe(1);
});

test.each([{}, { streams: '' }, { streams: ' ' }])(
	'an empty field means all streams, by the public API where that can do it: %j',
	async (empty) => {
		await fixture.sync(connectionWith(), { jobType: 'clear', ...empty });
		expect(count('POST /jobs')).toBe(1);
		expect(count(CLEAR)).toBe(0);
	},
);

describe.each([
	{ jobType: 'clear' },
	{ jobType: 'refresh' },
	{ jobType: 'refresh', refreshMode: 'truncate' },
])('%j', (parameters) => {
	test.each([
		'={{ [] }}',
		'={{ [" "] }}',
		'={{ $json.noSuchKey }}',
		'={{ null }}',
		'={{ "" }}',
		'={{ " , " }}',
		' , ',
	])('of streams %s starts nothing', async (names) => {
		const { error } = await fixture.sync(connectionWith(), { ...parameters, streams: names });
		expect(error?.message).toBe("'Streams' comes out as nothing");
		expect(error?.description).toContain('leave the field itself empty');
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});
});

test.each(['clear', 'refresh'])(
	'a stream that there is not fails a %s at once',
	async (jobType) => {
		const parameters = { jobType, streams: 'public.users, invoices' };
		const { error } = await fixture.sync(connectionWith(), parameters);
		expect(error?.message).toBe("The connection has no stream 'invoices'");
		expect(error?.description).toContain(
			"'public.users', 'public.orders', 'sales.orders', 'plain'",
		);
		expect(started()).toEqual([]);
	},
);

describe('a job that runs already is attached to only if it does all that is asked for:', () => {
	const startOther = async (connectionId: string, parameters: INodeParameters) =>
		await fixture.sync(connectionId, { mode: 'asynchronous', ...parameters });
	const parameters = (names: string) => ({ jobType: 'clear', streams: names });

	test('an item for each table clears both tables', async () => {
		const connectionId = connectionWith();
		const items = [{ table: 'users' }, { table: 'plain' }];
		const { status } = await fixture.sync(connectionId, parameters('={{ $json.table }}'), {
			items,
		});
		expect(status).toBe('success');
		expect([streamsOf(1), streamsOf(2)]).toEqual([['public.users'], ['undefined.plain']]);
	});

	test.each([
		['users', '', false],
		['users', 'users, plain', false],
		['users, plain', 'users', true],
		['', 'users', true],
		['', '', true],
	])('a clear of "%s" for one of "%s": %s', async (running, asked, attached) => {
		const connectionId = connectionWith();
		await startOther(connectionId, parameters(running));
		const { items } = await fixture.sync(connectionId, parameters(asked));
		expect(items).toMatchObject([{ jobId: attached ? 1 : 2, status: 'succeeded', attached }]);
	});

	test.each([
		['merge', true],
		['truncate', false],
	])(
		'a refresh of which nobody can tell the mode, for one that is to %s',
		async (mode, attached) => {
			const connectionId = connectionWith();
			await startOther(connectionId, { jobType: 'refresh' });
			const { items } = await refresh(connectionId, { refreshMode: mode });
			expect(items).toMatchObject([{ jobId: attached ? 1 : 2, status: 'succeeded', attached }]);
		},
	);

	test('where the configuration API is away, its end is waited for', async () => {
		const connectionId = connectionWith();
		await startOther(connectionId, parameters(''));
		const route = 'POST /api/v1/jobs/get_without_logs';
		fixture.airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
		const { items } = await fixture.sync(connectionId, parameters(''));
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', attached: false }]);
	});
});

test('a clear of streams that is answered without a job is not called a refresh', async () => {
	const body = {};
	fixture.airbyte.faults.add({ route: CLEAR, kind: 'status', status: 200, body, times: Infinity });
	const parameters = { jobType: 'clear', streams: 'plain' };
	const { error } = await fixture.sync(connectionWith(), parameters);
	expect(`${error?.message} ${error?.description}`).not.toMatch(/refresh/);
});

test('a name that two streams have is not guessed at', async () => {
	const { error } = await refresh(connectionWith(), { streams: 'orders' });
	expect(error?.message).toBe("The connection has more than one stream 'orders'");
	expect(error?.description).toContain("'public.orders', 'sales.orders'");
	expect(started()).toEqual([]);
});

test('with a sync, streams are not read', async () => {
	const { items } = await fixture.sync(connectionWith(), { streams: 'invoices' });
	expect(items).toMatchObject([{ jobType: 'sync', status: 'succeeded' }]);
});

describe('without the configuration API nothing is started', () => {
	const parameters = [
		['a refresh', { jobType: 'refresh' }],
		['a clear of a stream', { jobType: 'clear', streams: 'users' }],
	] as const;

	test.each(parameters)(
		'%s: this Airbyte does not have the call, or not for this user',
		async (_what, asked) => {
			// Its answer is the same.
			fixture.airbyte.settings.role = 'reader';
			const { error } = await fixture.sync(connectionWith(), asked);
			expect(error?.message).toContain('(403)');
			expect(error?.description).toMatch(/need Airbyte's configuration API, http.*\/api\/v1\./);
			expect(started()).toEqual([]);
		},
	);

	test.each(parameters)('%s: a router does not let it through', async (_what, asked) => {
		for (const route of [REFRESH, CLEAR] as const)
			fixture.airbyte.faults.add({ route, kind: 'router', times: Infinity });
		const { error } = await fixture.sync(connectionWith(), asked);
		expect(error?.description).toContain("need Airbyte's configuration API");
		expect(started()).toEqual([]);
	});
});

test('a retry may ask for a refresh again', async () => {
	const connectionId = connectionWith({ jobs: [failsAfter(10), succeedsAfter(10, { rows: 3 })] });
	const { items } = await refresh(connectionId, { options: { retries: 1, retryDelay: 1 } });
	expect(items).toMatchObject([{ jobId: 2, attempt: 2, jobType: 'refresh', rowsSynced: 3 }]);
});

test('a sync that runs is not disturbed by a refresh', async () => {
	const connectionId = connectionWith();
	fixture.airbyte.startJob(connectionId, { timeline: runsForever() });
	const { error } = await refresh(connectionId);
	expect(error?.message).toMatch(/^A sync \(job 1\) is running on /);
	expect(count(REFRESH)).toBe(0);
});

describe('Airbyte up to 2.0, which lists refreshes only if asked for', () => {
	beforeEach(() => {
		fixture.airbyte.settings.version = '2.0.0';
	});

	const refreshing = () => {
		const connectionId = connectionWith({ jobs: succeedsAfter(30) });
		fixture.airbyte.startJob(connectionId, { jobType: 'refresh', timeline: succeedsAfter(300) });
		return connectionId;
	};
	const statuses = () => fixture.airbyte.jobs().map(({ status }) => status);

	test('a clear does not cancel the refresh that runs: Fail', async () => {
		const options = { onActiveJob: 'fail' };
		const { error } = await fixture.sync(refreshing(), { jobType: 'clear', options });
		expect(error?.message).toMatch(/^A refresh \(job 1\) is running on /);
		expect(statuses()).toEqual(['running']);
	});

	test('nor Skip', async () => {
		const options = { onActiveJob: 'skip' };
		const { items } = await fixture.sync(refreshing(), { jobType: 'clear', options });
		expect(items).toMatchObject([{ jobId: 1, skipped: true, jobType: 'refresh' }]);
		expect(statuses()).toEqual(['running']);
	});

	test('Queue waits for its end', async () => {
		const options = { onActiveJob: 'queue' };
		const { items } = await fixture.sync(refreshing(), { jobType: 'clear', options });
		expect(items).toMatchObject([{ jobId: 2, jobType: 'reset', status: 'succeeded' }]);
		expect(statuses()).toEqual(['succeeded', 'succeeded']);
	});

	test('a refresh whose answer is lost is found', async () => {
		fixture.airbyte.faults.add({ route: REFRESH, kind: 'reset', when: 'after' });
		const { items } = await refresh(connectionWith());
		expect(items).toMatchObject([{ jobId: 1, jobType: 'refresh', attached: false }]);
	});

	test('a sync asks for none of them', async () => {
		await fixture.sync(connectionWith());
		const { calls } = fixture.airbyte.audit;
		expect(calls.filter(({ route }) => route === 'GET /jobs')).toHaveLength(1);
	});
});

test('a newer Airbyte, which lists them, is asked for them no more than once', async () => {
	const connectionId = connectionWith();
	fixture.airbyte.startJob(connectionId);
	const options = { onActiveJob: 'queue' };
	await fixture.sync(connectionId, { jobType: 'clear', options });
	const { calls } = fixture.airbyte.audit;
	const lists = calls.filter(({ route }) => route === 'GET /jobs');
	expect(lists.filter(({ query }) => query.status === 'queued')).toHaveLength(1);
	expect(lists.filter(({ query }) => query.jobType !== undefined)).toEqual([]);
});

test('a refresh gets a job where another one starts and ends while it waits for that', async () => {
	const connectionId = connectionWith({ lingersSeconds: 16, jobs: succeedsAfter(8) });
	await fixture.sync(connectionId);
	const soon = fixture.time.shared.now() + 7_000;
	fixture.time.at(soon, async () => void fixture.airbyte.startJob(connectionId));
	const { items } = await fixture.sync(connectionId, { jobType: 'refresh' });
	expect(items).toMatchObject([{ jobId: 3, jobType: 'refresh', status: 'succeeded' }]);
	expect(count(REFRESH)).toBe(1);
});
