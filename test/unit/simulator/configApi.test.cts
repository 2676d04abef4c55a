import { timelines } from '../../../simulator/index.cts';
import type { NewConnection, Timeline } from '../../../simulator/index.cts';
import { Caller, failureCode, MORNING } from './caller.cts';

const { failsAfter, incompleteThen, pendingThen, runsForever, succeedsAfter } = timelines;

let caller: Caller;

beforeEach(async () => {
	caller = await new Caller().start();
});
afterEach(async () => await caller.simulator.stop());

const connect = (connection: NewConnection = {}) =>
	caller.simulator.addConnection(connection).connectionId;

const start = (timeline: Timeline, jobType: 'sync' | 'reset' = 'sync') =>
	caller.simulator.startJob(connect(), { timeline, jobType });

const refused = {
	origin: 'source',
	type: 'config_error',
	message: 'Wrong password',
	internalMessage: 'FATAL',
	retryable: false,
};

interface AttemptRead {
	id: number;
	status: string;
	totalStats?: { recordsCommitted: number };
}

describe('jobs/get_without_logs', () => {
	it('tells why a job failed, in epoch seconds', async () => {
		const { jobId, connectionId } = start(failsAfter(90, refused), 'reset');
		caller.seconds(100);
		const { status, body } = await caller.details(jobId);
		expect(status).toBe(200);
		expect(body.job).toMatchObject({
			id: jobId,
			configId: connectionId,
			configType: 'reset_connection',
			status: 'failed',
			createdAt: MORNING / 1000,
			updatedAt: MORNING / 1000 + 90,
			resetConfig: { streamsToReset: expect.any(Array) },
		});
		expect(body.job).not.toHaveProperty('startedAt');
		expect(body.attempts).toHaveLength(1);
		expect(body.attempts[0].attempt).toMatchObject({ id: 0, status: 'failed' });
		expect(body.attempts[0].attempt.failureSummary).toEqual({
			failures: [
				{
					failureOrigin: 'source',
					failureType: 'config_error',
					externalMessage: 'Wrong password',
					internalMessage: 'FATAL',
					retryable: false,
					timestamp: MORNING + 89_800,
				},
			],
			partialSuccess: false,
		});
	});

	it('tells of each attempt, in no order, and what it moved once the job has ended', async () => {
		const { jobId } = start(incompleteThen(10, 10, succeedsAfter(10, { rows: 2_400 })));
		caller.seconds(15);
		const attempts = async () =>
			(await caller.details(jobId)).body.attempts.map(({ attempt }: { attempt: AttemptRead }) => [
				attempt.id,
				attempt.status,
				attempt.totalStats?.recordsCommitted,
			]);
		expect(await attempts()).toEqual([[0, 'failed', undefined]]);
		caller.seconds(6);
		expect(await attempts()).toEqual([
			[1, 'running', undefined],
			[0, 'failed', undefined],
		]);
		caller.seconds(10);
		expect(await attempts()).toEqual([
			[1, 'succeeded', 1_200],
			[0, 'failed', 1_200],
		]);
	});

	it('tells what was moved in each stream, in Airbyte’s order, and zeros for nothing', async () => {
		const streams = ['public.users', 'orders'];
		const moved = [
			{ name: 'users', namespace: 'public', rows: 7, bytes: 70, rejected: 2 },
			{ name: 'orders', rows: 3, bytes: 30 },
		];
		const jobs = [{ ...succeedsAfter(5), moved }, failsAfter(5)];
		const connectionId = connect({ streams, jobs });
		await caller.sync(connectionId);
		caller.seconds(10);
		const { job } = (await caller.details(1)).body;
		expect(job.enabledStreams).toEqual([
			{ name: 'users', namespace: 'public' },
			{ name: 'orders' },
		]);
		expect(job.aggregatedStats).toMatchObject({ recordsCommitted: 10, recordsRejected: 2 });
		expect(job.streamAggregatedStats).toMatchObject([
			{ streamName: 'users', streamNamespace: 'public', recordsCommitted: 7, recordsRejected: 2 },
			{ streamName: 'orders', bytesCommitted: 30, recordsRejected: 0 },
		]);
		expect((await caller.call('GET', '/jobs/1')).body).toMatchObject({ rowsSynced: 10 });
		await caller.sync(connectionId);
		const counts = { recordsCommitted: 0, bytesCommitted: 0, recordsRejected: 0 };
		expect((await caller.details(2)).body.job.aggregatedStats).toMatchObject(counts);
	});

	it('has a reason for a cancelled job, and may have none for a failed one', async () => {
		const cancelled = start(runsForever());
		caller.simulator.cancelJob(cancelled.jobId);
		const { body } = await caller.details(cancelled.jobId);
		expect(body.attempts[0].attempt.failureSummary.failures[0]).toMatchObject({
			failureType: 'manual_cancellation',
		});
		const silent = await caller.details(start(failsAfter(0, null)).jobId);
		expect(Object.keys(silent.body.attempts[0].attempt)).not.toContain('failureSummary');
	});

	it('refuses what it does not know, by role', async () => {
		expect(await caller.details(99)).toMatchObject({ status: 403, body: { message: 'Forbidden' } });
		expect((await caller.details('one')).status).toBe(400);
		const admin = await new Caller({ role: 'instanceAdmin' }).start();
		expect(await admin.details(99)).toMatchObject({
			status: 500,
			body: { errorId: expect.any(String) },
		});
		await admin.simulator.stop();
	});

	it('needs the token too', async () => {
		const path = '/api/v1/jobs/get_without_logs';
		expect((await caller.request('POST', path, { id: 1 })).status).toBe(401);
	});
});

describe('logs', () => {
	const log = { routineLines: 50_000, lines: ['the password is hunter2'] };

	it('come as events of an attempt, many of them', async () => {
		const { jobId } = start({ ...failsAfter(5, refused), log });
		caller.seconds(10);
		const { body } = await caller.config('attempt/get_for_job', { jobId, attemptNumber: 0 });
		expect(body).toMatchObject({ attempt: { id: 0 }, logType: 'structured' });
		expect(body.logs.events).toHaveLength(50_002);
		expect(body.logs.events.slice(-2)).toMatchObject([
			{ message: 'the password is hunter2', level: 'warn' },
			{ message: 'FATAL', level: 'error', logSource: 'platform' },
		]);
	});

	it('come as lines with colour codes where the installation keeps them so', async () => {
		caller.simulator.settings.logFormat = 'formatted';
		const { jobId } = start({ ...incompleteThen(5, 5, failsAfter(5)), log: { lines: ['low'] } });
		caller.seconds(20);
		const { body } = await caller.config('attempt/get_for_job', { jobId, attemptNumber: 1 });
		const { attempt, logType, logs } = body;
		expect(attempt.id).toBe(1);
		expect(logType).toBe('formatted');
		expect(logs.logLines[20]).toMatch(
			/^2026-01-05 10:00:\d\d destination > \u001b\[33mWARN\u001b\[m low$/,
		);
		const missing = await caller.config('attempt/get_for_job', { jobId, attemptNumber: 7 });
		expect(missing.status).toBe(404);
	});
});

describe('connections/refresh', () => {
	const refresh = async (connectionId: string, more: object = {}) =>
		await caller.config('connections/refresh', { connectionId, refreshMode: 'Merge', ...more });

	it('starts a refresh of some streams, and blocks until it runs', async () => {
		const connectionId = connect({ jobs: pendingThen(3, succeedsAfter(5)) });
		const streams = [{ streamName: 'table_2' }];
		const answer = refresh(connectionId, { streams });
		await caller.until(() => caller.clock.asleep > 0);
		for (let second = 0; second < 3; second++) {
			caller.seconds(1);
			await caller.until(() => caller.clock.asleep > 0 || caller.simulator.inFlight === 0);
		}
		expect((await answer).body).toMatchObject({
			job: {
				configType: 'refresh',
				status: 'running',
				refreshConfig: { streamsToRefresh: [{ name: 'table_2' }] },
			},
		});
	});

	it('answers without a job where the destination cannot, or while another job runs', async () => {
		expect(await refresh(connect({ refreshable: false }))).toMatchObject({ status: 200, body: {} });
		const connectionId = connect({ jobs: [runsForever(), succeedsAfter(1)] });
		await caller.sync(connectionId);
		expect(await refresh(connectionId)).toMatchObject({ status: 200, body: {} });
		expect(caller.simulator.jobs(connectionId)).toHaveLength(1);
		caller.simulator.cancelJob(1);
		expect((await caller.sync(connectionId)).body).toMatchObject({ jobType: 'refresh' });
	});

	it('can take long and lose its answer', async () => {
		const connectionId = connect({ starts: [{ takes: 90, answer: 'job' }], jobs: runsForever() });
		const slow = await caller.after(90, refresh(connectionId));
		expect(slow.body.job).toMatchObject({ id: 1 });
		caller.simulator.cancelJob(1);
		const route = 'POST /api/v1/connections/refresh';
		caller.simulator.faults.add({ route, kind: 'reset', when: 'after' });
		expect(await failureCode(refresh(connectionId))).not.toBe('answered');
		expect(caller.simulator.activeJob(connectionId)).toMatchObject({ jobType: 'refresh' });
	});

	it('refuses modes and streams that it does not know', async () => {
		expect((await refresh(connect(), { refreshMode: 'merge' })).status).toBe(400);
		expect((await refresh(connect(), { streams: [{ streamName: 'none' }] })).status).toBe(400);
	});
});

describe('connections/clear/stream', () => {
	it('cancels what runs and clears some streams', async () => {
		const connectionId = connect({ jobs: runsForever() });
		await caller.sync(connectionId);
		const streams = [{ streamName: 'table_1' }];
		const { body } = await caller.config('connections/clear/stream', { connectionId, streams });
		expect(body).toMatchObject({
			job: {
				configType: 'reset_connection',
				resetConfig: { streamsToReset: [{ name: 'table_1' }] },
			},
			attempts: [{ attempt: { id: 0 }, logs: {} }],
		});
		expect(caller.simulator.job(1)).toMatchObject({ status: 'cancelled' });
	});

	it('between two attempts cancels nothing, and never answers', async () => {
		const { simulator } = caller;
		const connectionId = connect({ jobs: incompleteThen(5, 60, runsForever()) });
		await caller.sync(connectionId);
		caller.seconds(10);
		const streams = [{ streamName: 'table_1' }];
		const code = failureCode(caller.config('connections/clear/stream', { connectionId, streams }));
		await caller.until(() => simulator.inFlight === 1);
		expect(simulator.job(1)).toMatchObject({ status: 'incomplete' });
		await simulator.goDown();
		expect(await code).not.toBe('answered');
		await simulator.comeUp();
	});
});

describe('other calls', () => {
	it('events/list tells what happened, newest first', async () => {
		const connectionId = connect({ jobs: failsAfter(5) });
		await caller.sync(connectionId);
		caller.seconds(10);
		await caller.call('PATCH', `/connections/${connectionId}`, { status: 'inactive' });
		const summary = { disabledReason: 'SCHEMA_CHANGES_ARE_BREAKING' };
		caller.seconds(1);
		caller.simulator.addEvent(connectionId, { eventType: 'SCHEMA_UPDATE', summary });
		const types = async (more: object = {}) =>
			(await caller.config('connections/events/list', { connectionId, ...more })).body.events.map(
				({ eventType }: { eventType: string }) => eventType,
			);
		const off = 'CONNECTION_DISABLED';
		expect(await types()).toEqual(['SCHEMA_UPDATE', off, 'SYNC_FAILED', 'SYNC_STARTED']);
		expect(await types({ eventTypes: [off] })).toEqual([off]);
	});
});
