import { timelines } from '../../../simulator/index.cts';
import { until } from '../../n8n/harness/until.cts';
import { Caller, failureCode } from './caller.cts';

const { succeedsAfter, failsAfter, runsForever, queuedThen, pendingThen, incompleteThen } =
	timelines;

let caller: Caller;

beforeEach(async () => {
	caller = await new Caller().start();
});
afterEach(async () => await caller.simulator.stop());

const connect = (jobs = succeedsAfter(60, { rows: 600, bytes: 6000 })) =>
	caller.simulator.addConnection({ jobs }).connectionId;

const look = async (jobId: number) => (await caller.call('GET', `/jobs/${jobId}`)).body;

describe('the life of a job', () => {
	it('is pending in the answer to POST, without duration, statistics or nulls', async () => {
		const connectionId = connect();
		const { status, body } = await caller.sync(connectionId);
		expect(status).toBe(200);
		expect(body).toEqual({
			jobId: 1,
			status: 'pending',
			jobType: 'sync',
			startTime: '2026-01-05T10:00:30Z',
			connectionId,
		});
	});

	it('tells lastUpdatedAt only of finished jobs and does not tick while running', async () => {
		const { body: job } = await caller.sync(connect());
		caller.seconds(30);
		expect(await look(job.jobId)).toEqual({
			...job,
			status: 'running',
			duration: 'PT0S',
			rowsSynced: 300,
			bytesSynced: 3000,
		});
		caller.seconds(45);
		expect(await look(job.jobId)).toEqual({
			...job,
			status: 'succeeded',
			duration: 'PT1M',
			lastUpdatedAt: '2026-01-05T10:01:30Z',
			rowsSynced: 600,
			bytesSynced: 6000,
		});
	});

	it('drops the seconds of timestamps where they are :00', async () => {
		caller.seconds(30);
		const { body } = await caller.sync(connect());
		expect(body.startTime).toBe('2026-01-05T10:01Z');
		caller.seconds(60);
		expect((await look(body.jobId)).lastUpdatedAt).toBe('2026-01-05T10:02Z');
	});

	it.each([
		[0, 'PT0S'],
		[59, 'PT59S'],
		[60, 'PT1M'],
		[3601, 'PT1H1S'],
		[8 * 3600 + 6 * 60 + 12, 'PT8H6M12S'],
		[49 * 3600 + 3 * 60, 'PT49H3M'],
	])('writes a duration of %d s as %s, hours never as days', async (seconds, duration) => {
		const { body } = await caller.sync(connect(succeedsAfter(seconds)));
		caller.seconds(seconds);
		expect(await look(body.jobId)).toMatchObject({ status: 'succeeded', duration });
	});

	it('passes through queued, incomplete and words nobody knows', async () => {
		const timeline = queuedThen(
			10,
			timelines.statusThen('warming_up', 10, incompleteThen(10, 10, succeedsAfter(10))),
		);
		const { body } = await caller.sync(connect(timeline));
		const seen: string[] = [];
		for (let round = 0; round < 6; round++) {
			seen.push((await look(body.jobId)).status);
			caller.seconds(10);
		}
		expect(seen).toEqual(['queued', 'warming_up', 'running', 'incomplete', 'running', 'succeeded']);
	});

	it('omits the statistics that its timeline does not have', async () => {
		const { body } = await caller.sync(connect({ steps: [{ after: 0, status: 'succeeded' }] }));
		const keys = Object.keys(await look(body.jobId));
		expect(keys).not.toContain('rowsSynced');
		expect(keys).not.toContain('bytesSynced');
	});

	it('follows one timeline after the other, of which the last repeats', async () => {
		const jobs = [failsAfter(5), succeedsAfter(5)];
		const { connectionId } = caller.simulator.addConnection({ jobs });
		const ends: string[] = [];
		for (let round = 0; round < 3; round++) {
			const { body } = await caller.sync(connectionId);
			caller.seconds(5);
			ends.push((await look(body.jobId)).status);
		}
		expect(ends).toEqual(['failed', 'succeeded', 'succeeded']);
	});
});

describe('POST /jobs', () => {
	it('is a 409 try-again-later while a sync runs', async () => {
		const connectionId = connect(runsForever());
		await caller.sync(connectionId);
		const { status, body } = await caller.sync(connectionId);
		expect(status).toBe(409);
		expect(body).toMatchObject({
			status: 409,
			title: 'try-again-later',
			type: 'https://reference.airbyte.com/reference/errors#try-again-later',
			documentationUrl: null,
			data: { message: `A sync is already running for: ${connectionId}` },
		});
		expect(caller.simulator.audit.startedJobs(connectionId)).toHaveLength(1);
	});

	it.each([
		['pending', pendingThen(60, succeedsAfter(60))],
		['queued', queuedThen(60, succeedsAfter(60))],
	])('answers with the job that is there while that is %s', async (status, timeline) => {
		const connectionId = connect(timeline);
		const first = await caller.sync(connectionId);
		const second = await caller.sync(connectionId);
		expect(second.status).toBe(200);
		expect(second.body).toMatchObject({ jobId: first.body.jobId, status });
		expect(caller.simulator.audit.startedJobs(connectionId)).toHaveLength(1);
	});

	it.each(['inactive', 'locked', 'deprecated'] as const)(
		'hides why a connection that is %s starts nothing',
		async (status) => {
			const { connectionId } = caller.simulator.addConnection({ status });
			const reply = await caller.sync(connectionId);
			expect(reply.status).toBe(409);
			expect(reply.body).toMatchObject({
				title: 'state-conflict',
				type: expect.stringMatching(/#409-state-conflict$/),
				data: { message: 'Could not fulfill request' },
			});
			expect(caller.simulator.jobs(connectionId)).toEqual([]);
		},
	);

	it.each(['reset', 'clear'])('%s cancels a running sync and shows as reset', async (type) => {
		const connectionId = connect(runsForever());
		const { body: running } = await caller.sync(connectionId);
		caller.seconds(7);
		const { status, body } = await caller.sync(connectionId, type);
		expect(status).toBe(200);
		expect(body).toMatchObject({ jobId: 2, jobType: 'reset', status: 'pending' });
		expect(await look(running.jobId)).toMatchObject({ status: 'cancelled', duration: 'PT7S' });
	});

	it('is a 409 for a sync while a reset runs', async () => {
		const connectionId = connect(runsForever());
		await caller.sync(connectionId, 'reset');
		expect((await caller.sync(connectionId)).status).toBe(409);
	});

	it('refuses refresh', async () => {
		const { status, body } = await caller.sync(connect(), 'refresh');
		expect(status).toBe(422);
		expect(body).toMatchObject({
			title: 'unprocessable-entity',
			data: { message: 'Refreshes are not supported in the public API' },
		});
	});

	it.each([
		['a job type nobody knows', { connectionId: 'x', jobType: 'rewind' }, 422],
		['no job type', { connectionId: 'x' }, 400],
		['no connection', { jobType: 'sync' }, 400],
		['something that is not JSON', '{', 422],
	])('refuses %s without a word', async (_case, request, status) => {
		const reply = await caller.call('POST', '/jobs', request);
		expect(reply.status).toBe(status);
		expect(reply.body).toEqual({ errorId: expect.stringMatching(/^[\da-f-]{36}$/) });
	});
});

describe('DELETE /jobs/{jobId}', () => {
	const cancel = async (jobId: number) => await caller.call('DELETE', `/jobs/${jobId}`);

	it('cancels the job and answers without statistics', async () => {
		const connectionId = connect();
		const { body: job } = await caller.sync(connectionId);
		caller.seconds(30);
		const { status, body } = await cancel(job.jobId);
		expect(status).toBe(200);
		expect(body).toEqual({
			...job,
			status: 'cancelled',
			duration: 'PT30S',
			lastUpdatedAt: '2026-01-05T10:01Z',
		});
		caller.seconds(60);
		expect(await look(job.jobId)).toMatchObject({ status: 'cancelled', rowsSynced: 300 });
		expect(caller.simulator.audit.cancels).toEqual([
			{ jobId: 1, cancelledJobId: 1, connectionId, at: caller.clock.now() - 60_000 },
		]);
	});

	it('with an old id cancels whatever runs on the connection now', async () => {
		const jobs = [succeedsAfter(5), runsForever()];
		const { connectionId } = caller.simulator.addConnection({ jobs });
		await caller.sync(connectionId);
		caller.seconds(5);
		caller.simulator.startJob(connectionId);
		const { status, body } = await cancel(1);
		expect(status).toBe(200);
		expect(body).toMatchObject({ jobId: 1, status: 'succeeded' });
		expect(await look(2)).toMatchObject({ status: 'cancelled' });
		expect(caller.simulator.audit.cancels).toMatchObject([{ jobId: 1, cancelledJobId: 2 }]);
	});

	it('is a 409 when nothing runs', async () => {
		const { body: job } = await caller.sync(connect(succeedsAfter(5)));
		caller.seconds(5);
		const { status, body } = await cancel(job.jobId);
		expect(status).toBe(409);
		expect(body).toMatchObject({
			title: 'state-conflict',
			data: { message: 'Job is not currently running' },
		});
		expect(caller.simulator.audit.cancels).toEqual([]);
	});

	it('may come too late for a job that takes its time to be cancelled', async () => {
		const { body: job } = await caller.sync(connect({ ...succeedsAfter(10), cancelTakes: 5 }));
		caller.seconds(7);
		expect((await cancel(job.jobId)).body).toMatchObject({ status: 'running' });
		caller.seconds(5);
		expect(await look(job.jobId)).toMatchObject({ status: 'succeeded', duration: 'PT10S' });
	});
});

describe('version 2.0.0', () => {
	it('answers to POST once the job runs', async () => {
		const old = await new Caller({ version: '2.0.0' }).start();
		const jobs = pendingThen(30, succeedsAfter(60));
		const { connectionId } = old.simulator.addConnection({ jobs });
		const answer = old.sync(connectionId);
		while (!old.simulator.activeJob(connectionId)) await new Promise((r) => setTimeout(r, 5));
		expect(old.simulator.inFlight).toBe(1);
		old.seconds(30);
		expect((await answer).body).toMatchObject({ jobId: 1, status: 'running' });
		await old.simulator.stop();
	});

	it('holds no call back whose caller has hung up', async () => {
		const old = await new Caller({ version: '2.0.0' }).start();
		const jobs = pendingThen(30, succeedsAfter(60));
		const { connectionId } = old.simulator.addConnection({ jobs });
		await old.call('GET', '/workspaces');
		const caller = new AbortController();
		const request = { connectionId, jobType: 'sync' };
		const path = '/api/public/v1/jobs';
		const answer = old.request('POST', path, request, old.bearer, caller.signal);
		await until(() => old.simulator.inFlight === 1, 5_000, 2);
		caller.abort();
		expect(await failureCode(answer)).toBe('AbortError');
		await until(() => old.simulator.inFlight === 0, 5_000, 2);
		await old.simulator.stop();
	});
});
