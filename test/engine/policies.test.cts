/** What to do when a job runs on the connection already. */
import { timelines } from '../../simulator/index.cts';
import { Fixture, byId } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

/** A connection on which somebody else's job runs for so many seconds. */
function busyConnection(seconds: number, jobType: 'sync' | 'reset' = 'sync') {
	const { connectionId } = fixture.airbyte.addConnection({
		jobs: [timelines.succeedsAfter(seconds, { rows: 1 }), timelines.succeedsAfter(30, { rows: 2 })],
	});
	fixture.airbyte.startJob(connectionId, { jobType });
	return connectionId;
}

const onActiveJob = (policy: string, rest = {}) => ({ options: { onActiveJob: policy, ...rest } });

describe('attach', () => {
	test('waits for what runs, and says so', async () => {
		const { items, data } = await fixture.sync(busyConnection(100));
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', attached: true, rowsSynced: 1 }]);
		expect(JSON.stringify(data.resultData)).toContain(
			'Attached to a job that was already running: job 1 of connection ',
		);
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
	});

	test('a reset that runs is named, as a sync cannot be had from it', async () => {
		const { error } = await fixture.sync(busyConnection(100, 'reset'));
		expect(error?.message).toMatch(/^A reset \(job 1\) is running on /);
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
	});
});

describe('skip', () => {
	test('starts nothing, waits for nothing, and tells of the job that runs', async () => {
		const before = fixture.time.shared.now();
		const { items, status, data } = await fixture.sync(busyConnection(100), onActiveJob('skip'));
		expect(status).toBe('success');
		expect(items).toMatchObject([
			{ jobId: 1, status: 'running', skipped: true, reason: 'running', attached: false },
		]);
		expect(JSON.stringify(data.resultData)).toContain(
			'Skipped, as another job ran: job 1 of connection ',
		);
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
		expect(fixture.time.shared.now()).toBe(before);
	});
});

describe('skip if synced within', () => {
	/** A connection whose only job so far has ended so many seconds ago. */
	function syncedAgo(seconds: number, ended = timelines.succeedsAfter(10, { rows: 7 })) {
		const jobs = [ended, timelines.succeedsAfter(30, { rows: 8 })];
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance((10 + seconds) * 1_000);
		return connectionId;
	}

	const withinTenMinutes = { options: { skipIfSyncedWithin: 600 } };

	test('gives the numbers of a sync that is fresh enough, and starts none', async () => {
		const { items, data } = await fixture.sync(syncedAgo(500), withinTenMinutes);
		expect(items).toMatchObject([
			{ jobId: 1, status: 'succeeded', rowsSynced: 7, skipped: true, reason: 'fresh' },
		]);
		expect(items[0].attached).toBe(false);
		expect(JSON.stringify(data.resultData)).toContain(
			'the last sync is fresh enough: job 1 of connection ',
		);
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
	});

	test.each([
		['an older one', () => syncedAgo(700)],
		['one that failed', () => syncedAgo(500, timelines.failsAfter(10))],
	])('does not count %s', async (_what, arrange) => {
		const { items } = await fixture.sync(arrange(), withinTenMinutes);
		expect(items).toMatchObject([{ jobId: 2, rowsSynced: 8 }]);
		expect(items[0]).not.toHaveProperty('skipped');
	});

	test('counts a sync behind a dozen that failed since', async () => {
		const connectionId = syncedAgo(0);
		const fail = () => {
			fixture.airbyte.startJob(connectionId, { timeline: timelines.failsAfter(10) });
			fixture.time.shared.advance(20_000);
		};
		Array.from({ length: 12 }).forEach(fail);
		const { items } = await fixture.sync(connectionId, withinTenMinutes);
		expect(items).toMatchObject([{ jobId: 1, skipped: true, reason: 'fresh' }]);
	});

	test('counts a refresh, also of an Airbyte that lists them only if asked for', async () => {
		fixture.airbyte.settings.version = '2.0.0';
		const { connectionId } = fixture.airbyte.addConnection();
		const timeline = timelines.succeedsAfter(10);
		fixture.airbyte.startJob(connectionId, { jobType: 'refresh', timeline });
		fixture.time.shared.advance(60_000);
		const { items } = await fixture.sync(connectionId, withinTenMinutes);
		expect(items).toMatchObject([{ jobId: 1, jobType: 'refresh', skipped: true }]);
	});

	test('does not keep a retry from its job', async () => {
		const jobs = [
			timelines.succeedsAfter(10),
			timelines.failsAfter(10),
			timelines.succeedsAfter(10, { rows: 9 }),
		];
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(620_000);
		const options = { skipIfSyncedWithin: 600, retries: 1, retryDelay: 1 };
		const { items } = await fixture.sync(connectionId, { options });
		expect(items).toMatchObject([{ jobId: 3, attempt: 2, rowsSynced: 9 }]);
	});

	test('does not count what has been cleared since', async () => {
		const connectionId = syncedAgo(300);
		fixture.airbyte.startJob(connectionId, {
			jobType: 'reset',
			timeline: timelines.succeedsAfter(10),
		});
		fixture.time.shared.advance(60_000);
		const { items } = await fixture.sync(connectionId, withinTenMinutes);
		expect(items).toMatchObject([{ jobId: 3, jobType: 'sync', status: 'succeeded' }]);
	});

	test.each([
		['fewer rows than Minimum Rows', { rows: 0, rejected: 0 }],
		['more rejected rows than Maximum Rejected Rows', { rows: 20, rejected: 500 }],
	])('does not count a sync that counts as failed: %s', async (_why, { rows, rejected }) => {
		const jobs = { ...timelines.succeedsAfter(60, { rows }), rejected };
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		const options = { minimumRows: 10, maximumRejectedRows: 0, skipIfSyncedWithin: 3_600 };
		const first = await fixture.sync(connectionId, { options });
		expect(first.error?.message).toMatch(/^Airbyte job 1 succeeded with/);
		const second = await fixture.sync(connectionId, { options });
		expect(second.error?.message).toMatch(/^Airbyte job 2 succeeded with/);
	});

	test('counts one that ended well since then, behind which it was queued', async () => {
		const ends = (rejected: number) => ({ ...timelines.succeedsAfter(60, { rows: 9 }), rejected });
		const { connectionId } = fixture.airbyte.addConnection({ jobs: [ends(500), ends(0)] });
		await fixture.sync(connectionId);
		fixture.airbyte.startJob(connectionId);
		const options = { maximumRejectedRows: 0, skipIfSyncedWithin: 3_600, onActiveJob: 'queue' };
		const { items } = await fixture.sync(connectionId, { options });
		expect(items).toMatchObject([{ jobId: 2, skipped: true, reason: 'fresh' }]);
	});

	test('counts one whose rejected rows are few enough', async () => {
		const jobs = { ...timelines.succeedsAfter(60, { rows: 20 }), rejected: 1 };
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		const options = { maximumRejectedRows: 5, skipIfSyncedWithin: 3_600 };
		await fixture.sync(connectionId, { options });
		const { items } = await fixture.sync(connectionId, { options });
		expect(items).toMatchObject([{ jobId: 1, skipped: true, reason: 'fresh', rowsRejected: 1 }]);
	});

	test('in deferrable mode, too: nothing is waited for', async () => {
		const parameters = { mode: 'deferrable', ...withinTenMinutes };
		const { items, status } = await fixture.sync(syncedAgo(500), parameters, {
			resumeToken: 'token',
		});
		expect({ status, items }).toMatchObject({ status: 'success', items: [{ reason: 'fresh' }] });
	});
});

describe('if the connection is inactive', () => {
	const onInactive = { options: { onInactive: 'skip' } };

	test('skip: starts nothing and continues, and says so', async () => {
		const connection = fixture.airbyte.addConnection({ name: 'Paused', status: 'inactive' });
		const { items, data } = await fixture.sync(connection.connectionId, onInactive);
		expect(items).toEqual([
			{
				connectionId: connection.connectionId,
				connectionName: 'Paused',
				jobType: 'sync',
				skipped: true,
				reason: 'inactive',
			},
		]);
		expect(JSON.stringify(data.resultData)).toContain('Skipped, as the connection is switched off');
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
	});

	const EVENTS = 'POST /api/v1/connections/events/list';
	const disabled = () =>
		fixture.airbyte.addConnection({ name: 'Paused', status: 'inactive' }).connectionId;

	test('skip: in deferrable mode, too, nothing is waited for', async () => {
		const parameters = { mode: 'deferrable', ...onInactive };
		const { items, status } = await fixture.sync(disabled(), parameters, { resumeToken: 'token' });
		expect({ status, items }).toMatchObject({ status: 'success', items: [{ reason: 'inactive' }] });
	});

	test.each([
		[
			{ disabledReason: 'SCHEMA_CHANGES_ARE_BREAKING' },
			undefined,
			"UTC as the source's schema changed in a way that breaks",
		],
		[
			{ disabledReason: 'TOO_MANY_FAILED_JOBS_WITH_NO_RECENT_SUCCESS' },
			undefined,
			'as too many of its jobs failed',
		],
		[{ disabledReason: 'A_WORD_NOT_INVENTED_YET' }, undefined, 'UTC (A_WORD_NOT_INVENTED_YET).'],
		[{}, { id: 'u', name: 'Ada', email: 'ada@acme.com' }, 'Ada switched it off on 2026-01-05'],
		[{}, undefined, 'Somebody switched it off on'],
	])('the error says why, where Airbyte tells: %j', async (summary, user, words) => {
		const connectionId = disabled();
		const event = { eventType: 'CONNECTION_DISABLED', summary: summary as object as never, user };
		fixture.airbyte.addEvent(connectionId, event);
		const { error } = await fixture.sync(connectionId);
		expect(error?.message).toBe("Connection 'Paused' is disabled in Airbyte");
		expect(error?.description).toContain(words);
		expect(error?.description).toMatch(/^Nothing was started\. .* Enable it in Airbyte/);
	});

	test.each<[string, (connectionId: string) => void]>([
		[
			'that was switched on after that',
			(connectionId) => {
				const event = { eventType: 'CONNECTION_DISABLED', summary: {} };
				fixture.airbyte.addEvent(connectionId, event);
				fixture.time.shared.advance(1_000);
				fixture.airbyte.addEvent(connectionId, { ...event, eventType: 'CONNECTION_ENABLED' });
			},
		],
		[
			'of which Airbyte does not tell',
			() =>
				fixture.airbyte.faults.add({ route: EVENTS, kind: 'status', status: 500, times: Infinity }),
		],
	])('the error of one %s gives no reason, and is the same', async (_what, prepare) => {
		const connectionId = disabled();
		prepare(connectionId);
		const { error } = await fixture.sync(connectionId);
		expect(error?.message).toBe("Connection 'Paused' is disabled in Airbyte");
		expect(error?.description).toBe(
			'Nothing was started. Enable it in Airbyte, then run this again.',
		);
	});

	test('nobody is asked for the reason where it is not wanted', async () => {
		await fixture.sync(disabled(), onInactive);
		await fixture.sync(disabled(), { options: { failureDetails: false } });
		expect(fixture.airbyte.audit.count(EVENTS)).toBe(0);
	});

	test.each(['deprecated', 'locked'] as const)('skip is not for one that is %s', async (status) => {
		const { connectionId } = fixture.airbyte.addConnection({ status });
		const { error } = await fixture.sync(connectionId, onInactive);
		expect(error?.message).toContain(`is ${status} in Airbyte`);
	});
});

describe('queue', () => {
	test('waits for the end of what runs, then starts a fresh job', async () => {
		const { items } = await fixture.sync(busyConnection(100), onActiveJob('queue'));
		expect(items).toMatchObject([
			{ jobId: 2, status: 'succeeded', attached: false, rowsSynced: 2, attempt: 1 },
		]);
		const [first, second] = fixture.airbyte.jobs();
		expect(second.createdAt).toBeGreaterThanOrEqual(first.updatedAt);
		expect(second.createdAt - first.updatedAt).toBeLessThan(4_000);
	});

	test('waits for a reset too', async () => {
		const { items } = await fixture.sync(busyConnection(100, 'reset'), onActiveJob('queue'));
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', jobType: 'sync' }]);
	});

	test('its own job has the whole timeout, whatever the queue took', async () => {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: [timelines.succeedsAfter(90), timelines.succeedsAfter(90)],
		});
		fixture.airbyte.startJob(connectionId);
		const { items } = await fixture.sync(connectionId, { timeout: 100, ...onActiveJob('queue') });
		expect(items[0]).toMatchObject({ jobId: 2, status: 'succeeded' });
	});

	test('gives up at the timeout, with nothing started or cancelled', async () => {
		const began = fixture.time.shared.now();
		const parameters = { timeout: 100, ...onActiveJob('queue') };
		const { error } = await fixture.sync(busyConnection(1_000), parameters);
		expect(error?.message).toMatch(/^A sync \(job 1\) was still running on .* after 100 seconds$/);
		expect(fixture.time.shared.now() - began).toBe(100_000);
		// Once the other job is a minute old, it is asked for whether it truly runs.
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(1);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});

	test('an outage at the end of the wait is told', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
		fixture.airbyte.startJob(connectionId);
		const later = fixture.time.shared.now() + 100_000;
		fixture.time.at(later, async () => await fixture.airbyte.goDown());
		const options = { onActiveJob: 'queue' };
		const { error } = await fixture.sync(connectionId, { timeout: 600, options });
		expect(error?.message).toContain('was still running on');
		expect(error?.description).toContain('Airbyte could not be asked at the end: ');
	});

	test('several items on one connection run one after the other', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(60) });
		const three = { items: [{}, {}, {}] };
		const { items } = await fixture.sync(connectionId, onActiveJob('queue'), three);
		expect(items).toMatchObject([1, 2, 3].map((jobId) => ({ jobId, status: 'succeeded' })));
		expect(items.map(({ attached }) => attached)).toEqual([false, false, false]);
	});

	test('outlives an Airbyte that is away, and a token that expires', async () => {
		const connectionId = busyConnection(100);
		fixture.airbyte.faults.random({
			seed: 4,
			rate: 0.5,
			kinds: ['status', 'reset', 'empty'],
			routes: ['GET /jobs/{jobId}'],
		});
		fixture.time.at(fixture.time.shared.now() + 50_000, async () => fixture.airbyte.expireTokens());
		const { items } = await fixture.sync(connectionId, onActiveJob('queue'));
		expect(items[0]).toMatchObject({ jobId: 2, status: 'succeeded' });
	});

	test('in asynchronous mode it waits for its turn, and not for its job', async () => {
		const parameters = { mode: 'asynchronous', ...onActiveJob('queue') };
		const { items } = await fixture.sync(busyConnection(100), parameters);
		expect(items[0]).toMatchObject({ jobId: 2, status: 'pending' });
	});

	test('in asynchronous mode it looks as often as the fields say', async () => {
		const looks = async (rest: object) => {
			const before = fixture.airbyte.audit.count('GET /jobs/{jobId}');
			await fixture.sync(busyConnection(300), { mode: 'asynchronous', ...rest });
			return fixture.airbyte.audit.count('GET /jobs/{jobId}') - before;
		};
		expect(await looks({ waitSeconds: 60, ...onActiveJob('queue') })).toBeLessThanOrEqual(6);
		const evenly = onActiveJob('queue', { adaptivePolling: false });
		expect(await looks({ waitSeconds: 1, ...evenly })).toBeGreaterThan(290);
	});

	test('in asynchronous mode it gives up at the timeout, too', async () => {
		const began = fixture.time.shared.now();
		const parameters = { mode: 'asynchronous', timeout: 100, ...onActiveJob('queue') };
		const { error } = await fixture.sync(busyConnection(1_000), parameters);
		expect(error?.message).toMatch(/^A sync \(job 1\) was still running on .* after 100 seconds$/);
		expect(fixture.time.shared.now() - began).toBe(100_000);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('another that was quicker is waited for as well', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(60) });
		fixture.airbyte.startJob(connectionId);
		fixture.airbyte.audit.onCall(({ route }) => {
			const wasSeen = route === 'GET /jobs/{jobId}' && fixture.airbyte.job(1)?.terminal;
			if (wasSeen && fixture.airbyte.jobs().length === 1) fixture.airbyte.startJob(connectionId);
		});
		const { items } = await fixture.sync(connectionId, onActiveJob('queue'));
		expect(items[0]).toMatchObject({ jobId: 3, status: 'succeeded', attached: false });
	});
});

describe('while a refresh runs, on an Airbyte that lists refreshes only if asked for them', () => {
	const refreshing = () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(30) });
		const timeline = timelines.succeedsAfter(900);
		const at = fixture.time.shared.now() - 10_000;
		fixture.airbyte.startJob(connectionId, { jobType: 'refresh', timeline, at });
		return connectionId;
	};
	beforeEach(() => {
		fixture.airbyte.settings.version = '2.0.0';
	});

	test.each([
		['skip', { jobId: 1, skipped: true, reason: 'running' }],
		['queue', { jobId: 2, status: 'succeeded', attached: false }],
		['attach', { jobId: 1, status: 'succeeded', attached: true }],
		['replace', { jobId: 2, status: 'succeeded', attached: false }],
	])('%s', async (policy, expected) => {
		const { items } = await fixture.sync(refreshing(), onActiveJob(policy));
		expect(items).toMatchObject([expected]);
	});

	test('fail', async () => {
		const { error } = await fixture.sync(refreshing(), onActiveJob('fail'));
		expect(error?.message).toMatch(/^A refresh \(job 1\) is running on /);
	});
});

test('a connection that was disabled in between is told as such, though Airbyte only says 409', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ name: 'Shop → Lake' });
	const { connectionId: other } = fixture.airbyte.addConnection();
	fixture.airbyte.audit.onCall(({ route }) => {
		// After the node has read the connection, before it asks for the job.
		if (route === 'GET /jobs')
			fixture.airbyte.updateConnection(connectionId, { status: 'inactive' });
	});
	const began = fixture.time.shared.now();
	const { error } = await fixture.sync(connectionId);
	expect(error?.message).toBe("Connection 'Shop → Lake' is disabled in Airbyte");
	expect(fixture.time.shared.now() - began).toBeLessThan(5_000);
	expect(fixture.airbyte.audit.count('POST /jobs')).toBe(1);
	// And nothing of it stays: another connection is as good as ever.
	const { items } = await fixture.sync(other, { connectionId: byId(other) });
	expect(items[0]).toMatchObject({ status: 'succeeded' });
});

/** A proxy that drops the query of a request, say. */
describe('a list of jobs of another connection only', () => {
	const othersOnly = (times: number) => {
		const other = { connectionId: '00000000-0000-4000-8000-000000000009', jobType: 'sync' };
		const body = { data: [{ jobId: 99, status: 'running', ...other }] };
		fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'status', status: 200, body, times });
		return fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(30) }).connectionId;
	};

	test('does not tell that none runs on ours: it is asked for again', async () => {
		const { items } = await fixture.sync(othersOnly(1));
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', attached: false }]);
		expect(fixture.airbyte.audit.count('GET /jobs')).toBe(2);
	});

	test('starts nothing, as long as it comes', async () => {
		const { error } = await fixture.sync(othersOnly(Infinity));
		expect(error?.message).toBe('Airbyte answered with the jobs of another connection');
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
	});
});
