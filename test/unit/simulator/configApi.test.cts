import { timelines } from '../../../simulator/index.cts';
import type { Timeline } from '../../../simulator/index.cts';
import { Caller, MORNING } from './caller.cts';

const { failsAfter, incompleteThen, runsForever, succeedsAfter } = timelines;

let caller: Caller;

beforeEach(async () => {
	caller = await new Caller().start();
});
afterEach(async () => await caller.simulator.stop());

const start = (timeline: Timeline, jobType: 'sync' | 'reset' = 'sync') =>
	caller.simulator.startJob(caller.simulator.addConnection().connectionId, { timeline, jobType });

const refused = {
	origin: 'source',
	type: 'config_error',
	message: 'Wrong password',
	internalMessage: 'FATAL',
	retryable: false,
};

describe('POST /api/v1/jobs/get_without_logs', () => {
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
		});
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
					timestamp: MORNING + 90_000,
				},
			],
			partialSuccess: false,
		});
	});

	it('tells of each attempt', async () => {
		const { jobId } = start(incompleteThen(10, 10, succeedsAfter(10)));
		caller.seconds(15);
		const statuses = async () =>
			(await caller.details(jobId)).body.attempts.map(
				({ attempt }: { attempt: { status: string } }) => attempt.status,
			);
		expect(await statuses()).toEqual(['failed']);
		caller.seconds(6);
		expect(await statuses()).toEqual(['failed', 'running']);
		caller.seconds(10);
		expect(await statuses()).toEqual(['failed', 'succeeded']);
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

	it('refuses what it does not know, by role and version', async () => {
		expect((await caller.details(99)).status).toBe(403);
		expect((await caller.details('one')).status).toBe(422);
		const admin = await new Caller({ role: 'instanceAdmin' }).start();
		expect(await admin.details(99)).toMatchObject({
			status: 404,
			body: { errorId: expect.any(String) },
		});
		await admin.simulator.stop();
		const old = await new Caller({ role: 'instanceAdmin', version: '2.0.0' }).start();
		expect(await old.details(99)).toMatchObject({
			status: 404,
			body: { message: 'Could not find job with id: 99', exceptionStack: [] },
		});
		await old.simulator.stop();
	});

	it('needs the token too', async () => {
		const path = '/api/v1/jobs/get_without_logs';
		expect((await caller.request('POST', path, { id: 1 })).status).toBe(401);
	});
});
