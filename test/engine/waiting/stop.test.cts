/** A stop or deletion of an execution that waits. */
import { timelines } from '../../../simulator/index.cts';
import { captureLog } from '../harness/log.cts';
import { HOUR, MINUTE, Waiting, expectUntouched } from '../harness/waiting.cts';

const { failsAfter, runsForever } = timelines;
const waiting = Waiting.forEachTest();
const { fixture, deferred, now, park, passTime, cancels, children, waitingChildren } = waiting;

describe('a stop', () => {
	test('is heard within 16 s where the credential could not be read at the last ring', async () => {
		await park(runsForever(), { timeout: 7 * 86_400 });
		await passTime(3 * HOUR);
		const due = deferred.n8n.get(children('watcher')[0]).waitTill!.getTime();
		await passTime(due - now() - 5_000);
		const fault = new Error('Connection terminated unexpectedly');
		jest.spyOn(waiting.credential, 'getDecrypted').mockRejectedValueOnce(fault);
		await passTime(20_000);
		deferred.n8n.stop(waiting.parent);
		const stoppedAt = now();
		await passTime(HOUR);
		expect(cancels()[0] - stoppedAt).toBeLessThan(16_000);
	});

	test('cancels the job within fifteen seconds', async () => {
		await park();
		await passTime(5 * MINUTE);
		deferred.n8n.stop(waiting.parent);
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
		deferred.n8n.stop(waiting.parent);
		await passTime(HOUR);
		expect(fixture.airbyte.job(1)?.status).toBe('running');
		expect(cancels()).toEqual([]);
		expect(waitingChildren()).toEqual([]);
	});

	test('leaves a job alone that was running already', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: runsForever() });
		fixture.airbyte.startJob(connectionId);
		waiting.parent = deferred.start([connectionId], { timeout: 172_800 });
		await passTime(MINUTE);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
		deferred.n8n.stop(waiting.parent);
		await passTime(HOUR);
		expect(fixture.airbyte.job(1)?.status).toBe('running');
		expect(cancels()).toEqual([]);
		expect(waitingChildren()).toEqual([]);
	});

	test('after n8n was killed cancels the job when it is back', async () => {
		await park();
		await deferred.n8n.kill(30);
		deferred.n8n.stop(waiting.parent);
		await passTime(10 * MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(waitingChildren()).toEqual([]);
	});

	test('after n8n was killed cancels a job, too, that a Timeout which has passed meanwhile leaves', async () => {
		await park(runsForever(), { timeout: 60, options: { cancelOnTimeout: false } });
		await deferred.n8n.kill(10);
		deferred.n8n.stop(waiting.parent);
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
		waiting.parent = deferred.start(ids, { timeout: 60, options }, goesOn);
		await passTime(70_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
		deferred.n8n.stopsReachNodes = false;
		deferred.n8n.stop(waiting.parent);
		await passTime(12 * MINUTE);
		expect([1, 2].map((id) => fixture.airbyte.job(id)?.status)).toEqual(['running', 'cancelled']);
		expect(waitingChildren()).toEqual([]);
	});

	test('of which the worker was not told cancels the job that it starts after it', async () => {
		deferred.n8n.stopsReachNodes = false;
		const starts = [{ takes: 20, answer: 'job' as const }];
		const { connectionId } = fixture.airbyte.addConnection({ jobs: runsForever(), starts });
		waiting.parent = deferred.start([connectionId]);
		deferred.after(10, () => deferred.n8n.stop(waiting.parent));
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
		waiting.parent = deferred.start(ids);
		await passTime(10_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
		expect(fixture.airbyte.job(1)?.status).toBe('running');
		deferred.n8n.stop(waiting.parent);
		await passTime(5_000);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(cancels()).toHaveLength(1);
		expect(waitingChildren()).toEqual([]);
	});

	test('in the moment in which the execution parks cancels the job, too', async () => {
		deferred.n8n.readingTime = 2_000;
		deferred.after(1, () => deferred.n8n.stop(waiting.parent));
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
			deferred.n8n.stop(waiting.parent);
			deferred.n8n.executions.delete(waiting.parent);
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
		deferred.n8n.delete(waiting.parent);
		await passTime(MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	});

	test('by deletion after n8n was killed cancels the job when it is back', async () => {
		await park();
		await passTime(5 * MINUTE);
		await deferred.n8n.kill(30);
		deferred.n8n.delete(waiting.parent);
		await passTime(10 * MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		await passTime(HOUR);
		expect(waitingChildren()).toEqual([]);
	});

	test('by deletion soon after it parked cancels the job, too, where n8n is busy', async () => {
		deferred.n8n.readingTime = 2_500;
		await park();
		await passTime(12_000);
		deferred.n8n.delete(waiting.parent);
		await passTime(MINUTE);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	});

	test('cancels the job within fifteen seconds where n8n was busy when the execution parked', async () => {
		deferred.n8n.readingTime = 600;
		await park();
		await passTime(5_000);
		deferred.n8n.readingTime = 50;
		await passTime(15_000);
		deferred.n8n.stop(waiting.parent);
		const stoppedAt = now();
		await passTime(MINUTE);
		expect(cancels()[0] - stoppedAt).toBeLessThan(15_000);
	});

	test('cancels what a retry has started, which its first watcher did not know of', async () => {
		await park([failsAfter(60), runsForever()], { options: { retries: 1, retryDelay: 10 } });
		await passTime(2 * MINUTE);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
		deferred.n8n.delete(waiting.parent);
		await passTime(2 * MINUTE);
		expect(fixture.airbyte.job(2)?.status).toBe('cancelled');
	});

	test('is nothing to those who looked after an earlier wait of the execution', async () => {
		await park([failsAfter(20), runsForever()], { options: { retries: 1, retryDelay: 5 } });
		await passTime(MINUTE);
		const looksAtFirst = () =>
			fixture.airbyte.audit.calls.filter(({ path }) => path.endsWith('/jobs/1')).length;
		const before = looksAtFirst();
		deferred.n8n.stop(waiting.parent);
		await passTime(HOUR);
		expect(looksAtFirst()).toBe(before);
		expect(fixture.airbyte.job(2)?.status).toBe('cancelled');
		expect(waitingChildren()).toEqual([]);
	});

	test('is not what n8n has no data of before it was seen to wait, as while it runs in the editor', async () => {
		await park();
		deferred.n8n.withoutData.add(waiting.parent);
		await passTime(40_000);
		expect(cancels()).toEqual([]);
		deferred.n8n.withoutData.clear();
		await passTime(30_000);
		deferred.n8n.stop(waiting.parent);
		await passTime(30_000);
		expect(cancels()).toHaveLength(1);
	});

	test('then a credential that n8n refuses: after an hour or two nothing is started any more', async () => {
		await park();
		await passTime(MINUTE);
		deferred.n8n.grantsCredentials = false;
		deferred.n8n.stop(waiting.parent);
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
		const other = await waiting.pointElsewhere();
		const logged = captureLog();
		deferred.n8n.stop(waiting.parent);
		await passTime(HOUR);
		expectUntouched(other);
		expect(cancels()).toEqual([]);
		expect(waitingChildren()).toEqual([]);
		expect(logged.join('\n')).toContain('may still be running: job 1');
	});
});
