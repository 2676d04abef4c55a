/** Stopping the execution in n8n cancels the job, as Airflow's `on_kill` does. */
import type { AuditedCall, RouteKey } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';
import { captureLog } from './harness/log.cts';

const fixture = Fixture.forEachTest();
const LOOK = 'GET /jobs/{jobId}';

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

test.each<[string, Parameters<typeof syncAndStop>[1], object]>([
	['while waiting', { route: LOOK, call: 3 }, {}],
	['before the first look', { route: 'POST /jobs' }, { waitSeconds: 3_600 }],
	['while the submission is under way', { route: 'POST /jobs', while: 'served' }, {}],
	['while a look is under way', { route: LOOK, while: 'served' }, {}],
	['in asynchronous mode', { route: 'POST /jobs', while: 'served' }, { mode: 'asynchronous' }],
])('%s: the job is cancelled and its end read back', async (_when, stopAt, parameters) => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	expectCancelled(await syncAndStop(connectionId, stopAt, parameters));
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
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

test('with a token that has expired since', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.faults.add({ route: LOOK, kind: 'expireTokens', when: 'after' });
	const stoppedAt = await syncAndStop(connectionId, { route: LOOK });
	expectCancelled(stoppedAt);
});

test('with a client secret that was changed since, in Airbyte and in the credential', async () => {
	const { airbyte, time } = fixture;
	const { connectionId } = airbyte.addConnection({ jobs: timelines.runsForever() });
	const credential = fixture.credential();
	const start = time.shared.now();
	const changeSecret = async () => {
		airbyte.settings.clientSecret = 'changed-secret';
		credential.change({ clientSecret: 'changed-secret' });
		airbyte.expireTokens();
	};
	time.at(start + 30_000, changeSecret);
	const stoppedAt = start + 120_000;
	const onStart = (stop: () => void) => time.at(stoppedAt, async () => stop());
	await fixture.sync(connectionId, {}, { credential, onStart });
	await time.comesToRest();
	expectCancelled(stoppedAt);
});

test('half a minute after a Timeout, while Airbyte is away: it is asked to for an hour', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const start = fixture.time.shared.now();
	fixture.time.at(start + 50_000, async () => await fixture.airbyte.goDown());
	fixture.time.at(start + 600_000, async () => await fixture.airbyte.comeUp());
	const onStart = (stop: () => void) => fixture.time.at(start + 90_000, async () => stop());
	await fixture.sync(connectionId, { timeout: 60 }, { onStart });
	await fixture.time.comesToRest();
	expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
});

test('with an Airbyte that is away just then: tries again', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.faults.add({ route: LOOK, kind: 'status', status: 503, skip: 1, times: 3 });
	const stoppedAt = await syncAndStop(connectionId, { route: LOOK });
	expectCancelled(stoppedAt);
});

describe('with an Airbyte that goes away', () => {
	/** It goes a second before the stop, and is back so many minutes later. */
	async function stopWithout(minutes: number) {
		const { airbyte, time } = fixture;
		const { connectionId } = airbyte.addConnection({ jobs: timelines.runsForever() });
		const stoppedAt = time.shared.now() + 10_000;
		time.at(stoppedAt - 1_000, async () => airbyte.goDown());
		time.at(stoppedAt + minutes * 60_000, async () => airbyte.comeUp());
		const onStart = (stop: () => void) => time.at(stoppedAt, async () => stop());
		await fixture.sync(connectionId, {}, { onStart });
		await time.comesToRest();
	}

	test.each([4, 15, 55])('for %i minutes: the job is cancelled after that', async (minutes) => {
		const log = captureLog();
		await stopWithout(minutes);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		expect(log.join()).not.toContain('may still be running');
	});

	test('for longer: the log of n8n names the job', async () => {
		const log = captureLog();
		await stopWithout(90);
		expect(fixture.airbyte.job(1)?.status).toBe('running');
		expect(
			log.filter((line) => /was stopped, .* may still be running: job 1\b/.test(line)),
		).toHaveLength(1);
	});

	test('of which only the workers do, while it holds the start: the log says that a job may come', async () => {
		const log = captureLog();
		const starts = [{ answer: 'conflict', takes: 100, jobAfter: 150 }] as const;
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: timelines.runsForever(),
			starts: [...starts],
		});
		const stoppedAt = fixture.time.shared.now() + 30_000;
		const onStart = (stop: () => void) => fixture.time.at(stoppedAt, async () => stop());
		await fixture.sync(connectionId, {}, { onStart });
		await fixture.time.comesToRest();
		fixture.time.shared.advance(3_600_000);
		expect(fixture.airbyte.job(1)?.status).toBe('running');
		expect(
			log.filter((line) => /was stopped, .* may still be running: job unknown/.test(line)),
		).toHaveLength(1);
	});

	test('while it is not known whether there is a job: that is found out, and it is cancelled', async () => {
		fixture.loseStart({ status: 503, times: 3 });
		await stopWithout(15);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	});
});

test("leaves the job running when 'Cancel On Stop' is off", async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	await syncAndStop(connectionId, { route: LOOK, call: 2 }, { options: { cancelOnStop: false } });
	expect(fixture.airbyte.job(1)?.status).toBe('running');
	expect(fixture.airbyte.audit.count(LOOK)).toBe(2);
});

test('leaves a job alone that was running already', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.startJob(connectionId);
	await syncAndStop(connectionId, { route: LOOK, call: 2 });
	expect(fixture.airbyte.job(1)?.status).toBe('running');
	expect(fixture.airbyte.audit.cancels).toEqual([]);
	expect(fixture.airbyte.audit.count(LOOK)).toBe(2);
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
		if (route !== LOOK || !Number.isNaN(stoppedAt)) return;
		stoppedAt = at;
		setImmediate(stopNow);
	});
	await fixture.sync(
		'={{ $json.id }}',
		{},
		{
			items: connections.map(({ connectionId }) => ({ id: connectionId })),
			onStart: (stop) => (stopNow = stop),
		},
	);
	await fixture.time.comesToRest();
	expectCancelled(stoppedAt, [1, 2, 3]);
});
