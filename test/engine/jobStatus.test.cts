import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

function startJob(jobs = timelines.succeedsAfter(300, { rows: 9 })): number {
	const { connectionId } = fixture.airbyte.addConnection({ jobs });
	return fixture.airbyte.startJob(connectionId).jobId;
}

const chained = (jobId: unknown) => ({ items: [{ jobId }] as never });

describe('get', () => {
	test.each([
		['running', timelines.runsForever()],
		['failed', timelines.failsAfter(5)],
		['cancelled', timelines.cancelledAfter(5)],
		['succeeded', timelines.succeedsAfter(5)],
	])('tells a job that is %s, in one look and without failing', async (status, jobs) => {
		const jobId = startJob(jobs);
		fixture.time.shared.advance(60_000);
		const { items } = await fixture.jobStatus({ operation: 'get' }, chained(jobId));
		expect(items[0]).toMatchObject({ jobId, status, attached: false, attempt: 1 });
		expect(items[0].jobUrl).toContain(`timeline?jobId=${jobId}`);
		expect(items[0].connectionName).toBe('Source → Destination');
		expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(1);
	});

	test('a job is told even when its connection cannot be read for the link', async () => {
		const jobId = startJob();
		fixture.airbyte.faults.add({
			route: 'GET /connections/{connectionId}',
			kind: 'status',
			status: 403,
		});
		const { items } = await fixture.jobStatus({ operation: 'get' }, chained(jobId));
		expect(items[0]).toMatchObject({ jobId, status: 'running' });
		expect(items[0]).not.toHaveProperty('jobUrl');
	});
});

describe('wait', () => {
	test('picks a running job up and gives what the synchronous sync gives', async () => {
		const jobId = startJob();
		fixture.time.shared.advance(60_000);
		const { items } = await fixture.jobStatus({ operation: 'wait' }, chained(jobId));
		expect(items[0]).toMatchObject({
			jobId,
			status: 'succeeded',
			rowsSynced: 9,
			durationSeconds: 300,
		});
	});

	test('after a start that skipped a connection, the error tells what to leave out', async () => {
		const ids = (['active', 'inactive'] as const).map(
			(status) => fixture.airbyte.addConnection({ status }).connectionId,
		);
		const parameters = { mode: 'asynchronous', options: { onInactive: 'skip' } };
		const items = ids.map((id) => ({ id }));
		const started = await fixture.sync('={{ $json.id }}', parameters, { items });
		const chain = { items: started.items };
		const { error } = await fixture.jobStatus({ operation: 'wait' }, chain);
		expect(error?.message).toBe("'Job ID' is empty");
		expect(error?.description).toContain('skipped');
		const left = { items: started.items.filter(({ jobId }) => jobId) };
		const waited = await fixture.jobStatus({ operation: 'wait' }, left);
		expect(waited.items).toMatchObject([{ connectionId: ids[0], status: 'succeeded' }]);
	});

	test('a job that succeeded long ago takes one look', async () => {
		const jobId = startJob();
		fixture.time.shared.advance(86_400_000);
		const { items } = await fixture.jobStatus({ operation: 'wait' }, chained(jobId));
		expect(items[0]).toMatchObject({ jobId, status: 'succeeded' });
		expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(1);
	});

	test.each([
		['failed', timelines.failsAfter(200), 'failed'],
		['cancelled', timelines.cancelledAfter(200), 'was cancelled'],
	])('a job that ends as %s fails the node', async (_status, jobs, words) => {
		const jobId = startJob(jobs);
		const { error } = await fixture.jobStatus({ operation: 'wait' }, chained(jobId));
		expect(error?.message).toBe(`Airbyte job ${jobId} ${words}`);
	});

	test('the timeout fails the node and leaves the job alone', async () => {
		const jobId = startJob(timelines.runsForever());
		const { error } = await fixture.jobStatus({ operation: 'wait', timeout: 60 }, chained(jobId));
		expect(error?.message).toContain(`Airbyte job ${jobId} did not end within 60 seconds`);
		expect(error?.description).toContain('did not start it');
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});
});

test('an outage at the end of a wait is told, and no cancel that nobody has tried', async () => {
	const jobId = startJob(timelines.runsForever());
	fixture.time.at(fixture.time.shared.now() + 50_000, async () => await fixture.airbyte.goDown());
	const { error } = await fixture.jobStatus({ operation: 'wait', timeout: 60 }, chained(jobId));
	expect(error?.message).toContain('did not end within 60 seconds and may still be running');
	expect(error?.description).toContain('Airbyte could not be asked at the end: ');
	expect(error?.description).toContain('This node did not start it');
	expect(error?.description).not.toContain('could not be cancelled');
});

describe('cancel', () => {
	test('cancels a running job and tells what became of it', async () => {
		const jobId = startJob({ ...timelines.runsForever(), cancelTakes: 20 });
		const { items } = await fixture.jobStatus({ operation: 'cancel' }, chained(jobId));
		expect(items[0]).toMatchObject({ jobId, status: 'cancelled' });
		expect(fixture.airbyte.audit.cancels).toHaveLength(1);
	});

	test('a cancel that Airbyte takes but does not carry out is told so, and no timeout is blamed', async () => {
		const jobId = startJob(timelines.runsForever());
		const { connectionId } = fixture.airbyte.job(jobId)!;
		fixture.airbyte.updateConnection(connectionId, { cancels: Array(100).fill('ignored') });
		const { error } = await fixture.jobStatus({ operation: 'cancel' }, chained(jobId));
		expect(error?.message).toBe(`Airbyte job ${jobId} is not cancelled yet`);
		expect(error?.description).toContain(
			"was asked to cancel it, but its last status is 'running'",
		);
	});

	test("a record with nothing behind it: the error has Airbyte's words for that", async () => {
		const jobId = startJob(timelines.deadAs('running'));
		const { error } = await fixture.jobStatus({ operation: 'cancel' }, chained(jobId));
		expect(error?.message).toBe(`Airbyte job ${jobId} is not cancelled yet`);
		expect(error?.description).toContain(
			'It could not be cancelled: Airbyte has no running job with this ID (409)',
		);
		expect(fixture.airbyte.job(jobId)?.status).toBe('running');
	});

	test('a job that is over is told as it is; the connection is left alone, whatever runs on it now', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(60) });
		const old = fixture.airbyte.startJob(connectionId).jobId;
		fixture.time.shared.advance(120_000);
		fixture.airbyte.startJob(connectionId, { timeline: timelines.runsForever() });
		const { items } = await fixture.jobStatus({ operation: 'cancel' }, chained(old));
		expect(items[0]).toMatchObject({ jobId: old, status: 'succeeded' });
		expect(fixture.airbyte.audit.count('DELETE /jobs/{jobId}')).toBe(0);
	});
});
