import { timelines } from '../../../simulator/index.cts';
import type { FaultEffect } from '../../../simulator/index.cts';
import { until } from '../../../scripts/until.cts';
import { Caller, failureCode } from './caller.cts';

let caller: Caller;
let connectionId: string;

beforeEach(async () => {
	caller = await new Caller().start();
	const jobs = timelines.runsForever();
	({ connectionId } = caller.simulator.addConnection({ jobs }));
	await caller.call('GET', '/workspaces');
});
afterEach(async () => await caller.simulator.stop());

const faults = () => caller.simulator.faults;
const started = () => caller.simulator.audit.startedJobs().length;

describe('counted faults', () => {
	it('strike their route so often, after letting so many pass', async () => {
		const fault = faults().add({
			route: 'GET /workspaces',
			kind: 'status',
			status: 503,
			times: 2,
			skip: 1,
		});
		const statuses: number[] = [];
		for (let round = 0; round < 4; round++) {
			statuses.push((await caller.call('GET', '/workspaces')).status);
			expect((await caller.call('GET', '/connections')).status).toBe(200);
		}
		expect(statuses).toEqual([200, 503, 503, 200]);
		expect(fault.fired).toBe(2);
	});

	it('strike every route with *, until cleared', async () => {
		faults().add({ route: '*', kind: 'status', status: 500, times: Infinity });
		expect((await caller.call('GET', '/jobs')).status).toBe(500);
		expect((await caller.signIn()).status).toBe(500);
		faults().clear();
		expect((await caller.call('GET', '/jobs')).status).toBe(200);
	});

	it.each<[string, FaultEffect, object]>([
		['429', { kind: 'status', status: 429 }, { body: { message: 'You are being rate limited.' } }],
		['500', { kind: 'status', status: 500 }, { body: { errorId: expect.any(String) } }],
		['401', { kind: 'status', status: 401 }, { body: { message: 'Unauthorized' } }],
		['502', { kind: 'status', status: 502 }, { text: expect.stringContaining('502 Bad Gateway') }],
		['HTML', { kind: 'html', status: 200, body: '<p>Hi' }, { status: 200, text: '<p>Hi' }],
		['empty', { kind: 'empty', status: 200 }, { status: 200, text: '' }],
		['own', { kind: 'status', status: 418, body: { a: 1 } }, { status: 418, body: { a: 1 } }],
	])('answer with the usual body or their own: %s', async (_name, effect, expected) => {
		faults().add({ route: 'GET /workspaces', ...effect });
		expect(await caller.call('GET', '/workspaces')).toMatchObject(expected);
	});

	it.each<[string, FaultEffect, object]>([
		['router', { kind: 'router' }, { status: 404, text: '404 page not found\n' }],
		['firewall', { kind: 'firewall' }, { status: 403 }],
		['firewall', { kind: 'firewall', status: 405 }, { status: 405 }],
	])("are another server's page: %s", async (_name, effect, expected) => {
		faults().add({ route: 'GET /jobs/{jobId}', ...effect });
		const reply = await caller.call('GET', '/jobs/1');
		expect(reply).toMatchObject(expected);
		expect(reply.headers.get('content-type')).toMatch(/^text\//);
	});

	it('strike for a time', async () => {
		faults().add({ route: 'GET /workspaces', kind: 'router', seconds: 60 });
		const status = async () => (await caller.call('GET', '/workspaces')).status;
		expect([await status(), await status()]).toEqual([404, 404]);
		caller.seconds(60);
		expect(await status()).toBe(200);
	});

	it('carry headers', async () => {
		const headers = { 'retry-after': '7' };
		faults().add({ route: 'GET /jobs', kind: 'status', status: 429, headers });
		expect((await caller.call('GET', '/jobs')).headers.get('retry-after')).toBe('7');
	});

	it.each([
		['before', 0],
		['after', 1],
	] as const)('strike %s the effect: %d jobs', async (when, jobs) => {
		faults().add({ route: 'POST /jobs', kind: 'status', status: 502, when });
		expect((await caller.sync(connectionId)).status).toBe(502);
		expect(started()).toBe(jobs);
	});

	it.each([
		['before', 0],
		['after', 1],
	] as const)('reset the socket %s the effect: %d jobs', async (when, jobs) => {
		faults().add({ route: 'POST /jobs', kind: 'reset', when });
		expect(await failureCode(caller.sync(connectionId))).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/);
		expect(started()).toBe(jobs);
		expect(caller.simulator.audit.calls.at(-1)).toMatchObject({ status: 'reset', fault: 'reset' });
	});

	it('cut an answer in the middle', async () => {
		faults().add({ route: 'GET /jobs', kind: 'cut' });
		expect(await failureCode(caller.call('GET', '/jobs'))).toBe('UND_ERR_SOCKET');
	});

	it("put something odd in the place of a list's first row", async () => {
		for (let job = 0; job < 2; job++) {
			caller.simulator.cancelJob(caller.simulator.startJob(connectionId).jobId);
			caller.seconds(1);
		}
		faults().add({ route: 'GET /jobs', kind: 'oddRow' });
		const { body } = await caller.call('GET', '/jobs');
		expect(body.data).toEqual([{ status: 'odd' }, expect.objectContaining({ jobId: 2 })]);
	});

	it('delay before or after the effect', async () => {
		faults().add({ route: 'POST /jobs', kind: 'delay', ms: 100, when: 'before' });
		const before = performance.now();
		const arrival = new Promise<unknown>((resolve) => caller.simulator.audit.onArrival(resolve));
		const answer = caller.sync(connectionId);
		await arrival;
		expect(started()).toBe(0);
		await answer;
		expect(performance.now() - before).toBeGreaterThan(95);
		expect(started()).toBe(1);
	});

	it('hang until the server goes down, which leaves nothing in flight', async () => {
		faults().add({ route: 'POST /jobs', kind: 'hang', when: 'after' });
		const code = failureCode(caller.sync(connectionId));
		await until(() => started() === 1, 5_000, 2);
		expect(caller.simulator.inFlight).toBe(1);
		await caller.simulator.goDown();
		expect(await code).not.toBe('answered');
		expect(caller.simulator.inFlight).toBe(0);
		await caller.simulator.comeUp();
	});

	it('expire all tokens just before a call', async () => {
		faults().add({ route: 'GET /jobs', kind: 'expireTokens' });
		expect((await caller.call('GET', '/jobs')).status).toBe(401);
	});
});

describe('random faults', () => {
	const record = async (seed: number) => {
		const outcomes: unknown[] = [];
		faults().random({ seed, rate: 0.5, maxDelayMs: 5 });
		for (let round = 0; round < 30; round++) {
			await caller.request('GET', '/').catch(() => {});
			const { status, fault } = caller.simulator.audit.calls.at(-1)!;
			outcomes.push([status, fault]);
		}
		return outcomes;
	};

	it('are the same for the same seed, and others for another', async () => {
		const first = await record(7);
		expect(await record(7)).toEqual(first);
		expect(await record(8)).not.toEqual(first);
		expect(first.filter(([, fault]: any) => fault).length).toBeGreaterThan(5);
		expect(first.filter(([, fault]: any) => !fault).length).toBeGreaterThan(5);
	});

	it('keep to the kinds and routes that are named', async () => {
		faults().random({ seed: 1, rate: 1, kinds: ['empty'], routes: ['GET /jobs'] });
		expect((await caller.call('GET', '/jobs')).text).toBe('');
		expect((await caller.call('GET', '/workspaces')).status).toBe(200);
	});
});
