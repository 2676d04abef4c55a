import type { CancelOutcome, Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

describe('synchronous', () => {
	test('starts one job, waits for it and returns the output of the design', async () => {
		const { connectionId, workspaceId } = fixture.airbyte.addConnection({
			jobs: timelines.succeedsAfter(95, { rows: 5, bytes: 700 }),
		});
		const { items, status, outputs } = await fixture.sync(connectionId);
		expect(status).toBe('success');
		expect(items).toEqual([
			{
				jobId: 1,
				connectionId,
				connectionName: 'Source → Destination',
				jobType: 'sync',
				status: 'succeeded',
				startTime: '2026-01-05T03:00:00Z',
				lastUpdatedAt: '2026-01-05T03:01:35Z',
				duration: 'PT1M35S',
				durationSeconds: 95,
				rowsSynced: 5,
				bytesSynced: 700,
				jobUrl: `${fixture.airbyte.url}/workspaces/${workspaceId}/connections/${connectionId}/timeline?jobId=1`,
				attached: false,
				attempt: 1,
			},
		]);
		expect(outputs[0][0].pairedItem).toEqual({ item: 0 });
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});

	test('with Simplify, the output has ten keys', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(95) });
		const { items } = await fixture.sync(connectionId, { options: { simplify: true } });
		expect(Object.keys(items[0])).toEqual([
			'jobId',
			'connectionName',
			'status',
			'rowsSynced',
			'bytesSynced',
			'jobType',
			'connectionId',
			'lastUpdatedAt',
			'durationSeconds',
			'jobUrl',
		]);
	});

	test('with Simplify, what is unusual of a job is still told', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(95) });
		fixture.airbyte.startJob(connectionId);
		const { items } = await fixture.sync(connectionId, { options: { simplify: true } });
		expect(items[0]).toMatchObject({ attached: true });
	});

	test('a one-hour job costs at most a fifth of the looks of a three-second rhythm', async () => {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: timelines.succeedsAfter(3_600),
		});
		await fixture.sync(connectionId, { timeout: 7_200 });
		expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBeLessThanOrEqual(240);
	});

	test('without adaptive polling it looks every Wait Seconds', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(600) });
		await fixture.sync(connectionId, { waitSeconds: 10, options: { adaptivePolling: false } });
		expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(60);
	});
});

describe('timeout', () => {
	test('cancels the job, reads its status back and fails', async () => {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: { ...timelines.runsForever(), cancelTakes: 10 },
		});
		const started = fixture.time.shared.now();
		const { error } = await fixture.sync(connectionId, { timeout: 100 });
		expect(error?.message).toBe('Airbyte job 1 did not end within 100 seconds and was cancelled');
		expect(error?.description).toContain("Raise 'Timeout'");
		expect(error?.description).toContain('timeline?jobId=1');
		expect(fixture.airbyte.audit.cancels).toHaveLength(1);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		expect(fixture.time.shared.now() - started).toBeLessThan(120_000);
	});

	test('a job that succeeds while it is being cancelled is a success', async () => {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: { ...timelines.succeedsAfter(105, { rows: 3 }), cancelTakes: 60 },
		});
		const { items } = await fixture.sync(connectionId, { timeout: 100 });
		expect(items[0]).toMatchObject({ status: 'succeeded', rowsSynced: 3 });
	});

	test('a job that ended since the last look is not cancelled', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(99) });
		const { items } = await fixture.sync(connectionId, { timeout: 100, waitSeconds: 60 });
		expect(items[0]).toMatchObject({ status: 'succeeded' });
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});

	test.each<[CancelOutcome, number, number]>([
		['lost', 3, 2],
		['ignored', 12, 5],
	])(
		'a cancel that was %s by its answer is sent again after %d s and %d looks',
		async (outcome, seconds, looks) => {
			const { connectionId } = fixture.airbyte.addConnection({
				jobs: timelines.runsForever(),
				cancels: [outcome],
			});
			const { error } = await fixture.sync(connectionId, { timeout: 100 });
			expect(error?.message).toBe('Airbyte job 1 did not end within 100 seconds and was cancelled');
			const { calls, cancels } = fixture.airbyte.audit;
			expect(cancels.map((cancel) => cancel.outcome)).toEqual([outcome, 'works']);
			expect(cancels[1].at - cancels[0].at).toBe(seconds * 1_000);
			const routes = calls.map(({ route }) => route);
			const cancel = 'DELETE /jobs/{jobId}';
			const between = routes.slice(routes.indexOf(cancel) + 1, routes.lastIndexOf(cancel));
			expect(between).toEqual(Array(looks).fill('GET /jobs/{jobId}'));
		},
	);

	test('a cancel that Airbyte refuses is told, with the job that goes on', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
		fixture.airbyte.faults.add({ route: 'DELETE /jobs/{jobId}', kind: 'status', status: 403 });
		const { error } = await fixture.sync(connectionId, { timeout: 100 });
		expect(error?.message).toContain(
			'Airbyte job 1 did not end within 100 seconds and may still be running',
		);
		expect(error?.description).toContain('could not be cancelled');
		expect(error?.description).toContain('403');
	});
});

describe('a job that is running already', () => {
	test('is attached to when it began between our look and our submission', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(300) });
		fixture.airbyte.settings.startingSeconds = 0;
		fixture.airbyte.audit.onCall((call) => {
			if (call.route === 'GET /jobs' && !fixture.airbyte.activeJob(connectionId)) {
				fixture.airbyte.startJob(connectionId);
			}
		});
		const { items } = await fixture.sync(connectionId);
		expect(items[0]).toMatchObject({ jobId: 1, status: 'succeeded', attached: true });
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('is not cancelled by a reset, which is what Airbyte would do', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(300) });
		fixture.airbyte.startJob(connectionId);
		const { error } = await fixture.sync(connectionId, { jobType: 'reset' });
		expect(error?.message).toContain('A sync (job 1) is running');
		expect(error?.description).toContain('would cancel that sync');
		expect(fixture.airbyte.activeJob(connectionId)?.status).toBe('running');
	});

	test('makes a node retry harmless: n8n runs the node again, the job is started once', async () => {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: timelines.succeedsAfter(3_000),
		});
		// The first try loses sight of its job.
		fixture.airbyte.faults.add({
			route: 'GET /jobs/{jobId}',
			kind: 'status',
			status: 403,
			skip: 3,
		});
		const { items } = await fixture.sync(connectionId, {}, { retryOnFail: { maxTries: 2 } });
		expect(items[0]).toMatchObject({ jobId: 1, status: 'succeeded', attached: true });
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});
});

describe('an Airbyte up to 2.0, which answers once the job runs', () => {
	const old = Fixture.forEachTest({ version: '2.0.0', cancelsPendingJobs: true });
	const connectionWith = (jobs: Timeline) => old.airbyte.addConnection({ jobs }).connectionId;

	test('is waited for, however long the job is pending', async () => {
		const connectionId = connectionWith(timelines.pendingThen(600, timelines.succeedsAfter(60)));
		const began = old.time.shared.now();
		const { items } = await old.sync(connectionId);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', attached: false }]);
		expect(old.time.shared.now() - began).toBeGreaterThanOrEqual(660_000);
		expect(old.airbyte.audit.count('POST /jobs')).toBe(1);
	});

	test('asynchronous gives a job that runs', async () => {
		const connectionId = connectionWith(timelines.queuedThen(60, timelines.runsForever()));
		const { items } = await old.sync(connectionId, { mode: 'asynchronous' });
		expect(items).toMatchObject([{ jobId: 1, status: 'running', attached: false }]);
		expect(old.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('stopped before the answer: the job is found and cancelled', async () => {
		const connectionId = connectionWith(timelines.pendingThen(7_200, timelines.runsForever()));
		const onStart = (stop: () => void) =>
			old.time.at(old.time.shared.now() + 60_000, async () => stop());
		await old.sync(connectionId, {}, { onStart });
		await old.time.comesToRest();
		expect(old.airbyte.job(1)?.status).toBe('cancelled');
		expect(old.airbyte.audit.startedJobs()).toHaveLength(1);
	});
});
