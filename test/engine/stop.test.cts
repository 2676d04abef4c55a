/** Stopping the execution in n8n cancels the job, as Airflow's `on_kill` does. */
import type { RouteKey } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

/** Syncs, and stops the execution as soon as the n-th call of a route has been answered (or is being served). */
async function syncAndStop(
	connectionId: string,
	stopAt: { route: RouteKey; call?: number; while?: 'served' },
	parameters = {},
) {
	let stopNow = () => {};
	let seen = 0;
	if (stopAt.while === 'served') {
		fixture.airbyte.faults.add({ route: stopAt.route, kind: 'hang', when: 'after' });
		const timer = setInterval(() => {
			if (fixture.airbyte.audit.count(stopAt.route) === 0) return;
			clearInterval(timer);
			stopNow();
		}, 5);
	}
	fixture.airbyte.audit.onCall(({ route }) => {
		if (stopAt.while === 'served' || route !== stopAt.route) return;
		if (++seen === (stopAt.call ?? 1)) setImmediate(stopNow);
	});
	return await fixture.sync(connectionId, parameters, {
		onStart: (stop) => (stopNow = stop),
	});
}

/** Waits for what the node does after n8n has let go of it. */
async function eventually(condition: () => boolean): Promise<void> {
	while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('while waiting: the job is cancelled and its end read back', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(connectionId, { route: 'GET /jobs/{jobId}', call: 3 });
	await eventually(() => fixture.airbyte.job(1)?.status === 'cancelled');
	expect(fixture.airbyte.audit.cancels).toMatchObject([{ jobId: 1, cancelledJobId: 1 }]);
});

test('before the first look', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(connectionId, { route: 'POST /jobs' }, { waitSeconds: 3_600 });
	await eventually(() => fixture.airbyte.job(1)?.status === 'cancelled');
	expect(fixture.airbyte.audit.cancels).toHaveLength(1);
});

test('while the submission is under way: the job that comes of it is found and cancelled', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(connectionId, { route: 'POST /jobs', while: 'served' });
	await eventually(() => fixture.airbyte.job(1)?.status === 'cancelled');
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
});

test('while a look is under way', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(connectionId, { route: 'GET /jobs/{jobId}', while: 'served' });
	await eventually(() => fixture.airbyte.job(1)?.status === 'cancelled');
	expect(fixture.airbyte.audit.cancels).toHaveLength(1);
});

test('with a token that has expired since', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.faults.add({ route: 'GET /jobs/{jobId}', kind: 'expireTokens', when: 'after' });
	await syncAndStop(connectionId, { route: 'GET /jobs/{jobId}' });
	await eventually(() => fixture.airbyte.job(1)?.status === 'cancelled');
	expect(fixture.airbyte.audit.cancels).toHaveLength(1);
});

test('with an Airbyte that is away just then: tries again', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.faults.add({
		route: 'GET /jobs/{jobId}',
		kind: 'status',
		status: 503,
		skip: 1,
		times: 3,
	});
	await syncAndStop(connectionId, { route: 'GET /jobs/{jobId}' });
	await eventually(() => fixture.airbyte.job(1)?.status === 'cancelled');
	expect(fixture.airbyte.audit.cancels).toHaveLength(1);
});

test('in asynchronous mode, while the submission is under way', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(
		connectionId,
		{ route: 'POST /jobs', while: 'served' },
		{ mode: 'asynchronous' },
	);
	await eventually(() => fixture.airbyte.job(1)?.status === 'cancelled');
	expect(fixture.airbyte.audit.cancels).toHaveLength(1);
});

/** Nothing may happen, which no condition tells: let all that could still come come. */
async function afterEverything(): Promise<void> {
	let calls = -1;
	let quiet = 0;
	while (quiet < 50) {
		await new Promise((resolve) => setImmediate(resolve));
		quiet =
			calls === fixture.airbyte.audit.calls.length && fixture.airbyte.inFlight === 0
				? quiet + 1
				: 0;
		calls = fixture.airbyte.audit.calls.length;
	}
}

test("leaves the job running when 'Cancel On Stop' is off", async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(
		connectionId,
		{ route: 'GET /jobs/{jobId}', call: 2 },
		{ options: { cancelOnStop: false } },
	);
	await afterEverything();
	expect(fixture.airbyte.job(1)?.status).toBe('running');
	expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(2);
});

test('leaves a job alone that was running already', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.startJob(connectionId);
	await syncAndStop(connectionId, { route: 'GET /jobs/{jobId}', call: 2 });
	await afterEverything();
	expect(fixture.airbyte.job(1)?.status).toBe('running');
	expect(fixture.airbyte.audit.cancels).toEqual([]);
});

test('before the submission: nothing is started', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(connectionId, { route: 'GET /connections/{connectionId}' });
	await afterEverything();
	expect(fixture.airbyte.audit.startedJobs()).toEqual([]);
});

test('cancels the jobs of all items', async () => {
	const connections = [1, 2, 3].map(() =>
		fixture.airbyte.addConnection({ jobs: timelines.runsForever() }),
	);
	let stopNow = () => {};
	fixture.airbyte.audit.onCall(({ route }) => {
		if (route === 'GET /jobs/{jobId}') setImmediate(stopNow);
	});
	await fixture.sync(
		'',
		{ connectionId: { __rl: true, mode: 'id', value: '={{ $json.id }}' } },
		{
			items: connections.map(({ connectionId }) => ({ id: connectionId })),
			onStart: (stop) => (stopNow = stop),
		},
	);
	await eventually(() => [1, 2, 3].every((id) => fixture.airbyte.job(id)?.status === 'cancelled'));
	expect(fixture.airbyte.audit.cancels).toHaveLength(3);
});
