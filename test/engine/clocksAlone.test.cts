/** What alarm clocks do where the execution that they belong to, or what they look with, is gone. */
import type { INodeParameters } from 'n8n-workflow';

import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import type { StoredCredential } from './harness/credentials.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';
import { captureLog } from './harness/log.cts';
import type { N8nServer } from './harness/n8nServer.cts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

jest.setTimeout(60_000);

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);
let n8n: N8nServer;
let credential: StoredCredential;
let log: string[];

beforeEach(() => {
	log = captureLog();
	credential = fixture.credential();
	({ n8n } = deferred);
});

const now = () => fixture.time.shared.now();
const status = () => fixture.airbyte.job(1)?.status;
const after = (ms: number, action: () => void) => deferred.after(ms / 1_000, action);

/** Starts a deferred sync, which has parked a minute later; gives its execution's id. */
async function park(jobs: Timeline, parameters: INodeParameters = {}): Promise<string> {
	const { connectionId } = fixture.airbyte.addConnection({ jobs });
	const id = deferred.start([connectionId], parameters, { credential });
	await n8n.comesToRest(now() + MINUTE);
	expect(n8n.get(id).status).toBe('waiting');
	return id;
}

function airbyteRefusesFor(ms: number, status: number): void {
	const fault = fixture.airbyte.faults.add({ route: '*', kind: 'status', status, times: Infinity });
	after(ms, () => fault.remove());
}

describe('an n8n that keeps no execution that has ended', () => {
	test.each([
		['goes on', false, 'running'],
		['is cancelled', true, 'cancelled'],
	])('the job whose time is over %s', async (_what, cancelOnTimeout, expected) => {
		const parent = await park(timelines.runsForever(), {
			timeout: 300,
			options: { cancelOnTimeout },
		});
		n8n.onEnd = (id) => n8n.executions.delete(id);
		await n8n.comesToRest(now() + HOUR);
		expect(n8n.executions.has(parent)).toBe(false);
		expect(status()).toBe(expected);
	});

	test('the job of one that is deleted before its time is over is cancelled all the same', async () => {
		const parent = await park(timelines.runsForever(), {
			timeout: 3_600,
			options: { cancelOnTimeout: false },
		});
		n8n.delete(parent);
		await n8n.comesToRest(now() + HOUR);
		expect(status()).toBe('cancelled');
	});
});

describe('an execution that is stopped while Airbyte is away', () => {
	test('has its job cancelled once Airbyte is back', async () => {
		const parent = await park(timelines.runsForever());
		airbyteRefusesFor(20 * MINUTE, 502);
		n8n.stop(parent);
		await n8n.comesToRest(now() + 30 * MINUTE);
		expect(status()).toBe('cancelled');
		expect(fixture.airbyte.audit.cancels).toHaveLength(1);
		expect(log.join()).toContain('may still be running: job 1');
	});

	test('is given up after an hour', async () => {
		const parent = await park(timelines.runsForever());
		airbyteRefusesFor(10 * HOUR, 502);
		n8n.stop(parent);
		await n8n.comesToRest(now() + 2 * HOUR);
		const before = fixture.airbyte.audit.calls.length;
		await n8n.comesToRest(now() + HOUR);
		expect(fixture.airbyte.audit.calls).toHaveLength(before);
		expect([...n8n.executions.values()].filter(({ waitTill }) => waitTill)).toEqual([]);
	});
});

describe('a credential that is taken away during the wait', () => {
	const takeAway = () => {
		n8n.grantsCredentials = false;
		jest.spyOn(credential, 'getDecrypted').mockRejectedValue(new Error('No such credential'));
	};
	const giveBack = () => {
		n8n.grantsCredentials = true;
		jest.restoreAllMocks();
	};

	test('ends the wait not long after its time is over', async () => {
		const parent = await park(timelines.runsForever(), { timeout: 3_600 });
		takeAway();
		let endedAt = Infinity;
		n8n.onEnd = (id) => {
			if (id === parent) endedAt = now();
		};
		const parkedAt = now();
		await n8n.comesToRest(parkedAt + 4 * HOUR);
		expect(n8n.get(parent).status).toBe('error');
		expect(endedAt - parkedAt).toBeGreaterThan(58 * MINUTE);
		expect(endedAt - parkedAt).toBeLessThan(82 * MINUTE);
		expect(n8n.faults).toEqual([]);
	});

	test('and comes back: the wait ends as if nothing had happened', async () => {
		const parent = await park(timelines.succeedsAfter(3_600, { rows: 4 }), { timeout: 7_200 });
		takeAway();
		after(40 * MINUTE, giveBack);
		await n8n.comesToRest(now() + 2 * HOUR);
		expect(n8n.get(parent).status).toBe('success');
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('and comes back after the execution was stopped: its job is cancelled', async () => {
		const parent = await park(timelines.runsForever());
		takeAway();
		after(5 * MINUTE, () => n8n.stop(parent));
		after(10 * MINUTE, giveBack);
		await n8n.comesToRest(now() + HOUR);
		expect(status()).toBe('cancelled');
	});
});

test('an application that Airbyte has deleted ends the wait after some refusals', async () => {
	const parent = await park(timelines.runsForever(), { timeout: 7_200 });
	airbyteRefusesFor(10 * HOUR, 401);
	await n8n.comesToRest(now() + 5 * MINUTE);
	expect(n8n.get(parent).status).toBe('error');
	expect(n8n.data(parent).resultData.error?.message).toContain('401');
});
