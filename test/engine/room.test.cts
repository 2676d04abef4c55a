/** Maximum Running Jobs: a job is started only while fewer run in the connection's workspace. */
import type { INodeParameters } from 'n8n-workflow';

import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture, byId } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const { deadAs, runsForever, succeedsAfter } = timelines;

/** Connections on which others' jobs run. */
function busy(count: number, jobs = succeedsAfter(100), workspaceId?: string): void {
	for (let n = 0; n < count; n++) {
		const { connectionId } = fixture.airbyte.addConnection({ jobs, workspaceId });
		fixture.airbyte.startJob(connectionId);
	}
}

const own = () => fixture.airbyte.addConnection({ jobs: succeedsAfter(30) }).connectionId;
const limit = (maximumRunningJobs: number, rest: INodeParameters = {}) => ({
	options: { maximumRunningJobs },
	...rest,
});
const posts = () => fixture.airbyte.audit.count('POST /jobs');
/** Lists of jobs before the first submission. */
const lists = () => {
	const { calls } = fixture.airbyte.audit;
	const until = calls.findIndex(({ route }) => route === 'POST /jobs');
	return calls.slice(0, until).filter(({ route }) => route === 'GET /jobs').length;
};
const startedAt = (jobId: number) => fixture.airbyte.job(jobId)?.createdAt ?? NaN;
/** Infinity while it runs. */
const endedAt = (jobId: number) => {
	const job = fixture.airbyte.job(jobId);
	return job?.terminal ? job.updatedAt : Infinity;
};

describe.each(['synchronous', 'deferrable'])('%s', (mode) => {
	const run = async (connectionIds: string[], parameters: INodeParameters) => {
		if (mode === 'deferrable') {
			return await deferred.endOf(deferred.start(connectionIds, parameters));
		}
		const items = connectionIds.map((id) => ({ id }));
		return await fixture.sync('={{ $json.id }}', parameters, { items });
	};

	test('while there is room, the job is started at once', async () => {
		busy(2);
		const { items } = await run([own()], limit(3));
		expect(items).toMatchObject([{ jobId: 3, status: 'succeeded', attached: false }]);
		expect(startedAt(3) - startedAt(1)).toBeLessThan(10_000);
	});

	test('a count takes no more calls than one for each change of status', async () => {
		await run([own()], limit(1));
		// The connection's newest jobs once, and four statuses, one of which a job can come back to.
		expect(lists()).toBe(1 + 5);
	});

	test('a count that is old by the time it is answered is taken again', async () => {
		fixture.time.slowDown('GET /jobs', 3_000);
		const { audit } = fixture.airbyte;
		// The count has asked for those that run already, and goes on with other statuses.
		audit.onCall(() => {
			if (audit.count('GET /jobs') === 1 + 3 && !fixture.airbyte.job(1)) busy(1);
		});
		const { items } = await run([own()], limit(1));
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded' }]);
		expect(startedAt(2)).toBeGreaterThan(endedAt(1));
	});

	test('an Airbyte that counts slowly is taken at its word in the end', async () => {
		fixture.time.slowDown('GET /jobs', 3_000);
		const { items } = await run([own()], limit(1));
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(lists()).toBe(4 * (1 + 5));
	});

	test('until there is, it waits', async () => {
		busy(2);
		const { items } = await run([own()], limit(2));
		expect(items).toMatchObject([{ jobId: 3, status: 'succeeded' }]);
		expect(startedAt(3)).toBeGreaterThan(endedAt(1));
	});

	test('no longer than Timeout: then nothing was started', async () => {
		busy(1, runsForever());
		const { error } = await run([own()], limit(1, { timeout: 60 }));
		expect(error?.message).toMatch(
			/^Other jobs were still running in the workspace of connection '.+' after 60 seconds$/,
		);
		expect(error?.description).toMatch(/^Nothing was started\./);
		expect(posts()).toBe(0);
	});

	test('items take one place after the other', async () => {
		const { items } = await run([own(), own(), own()], limit(1));
		expect(items.map(({ status }) => status)).toEqual(Array(3).fill('succeeded'));
		expect(startedAt(2)).toBeGreaterThanOrEqual(endedAt(1));
		expect(startedAt(3)).toBeGreaterThanOrEqual(endedAt(2));
	});

	test('jobs of other workspaces take no place', async () => {
		const { workspaceId } = fixture.airbyte.addWorkspace();
		busy(2, runsForever(), workspaceId);
		const { items } = await run([own()], limit(1));
		expect(items).toMatchObject([{ status: 'succeeded' }]);
	});
});

test('an outage at the end of the wait for room is told', async () => {
	busy(1, runsForever());
	const later = fixture.time.shared.now() + 100_000;
	fixture.time.at(later, async () => await fixture.airbyte.goDown());
	const { error } = await fixture.sync(own(), limit(1, { timeout: 600 }));
	expect(error?.message).toContain('Other jobs were still running');
	expect(error?.description).toContain('Airbyte could not be asked at the end: ');
});

test.each([20, 150])(
	'a job that begins to run between two lists has its place: %d ms each',
	async (ms) => {
		fixture.time.slowDown('GET /jobs', ms);
		const jobs = timelines.pendingThen(0.1, succeedsAfter(100));
		const ids = Array.from(
			{ length: 4 },
			() => fixture.airbyte.addConnection({ jobs }).connectionId,
		);
		const items = ids.map((id) => ({ id }));
		await fixture.sync('', { connectionId: byId('={{ $json.id }}'), ...limit(1) }, { items });
		for (const jobId of [2, 3, 4])
			expect(startedAt(jobId)).toBeGreaterThanOrEqual(endedAt(jobId - 1));
	},
);

test.each([20, 150])(
	'an attempt that fails between two lists has its place: %d ms each',
	async (ms) => {
		fixture.time.slowDown('GET /jobs', ms);
		const { airbyte } = fixture;
		const others = airbyte.addConnection().connectionId;
		airbyte.audit.onCall(({ route }) => {
			if (route !== 'GET /connections/{connectionId}' || airbyte.job(1)) return;
			const rest = succeedsAfter(100);
			airbyte.startJob(others, {
				timeline: timelines.incompleteThen((3.9 * ms) / 1_000, 60, rest),
			});
		});
		await fixture.sync(own(), limit(1));
		expect(startedAt(2)).toBeGreaterThanOrEqual(endedAt(1));
	},
);

test('a job that waits in the queue of Airbyte has its place, too', async () => {
	busy(1, timelines.statusThen('pending', 100, succeedsAfter(1)));
	await fixture.sync(own(), limit(1));
	expect(startedAt(2)).toBeGreaterThan(endedAt(1));
});

describe.each([5, 70])(
	'a job that has run on the connection for %d s, while there is no room',
	(age) => {
		function busyToo(): string {
			busy(1, runsForever());
			const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(300) });
			fixture.airbyte.startJob(connectionId);
			fixture.time.shared.advance(age * 1_000);
			return connectionId;
		}

		const options = (onActiveJob: string) => ({ options: { maximumRunningJobs: 1, onActiveJob } });

		test('is attached to, which takes no place', async () => {
			const { items } = await fixture.sync(busyToo(), options('attach'));
			expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', attached: true }]);
		});

		test('has the item skipped', async () => {
			const { items } = await fixture.sync(busyToo(), options('skip'));
			expect(items).toMatchObject([{ skipped: true, reason: 'running' }]);
		});

		test('has the item wait for room, without being resumed at each look', async () => {
			deferred.start([busyToo()], options('queue'));
			await deferred.passTime(10 * 60_000);
			// The wait, its watcher and its watchdog.
			expect(deferred.n8n.executions.size).toBe(3);
			expect(posts()).toBe(0);
		});

		test('has the item failed', async () => {
			const { error } = await fixture.sync(busyToo(), options('fail'));
			expect(error?.message).toContain('A sync (job 2) is running');
			expect(posts()).toBe(0);
		});
	},
);

test('a dead record of the connection does not keep a job from starting where there is room', async () => {
	const { connectionId } = fixture.airbyte.addConnection({
		jobs: [deadAs('running'), succeedsAfter(30)],
	});
	fixture.airbyte.startJob(connectionId);
	fixture.time.shared.advance(86_400_000);
	const { items } = await fixture.sync(connectionId, limit(1));
	expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', attached: false }]);
});

test('an Airbyte that does not know the status queued is counted without it', async () => {
	busy(1);
	fixture.airbyte.settings.version = '2.0.0';
	const { items } = await fixture.sync(own(), limit(2));
	expect(items).toMatchObject([{ status: 'succeeded' }]);
	const refused = fixture.airbyte.audit.calls.filter(({ status }) => status === 400);
	expect(refused.map(({ query }) => query.status)).toEqual(['queued']);
});

test.each(['2.0.0', 'head'] as const)(
	'a refresh has its place, too: Airbyte %s',
	async (version) => {
		fixture.airbyte.settings.version = version;
		const { connectionId } = fixture.airbyte.addConnection();
		fixture.airbyte.startJob(connectionId, { jobType: 'refresh', timeline: succeedsAfter(100) });
		const { items } = await fixture.sync(own(), limit(1));
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded' }]);
		expect(startedAt(2)).toBeGreaterThan(endedAt(1));
	},
);

describe('a record that a crash left behind takes no place', () => {
	const DAY = 24 * 3_600_000;

	/** A record that says running, and nothing behind it, on a connection. */
	function crashed(rest: object = {}): string {
		const { connectionId } = fixture.airbyte.addConnection(rest);
		const at = fixture.time.shared.now() - 30 * DAY;
		fixture.airbyte.startJob(connectionId, { at, timeline: timelines.deadAs('running') });
		return connectionId;
	}

	test('below a newer job of its connection', async () => {
		const connectionId = crashed();
		const at = fixture.time.shared.now() - DAY;
		fixture.airbyte.startJob(connectionId, { at, timeline: succeedsAfter(10) });
		const { items } = await fixture.sync(own(), limit(1));
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(startedAt(3)).toBeLessThan(at + DAY + 10_000);
	});

	test('on a connection that is switched off', async () => {
		crashed({ status: 'inactive' });
		const { items } = await fixture.sync(own(), limit(1));
		expect(items).toMatchObject([{ status: 'succeeded' }]);
	});

	test('but the job that runs has its own', async () => {
		crashed({ status: 'inactive' });
		busy(1);
		const { items } = await fixture.sync(own(), limit(1));
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(startedAt(3)).toBeGreaterThan(endedAt(2));
	});

	test('and so has one that goes on although its connection was switched off', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(3_600) });
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(20 * 60_000);
		fixture.airbyte.updateConnection(connectionId, { status: 'inactive' });
		const { items } = await fixture.sync(own(), limit(1));
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(startedAt(2)).toBeGreaterThanOrEqual(endedAt(1));
	});

	test('where a look at its connection fails, it has one', async () => {
		crashed({ status: 'inactive' });
		const from = fixture.time.shared.now();
		const route = 'GET /connections/{connectionId}';
		fixture.airbyte.faults.add({ route, kind: 'status', status: 503, skip: 1, times: 1 });
		const { items } = await fixture.sync(own(), limit(1));
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(startedAt(2) - from).toBeGreaterThan(60_000);
	});

	test('and where that cannot be told, the error names it', async () => {
		const connectionId = crashed();
		const { error } = await fixture.sync(own(), limit(1, { timeout: 60 }));
		expect(error?.description).toContain(`job 1 on connection ${connectionId} since 20`);
		expect(error?.description).toContain('a start on that connection clears it away');
		const looks = fixture.airbyte.audit.calls.filter(
			({ query }) => query.connectionId === connectionId,
		);
		expect(looks).toHaveLength(1);
	});
});

test('rows of another status than was asked for take no place', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(1) });
	fixture.airbyte.startJob(connectionId);
	fixture.time.shared.advance(10_000);
	const rows = { data: [{ jobId: 1, status: 'succeeded', jobType: 'sync', connectionId }] };
	const wrongRows = fixture.airbyte.faults.add({
		route: 'GET /jobs',
		kind: 'status',
		status: 200,
		body: rows,
		skip: 1,
		times: 4,
	});
	const { items } = await fixture.sync(own(), limit(1));
	expect(items).toMatchObject([{ status: 'succeeded' }]);
	expect(lists()).toBe(1 + 5);
	expect(wrongRows.fired).toBe(4);
});

test('a stop while it waits starts nothing', async () => {
	busy(1, runsForever());
	const stoppedAt = fixture.time.shared.now() + 30_000;
	const onStart = (stop: () => void) => fixture.time.at(stoppedAt, async () => stop());
	await fixture.sync(own(), limit(1), { onStart });
	await fixture.time.comesToRest();
	expect(fixture.time.shared.now()).toBeLessThan(stoppedAt + 10_000);
	expect(posts()).toBe(0);
});

describe('among many that are started while Airbyte takes 20 s for each', () => {
	async function start(most: (item: number) => number) {
		const slow = { jobs: succeedsAfter(30), starts: [{ takes: 20, answer: 'job' as const }] };
		const items = Array.from({ length: 30 }, (_, item) => ({
			id: fixture.airbyte.addConnection(slow).connectionId,
			most: most(item),
		}));
		const options = { batchSize: 8, maximumRunningJobs: '={{ $json.most }}' };
		const connectionId = byId('={{ $json.id }}');
		const ended = await fixture.sync('', { connectionId, options }, { items });
		expect(ended.items.map(({ status }) => status)).toEqual(Array(30).fill('succeeded'));
		// Three at a time, each for 20 s.
		const sent = fixture.airbyte.audit.startedJobs().map(({ at }) => at);
		expect(sent[29] - sent[0]).toBeGreaterThanOrEqual(9 * 20_000);
		return items;
	}

	test('one that counts waits for its turn once more at most', async () => {
		const items = await start((item) => (item === 3 ? 100 : 0));
		const looks = fixture.airbyte.audit.calls.filter(
			({ route, query }) => route === 'GET /jobs' && query.connectionId === items[3].id,
		);
		expect(looks).toHaveLength(2);
	});

	test('none that counts waits for one that waits for it', async () => {
		const busyOnce = fixture.airbyte.faults.add({
			route: 'POST /jobs',
			kind: 'status',
			status: 429,
		});
		await start(() => 100);
		expect(busyOnce.fired).toBe(1);
	});
});
