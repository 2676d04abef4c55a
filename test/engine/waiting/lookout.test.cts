/** While an execution waits: how its jobs are looked at, how soon their end is noticed, and what that costs n8n. */
import axios from 'axios';

import { AirbyteClient } from '../../../nodes/airbyte/api/client';
import { clock } from '../../../nodes/airbyte/api/clock';
import { nodeRuns } from '../../../nodes/airbyte/deferred/takeWait';
import { answers } from '../../../nodes/airbyte/deferred/webhook';
import { AirbyteTriggerSync } from '../../../nodes/AirbyteTriggerSync/AirbyteTriggerSync.node';
import type { Timeline } from '../../../simulator/index.cts';
import { timelines } from '../../../simulator/index.cts';
import { longestGap, shortestGap } from '../../support/gaps.cts';
import { HOUR, MINUTE, Waiting } from '../harness/waiting.cts';

const { failsAfter, runsForever, succeedsAfter } = timelines;
const waiting = Waiting.forEachTest();
const { fixture, deferred, now, park, passTime, looks, children, waitingChildren } = waiting;

/** Airbyte refuses the next look. */
function refuseOnce(): void {
	const route = 'GET /jobs/{jobId}';
	fixture.airbyte.faults.add({ route, kind: 'status', status: 403, times: 1 });
}

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
		const { status, waitTill } = deferred.n8n.get(waiting.parent);
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

	test('n8n keeps none of them in memory, for which it would wait when it shuts down', async () => {
		await park();
		await passTime(10 * MINUTE);
		expect([...deferred.n8n.keptInMemory]).toEqual([]);
	});

	test('a child that n8n is slow to store is asked for less and less often', async () => {
		const notYet = jest.spyOn(deferred.n8n.withoutData, 'has').mockReturnValue(true);
		await park();
		await passTime(19_000);
		notYet.mockRestore();
		expect(deferred.n8n.readings.length).toBeLessThan(50);
		await passTime(8_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
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
		const { items, at } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', rowsSynced: 7 }]);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(12_000);
	});

	test('what a lookout has seen of the end is not asked of Airbyte again', async () => {
		await park(succeedsAfter(60));
		await deferred.endOf(waiting.parent);
		const endedAt = fixture.airbyte.job(1)!.updatedAt;
		expect(looks().filter((at) => at >= endedAt)).toHaveLength(1);
	});

	test('a refusal that only the lookout has met, as its credential was older, ends nothing', async () => {
		await park(succeedsAfter(300));
		refuseOnce();
		const { items } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	});

	test('after such a refusal, and a call of the resume URL in vain, the lookout goes on', async () => {
		await park(runsForever(), { options: { adaptivePolling: false } });
		refuseOnce();
		await passTime(MINUTE);
		const since = now();
		await passTime(MINUTE);
		expect(waiting.longestWithoutLook(since, 1)).toBeLessThan(4_000);
	});

	test('a refusal of one of two jobs puts off neither of their Timeouts', async () => {
		await waiting.parkAll([runsForever(), runsForever()], { timeout: 300 });
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
		await waiting.parkAll(jobs, { timeout: 600, options: { batchSize: 2 } });
		await passTime(550_000);
		waiting.credential.change({ host: '' });
		await passTime(250_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
		waiting.credential.change({ host: fixture.airbyte.url });
		await passTime(250_000);
		expect(fixture.airbyte.job(3)!.status).toBe('succeeded');
		expect(deferred.n8n.get(waiting.parent).status).toBe('error');
	});

	test('a job that was queued for until its Timeout is not started after it, while others run', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(700) });
		fixture.airbyte.startJob(connectionId);
		const ids = [succeedsAfter(300), succeedsAfter(550)].map(
			(jobs) => fixture.airbyte.addConnection({ jobs }).connectionId,
		);
		const options = { batchSize: 2, onActiveJob: 'queue' };
		waiting.parent = deferred.start([connectionId, ...ids], { timeout: 600, options });
		await passTime(1_000_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('error');
		expect(fixture.airbyte.jobs()).toHaveLength(3);
	});

	test('a job that is left running after its Timeout holds up no look at the others', async () => {
		const jobs = [succeedsAfter(100), runsForever(), runsForever()];
		const options = { batchSize: 2, cancelOnTimeout: false, adaptivePolling: false };
		await waiting.parkAll(jobs, { timeout: 300, options });
		await passTime(310_000);
		const [since, calls] = [now(), deferred.n8n.calls];
		await passTime(80_000);
		expect(waiting.longestWithoutLook(since, 3)).toBeLessThan(4_000);
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
		const reading = jest.spyOn(waiting.credential, 'getDecrypted');
		const { data } = await axios.post<object>(waiting.resumeUrlOfParent(), {});
		expect(data).toMatchObject({ resumed: false, jobs: [{ jobId: 1, status: 'running' }] });
		expect(reading).toHaveBeenCalledTimes(1);
	});

	test('a call from outside right before the end puts it off by seconds at most', async () => {
		await park(succeedsAfter(61));
		await passTime(58_000);
		await axios.post(waiting.resumeUrlOfParent(), {});
		const { at } = await deferred.endOf(waiting.parent);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
	});

	test('a slow look of another process undoes nothing that the execution has done since', async () => {
		const options = { batchSize: 1, onActiveJob: 'fail' };
		await waiting.parkAll([succeedsAfter(61), runsForever()], { options });
		await passTime(57_000);
		const read = waiting.credential.getDecrypted.bind(waiting.credential);
		jest.spyOn(waiting.credential, 'getDecrypted').mockImplementationOnce(async () => {
			await clock.sleep(1);
			// What is in the memory of that process is not in that of others.
			answers.clear();
			await clock.sleep(20_000);
			nodeRuns.clear();
			return await read();
		});
		let answer: object = {};
		fixture.time.at(now() + 1, async () => {
			answer = (await axios.post<object>(waiting.resumeUrlOfParent(), {})).data;
		});
		await passTime(MINUTE);
		expect(answer).toMatchObject({ resumed: false });
		expect(deferred.n8n.data(waiting.parent).resultData.error).toBeUndefined();
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
		const { at } = await deferred.endOf(waiting.parent);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(30_000);
	});

	test('a Timeout is noticed within five seconds', async () => {
		await park(runsForever(), { timeout: 123 });
		const { error, at } = await deferred.endOf(waiting.parent);
		expect(error?.message).toBe('Airbyte job 1 did not end within 123 seconds and was cancelled');
		expect(at - fixture.airbyte.job(1)!.createdAt).toBeLessThan(128_000);
	});

	test('a job that Airbyte ends as failed, as its cancel came late, counts as cancelled', async () => {
		await park(runsForever(), { timeout: 123 });
		const { connectionId } = fixture.airbyte.job(1)!;
		fixture.airbyte.updateConnection(connectionId, { cancels: ['fails'] });
		const { error } = await deferred.endOf(waiting.parent);
		expect(fixture.airbyte.job(1)!.status).toBe('failed');
		expect(error?.message).toBe('Airbyte job 1 did not end within 123 seconds and was cancelled');
	});

	test('the end of a job is noticed within seconds where n8n is too busy to hear of it at first', async () => {
		await park(succeedsAfter(60));
		const busy = { status: 503, body: { code: 503, message: 'Database is not ready!' } };
		const answers = [busy, busy];
		deferred.n8n.proxy = () => answers.pop();
		const { at } = await deferred.endOf(waiting.parent);
		expect(answers).toEqual([]);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(20_000);
	});

	describe("when the machine's clock is set back by hours", () => {
		function setClockBack(): void {
			// The fixture puts the clock right again.
			const told = clock.now;
			clock.now = () => told() - 5 * HOUR;
		}

		async function setBack(): Promise<void> {
			await passTime(MINUTE);
			setClockBack();
		}

		test('the end of a job is noticed within seconds', async () => {
			await park(succeedsAfter(600));
			await setBack();
			const { at } = await deferred.endOf(waiting.parent);
			expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
		});

		test('the end of a job is noticed where the wait is held, too', async () => {
			deferred.n8n.room = 0;
			await park(succeedsAfter(600));
			await setBack();
			const { at } = await deferred.endOf(waiting.parent);
			expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(11 * MINUTE);
		});

		test('while the record is read: the end of a job is noticed within seconds', async () => {
			await park(succeedsAfter(600));
			await passTime(MINUTE);
			const read = deferred.n8n.data.bind(deferred.n8n);
			jest.spyOn(deferred.n8n, 'data').mockImplementationOnce((id) => {
				setClockBack();
				return read(id);
			});
			const { at } = await deferred.endOf(waiting.parent);
			expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
		});

		test('while a look is on its way: a stop cancels the job within fifteen seconds', async () => {
			await park();
			await passTime(MINUTE);
			const { getJob } = AirbyteClient.prototype;
			const spy = jest.spyOn(AirbyteClient.prototype, 'getJob');
			spy.mockImplementationOnce(async function (this: AirbyteClient, ...job) {
				setClockBack();
				return await getJob.apply(this, job);
			});
			await passTime(MINUTE);
			deferred.n8n.stop(waiting.parent);
			await passTime(15_000);
			expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		});

		test('a stop cancels the job within fifteen seconds', async () => {
			await park();
			await setBack();
			await passTime(MINUTE);
			deferred.n8n.stop(waiting.parent);
			await passTime(15_000);
			expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		});
	});

	test('a retry comes when it is due', async () => {
		await park([failsAfter(30), succeedsAfter(30)], { options: { retries: 1, retryDelay: 77 } });
		const { items } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject([{ jobId: 2, attempt: 2 }]);
		const pause = fixture.airbyte.job(2)!.createdAt - fixture.airbyte.job(1)!.updatedAt;
		expect(pause).toBeGreaterThanOrEqual(77_000);
		expect(pause).toBeLessThan(87_000);
	});

	test('a record that takes n8n long to read is read in a hundredth of the time', async () => {
		deferred.n8n.readingTime = 500;
		await park();
		const before = waiting.readingsOfParent();
		await passTime(HOUR / 2);
		const readings = waiting.readingsOfParent() - before;
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
			expect(deferred.n8n.data(id).resultData.runData.Ring).toHaveLength(1);
			expect(deferred.n8n.get(id).data.length).toBeLessThan(10_000);
		}
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
		const { at } = await deferred.endOf(waiting.parent);
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
