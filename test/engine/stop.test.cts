/** Stopping the execution in n8n cancels the job, as Airflow's `on_kill` does. */
import type { AuditedCall, RouteKey } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

/**
 * Syncs, stops the execution as soon as the n-th call of a route has been answered (or is being served, and then never
 * answered), and waits for what the node does after n8n has let go of it.
 *
 * @returns when it was stopped
 */
async function syncAndStop(
	connectionId: string,
	stopAt: { route: RouteKey; call?: number; while?: 'served' },
	parameters = {},
): Promise<number> {
	const { route, call = 1 } = stopAt;
	const { audit, faults } = fixture.airbyte;
	let stopNow = () => {};
	let seen = 0;
	let stoppedAt = NaN;
	const listen = (heard: AuditedCall) => {
		if (heard.route !== route || ++seen !== call) return;
		stoppedAt = fixture.time.shared.now();
		setImmediate(stopNow);
	};
	if (stopAt.while === 'served') {
		faults.add({ route, kind: 'hang', when: 'after', skip: call - 1 });
		audit.onArrival(listen);
	} else {
		audit.onCall(listen);
	}
	await fixture.sync(connectionId, parameters, { onStart: (stop) => (stopNow = stop) });
	await fixture.time.comesToRest();
	return stoppedAt;
}

/** At once, and not when the timeout would have come. */
function expectCancelled(stoppedAt: number, jobIds = [1]): void {
	const { cancels } = fixture.airbyte.audit;
	expect(cancels.map(({ cancelledJobId }) => cancelledJobId).sort()).toEqual(jobIds);
	for (const { at } of cancels) expect(at - stoppedAt).toBeLessThan(60_000);
	for (const jobId of jobIds) expect(fixture.airbyte.job(jobId)?.status).toBe('cancelled');
}

test('while waiting: the job is cancelled and its end read back', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const stoppedAt = await syncAndStop(connectionId, { route: 'GET /jobs/{jobId}', call: 3 });
	expectCancelled(stoppedAt);
});

test('before the first look', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const stoppedAt = await syncAndStop(
		connectionId,
		{ route: 'POST /jobs' },
		{ waitSeconds: 3_600 },
	);
	expectCancelled(stoppedAt);
});

test('in the middle of a long wait for the next look', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const stoppedAt = fixture.time.shared.now() + 600_000;
	await fixture.sync(
		connectionId,
		{ waitSeconds: 1_800 },
		{ onStart: (stop) => fixture.time.at(stoppedAt, async () => stop()) },
	);
	await fixture.time.comesToRest();
	expectCancelled(stoppedAt);
});

test('while the submission is under way: the job that comes of it is found and cancelled', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const stoppedAt = await syncAndStop(connectionId, { route: 'POST /jobs', while: 'served' });
	expectCancelled(stoppedAt);
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
});

test('while a look is under way', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const stoppedAt = await syncAndStop(connectionId, {
		route: 'GET /jobs/{jobId}',
		while: 'served',
	});
	expectCancelled(stoppedAt);
});

test('with a token that has expired since', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.faults.add({ route: 'GET /jobs/{jobId}', kind: 'expireTokens', when: 'after' });
	const stoppedAt = await syncAndStop(connectionId, { route: 'GET /jobs/{jobId}' });
	expectCancelled(stoppedAt);
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
	const stoppedAt = await syncAndStop(connectionId, { route: 'GET /jobs/{jobId}' });
	expectCancelled(stoppedAt);
});

test('in asynchronous mode, while the submission is under way', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const stoppedAt = await syncAndStop(
		connectionId,
		{ route: 'POST /jobs', while: 'served' },
		{ mode: 'asynchronous' },
	);
	expectCancelled(stoppedAt);
});

test("leaves the job running when 'Cancel On Stop' is off", async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(
		connectionId,
		{ route: 'GET /jobs/{jobId}', call: 2 },
		{ options: { cancelOnStop: false } },
	);
	expect(fixture.airbyte.job(1)?.status).toBe('running');
	expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(2);
});

test('leaves a job alone that was running already', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.startJob(connectionId);
	await syncAndStop(connectionId, { route: 'GET /jobs/{jobId}', call: 2 });
	expect(fixture.airbyte.job(1)?.status).toBe('running');
	expect(fixture.airbyte.audit.cancels).toEqual([]);
	expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(2);
});

test('before the submission: nothing is started', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(connectionId, { route: 'GET /connections/{connectionId}' });
	expect(fixture.airbyte.audit.startedJobs()).toEqual([]);
});

test('cancels the jobs of all items', async () => {
	const connections = [1, 2, 3].map(() =>
		fixture.airbyte.addConnection({ jobs: timelines.runsForever() }),
	);
	let stopNow = () => {};
	let stoppedAt = NaN;
	fixture.airbyte.audit.onCall(({ route, at }) => {
		if (route !== 'GET /jobs/{jobId}' || !Number.isNaN(stoppedAt)) return;
		stoppedAt = at;
		setImmediate(stopNow);
	});
	await fixture.sync(
		'',
		{ connectionId: { __rl: true, mode: 'id', value: '={{ $json.id }}' } },
		{
			items: connections.map(({ connectionId }) => ({ id: connectionId })),
			onStart: (stop) => (stopNow = stop),
		},
	);
	await fixture.time.comesToRest();
	expectCancelled(stoppedAt, [1, 2, 3]);
});
