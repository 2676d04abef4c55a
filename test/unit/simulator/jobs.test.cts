import { timelines } from '../../../simulator/index.cts';
import { until } from '../../../scripts/until.cts';
import { Caller, failureCode, MORNING } from './caller.cts';

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

	it('tells more rows for a minute after it failed', async () => {
		const { body: job } = await caller.sync(connect({ ...failsAfter(60), rows: 600 }));
		const rows = async () => (await look(job.jobId)).rowsSynced;
		caller.seconds(60);
		expect(await rows()).toBe(540);
		caller.seconds(30);
		expect(await rows()).toBe(570);
		caller.seconds(90);
		expect(await rows()).toBe(600);
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

	it('tells 0 rows and bytes where nothing was moved', async () => {
		const { body } = await caller.sync(connect(pendingThen(5, failsAfter(5))));
		const nothing = { rowsSynced: 0, bytesSynced: 0 };
		expect(await look(body.jobId)).toMatchObject({ status: 'pending', ...nothing });
		caller.seconds(10);
		expect(await look(body.jobId)).toMatchObject({ status: 'failed', ...nothing });
		expect((await caller.call('GET', '/jobs')).body.data).toMatchObject([nothing]);
	});

	it('is incomplete for a moment before it is failed', async () => {
		const { body } = await caller.sync(connect(failsAfter(5)));
		caller.seconds(4.9);
		expect(await look(body.jobId)).toMatchObject({ status: 'incomplete' });
		caller.seconds(0.1);
		expect(await look(body.jobId)).toMatchObject({ status: 'failed', duration: 'PT5S' });
	});

	it.each(['succeeded', 'failed'] as const)('has %s as soon as a test says so', async (status) => {
		const { body: job } = await caller.sync(connect({ ...runsForever(), rows: 600 }));
		caller.seconds(30);
		expect((await look(job.jobId)).status).toBe('running');
		caller.simulator.completeJob(job.jobId, status);
		expect(await look(job.jobId)).toMatchObject({
			status,
			duration: 'PT30S',
			rowsSynced: status === 'succeeded' ? 600 : 540,
		});
		caller.seconds(60);
		expect(await look(job.jobId)).toMatchObject({ status, duration: 'PT30S', rowsSynced: 600 });
		expect((await caller.sync(job.connectionId)).body.jobId).toBe(2);
	});

	it('follows one timeline after the other, of which the last repeats', async () => {
		const jobs = [failsAfter(5), succeedsAfter(5)];
		const { connectionId } = caller.simulator.addConnection({ jobs });
		const ends: string[] = [];
		for (let round = 0; round < 3; round++) {
			const { body } = await caller.sync(connectionId);
			caller.seconds(6);
			ends.push((await look(body.jobId)).status);
		}
		expect(ends).toEqual(['failed', 'succeeded', 'succeeded']);
	});
});

describe('POST /jobs', () => {
	const busy = (connectionId: string) => ({
		status: 409,
		body: {
			status: 409,
			title: 'try-again-later',
			type: 'https://reference.airbyte.com/reference/errors#try-again-later',
			documentationUrl: null,
			data: { message: `A sync is already running for: ${connectionId}` },
		},
	});
	const conflict = {
		status: 409,
		body: { title: 'state-conflict', data: { message: 'Could not fulfill request' } },
	};
	const started = () => caller.simulator.audit.startedJobs().map(({ jobId }) => jobId);

	it('is a 409 try-again-later while a sync or a reset runs, or waits for its next attempt', async () => {
		const connectionId = connect(incompleteThen(10, 10, runsForever()));
		for (const jobType of ['sync', 'reset']) {
			await caller.sync(connectionId, jobType);
			caller.seconds(1);
			expect(await caller.sync(connectionId)).toMatchObject(busy(connectionId));
			caller.seconds(14);
			expect(await caller.sync(connectionId)).toMatchObject(busy(connectionId));
			caller.seconds(10);
		}
		expect(started()).toEqual([1, 2]);
	});

	it('gives those who ask at the same instant the same job', async () => {
		const connectionId = connect(runsForever());
		const both = await Promise.all([caller.sync(connectionId), caller.sync(connectionId)]);
		expect(both.map(({ status, body }) => [status, body.jobId])).toEqual([
			[200, 1],
			[200, 1],
		]);
		expect(started()).toEqual([1]);
	});

	it('hangs for a minute in the first half second of a run', async () => {
		const connectionId = connect(runsForever());
		await caller.sync(connectionId);
		caller.seconds(0.5);
		expect(await caller.after(60, caller.sync(connectionId))).toMatchObject(conflict);
		expect(started()).toEqual([1]);
	});

	it.each([
		['pending', pendingThen(600, succeedsAfter(60))],
		['queued', queuedThen(600, succeedsAfter(60))],
	])('hangs for a minute while a job is %s, or hands it out', async (status, timeline) => {
		const connectionId = connect(timeline);
		await caller.sync(connectionId);
		caller.seconds(10);
		expect(await caller.after(60, caller.sync(connectionId))).toMatchObject(conflict);
		caller.simulator.settings.handsOutPendingJobs = true;
		expect(await caller.sync(connectionId)).toMatchObject({
			status: 200,
			body: { jobId: 1, status },
		});
		expect(started()).toEqual([1]);
	});

	it('is refused for a moment after a job has ended, or for longer, but not after a cancel', async () => {
		const jobs = [succeedsAfter(5), failsAfter(5), runsForever(), succeedsAfter(5)];
		const { connectionId } = caller.simulator.addConnection({ jobs });
		await caller.sync(connectionId);
		caller.seconds(5);
		expect(await caller.sync(connectionId)).toMatchObject(busy(connectionId));
		caller.seconds(0.6);
		await caller.sync(connectionId);
		caller.simulator.updateConnection(connectionId, { lingersSeconds: 16 });
		caller.seconds(20);
		expect(await caller.sync(connectionId)).toMatchObject(busy(connectionId));
		caller.seconds(1);
		const { body } = await caller.sync(connectionId);
		caller.seconds(5);
		await caller.call('DELETE', `/jobs/${body.jobId}`);
		expect((await caller.sync(connectionId)).status).toBe(200);
	});

	it('takes long where it is told to, with the job at once, later, or never', async () => {
		const starts = [
			{ takes: 20, answer: 'job' as const },
			{ takes: 100, answer: 'conflict' as const, jobAfter: 200 },
			{ takes: 60, answer: 'conflict' as const },
		];
		const { connectionId } = caller.simulator.addConnection({ jobs: succeedsAfter(1), starts });
		const slow = caller.after(20, caller.sync(connectionId));
		expect(await slow).toMatchObject({ status: 200, body: { jobId: 1 } });
		expect(await caller.after(100, caller.sync(connectionId))).toMatchObject(conflict);
		expect(started()).toEqual([1]);
		caller.seconds(100);
		expect(caller.simulator.job(2)).toMatchObject({ createdAt: caller.clock.now() });
		caller.seconds(100);
		expect(await caller.after(60, caller.sync(connectionId))).toMatchObject(conflict);
		caller.seconds(3600);
		expect(started()).toEqual([1, 2]);
	});

	it('joins the job that is to come, for a minute at most', async () => {
		const starts = [{ takes: 60, answer: 'conflict' as const, jobAfter: 200 }];
		const { connectionId } = caller.simulator.addConnection({ jobs: runsForever(), starts });
		await caller.after(60, caller.sync(connectionId));
		expect(await caller.after(60, caller.sync(connectionId))).toMatchObject(conflict);
		caller.seconds(40);
		const reply = await caller.after(40, caller.sync(connectionId));
		expect(reply).toMatchObject({ status: 200, body: { jobId: 1 } });
		expect(started()).toEqual([1]);
	});

	it('starts each job that is to come once, also where several came and ended unseen', async () => {
		for (const jobAfter of [10, 11, 12]) {
			const starts = [{ takes: 1, answer: 'conflict' as const, jobAfter }];
			const { connectionId } = caller.simulator.addConnection({ jobs: succeedsAfter(1), starts });
			await caller.after(1, caller.sync(connectionId));
		}
		caller.seconds(60);
		expect(started()).toEqual([1, 2, 3]);
	});

	it('makes dead records failed and starts a job, which takes some seconds', async () => {
		const { connectionId } = caller.simulator.addConnection({ jobs: runsForever() });
		for (const [index, status] of ['pending', 'queued', 'running', 'incomplete'].entries()) {
			caller.simulator.startJob(connectionId, {
				at: MORNING - 7_200_000 + index,
				timeline: timelines.deadAs(status),
			});
		}
		const statuses = async () =>
			(await caller.call('GET', '/jobs')).body.data.map((job: { status: string }) => job.status);
		expect(await statuses()).toEqual(['pending', 'queued', 'running', 'incomplete']);
		expect((await caller.call('DELETE', '/jobs/3')).status).toBe(409);
		const reply = await caller.after(4, caller.sync(connectionId));
		expect(reply).toMatchObject({ status: 200, body: { jobId: 5 } });
		expect(await statuses()).toEqual([...Array(4).fill('failed'), 'running']);
	});

	it('tells of a dead record below a newer finished job', async () => {
		const { connectionId } = caller.simulator.addConnection();
		const at = MORNING - 3_600_000;
		caller.simulator.startJob(connectionId, { at, timeline: timelines.deadAs('running') });
		caller.simulator.startJob(connectionId, { at, timeline: succeedsAfter(5) });
		expect(await look(1)).toMatchObject({ status: 'running' });
		expect(caller.simulator.activeJob(connectionId)).toBeUndefined();
	});

	it('starts a pending reset in place of a sync until one succeeds or is cancelled', async () => {
		const jobs = [failsAfter(1), runsForever(), succeedsAfter(1), succeedsAfter(1)];
		const { connectionId } = caller.simulator.addConnection({ jobs });
		const type = async () => (await caller.sync(connectionId)).body.jobType;
		caller.simulator.leavePending(connectionId, 'reset');
		expect(await type()).toBe('reset');
		caller.seconds(5);
		expect(await type()).toBe('reset');
		caller.seconds(5);
		await caller.call('DELETE', '/jobs/2');
		expect(await type()).toBe('sync');
		caller.seconds(600);
		expect(started()).toEqual([1, 2, 3]);
	});

	it('starts a pending refresh in place of a sync once, and a reset before it', async () => {
		const { connectionId } = caller.simulator.addConnection({ jobs: succeedsAfter(1) });
		caller.simulator.leavePending(connectionId, 'refresh');
		caller.simulator.leavePending(connectionId, 'reset');
		const types: string[] = [];
		for (let count = 0; count < 3; count++) {
			types.push((await caller.sync(connectionId)).body.jobType);
			caller.seconds(5);
		}
		expect(types).toEqual(['reset', 'refresh', 'sync']);
	});

	it('starts the reset again that a failed clear leaves behind', async () => {
		const jobs = [failsAfter(1), succeedsAfter(1)];
		const { connectionId } = caller.simulator.addConnection({ jobs });
		await caller.sync(connectionId, 'clear');
		caller.seconds(5);
		expect((await caller.sync(connectionId)).body.jobType).toBe('reset');
	});

	it('resets an inactive connection, which ends cancelled, and between attempts never answers', async () => {
		const { simulator } = caller;
		const { connectionId } = simulator.addConnection({
			jobs: incompleteThen(5, 60, runsForever()),
		});
		simulator.updateConnection(connectionId, { status: 'inactive' });
		expect((await caller.sync(connectionId, 'reset')).status).toBe(200);
		caller.seconds(1.5);
		expect(simulator.job(1)).toMatchObject({ status: 'cancelled' });
		simulator.updateConnection(connectionId, { status: 'active' });
		await caller.sync(connectionId);
		caller.seconds(10);
		const code = failureCode(caller.sync(connectionId, 'reset'));
		await until(() => simulator.inFlight === 1, 5_000, 2);
		expect(simulator.job(2)).toMatchObject({ status: 'incomplete' });
		await simulator.goDown();
		expect(await code).not.toBe('answered');
		await simulator.comeUp();
	});

	it('never answers where the connection’s id begins with a blank', async () => {
		const code = failureCode(caller.sync(` ${connect()}`));
		await until(() => caller.simulator.inFlight === 1, 5_000, 2);
		await caller.simulator.goDown();
		expect(await code).not.toBe('answered');
		expect(started()).toEqual([]);
		await caller.simulator.comeUp();
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

	it('refuses refresh', async () => {
		const { status, body } = await caller.sync(connect(), 'refresh');
		expect(status).toBe(422);
		expect(body).toMatchObject({
			title: 'unprocessable-entity',
			data: { message: 'Refreshes are not supported in the public API' },
		});
	});

	const unreadable = { message: 'Bad Request', _embedded: { errors: [{ _links: {} }] } };

	it.each([
		['a job type nobody knows', { connectionId: 'x', jobType: 'rewind' }, 400, unreadable],
		['no job type', { connectionId: 'x' }, 400, unreadable],
		['no connection', { jobType: 'sync' }, 400, unreadable],
		['an object for an id', { connectionId: {}, jobType: 'sync' }, 400, unreadable],
		['something that is not JSON', '{', 400, unreadable],
		['null', 'null', 500, { errorId: expect.stringMatching(/^[\da-f-]{36}$/) }],
	])('refuses %s', async (_case, request, status, body) => {
		expect(await caller.call('POST', '/jobs', request)).toMatchObject({ status, body });
	});

	it('takes capitals for the job type', async () => {
		expect((await caller.sync(connect(), 'SYNC')).status).toBe(200);
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
			{
				jobId: 1,
				cancelledJobId: 1,
				connectionId,
				at: caller.clock.now() - 60_000,
				outcome: 'works',
			},
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

	it('is answered once the job has stopped, which may be too late', async () => {
		const { body: job } = await caller.sync(connect({ ...succeedsAfter(10), cancelTakes: 5 }));
		caller.seconds(7);
		const reply = await caller.after(5, cancel(job.jobId));
		expect(reply.body).toMatchObject({ status: 'succeeded' });
		expect(await look(job.jobId)).toMatchObject({ status: 'succeeded', duration: 'PT10S' });
	});
});

describe('a DELETE that does not cancel', () => {
	const cancel = async (jobId: number) => await caller.call('DELETE', `/jobs/${jobId}`);
	const start = async (timeline = runsForever()) =>
		(await caller.sync(connect(timeline))).body.jobId as number;

	it('comes just after an attempt failed: 200, incomplete, and the next attempt runs', async () => {
		const jobId = await start(incompleteThen(10, 10, succeedsAfter(10)));
		caller.seconds(10);
		expect(await cancel(jobId)).toMatchObject({ status: 200, body: { status: 'incomplete' } });
		caller.seconds(10);
		expect(await look(jobId)).toMatchObject({ status: 'running' });
		expect(await cancel(jobId)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
		expect(caller.simulator.audit.cancels.map(({ outcome }) => outcome)).toEqual(['lost', 'works']);
	});

	it('comes later between two attempts: it works', async () => {
		const jobId = await start(incompleteThen(10, 10, succeedsAfter(10)));
		caller.seconds(11);
		expect((await cancel(jobId)).body).toMatchObject({ status: 'cancelled' });
	});

	it.each([
		['pending', pendingThen(60, runsForever())],
		['queued', queuedThen(60, runsForever())],
	])('comes while the job is %s, unless Airbyte can do that', async (status, timeline) => {
		const jobId = await start(timeline);
		expect(await cancel(jobId)).toMatchObject({ status: 200, body: { status } });
		caller.simulator.settings.cancelsPendingJobs = true;
		expect(await cancel(jobId)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
	});

	it('is what a connection is told to do, one after the other', async () => {
		const { connectionId } = caller.simulator.addConnection({
			jobs: runsForever(),
			cancels: ['lost', 'notRunning', 'ignored', 'fails'],
		});
		const jobId = (await caller.sync(connectionId)).body.jobId;
		expect(await cancel(jobId)).toMatchObject({ status: 200, body: { status: 'incomplete' } });
		expect(await cancel(jobId)).toMatchObject({
			status: 409,
			body: { data: { message: 'Job is not currently running' } },
		});
		expect(await cancel(jobId)).toMatchObject({ status: 200, body: { status: 'running' } });
		expect((await caller.after(31, cancel(jobId))).body).toMatchObject({ status: 'running' });
		caller.seconds(1);
		expect(await look(jobId)).toMatchObject({ status: 'failed' });
		const { body } = await caller.details(jobId);
		expect(body.attempts[0].attempt.failureSummary.failures).toMatchObject([
			{ failureOrigin: 'airbyte_platform', failureType: 'transient_error' },
		]);
	});
});

describe('five threads', () => {
	it('serve the public API, so that slow calls hold up all others but the sign-in', async () => {
		const starts = [{ takes: 60, answer: 'conflict' as const }];
		const ids = Array.from(
			{ length: 5 },
			() => caller.simulator.addConnection({ starts }).connectionId,
		);
		await look(1);
		const slow = ids.map(async (id) => await caller.sync(id));
		await until(() => caller.clock.asleep === 5, 5_000, 2);
		let isListed = false;
		const list = caller.call('GET', '/jobs').then(() => (isListed = true));
		await until(() => caller.clock.asleep === 6, 5_000, 2);
		expect((await caller.signIn()).status).toBe(200);
		expect(isListed).toBe(false);
		caller.seconds(60);
		expect((await Promise.all(slow)).map(({ status }) => status)).toEqual(Array(5).fill(409));
		await list;
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
