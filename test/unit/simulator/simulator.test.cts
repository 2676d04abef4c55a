import { connect } from 'node:net';
import { AirbyteSimulator, demoConnections, timelines } from '../../../simulator/index.cts';
import { Caller, failureCode, MORNING } from './caller.cts';

let caller: Caller;

beforeEach(async () => {
	caller = await new Caller().start();
});
afterEach(async () => await caller.simulator.stop());

describe('the server', () => {
	it('listens on this machine only and tells where', () => {
		expect(caller.simulator.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
	});

	it('goes down for real and comes back on its port with its jobs gone on', async () => {
		const { simulator } = caller;
		const { connectionId } = simulator.addConnection({ jobs: timelines.succeedsAfter(60) });
		await caller.sync(connectionId);
		const { url } = simulator;
		await simulator.goDown();
		expect(await connecting(url)).toBe('ECONNREFUSED');
		caller.seconds(60);
		await simulator.comeUp();
		expect(simulator.url).toBe(url);
		expect((await caller.call('GET', '/jobs/1')).body).toMatchObject({ status: 'succeeded' });
	});

	it('does nothing for a call that was still delayed when it went down', async () => {
		const { simulator } = caller;
		const { connectionId } = simulator.addConnection();
		await caller.call('GET', '/jobs');
		simulator.faults.add({ route: 'POST /jobs', kind: 'delay', ms: 60_000 });
		const code = failureCode(caller.sync(connectionId));
		while (!simulator.inFlight) await new Promise((resolve) => setTimeout(resolve, 2));
		await simulator.goDown();
		expect(await code).not.toBe('answered');
		expect(simulator.jobs()).toEqual([]);
		await simulator.comeUp();
	});

	it('dates its answers by its own clock', async () => {
		const { headers } = await caller.request('GET', '/');
		expect(Date.parse(headers.get('date') ?? '')).toBe(MORNING);
	});

	it('can be stopped twice, and needs to be started to have an address', async () => {
		const idle = new AirbyteSimulator();
		expect(() => idle.url).toThrow('not started');
		await idle.stop();
	});
});

/** By a socket of its own, since fetch tries the ones it has first. */
async function connecting(url: string): Promise<string | undefined> {
	return await new Promise((resolve) => {
		const socket = connect(Number(new URL(url).port), '127.0.0.1');
		socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
		socket.on('connect', () => socket.destroy()).on('close', () => resolve('connected'));
	});
}

describe('the audit', () => {
	it('tells who started what', async () => {
		const { simulator } = caller;
		const jobs = timelines.succeedsAfter(5);
		const [mine, other] = [simulator.addConnection({ jobs }), simulator.addConnection({ jobs })];
		await caller.sync(mine.connectionId);
		simulator.startJob(other.connectionId);
		expect(simulator.audit.startedJobs()).toEqual([
			{ jobId: 1, connectionId: mine.connectionId, jobType: 'sync', at: MORNING, origin: 'api' },
			{
				jobId: 2,
				connectionId: other.connectionId,
				jobType: 'sync',
				at: MORNING,
				origin: 'schedule',
			},
		]);
		expect(simulator.audit.startedJobs(mine.connectionId)).toHaveLength(1);
	});

	it('tells each call by route, without ids or base path', async () => {
		const { audit } = caller.simulator;
		await caller.call('GET', '/jobs/5?a=b');
		expect(audit.count('POST /applications/token')).toBe(1);
		expect(audit.count('GET /jobs/{jobId}')).toBe(1);
		expect(audit.calls[1]).toEqual({
			method: 'GET',
			route: 'GET /jobs/{jobId}',
			path: '/api/public/v1/jobs/5',
			query: { a: 'b' },
			at: MORNING,
			authorization: 'bearer',
			userAgent: 'node',
			status: 403,
			fault: undefined,
		});
		audit.reset();
		expect(audit.calls).toEqual([]);
	});
});

describe('what tests do behind Airbyte’s back', () => {
	it('one job at a time, on a connection that exists', () => {
		const { simulator } = caller;
		const { connectionId } = simulator.addConnection({ jobs: timelines.runsForever() });
		simulator.startJob(connectionId);
		expect(() => simulator.startJob(connectionId)).toThrow('Job 1 already runs');
		expect(() => simulator.startJob('nowhere')).toThrow('no connection nowhere');
		expect(simulator.activeJob(connectionId)).toMatchObject({ jobId: 1, status: 'running' });
		simulator.cancelJob(1);
		expect(simulator.job(1)).toMatchObject({ status: 'cancelled', terminal: true });
		expect(simulator.audit.cancels).toEqual([]);
		expect(simulator.job(2)).toBeUndefined();
	});

	it('a connection can change', async () => {
		const { connectionId } = caller.simulator.addConnection();
		caller.simulator.updateConnection(connectionId, { status: 'inactive' });
		expect((await caller.sync(connectionId)).status).toBe(409);
		const jobs = timelines.cancelledAfter(3);
		caller.simulator.updateConnection(connectionId, { status: 'active', jobs });
		await caller.sync(connectionId);
		caller.seconds(3);
		expect(caller.simulator.job(1)).toMatchObject({ status: 'cancelled' });
	});
});

describe('the demo connections', () => {
	it('have fixed ids and do what they say', async () => {
		for (const connection of demoConnections()) caller.simulator.addConnection(connection);
		const ends: string[] = [];
		for (const { connectionId } of demoConnections()) {
			const { status, body } = await caller.sync(connectionId);
			caller.seconds(600);
			ends.push(status === 200 ? caller.simulator.job(body.jobId)!.status : `${status}`);
		}
		expect(ends).toEqual(['succeeded', 'failed', 'succeeded', 'succeeded', '409']);
	});
});
