import { timelines } from '../../../simulator/index.cts';
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
