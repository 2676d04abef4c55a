/**
 * How long an answer is waited for, in virtual time.
 *
 * A submission longest: Airbyte may hold it for a minute until the job has an id, on servers that are few and may have
 * others to hold first, and giving up leaves open whether a job was started. A look may be given up sooner, since there
 * will be another one. Why a job failed is nice to know, and holds up a result that is known already.
 */
import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';

const SECOND = 1_000;

const fixture = Fixture.forEachTest();

const routesAfter = (route: string) => {
	const routes = fixture.airbyte.audit.calls.map((call) => call.route);
	return routes.slice(routes.indexOf(route) + 1);
};

describe.each([['synchronous'], ['asynchronous']])('%s', (mode) => {
	test('a submission that is answered after 100 s is as good as any', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(300) });
		fixture.time.slowDown('POST /jobs', 100 * SECOND);
		const { items } = await fixture.sync(connectionId, { mode });
		expect(items).toMatchObject([{ jobId: 1, attached: false }]);
		// Nobody has to look for the job that may have come of it.
		expect(routesAfter('POST /jobs')).not.toContain('GET /jobs');
	});
});

test('a submission that is not answered for minutes is given up, and the job that came of it is found', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(300) });
	fixture.time.slowDown('POST /jobs', 300 * SECOND);
	const began = fixture.time.shared.now();
	const { items } = await fixture.sync(connectionId, { mode: 'asynchronous' });
	expect(items).toMatchObject([{ jobId: 1, attached: false }]);
	expect(routesAfter('POST /jobs')).toContain('GET /jobs');
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	expect(fixture.time.shared.now() - began).toBeLessThan(150 * SECOND);
});

test('an outage that a search has sat out does not use up the patience of the next start', async () => {
	const { connectionId } = fixture.airbyte.addConnection();
	const { faults } = fixture.airbyte;
	faults.add({ route: 'POST /jobs', kind: 'reset' });
	faults.add({ route: 'GET /jobs', kind: 'status', status: 503, skip: 1, times: 15 });
	faults.add({ route: 'GET /connections/{connectionId}', kind: 'status', status: 503, skip: 1 });
	const began = fixture.time.shared.now();
	const { items } = await fixture.sync(connectionId);
	expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	expect(fixture.time.shared.now() - began).toBeGreaterThan(300 * SECOND);
});

describe('a look', () => {
	/** Of a job that has ended; tells how many looks that took. */
	async function looks(): Promise<number> {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(1) });
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(2 * SECOND);
		const { items } = await fixture.jobStatus({ operation: 'wait', jobId: '1', timeout: 300 });
		return items[0]?.status === 'succeeded'
			? fixture.airbyte.audit.count('GET /jobs/{jobId}')
			: NaN;
	}

	test('that is answered after 25 s is a look', async () => {
		fixture.time.slowDown('GET /jobs/{jobId}', 25 * SECOND);
		expect(await looks()).toBe(1);
	});

	test('that is not answered within a minute is tried again', async () => {
		fixture.time.slowDown('GET /jobs/{jobId}', 60 * SECOND);
		const { audit } = fixture.airbyte;
		audit.onCall(() => {
			if (audit.count('GET /jobs/{jobId}') === 3) fixture.time.slowDown('GET /jobs/{jobId}', 0);
		});
		expect(await looks()).toBe(3);
	});
});

describe('the reason of a failure', () => {
	const route = 'POST /api/v1/jobs/get_without_logs';
	const failure = {
		origin: 'destination',
		type: 'config_error',
		message: 'Wrong password',
		retryable: false,
	};

	async function failedSync() {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: timelines.failsAfter(60, failure),
		});
		const { error } = await fixture.sync(connectionId);
		expect(error?.message).toBe('Airbyte job 1 failed');
		expect(fixture.airbyte.audit.count(route)).toBe(1);
		return error?.description;
	}

	test('that comes after 9 s is told', async () => {
		fixture.time.slowDown(route, 9 * SECOND);
		expect(await failedSync()).toContain('Wrong password');
	});

	test('that takes longer is done without, once ten seconds have gone by', async () => {
		fixture.time.slowDown(route, 300 * SECOND);
		let askedAt = 0;
		fixture.airbyte.audit.onCall((call) => {
			if (call.route === route) askedAt = call.at;
		});
		expect(await failedSync()).not.toContain('Wrong password');
		expect(fixture.time.shared.now() - askedAt).toBe(10 * SECOND);
	});
});

describe('a cancel that Airbyte does not take', () => {
	const DELETE = 'DELETE /jobs/{jobId}' as const;
	const cancels = () => fixture.airbyte.audit.count(DELETE);
	const refuse = (status: number, rest: { retryAfter?: number; times?: number } = {}) => {
		const { retryAfter, times = 1 } = rest;
		const headers = retryAfter ? { 'retry-after': String(retryAfter) } : undefined;
		fixture.airbyte.faults.add({ route: DELETE, kind: 'status', status, headers, times });
	};

	test.each([429, 503])(
		'is sent again after the pause it asks for (%d), however long',
		async (status) => {
			const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
			refuse(status, { retryAfter: 300 });
			const { error } = await fixture.sync(connectionId, { timeout: 60 });
			expect(error?.message).toBe('Airbyte job 1 did not end within 60 seconds and was cancelled');
			expect(cancels()).toBe(2);
		},
	);

	test('so it is where another job is to give way', async () => {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: [timelines.runsForever(), timelines.succeedsAfter(30)],
		});
		fixture.airbyte.startJob(connectionId);
		refuse(503, { retryAfter: 300 });
		const { items } = await fixture.sync(connectionId, { options: { onActiveJob: 'replace' } });
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded' }]);
	});

	test('is sent less and less often, and the error says why it was not taken', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
		refuse(429, { times: Infinity });
		const { error } = await fixture.sync(connectionId, { timeout: 60 });
		expect(error?.description).toMatch(/It could not be cancelled: Airbyte is receiving too many /);
		expect(cancels()).toBeLessThan(12);
	});

	test('nor is it sent each second for the hour after a stop', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
		refuse(503, { times: Infinity });
		const stoppedAt = fixture.time.shared.now() + 30 * SECOND;
		const onStart = (stop: () => void) => fixture.time.at(stoppedAt, async () => stop());
		await fixture.sync(connectionId, {}, { onStart });
		await fixture.time.comesToRest();
		expect(fixture.time.shared.now() - stoppedAt).toBeGreaterThan(3_500 * SECOND);
		expect(cancels()).toBeLessThan(150);
	});
});
