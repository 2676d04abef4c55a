/** How a wait comes to its end: the execution goes on once, by nobody else, and nothing is left behind. */
import { FORCE } from '../../../nodes/airbyte/deferred/resumeUrl';
import axios from 'axios';

import { timelines } from '../../../simulator/index.cts';
import type { NodeOfN8n } from '../harness/nodesOfN8n.cts';
import { HOUR, MINUTE, Waiting } from '../harness/waiting.cts';

const { failsAfter, runsForever, succeedsAfter } = timelines;
const waiting = Waiting.forEachTest();
const { fixture, deferred, now, park, passTime, cancels, children, waitingChildren } = waiting;

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
			waiting.parent = deferred.start([connectionId], { timeout: 3_600 }, rest);
			await passTime(200_000);
			expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
			while (deferred.n8n.executions.has(waiting.parent)) await passTime(1_000);
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
		expect(deferred.n8n.get(waiting.parent).status).toBe('success');
		await passTime(10 * MINUTE);
		expect(children()).toEqual([]);
	});

	test('while n8n was down: its record is not read again and again', async () => {
		await park(succeedsAfter(100));
		await deferred.n8n.kill(200);
		const before = waiting.readingsOfParent();
		await passTime(5 * MINUTE);
		expect(deferred.n8n.get(waiting.parent).status).toBe('success');
		expect(waiting.readingsOfParent() - before).toBeLessThan(5);
	});

	test('by a crash after it was resumed: no more calls, and its deletion cancels nothing', async () => {
		await park([failsAfter(60), runsForever()], { options: { retries: 1, retryDelay: 10 } });
		loseStart();
		await passTime(80_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
		await deferred.n8n.kill(10);
		await passTime(20 * MINUTE);
		expect(waitingChildren()).toEqual([]);
		const calls = deferred.n8n.calls;
		deferred.n8n.executions.delete(waiting.parent);
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
		deferred.n8n.goOnUnasked(waiting.parent);
		await passTime(1_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe(status);
		const { items } = await waiting.endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(deferred.n8n.data(waiting.parent).resultData.runData.Airbyte).toHaveLength(1);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		await passTime(20 * MINUTE);
		expect(waitingChildren()).toEqual([]);
	});

	test("'Always Output Data' gives nothing while it waits", async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(600) });
		const behind = { alwaysOutputData: true, after: [{ type: 'respondToWebhook' as const }] };
		waiting.parent = deferred.start([connectionId], {}, behind);
		await passTime(MINUTE);
		deferred.n8n.goOnUnasked(waiting.parent);
		const { items } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(deferred.n8n.data(waiting.parent).resultData.runData['After 1']).toHaveLength(1);
	});

	test.each(['as it was', 'with the current workflow'])(
		"n8n's Retry (%s) of one that was stopped while it waited runs the node anew",
		async (how) => {
			await park([runsForever(), succeedsAfter(60)]);
			deferred.n8n.stop(waiting.parent);
			await passTime(MINUTE);
			const retried = deferred.n8n.retry(waiting.parent, how === 'with the current workflow');
			await passTime(5 * MINUTE);
			expect(deferred.n8n.get(retried).status).toBe('success');
			const [run] = deferred.n8n.data(retried).resultData.runData.Airbyte;
			expect(run.data?.main[0]).toMatchObject([{ json: { jobId: 2, status: 'succeeded' } }]);
		},
	);

	test("n8n's Retry with the current workflow disables no node that may run again", async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: runsForever() });
		waiting.parent = deferred.start([connectionId], {}, { before: [{ type: 'respondToWebhook' }] });
		await passTime(MINUTE);
		const [skipped, ours] = deferred.n8n.data(waiting.parent).executionData!.nodeExecutionStack;
		// It disables the current workflow's node of that name, which is the start of a loop or what is repeated in it.
		expect([skipped.node.name, ours.node.name]).toEqual(['Start', 'Airbyte']);
	});

	test("a sub-workflow's late result is not taken for what the wait gives", async () => {
		await park();
		const [entry] = deferred.n8n.data(waiting.parent).executionData!.nodeExecutionStack;
		// It is not that of any sub-workflow.
		expect(entry.metadata?.waitingChildExecutionIds).toEqual([waiting.parent]);
	});

	test('by a crash after it was resumed: its deletion cancels nothing that its Retry waits for', async () => {
		const jobs = [succeedsAfter(400), runsForever(), runsForever()];
		await waiting.parkAll(jobs, { timeout: 86_400, options: { batchSize: 2 } });
		await passTime(390_000);
		loseStart();
		await passTime(20_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
		await deferred.n8n.kill(1);
		fixture.airbyte.faults.clear();
		const retried = deferred.n8n.retry(waiting.parent);
		// By then those who look after the wait have seen once that it was resumed; they end when they see it again.
		await passTime(100_000);
		const isOfParent = (id: string) =>
			deferred.n8n.data(id).parentExecution?.executionId === waiting.parent;
		expect(waitingChildren().filter(isOfParent)).toHaveLength(2);
		deferred.n8n.executions.delete(waiting.parent);
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
		const retried = deferred.n8n.retry(waiting.parent);
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

describe("where n8n's limit of concurrent executions is reached when it is to go on", () => {
	/** The first of two jobs ends meanwhile, and n8n hands out the state from before for so many minutes. */
	async function holdUp(onActiveJob: string, minutes: number): Promise<void> {
		const second = onActiveJob === 'attach' ? runsForever() : succeedsAfter(60);
		const options = { batchSize: 1, onActiveJob };
		await waiting.parkAll([succeedsAfter(60), second], { timeout: 172_800, options });
		deferred.n8n.reachLimit();
		await passTime(minutes * MINUTE);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
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
			const { status, error } = await deferred.endOf(waiting.parent);
			expect({ status, error, jobs: statuses() }).toEqual({
				status: 'success',
				error: undefined,
				jobs: ['succeeded', 'succeeded'],
			});
		},
	);

	test.each([2, 14])('for %d minutes: a Wait node after it goes on waiting', async (minutes) => {
		const after: NodeOfN8n[] = [{ type: 'wait', parameters: { resume: 'webhook' } }];
		await waiting.parkAll([succeedsAfter(60)], {}, { after });
		deferred.n8n.reachLimit();
		await passTime(minutes * MINUTE);
		deferred.after(1, () => void deferred.n8n.freePlace());
		await passTime(10_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
		expect(deferred.n8n.data(waiting.parent).resultData.lastNodeExecuted).toBe('After 1');
	});

	test('a stop after it cancels the job that was started', async () => {
		await holdUp('attach', 40);
		await passTime(MINUTE);
		deferred.n8n.stop(waiting.parent);
		await passTime(HOUR);
		expect(statuses()).toEqual(['succeeded', 'cancelled']);
		expect(waitingChildren()).toEqual([]);
	});

	test('a stop cancels it within fifteen seconds, too, where such a copy has just run', async () => {
		await waiting.parkAll([succeedsAfter(60), runsForever()], { options: { batchSize: 1 } });
		const { data } = deferred.n8n.get(waiting.parent);
		await passTime(3 * MINUTE);
		const record = deferred.n8n.get(waiting.parent);
		const { data: present, status } = record;
		Object.assign(record, { data, status: 'running' });
		await passTime(12_000);
		Object.assign(record, { data: present, status });
		deferred.n8n.stop(waiting.parent);
		const stoppedAt = now();
		await passTime(5 * MINUTE);
		expect(statuses()).toEqual(['succeeded', 'cancelled']);
		expect(cancels()[0] - stoppedAt).toBeLessThan(16_000);
	});

	test('what has come after it is not run again', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(60) });
		const after: NodeOfN8n[] = [{ type: 'respondToWebhook' }];
		const rest = { after, onError: 'continueRegularOutput' as const };
		waiting.parent = deferred.start([connectionId], { timeout: 172_800 }, rest);
		await passTime(1_000);
		deferred.n8n.reachLimit();
		// As if a Wait node came after it.
		deferred.n8n.onEnd = (id) => {
			if (deferred.n8n.get(id).status === 'success') deferred.n8n.get(id).status = 'waiting';
		};
		await passTime(40 * MINUTE);
		deferred.after(1, () => void deferred.n8n.freePlace());
		await passTime(10_000);
		const { error, runData } = deferred.n8n.data(waiting.parent).resultData;
		expect({ status: deferred.n8n.get(waiting.parent).status, error }).toMatchObject({
			status: 'error',
			error: { message: 'n8n let this execution go on twice' },
		});
		expect(Object.keys(runData)).toEqual(['Start', 'Airbyte']);
	});
});

describe('a Wait node that comes after it, and waits for a call', () => {
	const wait: NodeOfN8n = { type: 'wait', parameters: { resume: 'webhook' } };

	/** How many times the job's end was told. */
	const timesTold = () => {
		const endedAt = fixture.airbyte.job(1)!.updatedAt;
		return new Set(deferred.n8n.callTimes.filter((at) => at >= endedAt)).size;
	};

	/** Only a call without our node's path lets the execution go on. */
	async function expectNotEnded(): Promise<void> {
		const { runData } = deferred.n8n.data(waiting.parent).resultData;
		expect(runData.Airbyte[0].data?.main[0]).toMatchObject([{ json: { status: 'succeeded' } }]);
		expect({
			at: Object.keys(runData).at(-1),
			status: deferred.n8n.get(waiting.parent).status,
		}).toEqual({
			at: 'After 1',
			status: 'waiting',
		});
		await axios.post(deferred.n8n.resumeUrl(waiting.parent));
		await passTime(1_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('success');
	}

	test('is not ended by a lookout whose call got no answer: it sees what came of it instead', async () => {
		await waiting.parkAll([succeedsAfter(60)], {}, { after: [wait] });
		deferred.n8n.answersToLose = 1;
		await passTime(30 * MINUTE);
		expect(timesTold()).toBe(1);
		await expectNotEnded();
	});

	test('is not ended by a call for our wait that comes late', async () => {
		await waiting.parkAll([succeedsAfter(60)], {}, { after: [wait] });
		const url = waiting.resumeUrlOfParent();
		await passTime(30 * MINUTE);
		await axios.post(url, {}, { validateStatus: () => true });
		await passTime(MINUTE);
		await expectNotEnded();
	});

	test('is not ended by a watchdog that calls just after the lookout of a new watcher', async () => {
		await waiting.parkAll([succeedsAfter(60)], {}, { after: [wait] });
		await passTime(20_000);
		deferred.n8n.crash(children('watcher')[0]);
		await deferred.n8n.kill(10);
		await passTime(30 * MINUTE);
		expect(timesTold()).toBeGreaterThan(1);
		await expectNotEnded();
	});
});

describe('nobody else', () => {
	test('can make it go on anyhow, where no caller was stopped', async () => {
		await park();
		await passTime(10_000);
		const url = new URL(waiting.resumeUrlOfParent());
		url.searchParams.delete('wait');
		url.searchParams.set(FORCE, '');
		const before = waitingChildren();
		for (let call = 0; call < 10; call += 1) {
			await axios.post(url.href, {});
			await passTime(3_000);
		}
		expect(waitingChildren()).toEqual(before);
	});

	test("makes a role work: a user's node with one is like any other", async () => {
		const wait = { executionId: '1', id: 'x', runs: [], address: '' };
		const items = [{ wait, url: fixture.airbyte.url }];
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
				items: [{ wait, url: fixture.airbyte.url }],
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
		const foreign = new URL(waiting.resumeUrlOfParent());
		foreign.searchParams.set('wait', 'another');
		await passTime(30_000);
		const before = waiting.looks().length;
		const { data } = await axios.post<object>(foreign.href, {});
		expect(data).toMatchObject({ resumed: false });
		expect(waiting.looks().length).toBe(before);
	});
});
