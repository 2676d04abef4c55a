/** The wait of the deferrable mode: watcher, lookout and watchdog, in virtual time on n8n's engine. */
import { setTimeout as pause } from 'node:timers/promises';

import type { INodeParameters, IRunExecutionData, WorkflowExecuteMode } from 'n8n-workflow';
import axios from 'axios';

import { AirbyteClient } from '../../nodes/airbyte/api/client';
import { clock } from '../../nodes/airbyte/api/clock';
import { nodeRuns } from '../../nodes/airbyte/deferred/takeWait';
import { answers } from '../../nodes/airbyte/deferred/webhook';
import { AirbyteTriggerSync } from '../../nodes/AirbyteTriggerSync/AirbyteTriggerSync.node';
import type { Timeline } from '../../simulator/index.cts';
import { AirbyteSimulator, timelines } from '../../simulator/index.cts';
import { longestGap, shortestGap } from '../support/gaps.cts';
import type { StoredCredential } from './harness/credentials.cts';
import { Deferred } from './harness/deferred.cts';
import type { NodeRun } from './harness/engine.cts';
import { Fixture } from './harness/fixture.cts';
import { captureLog } from './harness/log.cts';
import type { Caller } from './harness/n8nServer.cts';
import { badGateway } from './harness/n8nServer.cts';
import type { NodeOfN8n } from './harness/nodesOfN8n.cts';

const { failsAfter, runsForever, succeedsAfter } = timelines;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const now = () => fixture.time.shared.now();

/** The execution that waits, and what it syncs. */
let parent: string;
let connectionIds: string[];
let credential: StoredCredential;

async function park(
	jobs: Timeline | Timeline[] = runsForever(),
	parameters: INodeParameters = {},
	mode: WorkflowExecuteMode = 'webhook',
): Promise<void> {
	const order = { timeout: 172_800, ...parameters };
	await parkAll([jobs], order, { mode });
}

/** One execution for several jobs, all at the same time unless the order says otherwise. */
async function parkMany(jobs: Timeline[], parameters: INodeParameters = {}): Promise<void> {
	await parkAll(jobs, parameters);
}

async function parkAll(
	jobs: Array<Timeline | Timeline[]>,
	parameters: INodeParameters,
	rest: Partial<NodeRun> = {},
): Promise<void> {
	connectionIds = jobs.map((one) => fixture.airbyte.addConnection({ jobs: one }).connectionId);
	credential = fixture.credential();
	parent = deferred.start(connectionIds, parameters, { credential, ...rest });
	await passTime(1_000);
}

/** Airbyte refuses the next look. */
function refuseOnce(): void {
	const route = 'GET /jobs/{jobId}';
	fixture.airbyte.faults.add({ route, kind: 'status', status: 403, times: 1 });
}

/** Another Airbyte, a copy of the one before: with the same connections, on which jobs of the same numbers run. */
async function pointElsewhere(): Promise<AirbyteSimulator> {
	const other = new AirbyteSimulator({ clock: fixture.time.ofAirbyte });
	await other.start();
	others.push(other);
	for (const connectionId of connectionIds)
		other.addConnection({ connectionId, jobs: runsForever() });
	for (const { connectionId } of fixture.airbyte.jobs()) other.startJob(connectionId);
	credential.change({ host: other.url, accessToken: '' });
	return other;
}

/** Nobody has asked that Airbyte for more than to sign in, and its jobs go on. */
function expectUntouched(other: AirbyteSimulator): void {
	const asked = other.audit.calls.filter(({ route }) => route !== 'POST /applications/token');
	expect(asked).toEqual([]);
	expect(other.jobs().map(({ status }) => status)).not.toContain('cancelled');
}

const others: AirbyteSimulator[] = [];
afterEach(async () => {
	jest.restoreAllMocks();
	for (const other of others.splice(0)) await other.stop();
});

const passTime = async (milliseconds: number) => await deferred.passTime(milliseconds);

const looks = (jobId?: number) =>
	fixture.airbyte.audit.calls
		.filter(({ route, status }) => route === 'GET /jobs/{jobId}' && status === 200)
		.filter(({ path }) => jobId === undefined || path.endsWith(`/${jobId}`))
		.map(({ at }) => at);

/** With the time before the first look and after the last one, so that looks that end are seen, too. */
const longestWithoutLook = (since: number, jobId: number) =>
	longestGap([since, ...looks(jobId).filter((at) => at >= since), now()]);

const readingsOfParent = () => deferred.n8n.readings.filter((id) => id === parent).length;

const cancels = () =>
	fixture.airbyte.audit.calls
		.filter(({ route }) => route === 'DELETE /jobs/{jobId}')
		.map(({ at }) => at);

/** Watchers and watchdogs that n8n knows of, by execution id. */
function children(role?: 'watcher' | 'watchdog'): string[] {
	return [...deferred.n8n.executions]
		.filter(([, { workflow }]) => workflow.nodes.some(({ name }) => name === 'Ring'))
		.filter(([, { workflow }]) => !role || workflow.nodes[1].parameters.role === role)
		.map(([id]) => id);
}

/** The URL that the watcher has been given for the wait. */
function resumeUrlOfParent(): string {
	const [watcher] = children('watcher');
	const stack = deferred.n8n.data(watcher).executionData?.nodeExecutionStack ?? [];
	return (stack[0].data.main[0]![0].json as { url: string }).url;
}

const waitingChildren = () => children().filter((id) => deferred.n8n.get(id).status === 'waiting');

describe('while it waits', () => {
	test('a wrong request (400) that only the lookout has met: it goes on looking by itself', async () => {
		await park(runsForever(), { options: { adaptivePolling: false } });
		await passTime(10_000);
		const fault = { kind: 'status', status: 400, times: 1 } as const;
		fixture.airbyte.faults.add({ route: 'GET /jobs/{jobId}', ...fault });
		await passTime(MINUTE);
		const [before, calls] = [looks().length, deferred.n8n.calls];
		await passTime(30 * MINUTE);
		expect(deferred.n8n.calls).toBe(calls);
		expect(looks().length - before).toBeGreaterThan(500);
	});

	test('n8n itself is to wake the execution only after its Timeout, and two executions look after it', async () => {
		const begun = now();
		await park();
		const { status, waitTill } = deferred.n8n.get(parent);
		expect(status).toBe('waiting');
		expect(waitTill!.getTime() - begun).toBeGreaterThan(48 * HOUR);
		expect(waitTill!.getTime() - begun).toBeLessThan(49 * HOUR);
		expect(waitingChildren()).toHaveLength(2);
	});

	test('the record of each of the two tells by its name what it is for', async () => {
		await park();
		const names = waitingChildren().map((id) => deferred.n8n.get(id).workflow.name);
		expect(names.sort()).toEqual(['Airbyte wait (watchdog)', 'Airbyte wait (watcher)']);
	});

	test('n8n keeps none of the two in memory', async () => {
		await park();
		await passTime(10 * MINUTE);
		expect([...deferred.n8n.keptInMemory]).toEqual([parent]);
	});

	test('a child that n8n is slow to store is asked for less and less often', async () => {
		const notYet = jest.spyOn(deferred.n8n.withoutData, 'has').mockReturnValue(true);
		await park();
		await passTime(19_000);
		notYet.mockRestore();
		expect(deferred.n8n.readings.length).toBeLessThan(50);
		await passTime(8_000);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
		expect(waitingChildren()).toHaveLength(2);
	});

	test('the job is looked at as in synchronous mode, by one request a look', async () => {
		await park();
		const before = fixture.airbyte.audit.calls.length;
		await passTime(90_000);
		expect(fixture.airbyte.audit.calls.length - before).toBe(looks().length);
		expect(looks().length).toBeGreaterThan(25);
		expect(longestGap(looks())).toBeLessThan(4_000);
	});

	test('the end of a job is noticed within seconds', async () => {
		await park(succeedsAfter(600, { rows: 7 }));
		const { items, at } = await deferred.endOf(parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', rowsSynced: 7 }]);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(12_000);
	});

	test('what a lookout has seen of the end is not asked of Airbyte again', async () => {
		await park(succeedsAfter(60));
		await deferred.endOf(parent);
		const endedAt = fixture.airbyte.job(1)!.updatedAt;
		expect(looks().filter((at) => at >= endedAt)).toHaveLength(1);
	});

	test('a refusal that only the lookout has met, as its credential was older, ends nothing', async () => {
		await park(succeedsAfter(300));
		refuseOnce();
		const { items } = await deferred.endOf(parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	});

	test('after such a refusal, and a call of the resume URL in vain, the lookout goes on', async () => {
		await park(runsForever(), { options: { adaptivePolling: false } });
		refuseOnce();
		await passTime(MINUTE);
		const since = now();
		await passTime(MINUTE);
		expect(longestWithoutLook(since, 1)).toBeLessThan(4_000);
	});

	test('a refusal of one of two jobs puts off neither of their Timeouts', async () => {
		await parkMany([runsForever(), runsForever()], { timeout: 300 });
		refuseOnce();
		await passTime(310_000);
		const ends = [1, 2].map((id) => fixture.airbyte.job(id)!);
		for (const { status, createdAt, updatedAt } of ends) {
			expect(status).toBe('cancelled');
			expect(updatedAt - createdAt).toBeLessThan(305_000);
		}
	});

	test('a Timeout while the credential is lost ends no other job, which has time until it is back', async () => {
		const jobs = [succeedsAfter(500), runsForever(), succeedsAfter(500)];
		await parkMany(jobs, { timeout: 600, options: { batchSize: 2 } });
		await passTime(550_000);
		credential.change({ host: '' });
		await passTime(250_000);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
		credential.change({ host: fixture.airbyte.url });
		await passTime(250_000);
		expect(fixture.airbyte.job(3)!.status).toBe('succeeded');
		expect(deferred.n8n.get(parent).status).toBe('error');
	});

	test('a job that was queued for until its Timeout is not started after it, while others run', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(700) });
		fixture.airbyte.startJob(connectionId);
		const ids = [succeedsAfter(300), succeedsAfter(550)].map(
			(jobs) => fixture.airbyte.addConnection({ jobs }).connectionId,
		);
		const options = { batchSize: 2, onActiveJob: 'queue' };
		parent = deferred.start([connectionId, ...ids], { timeout: 600, options });
		await passTime(1_000_000);
		expect(deferred.n8n.get(parent).status).toBe('error');
		expect(fixture.airbyte.jobs()).toHaveLength(3);
	});

	test('a job that is left running after its Timeout holds up no look at the others', async () => {
		const jobs = [succeedsAfter(100), runsForever(), runsForever()];
		const options = { batchSize: 2, cancelOnTimeout: false, adaptivePolling: false };
		await parkMany(jobs, { timeout: 300, options });
		await passTime(310_000);
		const [since, calls] = [now(), deferred.n8n.calls];
		await passTime(80_000);
		expect(longestWithoutLook(since, 3)).toBeLessThan(4_000);
		expect(deferred.n8n.calls - calls).toBeLessThanOrEqual(1);
	});

	test('what a lookout left out of a failed job, its log, is read', async () => {
		const ends = [failsAfter(60), succeedsAfter(120)];
		const ids = ends.map((jobs) => fixture.airbyte.addConnection({ jobs }).connectionId);
		const { error } = await deferred.endOf(deferred.start(ids, { options: { logLines: 5 } }));
		expect(error?.description).toContain('The log ends with:');
	});

	test('a look from outside reads the credential once, for n8n makes an isolate each time', async () => {
		await park(succeedsAfter(600));
		const reading = jest.spyOn(credential, 'getDecrypted');
		const { data } = await axios.post<object>(resumeUrlOfParent(), {});
		expect(data).toMatchObject({ resumed: false, jobs: [{ jobId: 1, status: 'running' }] });
		expect(reading).toHaveBeenCalledTimes(1);
	});

	test('a call from outside right before the end puts it off by seconds at most', async () => {
		await park(succeedsAfter(61));
		await passTime(58_000);
		await axios.post(resumeUrlOfParent(), {});
		const { at } = await deferred.endOf(parent);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
	});

	test('a slow look of another process undoes nothing that the execution has done since', async () => {
		const options = { batchSize: 1, onActiveJob: 'fail' };
		await parkMany([succeedsAfter(61), runsForever()], { options });
		await passTime(57_000);
		const read = credential.getDecrypted.bind(credential);
		jest.spyOn(credential, 'getDecrypted').mockImplementationOnce(async () => {
			await clock.sleep(1);
			// What is in the memory of that process is not in that of others.
			answers.clear();
			await clock.sleep(20_000);
			nodeRuns.clear();
			return await read();
		});
		let answer: object = {};
		fixture.time.at(now() + 1, async () => {
			answer = (await axios.post<object>(resumeUrlOfParent(), {})).data;
		});
		await passTime(MINUTE);
		expect(answer).toMatchObject({ resumed: false });
		expect(deferred.n8n.data(parent).resultData.error).toBeUndefined();
		expect(fixture.airbyte.jobs().map(({ status }) => status)).toEqual(['succeeded', 'running']);
	});

	test("the resume URL is called for news only, and n8n's database is asked seldom", async () => {
		await park();
		const calls = deferred.n8n.calls;
		const readings = deferred.n8n.readings.length;
		await passTime(10 * MINUTE);
		expect(deferred.n8n.calls).toBe(calls);
		expect(deferred.n8n.readings.length - readings).toBeLessThan(66);
	});

	test('an Airbyte that is away is asked by looks, seldom by the resume webhook, and its end noticed soon', async () => {
		await park(succeedsAfter(1_200));
		const calls = deferred.n8n.calls;
		await passTime(MINUTE);
		fixture.airbyte.faults.add({ route: '*', kind: 'status', status: 503, seconds: 600 });
		await passTime(9 * MINUTE);
		expect(deferred.n8n.calls - calls).toBeLessThanOrEqual(2);
		const { at } = await deferred.endOf(parent);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(30_000);
	});

	test('a Timeout is noticed within five seconds', async () => {
		await park(runsForever(), { timeout: 123 });
		const { error, at } = await deferred.endOf(parent);
		expect(error?.message).toBe('Airbyte job 1 did not end within 123 seconds and was cancelled');
		expect(at - fixture.airbyte.job(1)!.createdAt).toBeLessThan(128_000);
	});

	test('a job that Airbyte ends as failed, as its cancel came late, counts as cancelled', async () => {
		await park(runsForever(), { timeout: 123 });
		const { connectionId } = fixture.airbyte.job(1)!;
		fixture.airbyte.updateConnection(connectionId, { cancels: ['fails'] });
		const { error } = await deferred.endOf(parent);
		expect(fixture.airbyte.job(1)!.status).toBe('failed');
		expect(error?.message).toBe('Airbyte job 1 did not end within 123 seconds and was cancelled');
	});

	test('the end of a job is noticed within seconds where n8n is too busy to hear of it at first', async () => {
		await park(succeedsAfter(60));
		const busy = { status: 503, body: { code: 503, message: 'Database is not ready!' } };
		const answers = [busy, busy];
		deferred.n8n.proxy = () => answers.pop();
		const { at } = await deferred.endOf(parent);
		expect(answers).toEqual([]);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(20_000);
	});

	describe("when the machine's clock is set back by hours", () => {
		async function setBack(): Promise<void> {
			await passTime(MINUTE);
			// The fixture puts the clock right again.
			const told = clock.now;
			clock.now = () => told() - 5 * HOUR;
		}

		test('the end of a job is noticed within seconds', async () => {
			await park(succeedsAfter(600));
			await setBack();
			const { at } = await deferred.endOf(parent);
			expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
		});

		test('the end of a job is noticed where the wait is held, too', async () => {
			deferred.n8n.room = 0;
			await park(succeedsAfter(600));
			await setBack();
			const { at } = await deferred.endOf(parent);
			expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(11 * MINUTE);
		});

		test('a stop cancels the job within fifteen seconds', async () => {
			await park();
			await setBack();
			await passTime(MINUTE);
			deferred.n8n.stop(parent);
			await passTime(15_000);
			expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		});
	});

	test('a retry comes when it is due', async () => {
		await park([failsAfter(30), succeedsAfter(30)], { options: { retries: 1, retryDelay: 77 } });
		const { items } = await deferred.endOf(parent);
		expect(items).toMatchObject([{ jobId: 2, attempt: 2 }]);
		const pause = fixture.airbyte.job(2)!.createdAt - fixture.airbyte.job(1)!.updatedAt;
		expect(pause).toBeGreaterThanOrEqual(77_000);
		expect(pause).toBeLessThan(87_000);
	});

	test('a record that takes n8n long to read is read in a hundredth of the time', async () => {
		deferred.n8n.readingTime = 500;
		await park();
		const before = readingsOfParent();
		await passTime(HOUR / 2);
		const readings = readingsOfParent() - before;
		expect(readings).toBeGreaterThan(10);
		expect(readings * 500).toBeLessThanOrEqual((0.01 * HOUR) / 2 + 1_000);
	});

	test('many such records keep n8n busy for a tenth of the time', async () => {
		deferred.n8n.readingTime = 500;
		const jobs = runsForever();
		const ids = Array.from({ length: 20 }, () => {
			const { connectionId } = fixture.airbyte.addConnection({ jobs });
			return deferred.start([connectionId], { timeout: 86_400 });
		});
		const readingsOfAll = () => deferred.n8n.readings.filter((id) => ids.includes(id)).length;
		await passTime(HOUR);
		const before = readingsOfAll();
		await passTime(HOUR);
		const readings = readingsOfAll() - before;
		expect(readings).toBeGreaterThan(40);
		expect(readings * 500).toBeLessThanOrEqual(0.1 * HOUR);
	});

	test('five days cost some hundred rings, and little data', async () => {
		// As for a large record, so that it is not read sixty thousand times.
		deferred.n8n.readingTime = 5_000;
		await park(runsForever(), { timeout: 14 * 86_400, waitSeconds: 3_600 });
		const rings = jest.spyOn(AirbyteTriggerSync.prototype, 'execute');
		await passTime(5 * 24 * HOUR);
		expect(rings.mock.calls.length).toBeGreaterThan(300);
		expect(rings.mock.calls.length).toBeLessThan(500);
		expect(waitingChildren()).toHaveLength(2);
		for (const id of waitingChildren()) {
			expect(deferred.n8n.data(id).resultData.runData.Ring.length).toBeLessThanOrEqual(200);
			expect(deferred.n8n.get(id).data.length).toBeLessThan(100_000);
		}
		// No gap is left where one child takes another's place.
		expect(longestGap(looks())).toBeLessThan(2 * HOUR);
	}, 300_000);

	test('a watcher that n8n wakes late, as it is busy, rings twice that later the next time', async () => {
		const begun = now();
		await park();
		deferred.n8n.lateness = 20_000;
		await passTime(3 * MINUTE);
		const [watcher] = children('watcher');
		const next = deferred.n8n.get(watcher).waitTill!.getTime() - begun;
		expect(next).toBeGreaterThanOrEqual(2 * MINUTE + 20_000 + 2 * MINUTE + 40_000);
		expect(next).toBeLessThan(2 * MINUTE + 20_000 + 2 * MINUTE + 41_000);
	});

	describe('of many jobs that end at once', () => {
		/** So many, while n8n takes so long to answer a call of a resume URL; gives when it was called. */
		async function endAtOnce(job: Timeline, status: string, answerTime: number): Promise<number[]> {
			const ids = Array.from({ length: 12 }, () => {
				const { connectionId } = fixture.airbyte.addConnection({ jobs: job });
				return deferred.start([connectionId]);
			});
			await passTime(30_000);
			deferred.n8n.mostCalls = 0;
			deferred.n8n.readingTime = answerTime;
			const before = deferred.n8n.calls;
			await passTime(3 * MINUTE);
			expect(ids.map((id) => deferred.n8n.get(id).status)).toEqual(ids.map(() => status));
			return deferred.n8n.callTimes.slice(before);
		}

		test('two executions at a time are told to go on', async () => {
			await endAtOnce(succeedsAfter(60), 'success', 3_000);
			expect(deferred.n8n.mostCalls).toBe(2);
		});

		test('ten at a time are looked at by the resume webhook where they have not succeeded', async () => {
			await endAtOnce(failsAfter(60), 'error', 3_000);
			expect(deferred.n8n.mostCalls).toBe(10);
		});

		test.each([
			['as long as it took', 1_000, 1_000],
			['two seconds where it took longer', 5_000, 2_000],
		])('after each call n8n has a rest: %s', async (_, answerTime, rest) => {
			const called = await endAtOnce(succeedsAfter(60), 'success', answerTime);
			// One of the two turns.
			const turn = called.filter((_, at) => at % 2 === 0);
			expect(shortestGap(turn)).toBeGreaterThanOrEqual(answerTime + rest);
			expect(longestGap(turn)).toBeLessThan(answerTime + rest + 500);
		});
	});

	test('cancels that take Airbyte long hold up no end of another execution', async () => {
		for (let number = 0; number < 4; number += 1) {
			const jobs = { ...runsForever(), cancelTakes: 25 };
			const { connectionId } = fixture.airbyte.addConnection({ jobs });
			deferred.start([connectionId], { timeout: 60 });
		}
		await park(succeedsAfter(65));
		const { at } = await deferred.endOf(parent);
		const [last, ...cancelled] = fixture.airbyte.jobs().reverse();
		expect(at - last.updatedAt).toBeLessThan(10_000);
		for (const { createdAt, updatedAt } of cancelled)
			expect(updatedAt - createdAt).toBeLessThan(95_000);
	});

	test('many jobs of a process, of which no list tells, are looked at no faster than every 60 ms', async () => {
		const ids = Array.from(
			{ length: 40 },
			() => fixture.airbyte.addConnection({ jobs: runsForever() }).connectionId,
		);
		const order = { options: { batchSize: 100, adaptivePolling: false }, waitSeconds: 1 };
		deferred.start(ids, order);
		await passTime(1_000);
		fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'status', status: 403, times: 1e9 });
		await passTime(60_000);
		const before = looks().length;
		await passTime(20_000);
		expect(looks().length - before).toBeGreaterThanOrEqual(260);
		expect(looks().length - before).toBeLessThanOrEqual(334);
	});
});

describe('a stop', () => {
	test('is heard within 16 s where the credential could not be read at the last ring', async () => {
		await park(runsForever(), { timeout: 7 * 86_400 });
		await passTime(3 * HOUR);
		const due = deferred.n8n.get(children('watcher')[0]).waitTill!.getTime();
		await passTime(due - now() - 5_000);
		const fault = new Error('Connection terminated unexpectedly');
		jest.spyOn(credential, 'getDecrypted').mockRejectedValueOnce(fault);
		await passTime(20_000);
		deferred.n8n.stop(parent);
		const stoppedAt = now();
		await passTime(HOUR);
		expect(cancels()[0] - stoppedAt).toBeLessThan(16_000);
	});

	test('after a restart just after the watcher has rung for the last time cancels the job', async () => {
		// As for a large record, so that it is not read sixty thousand times.
		deferred.n8n.readingTime = 5_000;
		await park(runsForever(), { timeout: 14 * 86_400, waitSeconds: 3_600 });
		const [watcher] = children('watcher');
		while (deferred.n8n.executions.has(watcher)) await passTime(5 * MINUTE);
		deferred.n8n.readingTime = 0;
		await deferred.n8n.kill(10);
		deferred.n8n.stop(parent);
		await passTime(3 * HOUR);
		expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
		expect(waitingChildren()).toEqual([]);
	}, 120_000);

	test('cancels the job within fifteen seconds', async () => {
		await park();
		await passTime(5 * MINUTE);
		deferred.n8n.stop(parent);
		const stoppedAt = now();
		await passTime(MINUTE);
		expect(cancels()).toHaveLength(1);
		expect(cancels()[0] - stoppedAt).toBeLessThan(15_000);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(cancels()).toHaveLength(1);
		expect(waitingChildren()).toEqual([]);
	});

	test("leaves the job running when 'Cancel On Stop' is off, and nothing behind", async () => {
		await park(runsForever(), { options: { cancelOnStop: false } });
		await passTime(MINUTE);
		deferred.n8n.stop(parent);
		await passTime(HOUR);
		expect(fixture.airbyte.job(1)?.status).toBe('running');
		expect(cancels()).toEqual([]);
		expect(waitingChildren()).toEqual([]);
	});

	test('leaves a job alone that was running already', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: runsForever() });
		fixture.airbyte.startJob(connectionId);
		parent = deferred.start([connectionId], { timeout: 172_800 });
		await passTime(MINUTE);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
		deferred.n8n.stop(parent);
		await passTime(HOUR);
		expect(fixture.airbyte.job(1)?.status).toBe('running');
		expect(cancels()).toEqual([]);
		expect(waitingChildren()).toEqual([]);
	});

	test('after n8n was killed cancels the job when it is back', async () => {
		await park();
		await deferred.n8n.kill(30);
		deferred.n8n.stop(parent);
		await passTime(10 * MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(waitingChildren()).toEqual([]);
	});

	test('after n8n was killed cancels a job, too, that a Timeout which has passed meanwhile leaves', async () => {
		await park(runsForever(), { timeout: 60, options: { cancelOnTimeout: false } });
		await deferred.n8n.kill(10);
		deferred.n8n.stop(parent);
		await passTime(10 * MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	});

	test('after one Timeout, which leaves its job, cancels only what began since', async () => {
		const starts = [{ takes: 30, answer: 'job' as const }];
		const ids = [undefined, starts].map(
			(slow) => fixture.airbyte.addConnection({ jobs: runsForever(), starts: slow }).connectionId,
		);
		const options = { cancelOnTimeout: false, batchSize: 1 };
		const goesOn = { onError: 'continueRegularOutput' as const };
		parent = deferred.start(ids, { timeout: 60, options }, goesOn);
		await passTime(70_000);
		expect(deferred.n8n.get(parent).status).toBe('running');
		deferred.n8n.stopsReachNodes = false;
		deferred.n8n.stop(parent);
		await passTime(12 * MINUTE);
		expect([1, 2].map((id) => fixture.airbyte.job(id)?.status)).toEqual(['running', 'cancelled']);
		expect(waitingChildren()).toEqual([]);
	});

	test('of which the worker was not told cancels the job that it starts after it', async () => {
		deferred.n8n.stopsReachNodes = false;
		const starts = [{ takes: 20, answer: 'job' as const }];
		const { connectionId } = fixture.airbyte.addConnection({ jobs: runsForever(), starts });
		parent = deferred.start([connectionId]);
		deferred.after(10, () => deferred.n8n.stop(parent));
		await passTime(MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(waitingChildren()).toEqual([]);
	});

	test('while it is unclear whether another item has a job cancels what has begun at once', async () => {
		fixture.airbyte.faults.add({ route: 'POST /jobs', kind: 'reset', times: 1 });
		const ids = [1, 2].map(
			() => fixture.airbyte.addConnection({ jobs: runsForever() }).connectionId,
		);
		parent = deferred.start(ids);
		await passTime(10_000);
		expect(deferred.n8n.get(parent).status).toBe('running');
		expect(fixture.airbyte.job(1)?.status).toBe('running');
		deferred.n8n.stop(parent);
		await passTime(5_000);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(cancels()).toHaveLength(1);
		expect(waitingChildren()).toEqual([]);
	});

	test('in the moment in which the execution parks cancels the job, too', async () => {
		deferred.n8n.readingTime = 2_000;
		deferred.after(1, () => deferred.n8n.stop(parent));
		await park();
		await passTime(MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(cancels()).toHaveLength(1);
		expect(waitingChildren()).toEqual([]);
	});

	test('in that moment, of which n8n keeps nothing, cancels it, too', async () => {
		deferred.n8n.readingTime = 2_000;
		deferred.after(1, () => {
			deferred.n8n.stop(parent);
			deferred.n8n.executions.delete(parent);
		});
		await park();
		await passTime(MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(waitingChildren()).toEqual([]);
	});

	test('by deletion cancels the job, too', async () => {
		await park();
		await passTime(MINUTE);
		deferred.n8n.delete(parent);
		await passTime(MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	});

	test('by deletion after n8n was killed cancels the job when it is back', async () => {
		await park();
		await passTime(5 * MINUTE);
		await deferred.n8n.kill(30);
		deferred.n8n.delete(parent);
		await passTime(10 * MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(waitingChildren()).toEqual([]);
	});

	test('by deletion soon after it parked cancels the job, too, where n8n is busy', async () => {
		deferred.n8n.readingTime = 2_500;
		await park();
		await passTime(12_000);
		deferred.n8n.delete(parent);
		await passTime(MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	});

	test('cancels the job within fifteen seconds where n8n was busy when the execution parked', async () => {
		deferred.n8n.readingTime = 600;
		await park();
		await passTime(5_000);
		deferred.n8n.readingTime = 50;
		await passTime(15_000);
		deferred.n8n.stop(parent);
		const stoppedAt = now();
		await passTime(MINUTE);
		expect(cancels()[0] - stoppedAt).toBeLessThan(15_000);
	});

	test('cancels what a retry has started, which its first watcher did not know of', async () => {
		await park([failsAfter(60), runsForever()], { options: { retries: 1, retryDelay: 10 } });
		await passTime(2 * MINUTE);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
		deferred.n8n.delete(parent);
		await passTime(2 * MINUTE);
		expect(fixture.airbyte.job(2)?.status).toBe('cancelled');
	});

	test('is nothing to those who looked after an earlier wait of the execution', async () => {
		await park([failsAfter(20), runsForever()], { options: { retries: 1, retryDelay: 5 } });
		await passTime(MINUTE);
		const looksAtFirst = () =>
			fixture.airbyte.audit.calls.filter(({ path }) => path.endsWith('/jobs/1')).length;
		const before = looksAtFirst();
		deferred.n8n.stop(parent);
		await passTime(HOUR);
		expect(looksAtFirst()).toBe(before);
		expect(fixture.airbyte.job(2)?.status).toBe('cancelled');
		expect(waitingChildren()).toEqual([]);
	});

	test('is not what n8n has no data of before it was seen to wait, as while it runs in the editor', async () => {
		await park();
		deferred.n8n.withoutData.add(parent);
		await passTime(40_000);
		expect(cancels()).toEqual([]);
		deferred.n8n.withoutData.clear();
		await passTime(30_000);
		deferred.n8n.stop(parent);
		await passTime(30_000);
		expect(cancels()).toHaveLength(1);
	});

	test('then a credential that n8n refuses: after an hour or two nothing is started any more', async () => {
		await park();
		await passTime(MINUTE);
		deferred.n8n.grantsCredentials = false;
		deferred.n8n.stop(parent);
		await passTime(3 * HOUR);
		const watchers = children('watcher').length;
		await passTime(24 * HOUR);
		expect(cancels()).toHaveLength(1);
		expect(children('watcher')).toHaveLength(watchers);
		expect(waitingChildren()).toEqual([]);
	});

	test('cancels nothing at another Airbyte that the credential leads to by then', async () => {
		await park();
		await passTime(MINUTE);
		await deferred.n8n.kill(1);
		const other = await pointElsewhere();
		const logged = captureLog();
		deferred.n8n.stop(parent);
		await passTime(HOUR);
		expectUntouched(other);
		expect(cancels()).toEqual([]);
		expect(waitingChildren()).toEqual([]);
		expect(logged.join('\n')).toContain('may still be running: job 1');
	});
});

describe('an execution that has ended', () => {
	test.each([
		['succeeded', succeedsAfter(400)],
		['failed', failsAfter(400)],
	])(
		"leaves a job alone that somebody else starts after another's job that %s, where n8n keeps no record",
		async (_what, theirs) => {
			deferred.n8n.keepsEnded = false;
			const { connectionId } = fixture.airbyte.addConnection({ jobs: [theirs, runsForever()] });
			fixture.airbyte.startJob(connectionId);
			await passTime(90_000);
			fixture.airbyte.faults.add({ route: 'POST /jobs', kind: 'reset', times: 1 });
			const rest = { onError: 'continueRegularOutput' } as const;
			parent = deferred.start([connectionId], { timeout: 3_600 }, rest);
			await passTime(200_000);
			expect(deferred.n8n.get(parent).status).toBe('waiting');
			while (deferred.n8n.executions.has(parent)) await passTime(1_000);
			await passTime(3_000);
			fixture.airbyte.startJob(connectionId);
			await passTime(HOUR);
			expect(fixture.airbyte.job(2)!.status).toBe('running');
			expect(cancels()).toEqual([]);
		},
	);

	/** The next job is started, but the node cannot find out, and goes on asking. */
	function loseStart(): void {
		fixture.loseStart({ status: 502, times: Infinity });
	}

	test('leaves nothing behind within two turns, and nothing in the list', async () => {
		await park(succeedsAfter(60));
		await passTime(2 * MINUTE);
		expect(deferred.n8n.get(parent).status).toBe('success');
		await passTime(10 * MINUTE);
		expect(children()).toEqual([]);
	});

	test('while n8n was down: its record is not read again and again', async () => {
		await park(succeedsAfter(100));
		await deferred.n8n.kill(200);
		const before = readingsOfParent();
		await passTime(5 * MINUTE);
		expect(deferred.n8n.get(parent).status).toBe('success');
		expect(readingsOfParent() - before).toBeLessThan(5);
	});

	test('by a crash after it was resumed: no more calls, and its deletion cancels nothing', async () => {
		await park([failsAfter(60), runsForever()], { options: { retries: 1, retryDelay: 10 } });
		loseStart();
		await passTime(80_000);
		expect(deferred.n8n.get(parent).status).toBe('running');
		await deferred.n8n.kill(10);
		await passTime(20 * MINUTE);
		expect(waitingChildren()).toEqual([]);
		const calls = deferred.n8n.calls;
		deferred.n8n.executions.delete(parent);
		await passTime(HOUR);
		expect(deferred.n8n.calls).toBe(calls);
		expect(cancels()).toEqual([]);
	});

	test.each([
		['after the end', 610, 'success'],
		['before it', 60, 'waiting'],
	])('n8n goes on without having been told, %s: the node looks', async (_when, seconds, status) => {
		await park(succeedsAfter(600));
		deferred.n8n.proxy = () => ({ status: 502, body: 'Bad Gateway' });
		await passTime(seconds * 1_000);
		deferred.n8n.proxy = () => undefined;
		deferred.n8n.goOnUnasked(parent);
		await passTime(1_000);
		expect(deferred.n8n.get(parent).status).toBe(status);
		const { items } = await endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(deferred.n8n.data(parent).resultData.runData.Airbyte).toHaveLength(1);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		await passTime(20 * MINUTE);
		expect(waitingChildren()).toEqual([]);
	});

	test("'Always Output Data' gives nothing while it waits", async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(600) });
		const behind = { alwaysOutputData: true, after: [{ type: 'respondToWebhook' as const }] };
		parent = deferred.start([connectionId], {}, behind);
		await passTime(MINUTE);
		deferred.n8n.goOnUnasked(parent);
		const { items } = await deferred.endOf(parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(deferred.n8n.data(parent).resultData.runData['After 1']).toHaveLength(1);
	});

	test.each(['as it was', 'with the current workflow'])(
		"n8n's Retry (%s) of one that was stopped while it waited runs the node anew",
		async (how) => {
			await park([runsForever(), succeedsAfter(60)]);
			deferred.n8n.stop(parent);
			await passTime(MINUTE);
			const retried = deferred.n8n.retry(parent, how === 'with the current workflow');
			await passTime(5 * MINUTE);
			expect(deferred.n8n.get(retried).status).toBe('success');
			const [run] = deferred.n8n.data(retried).resultData.runData.Airbyte;
			expect(run.data?.main[0]).toMatchObject([{ json: { jobId: 2, status: 'succeeded' } }]);
		},
	);

	test("a sub-workflow's late result is not taken for what the wait gives", async () => {
		await park();
		const { executionData } = deferred.n8n.data(parent);
		const [child] = children();
		expect(executionData?.nodeExecutionStack[0].metadata?.waitingChildExecutionIds).toEqual([
			child,
		]);
	});

	test('by a crash after it was resumed: its deletion cancels nothing that its Retry waits for', async () => {
		const jobs = [succeedsAfter(400), runsForever(), runsForever()];
		await parkMany(jobs, { timeout: 86_400, options: { batchSize: 2 } });
		await passTime(390_000);
		loseStart();
		await passTime(20_000);
		expect(deferred.n8n.get(parent).status).toBe('running');
		await deferred.n8n.kill(1);
		fixture.airbyte.faults.clear();
		const retried = deferred.n8n.retry(parent);
		// By then those who look after the wait have seen once that it was resumed; they end when they see it again.
		await passTime(100_000);
		const isOfParent = (id: string) =>
			deferred.n8n.data(id).parentExecution?.executionId === parent;
		expect(waitingChildren().filter(isOfParent)).toHaveLength(2);
		deferred.n8n.executions.delete(parent);
		await passTime(HOUR);
		expect(cancels()).toEqual([]);
		const statuses = fixture.airbyte.jobs().map(({ status }) => status);
		expect(statuses).toEqual(['succeeded', 'running', 'running', 'succeeded']);
		expect(deferred.n8n.get(retried).status).toBe('waiting');
	});

	test("n8n's Retry of one that crashed waits with children of its own", async () => {
		await park([failsAfter(60), succeedsAfter(600)], { options: { retries: 1, retryDelay: 10 } });
		loseStart();
		await passTime(80_000);
		await deferred.n8n.kill(10);
		await passTime(MINUTE);
		fixture.airbyte.faults.clear();
		const retried = deferred.n8n.retry(parent);
		await passTime(15 * MINUTE);
		expect(deferred.n8n.get(retried).status).toBe('success');
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
	});

	test('where n8n keeps none that has: the right end, and no DELETE', async () => {
		deferred.n8n.keepsEnded = false;
		await park(succeedsAfter(300));
		await passTime(12 * MINUTE);
		expect(deferred.n8n.executions.size).toBe(0);
		expect(cancels()).toEqual([]);
		expect(deferred.n8n.faults).toEqual([]);
	});
});

describe('a crash of n8n', () => {
	test.each([2, 8, 12])(
		'for long, and again %d s after its start: looked at again',
		async (seconds) => {
			await park(runsForever(), { timeout: 86_400 });
			await passTime(15 * MINUTE);
			await deferred.n8n.kill(15 * 60);
			await passTime(15 * MINUTE + seconds * 1_000);
			await deferred.n8n.kill(2);
			const before = looks().length;
			await passTime(3 * HOUR);
			expect(looks().length).toBeGreaterThan(before);
		},
	);

	test.each([1, 30, 300])('for %d s: the job is looked at again within 150 s', async (downtime) => {
		await park(runsForever(), { timeout: 86_400 });
		await passTime(4 * MINUTE);
		await deferred.n8n.kill(downtime);
		const killedAt = now();
		const before = looks().length;
		await passTime(downtime * 1_000 + 150_000);
		expect(looks().length).toBeGreaterThan(before);
		expect(looks()[before] - killedAt - downtime * 1_000).toBeLessThan(150_000);
	});

	test('for hours, past the Timeout: a cancel that gets lost is made again at once', async () => {
		await park(runsForever(), { timeout: 600 });
		const { connectionId } = fixture.airbyte.job(1)!;
		fixture.airbyte.updateConnection(connectionId, { cancels: ['lost'] });
		await deferred.n8n.kill(3 * 3_600);
		const backAt = now() + 3 * HOUR;
		const { error, at } = await deferred.endOf(parent);
		expect(error?.message).toBe('Airbyte job 1 did not end within 600 seconds and was cancelled');
		expect(at - backAt).toBeLessThan(MINUTE);
	});

	async function crashInRing(): Promise<string> {
		await passTime(20_000);
		const [watcher] = children('watcher');
		deferred.n8n.crash(watcher);
		await deferred.n8n.kill(10);
		await passTime(20 * MINUTE);
		return watcher;
	}

	test('in the middle of a ring: the watchdog starts another watcher', async () => {
		await park(succeedsAfter(3_600));
		const watcher = await crashInRing();
		expect(children('watcher').filter((id) => id !== watcher)).toHaveLength(1);
		const { items } = await endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	});

	test('in the middle of a ring, and n8n does not store another watcher at first: it is tried again two minutes later', async () => {
		await park(runsForever(), { timeout: 86_400 });
		await passTime(HOUR);
		const triedAt: number[] = [];
		const room = () => (triedAt.push(now()) > 1 ? Infinity : 0);
		Object.defineProperty(deferred.n8n, 'room', { get: room, set: () => {} });
		await crashInRing();
		await passTime(HOUR);
		expect(triedAt.length).toBeGreaterThan(1);
		expect(triedAt[1] - triedAt[0]).toBeLessThan(3 * MINUTE);
		expect(waitingChildren()).toHaveLength(2);
	});

	test('in the middle of a ring: what the other watcher leaves looks as before, and cancels at a stop', async () => {
		await park(runsForever(), { options: { adaptivePolling: false } });
		await crashInRing();
		const since = now();
		await passTime(MINUTE);
		expect(longestWithoutLook(since, 1)).toBeLessThan(4_000);
		deferred.n8n.stop(parent);
		await passTime(15_000);
		expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
	});

	test.each([275, 280, 285, 290])(
		'for %d s, with a watcher that is overdue and a watchdog that is not: no second watcher',
		async (downtime) => {
			await park(runsForever(), { timeout: 86_400 });
			await passTime(310_000);
			await deferred.n8n.kill(downtime);
			await passTime(20 * MINUTE);
			expect(children('watcher')).toHaveLength(1);
		},
	);

	test.each([
		[4_000, 8_000],
		[8_000, 14_000],
	])(
		'with a recovery that comes after what is overdue was woken (%d to %d ms): no child is lost',
		async (readsAfter, writesAfter) => {
			await park(runsForever(), { timeout: 86_400 });
			// So busy that a ring takes six seconds.
			deferred.n8n.readingTime = 3_000;
			deferred.n8n.recovery = { readsAfter, writesAfter };
			const killed = waitingChildren();
			await deferred.n8n.kill(600);
			await passTime(11 * MINUTE);
			expect(waitingChildren()).toEqual(killed);
			await passTime(HOUR);
			expect(children()).toEqual(killed);
		},
	);

	test('children that ring late in a process that has long run hold nothing up', async () => {
		await park(runsForever(), { timeout: 86_400 });
		await passTime(5 * MINUTE);
		deferred.n8n.lateness = 70_000;
		const rings = () => children('watcher').map((id) => deferred.n8n.get(id).status);
		const seen = new Set<string>();
		for (let second = 0; second < 300; second += 1) {
			await passTime(1_000);
			seen.add(rings().join());
		}
		expect([...seen]).toEqual(['waiting']);
	});

	test('twice in a row, a moment after the start', async () => {
		await park(succeedsAfter(1_800));
		await passTime(20_000);
		await deferred.n8n.kill(120);
		await passTime(125_000);
		await deferred.n8n.kill(20);
		const { items } = await endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	});
});

describe('in queue mode, while all workers are away', () => {
	test.each([0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 240, 260, 280, 300, 320, 340])(
		'for 50 s after %d s: looked at again, and stopped as ever',
		async (seconds) => {
			await park(runsForever(), { timeout: 86_400 });
			await passTime((seconds + 5) * 1_000);
			await deferred.n8n.killWorkers(50);
			await passTime(50_000 + 7 * MINUTE);
			expect(waitingChildren()).toHaveLength(2);
			const before = looks().length;
			await passTime(MINUTE);
			expect(looks().length).toBeGreaterThan(before);
			deferred.n8n.stop(parent);
			await passTime(15_000);
			expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
		},
	);

	test('again and again: both children are started anew', async () => {
		await park(succeedsAfter(15 * 3_600), { timeout: 86_400 });
		for (let time = 1; time <= 20; time += 1) {
			await passTime(time < 6 ? 10 * MINUTE + time * 7_000 : HOUR + time * 70_000);
			await deferred.n8n.killWorkers(45);
		}
		const { items } = await endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(deferred.endedAt(parent) - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(HOUR);
	});

	test('so long that n8n loses both children: the end is found at the Timeout', async () => {
		await park(succeedsAfter(1_800), { timeout: 3_600 });
		await passTime(MINUTE);
		await deferred.n8n.killWorkers(600);
		await passTime(15 * MINUTE);
		expect(waitingChildren()).toEqual([]);
		const { items } = await endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	});

	test('and the watcher of a stopped execution is lost: the job is cancelled all the same', async () => {
		await park(runsForever(), { timeout: 86_400 });
		await passTime(95_000);
		await deferred.n8n.killWorkers(50);
		deferred.n8n.stop(parent);
		await passTime(50_000 + 3 * MINUTE);
		expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
		await passTime(12 * MINUTE);
		expect(waitingChildren()).toEqual([]);
	});
});

/** Crashed children stay in n8n's list. */
async function endOfParent() {
	await deferred.n8n.comesToRest(now() + 24 * HOUR);
	const { runData } = deferred.n8n.data(parent).resultData;
	expect(deferred.n8n.get(parent).status).toBe('success');
	return { items: (runData.Airbyte.slice(-1)[0].data?.main[0] ?? []).map(({ json }) => json) };
}

describe("where n8n's limit of concurrent executions is reached when it is to go on", () => {
	/** The first of two jobs ends meanwhile, and n8n hands out the state from before for so many minutes. */
	async function holdUp(onActiveJob: string, minutes: number): Promise<void> {
		const second = onActiveJob === 'attach' ? runsForever() : succeedsAfter(60);
		const options = { batchSize: 1, onActiveJob };
		await parkMany([succeedsAfter(60), second], { timeout: 172_800, options });
		deferred.n8n.reachLimit();
		await passTime(minutes * MINUTE);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
		deferred.after(1, () => void deferred.n8n.freePlace());
		await passTime(10_000);
	}
	const statuses = () => fixture.airbyte.jobs().map(({ status }) => status);

	test.each([
		['queue', 3],
		['queue', 40],
		['fail', 40],
		['replace', 40],
	])(
		'each item has one job, and no job of its own in its way (%s, %d minutes)',
		async (what, minutes) => {
			await holdUp(what, minutes);
			const { status, error } = await deferred.endOf(parent);
			expect({ status, error, jobs: statuses() }).toEqual({
				status: 'success',
				error: undefined,
				jobs: ['succeeded', 'succeeded'],
			});
		},
	);

	test('a stop after it cancels the job that was started', async () => {
		await holdUp('attach', 40);
		await passTime(MINUTE);
		deferred.n8n.stop(parent);
		await passTime(HOUR);
		expect(statuses()).toEqual(['succeeded', 'cancelled']);
		expect(waitingChildren()).toEqual([]);
	});

	test('a stop cancels it within fifteen seconds, too, where such a copy has just run', async () => {
		await parkMany([succeedsAfter(60), runsForever()], { options: { batchSize: 1 } });
		const { data } = deferred.n8n.get(parent);
		await passTime(3 * MINUTE);
		const record = deferred.n8n.get(parent);
		const { data: present, status } = record;
		Object.assign(record, { data, status: 'running' });
		await passTime(12_000);
		Object.assign(record, { data: present, status });
		deferred.n8n.stop(parent);
		const stoppedAt = now();
		await passTime(5 * MINUTE);
		expect(statuses()).toEqual(['succeeded', 'cancelled']);
		expect(cancels()[0] - stoppedAt).toBeLessThan(16_000);
	});

	test('what has come after it is not run again', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(60) });
		const after: NodeOfN8n[] = [{ type: 'respondToWebhook' }];
		const rest = { after, onError: 'continueRegularOutput' as const };
		parent = deferred.start([connectionId], { timeout: 172_800 }, rest);
		await passTime(1_000);
		deferred.n8n.reachLimit();
		// As if a Wait node came after it.
		deferred.n8n.onEnd = (id) => {
			if (deferred.n8n.get(id).status === 'success') deferred.n8n.get(id).status = 'waiting';
		};
		await passTime(40 * MINUTE);
		deferred.after(1, () => void deferred.n8n.freePlace());
		await passTime(10_000);
		const { error, runData } = deferred.n8n.data(parent).resultData;
		expect({ status: deferred.n8n.get(parent).status, error }).toMatchObject({
			status: 'error',
			error: { message: 'n8n let this execution go on twice' },
		});
		expect(Object.keys(runData)).toEqual(['Start', 'Airbyte']);
	});
});

describe('the credential', () => {
	const said = (words: string) => expect.stringContaining(words) as unknown;

	/** So that n8n refuses all that would use it. */
	async function loseCredential(lose: () => void): Promise<void> {
		await passTime(MINUTE);
		lose();
		deferred.n8n.grantsCredentials = false;
		await deferred.n8n.kill(10);
	}
	const unshare = () => {};
	const remove = () => {
		const gone = new Error('Credential with ID "1" does not exist');
		jest.spyOn(credential, 'getDecrypted').mockRejectedValue(gone);
	};

	test.each([
		['not shared any more', 1_800, 'is cancelled', unshare, 'cancelled'],
		['not shared any more', 72_000, 'is cancelled', unshare, 'cancelled'],
		['deleted', 1_800, 'can only be left running', remove, 'running'],
		['deleted', 72_000, 'can only be left running', remove, 'running'],
	])(
		'that is %s: soon after the Timeout (%d s) the wait comes to its end, and the job %s',
		async (_how, timeout, _what, lose, status) => {
			await park(runsForever(), { timeout });
			const wakesAt = deferred.n8n.get(parent).waitTill!.getTime();
			await loseCredential(lose);
			const { error, at } = await deferred.endOf(parent);
			expect(error?.message).toBe('Node does not have access to the credential');
			expect(at - fixture.airbyte.job(1)!.createdAt).toBeGreaterThanOrEqual(timeout * 1_000);
			expect(at).toBeLessThan(wakesAt - MINUTE);
			expect(fixture.airbyte.job(1)!.status).toBe(status);
			expect(waitingChildren()).toEqual([]);
		},
	);

	test.each([3, 5, 8, 12, 20])(
		'that is shared again after %d h: a stop cancels the job at the next ring',
		async (hours) => {
			await park(runsForever(), { timeout: 7 * 86_400 });
			await loseCredential(unshare);
			await passTime(hours * HOUR);
			// As n8n prunes what has ended.
			for (const id of children('watcher')) deferred.n8n.executions.delete(id);
			deferred.n8n.grantsCredentials = true;
			deferred.n8n.stop(parent);
			await passTime(1.1 * HOUR);
			expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
			await passTime(3 * HOUR);
			expect(waitingChildren()).toEqual([]);
		},
	);

	test('that is shared again soon after a stop was seen: the job is cancelled within a quarter of an hour', async () => {
		await park(runsForever(), { timeout: 7 * 86_400 });
		await loseCredential(unshare);
		await passTime(10 * HOUR);
		deferred.n8n.stop(parent);
		const before = children('watcher').length;
		const isSeen = () => children('watcher').length > before;
		for (let at = 0; at < 8 && !isSeen(); at += 1) await passTime(10 * MINUTE);
		expect(fixture.airbyte.job(1)!.status).toBe('running');
		deferred.n8n.grantsCredentials = true;
		await passTime(16 * MINUTE);
		expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
	});

	test('that stays lost for three weeks: n8n keeps few executions that it refused', async () => {
		await park(runsForever(), { timeout: 30 * 86_400 });
		await loseCredential(unshare);
		await passTime(21 * 24 * HOUR);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
		const refused = [...deferred.n8n.executions.values()].filter(
			({ status }) => status === 'error',
		);
		expect(refused.length).toBeGreaterThan(2);
		expect(refused.length).toBeLessThan(32);
		expect(waitingChildren()).toHaveLength(1);
		deferred.n8n.grantsCredentials = true;
		const before = looks().length;
		await passTime(2 * HOUR);
		expect(looks().length).toBeGreaterThan(before);
	}, 120_000);

	test('that leads to another Airbyte: the wait ends in words', async () => {
		await park(runsForever());
		await passTime(MINUTE);
		const other = await pointElsewhere();
		await passTime(10 * MINUTE);
		const { error } = deferred.n8n.data(parent).resultData;
		expect(error?.message).toBe(
			'The Airbyte credential was pointed at another Airbyte in the meantime',
		);
		expectUntouched(other);
		expect(cancels()).toEqual([]);
	});

	test.each([
		['its resume webhook lets the execution go on', false],
		['n8n itself wakes the execution', true],
	])(
		'that leads to another Airbyte by the time that %s: nothing is looked at, started or cancelled there',
		async (_, isUntold) => {
			const jobs = [succeedsAfter(60), runsForever(), runsForever()];
			const onError = 'continueRegularOutput' as const;
			await parkAll(jobs, { timeout: 600, options: { batchSize: 1 } }, { onError });
			await passTime(2 * MINUTE);
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
			const other = await pointElsewhere();
			const wakesAt = deferred.n8n.get(parent).waitTill!.getTime();
			if (isUntold) deferred.n8n.proxy = () => badGateway();
			const { items, at } = await deferred.endOf(parent);
			expect(at >= wakesAt).toBe(isUntold);
			const error = 'The Airbyte credential was pointed at another Airbyte in the meantime';
			expect(items).toMatchObject([
				{ jobId: 1, status: 'succeeded' },
				{ error, message: said('The job was started at'), details: { jobId: 2 } },
				{ error, message: said('A job was to be started at') },
			]);
			expectUntouched(other);
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
			expect(cancels()).toEqual([]);
		},
	);

	test('that leads elsewhere as the job succeeds: the link leads where the job ran', async () => {
		await park(succeedsAfter(60));
		await passTime(10_000);
		await pointElsewhere();
		const { items } = await deferred.endOf(parent);
		const page = expect.stringMatching(new RegExp(`^${fixture.airbyte.url}/`)) as unknown;
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', jobUrl: page }]);
	});
});

describe('where n8n cannot call itself', () => {
	test('from the start: it waits in the execution, and says so', async () => {
		deferred.n8n.proxy = () => ({ status: 502, body: '<h1>Bad Gateway</h1>' });
		await park(succeedsAfter(600));
		expect(deferred.n8n.get(parent).status).toBe('running');
		const { items } = await deferred.endOf(parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(hintsOf(deferred.n8n.data(parent))).toMatch(
			/cannot reach its own address .* WEBHOOK_URL/,
		);
		expect(children()).toEqual([]);
	});

	test.each([
		[301, 'running'],
		[302, 'running'],
		[308, 'waiting'],
	])(
		'but for a redirect (%d), of which some make a GET of a POST: %s',
		async (status, expected) => {
			deferred.n8n.proxy = (url) =>
				url.includes('/secure/') ? undefined : { status, body: '', location: `/secure${url}` };
			await park(succeedsAfter(600));
			expect(deferred.n8n.get(parent).status).toBe(expected);
			const { items, at } = await deferred.endOf(parent);
			expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
			expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
		},
	);

	test('after it came back at another address: the end is noticed within minutes', async () => {
		await park(succeedsAfter(600));
		await passTime(MINUTE);
		await deferred.n8n.kill(10);
		await deferred.n8n.moveTo('/n8n');
		const { status, at } = await deferred.endOf(parent);
		expect(status).toBe('success');
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(150_000);
	});

	test('from a process that knows no WEBHOOK_URL: it is called where the wait began', async () => {
		await park(succeedsAfter(600));
		// What rings from now on does so in a worker.
		deferred.n8n.addressInWorkers = 'http://127.0.0.1:1';
		await deferred.n8n.kill(1);
		const { status, at } = await deferred.endOf(parent);
		expect(status).toBe('success');
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
	});

	test("a gateway's JSON is not n8n's word", async () => {
		deferred.n8n.proxy = () => ({ status: 404, body: { message: 'no Route matched' } });
		await park(succeedsAfter(60));
		expect(deferred.n8n.get(parent).status).toBe('running');
	});

	test('later, for a while: it is tried on until it works, and logged', async () => {
		await park(succeedsAfter(60));
		const log = captureLog();
		deferred.n8n.proxy = () => ({ status: 502, body: '<h1>Bad Gateway</h1>' });
		await passTime(20 * MINUTE);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
		expect(log.join()).toContain('Check WEBHOOK_URL');
		deferred.n8n.proxy = () => undefined;
		await passTime(MINUTE);
		expect(deferred.n8n.get(parent).status).toBe('success');
	});
});

describe('while another item cannot be parked', () => {
	test('the time of one that can is over when it is', async () => {
		const ids = [1, 2].map(
			() => fixture.airbyte.addConnection({ jobs: succeedsAfter(600) }).connectionId,
		);
		const byItem = (first: unknown, other: unknown) =>
			`={{ $itemIndex === 0 ? ${JSON.stringify(first)} : ${JSON.stringify(other)} }}`;
		const parameters = { mode: byItem('deferrable', 'synchronous'), timeout: byItem(60, 3_600) };
		parent = deferred.start(ids, parameters, { onError: 'continueRegularOutput' });
		await passTime(70_000);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		const { items } = await deferred.endOf(parent);
		expect(items).toMatchObject([{ details: { jobId: 1 } }, { jobId: 2, status: 'succeeded' }]);
	});

	test('they are parked even if one of them always looks, as that takes long', async () => {
		const { getJob } = AirbyteClient.prototype;
		jest.spyOn(AirbyteClient.prototype, 'getJob').mockImplementation(async function (
			this: AirbyteClient,
			...job
		) {
			await clock.sleep(5_000);
			return await getJob.apply(this, job);
		});
		// So one of the two always looks while the other one rests.
		const ids = [0.5, 4.5].map((takes) => {
			const starts = [{ takes, answer: 'job' as const }];
			return fixture.airbyte.addConnection({ jobs: runsForever(), starts }).connectionId;
		});
		parent = deferred.start(ids, { options: { adaptivePolling: false } });
		await passTime(30_000);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
	});

	test('one that looks seldom is parked with it all the same, as soon as it can be', async () => {
		const slow = [{ takes: 20, answer: 'job' as const }];
		const ids = [undefined, slow].map(
			(starts) => fixture.airbyte.addConnection({ jobs: succeedsAfter(600), starts }).connectionId,
		);
		parent = deferred.start(ids, { waitSeconds: 3_600 });
		await passTime(10_000);
		expect(deferred.n8n.get(parent).status).toBe('running');
		await passTime(15_000);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
	});
});

describe('what keeps n8n from storing the wait', () => {
	test.each<[string, () => () => void]>([
		[
			'it does not answer, as it is busy or starts again',
			() => {
				deferred.n8n.proxy = () => ({ status: 502, body: '<h1>Bad Gateway</h1>' });
				return () => (deferred.n8n.proxy = () => undefined);
			},
		],
		[
			'its database takes nothing',
			() => {
				deferred.n8n.room = 0;
				return () => (deferred.n8n.room = Infinity);
			},
		],
	])('for a while: %s', async (_why, fail) => {
		const mend = fail();
		await park(succeedsAfter(600), { waitSeconds: 3_600 });
		expect(deferred.n8n.get(parent).status).toBe('running');
		mend();
		await passTime(20_000);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
		const { items } = await deferred.endOf(parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(hintsOf(deferred.n8n.data(parent))).not.toContain('is held');
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('for good: it waits in the execution, and says so', async () => {
		deferred.n8n.room = 0;
		await park(succeedsAfter(600));
		const { items, at } = await deferred.endOf(parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
		expect(hintsOf(deferred.n8n.data(parent))).toContain('n8n could not store it');
	});

	test('until its Timeout: that is in time', async () => {
		failToRead((id) => id !== parent);
		await park(runsForever(), { timeout: 60 });
		await passTime(63_000);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	});

	test('until it is stopped: what was left at its Timeout is left then, too', async () => {
		const ids = [1, 2].map(
			() => fixture.airbyte.addConnection({ jobs: runsForever() }).connectionId,
		);
		const timeout = '={{ $itemIndex === 0 ? 40 : 3600 }}';
		const goesOn = { onError: 'continueRegularOutput' as const };
		const fails = failToRead((id) => id !== parent);
		parent = deferred.start(ids, { timeout, options: { cancelOnTimeout: false } }, goesOn);
		await passTime(20_000);
		deferred.n8n.room = 0;
		await passTime(50_000);
		fails.mockRestore();
		deferred.n8n.stop(parent);
		await passTime(12 * MINUTE);
		expect([1, 2].map((id) => fixture.airbyte.job(id)?.status)).toEqual(['running', 'cancelled']);
		expect(waitingChildren()).toEqual([]);
	});

	test('until it is stopped: the job is cancelled at once', async () => {
		const fails = failToRead((id) => id !== parent);
		await park(runsForever());
		await passTime(8_000);
		expect(deferred.n8n.get(parent).status).toBe('running');
		deferred.n8n.stop(parent);
		await passTime(1_000);
		expect(cancels()).toHaveLength(1);
		fails.mockRestore();
		await passTime(10 * MINUTE);
		expect(deferred.n8n.get(parent).status).toBe('canceled');
		expect(waitingChildren()).toEqual([]);
	});
});

/** n8n's database does not give the data of these executions. */
function failToRead(isUnread: (id: string) => boolean) {
	const read = deferred.n8n.data.bind(deferred.n8n);
	return jest.spyOn(deferred.n8n, 'data').mockImplementation((id) => {
		if (isUnread(id)) throw new Error('Connection terminated unexpectedly');
		return read(id);
	});
}

/** So many items, each with a job that takes ten minutes. */
function startWith(items: number, rest: Partial<NodeRun> = {}): void {
	const ids = Array.from(
		{ length: items },
		() => fixture.airbyte.addConnection({ jobs: succeedsAfter(600) }).connectionId,
	);
	parent = deferred.start(ids, {}, rest);
}

async function expectParked(): Promise<void> {
	await passTime(MINUTE);
	expect(deferred.n8n.get(parent).status).toBe('waiting');
}

/** It waits in the execution, says why, and comes to its end all the same. */
async function expectHeld(why: RegExp): Promise<void> {
	await passTime(MINUTE);
	expect(deferred.n8n.get(parent).status).toBe('running');
	await passTime(HOUR);
	expect(deferred.n8n.get(parent).status).toBe('success');
	expect(hintsOf(deferred.n8n.data(parent))).toMatch(why);
}

describe('as a sub-workflow', () => {
	const calledBy = (caller?: Caller, shouldResume = true) => {
		const executionId = deferred.n8n.hold(caller);
		deferred.n8n.caller = { executionId, shouldResume };
		return executionId;
	};
	const waitedForBy = (caller: Caller) => ({
		executionId: deferred.n8n.hold(caller),
		shouldResume: true,
	});
	const answering: Caller = {
		start: { type: 'webhook', parameters: { responseMode: 'lastNode' } },
	};

	test('that may have been called once for each item, it waits in the execution and says so', async () => {
		calledBy();
		startWith(1);
		await expectHeld(/where a sub-workflow is called once for each item/);
	});

	test('of one that may have been, too', async () => {
		const caller = calledBy({ items: 1, parent: waitedForBy({ items: 3 }) });
		startWith(2);
		await expectHeld(new RegExp(`is called once for each item, as execution ${caller} may be`));
	});

	test('of one for all items at once it parks', async () => {
		calledBy({ items: 2, parent: waitedForBy({}) });
		startWith(2);
		await expectParked();
	});

	test('that nobody waits for, it parks', async () => {
		calledBy(answering, false);
		startWith(1);
		await expectParked();
	});

	test('of one that nobody waits for, it parks', async () => {
		const parent = { ...waitedForBy(answering), shouldResume: false };
		calledBy({ items: 1, parent, stored: 'progress' });
		startWith(2);
		await expectParked();
	});

	test('for all items at once it parks, and a stop of its caller cancels the jobs', async () => {
		const caller = calledBy();
		startWith(2);
		await expectParked();
		deferred.n8n.stop(caller);
		const stoppedAt = now();
		await passTime(5 * MINUTE);
		expect(cancels()).toHaveLength(2);
		expect(Math.max(...cancels()) - stoppedAt).toBeLessThan(16_000);
		expect(waitingChildren()).toEqual([]);
	});

	describe('whose caller is stopped', () => {
		const started = () => fixture.airbyte.audit.startedJobs().length;
		const stops: Array<[string, (caller: string) => void]> = [
			['by a stop', (caller) => deferred.n8n.stop(caller)],
			['by deletion', (caller) => void deferred.n8n.executions.delete(caller)],
		];

		/** In a workflow that would go on with what n8n takes for a failure. */
		async function stopAfter(
			milliseconds: number,
			stop: (caller: string) => void,
			jobs: Array<Timeline | Timeline[]>,
			options: INodeParameters,
		): Promise<void> {
			const caller = calledBy();
			const ids = jobs.map((one) => fixture.airbyte.addConnection({ jobs: one }).connectionId);
			parent = deferred.start(ids, { options }, UNDETERRED);
			await passTime(milliseconds);
			await expectParked();
			stop(caller);
		}
		const UNDETERRED = {
			onError: 'continueRegularOutput' as const,
			retryOnFail: { maxTries: 2, waitBetweenTries: 1 },
			alwaysOutputData: true,
			after: [{ type: 'respondToWebhook' as const }],
		};

		/** …and begins nothing more. */
		async function expectEnded(begun: number): Promise<void> {
			// n8n rests in real time before it tries a node again.
			await pause(50);
			await passTime(1_000);
			const { status, waitTill } = deferred.n8n.get(parent);
			expect({ status, waitTill, started: started() }).toEqual({
				status: 'canceled',
				waitTill: undefined,
				started: begun,
			});
			expect(fixture.airbyte.jobs().filter(({ status }) => status === 'running')).toEqual([]);
			await passTime(2 * HOUR);
			expect(started()).toBe(begun);
			expect(deferred.n8n.data(parent).resultData.runData['After 1']).toBeUndefined();
			expect(waitingChildren()).toEqual([]);
		}

		test.each(stops)('%s: it ends, and items without a job get none', async (_, stop) => {
			const jobs = [runsForever(), runsForever(), runsForever()];
			await stopAfter(MINUTE, stop, jobs, { batchSize: 1 });
			await passTime(MINUTE);
			await expectEnded(1);
		});

		test.each(stops)('%s: it ends, and no retry comes', async (_, stop) => {
			const jobs = [[failsAfter(30), runsForever()], succeedsAfter(20)];
			await stopAfter(2 * MINUTE, stop, jobs, { retries: 1, retryDelay: 600 });
			await passTime(MINUTE);
			await expectEnded(2);
		});

		test.each(stops)(
			'%s, while n8n cannot call itself: the same when n8n wakes it',
			async (_, stop) => {
				const jobs = [runsForever(), runsForever(), runsForever()];
				await stopAfter(MINUTE, stop, jobs, { batchSize: 1 });
				deferred.n8n.proxy = () => badGateway();
				await passTime(2 * HOUR);
				await expectEnded(1);
			},
		);
	});

	test('it reads the record of each caller once before it parks', async () => {
		const top = waitedForBy({});
		const caller = calledBy({ items: 2, parent: top });
		startWith(2);
		await passTime(1_000);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
		const { readings } = deferred.n8n;
		const before = readings.slice(0, readings.indexOf(children()[0]));
		expect(before).toEqual([caller, top.executionId]);
		expect(readings.filter((id) => id === caller)).toHaveLength(1);
	});

	test.each<[string, NodeOfN8n]>([
		['Webhook, which answers with the last node', answering.start!],
		['Webhook, with a node', { type: 'webhook', parameters: { responseMode: 'responseNode' } }],
		['Chat', { type: 'chatTrigger' }],
	])('of an execution that owes an answer (%s) it waits in the execution', async (_, start) => {
		const top = waitedForBy({ start });
		calledBy({ items: 2, parent: top });
		startWith(2);
		await expectHeld(
			new RegExp(`whoever called 'Start' of execution ${top.executionId}, .* waits for an answer`),
		);
	});

	test.each<[string, Caller]>([
		['has answered at once', { start: { type: 'webhook' } }],
		['was started in the editor by hand, of which n8n stores nothing', { stored: 'nothing' }],
		['answered when it waited before', { ...answering, stored: 'aWaitWithDate' }],
		['answered when it waited for Airbyte', { ...answering, stored: 'aWaitForAirbyte' }],
	])('of an execution that %s, it parks', async (_, caller) => {
		calledBy(caller);
		startWith(2);
		await expectParked();
	});

	test.each(['progress', 'aWaitWithoutDate'] as const)(
		'of an execution whose beginning n8n no longer has (%s), it waits in the execution',
		async (stored) => {
			const caller = calledBy({ stored });
			startWith(2);
			await expectHeld(
				new RegExp(`n8n does not tell whether .* an answer of execution ${caller},`),
			);
		},
	);

	test('of an execution that cannot be read, it waits in the execution', async () => {
		const caller = calledBy();
		failToRead((id) => id === caller);
		startWith(2);
		await passTime(1_000);
		await expectHeld(/database did not tell who called this sub-workflow/);
	});

	test('of an execution that cannot be read for now, it waits in the execution until it can', async () => {
		const caller = calledBy();
		const fails = failToRead((id) => id === caller);
		const log = captureLog();
		startWith(2);
		await passTime(1_000);
		expect(deferred.n8n.get(parent).status).toBe('running');
		expect(log.join()).toContain('database did not tell who called this sub-workflow');
		fails.mockRestore();
		await passTime(MINUTE);
		expect(deferred.n8n.get(parent).status).toBe('waiting');
		await passTime(HOUR);
		expect(deferred.n8n.get(parent).status).toBe('success');
	});
});

describe('where the caller of the execution waits for an answer', () => {
	const webhook = (responseMode: string): NodeOfN8n => ({
		type: 'webhook',
		parameters: { responseMode },
	});
	const form = (responseMode: string): NodeOfN8n => ({
		type: 'formTrigger',
		parameters: { responseMode },
	});
	const chat = (responseMode: string): NodeOfN8n => ({
		type: 'chatTrigger',
		parameters: { options: { responseMode } },
	});
	const calledToGoOn: NodeOfN8n = {
		type: 'wait',
		parameters: { resume: 'webhook', responseMode: 'lastNode' },
	};
	const wentOnByItself: NodeOfN8n = { type: 'wait', parameters: { responseMode: 'lastNode' } };
	type Case = [string, Pick<NodeRun, 'start' | 'before' | 'after' | 'mode'>];

	test.each<Case>([
		['Webhook: lastNode', { start: webhook('lastNode') }],
		['Webhook: responseNode', { start: webhook('responseNode') }],
		['Webhook: streaming', { start: webhook('streaming') }],
		['Chat, as it comes', { start: { type: 'chatTrigger' } }],
		['Chat, as it comes, in the editor', { start: { type: 'chatTrigger' }, mode: 'manual' }],
		['Chat: lastNode', { start: chat('lastNode') }],
		['Chat: streaming', { start: chat('streaming') }],
		['Chat: responseNode', { start: chat('responseNode') }],
		['Form: lastNode', { start: form('lastNode') }],
	])('%s: it waits in the execution, and says so', async (_, run) => {
		startWith(1, run);
		await expectHeld(/whoever called 'Start' waits for an answer/);
	});

	test('Wait, called to go on: it waits in the execution, and says so', async () => {
		startWith(1, { start: webhook('onReceived'), before: [calledToGoOn] });
		await passTime(1_000);
		await axios.post(deferred.n8n.resumeUrl(parent));
		await expectHeld(/whoever called 'Before 1' waits for an answer/);
	});

	test('the last page of a Form, called to go on: it waits in the execution, and says so', async () => {
		startWith(1, { start: form('onReceived'), before: [{ type: 'form' }] });
		await expectHeld(/whoever called 'Before 1' waits for an answer/);
	});

	test.each<Case>([
		['Webhook: onReceived', { start: webhook('onReceived') }],
		[
			'Webhook: responseNode, which has answered',
			{ start: webhook('responseNode'), before: [{ type: 'respondToWebhook' }] },
		],
		['Wait for a time', { start: webhook('onReceived'), before: [wentOnByItself] }],
		['Chat: responseNodes, by which n8n answers later', { start: chat('responseNodes') }],
		['Form: onReceived', { start: form('onReceived') }],
		['Form with a page to come', { start: form('lastNode'), after: [{ type: 'form' }] }],
		[
			'the ending of a Form',
			{
				start: form('onReceived'),
				before: [{ type: 'form', parameters: { operation: 'completion' } }],
			},
		],
		[
			'a page of a Form with another one to come',
			{ start: form('onReceived'), before: [{ type: 'form' }], after: [{ type: 'form' }] },
		],
		[
			'Form with a page to come, of a Wait',
			{ start: form('lastNode'), after: [{ type: 'wait', parameters: { resume: 'form' } }] },
		],
	])('no longer (%s): it parks', async (_, run) => {
		startWith(1, run);
		await expectParked();
	});
});

describe('a Wait node that comes after it, and waits for a call', () => {
	const wait: NodeOfN8n = { type: 'wait', parameters: { resume: 'webhook' } };

	/** Our node's wait was called for again after it was over. Only a call without its path lets the execution go on. */
	async function expectNotEnded(): Promise<void> {
		const endedAt = fixture.airbyte.job(1)!.updatedAt;
		const calledAt = new Set(deferred.n8n.callTimes.filter((at) => at >= endedAt));
		expect(calledAt.size).toBeGreaterThan(1);
		const { runData } = deferred.n8n.data(parent).resultData;
		expect(runData.Airbyte[0].data?.main[0]).toMatchObject([{ json: { status: 'succeeded' } }]);
		expect({ at: Object.keys(runData).at(-1), status: deferred.n8n.get(parent).status }).toEqual({
			at: 'After 1',
			status: 'waiting',
		});
		await axios.post(deferred.n8n.resumeUrl(parent));
		await passTime(1_000);
		expect(deferred.n8n.get(parent).status).toBe('success');
	}

	test('is not ended by a lookout that calls again, as the answer was lost', async () => {
		await parkAll([succeedsAfter(60)], {}, { after: [wait] });
		deferred.n8n.answersToLose = 1;
		await passTime(30 * MINUTE);
		await expectNotEnded();
	});

	test('is not ended by a watchdog that calls just after the lookout of a new watcher', async () => {
		await parkAll([succeedsAfter(60)], {}, { after: [wait] });
		await passTime(20_000);
		deferred.n8n.crash(children('watcher')[0]);
		await deferred.n8n.kill(10);
		await passTime(30 * MINUTE);
		await expectNotEnded();
	});
});

describe('nobody else', () => {
	test('can make it go on anyhow, where no caller was stopped', async () => {
		await park();
		await passTime(10_000);
		const url = new URL(resumeUrlOfParent());
		url.searchParams.delete('wait');
		url.searchParams.set('anyhow', '');
		const before = waitingChildren();
		for (let call = 0; call < 10; call += 1) {
			await axios.post(url.href, {});
			await passTime(3_000);
		}
		expect(waitingChildren()).toEqual(before);
	});

	test("makes a role work: a user's node with one is like any other", async () => {
		const wait = { executionId: '1', id: 'x', runs: [], address: '' };
		const items = [{ wait, url: fixture.airbyte.url, rings: 0 }];
		const { error } = await fixture.sync('', { role: 'watcher' }, { items, mode: 'integrated' });
		expect(error?.message).toBe("'Role' is not for workflows");
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});

	test.each(['watcher', 'watchdog'])(
		'makes a role work (%s), in an execution of its own that another one calls neither',
		async (role) => {
			const executionId = deferred.n8n.hold();
			deferred.n8n.caller = { executionId, shouldResume: false };
			const wait = { executionId, id: 'x', runs: [], address: '', callers: [] };
			const called = deferred.n8n.start({
				node: 'airbyteTriggerSync',
				parameters: { role },
				items: [{ wait, url: fixture.airbyte.url, rings: 0 }],
				credential: fixture.credential(),
			});
			await passTime(60_000);
			expect(deferred.n8n.data(called).resultData.error?.message).toBe(
				"'Role' is not for workflows",
			);
			expect(deferred.n8n.executions.size).toBe(2);
			expect(fixture.airbyte.audit.calls).toEqual([]);
		},
	);

	test('ends the wait by a call for another one', async () => {
		await park(succeedsAfter(60));
		const foreign = new URL(resumeUrlOfParent());
		foreign.searchParams.set('wait', 'another');
		await passTime(30_000);
		const before = looks().length;
		const { data } = await axios.post<object>(foreign.href, {});
		expect(data).toMatchObject({ resumed: false });
		expect(looks().length).toBe(before);
	});
});

function hintsOf(data: IRunExecutionData): string {
	return Object.values(data.resultData.runData)
		.flat()
		.flatMap(({ hints = [] }) => hints.map(({ message }) => message))
		.join('\n');
}
