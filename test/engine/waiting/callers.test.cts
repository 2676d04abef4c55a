/** Those who wait for the execution: it parks only where none of them takes the start of its wait for its end. */
import { setTimeout as pause } from 'node:timers/promises';

import type { INodeParameters } from 'n8n-workflow';
import axios from 'axios';

import type { Timeline } from '../../../simulator/index.cts';
import { timelines } from '../../../simulator/index.cts';
import type { NodeRun } from '../harness/engine.cts';
import { captureLog } from '../harness/log.cts';
import type { Caller } from '../harness/n8nServer.cts';
import { badGateway } from '../harness/n8nServer.cts';
import type { NodeOfN8n } from '../harness/nodesOfN8n.cts';
import { HOUR, MINUTE, Waiting, hintsOf } from '../harness/waiting.cts';

const { failsAfter, runsForever, succeedsAfter } = timelines;
const waiting = Waiting.forEachTest();
const { fixture, deferred, now, passTime, cancels, children, waitingChildren } = waiting;

/** So many items, each with a job that takes ten minutes. */
function startWith(items: number, rest: Partial<NodeRun> = {}): void {
	const ids = Array.from(
		{ length: items },
		() => fixture.airbyte.addConnection({ jobs: succeedsAfter(600) }).connectionId,
	);
	waiting.parent = deferred.start(ids, {}, rest);
}

async function expectParked(): Promise<void> {
	await passTime(MINUTE);
	expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
}

/** It waits in the execution, says why, and comes to its end all the same. */
async function expectHeld(why: RegExp): Promise<void> {
	await passTime(MINUTE);
	expect(deferred.n8n.get(waiting.parent).status).toBe('running');
	await passTime(HOUR);
	expect(deferred.n8n.get(waiting.parent).status).toBe('success');
	expect(hintsOf(deferred.n8n.data(waiting.parent))).toMatch(why);
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
			waiting.parent = deferred.start(ids, { options }, UNDETERRED);
			await passTime(milliseconds);
			await expectParked();
			stop(caller);
		}
		const UNDETERRED = {
			onError: 'continueRegularOutput' as const,
			retryOnFail: { maxTries: 2 },
			alwaysOutputData: true,
			after: [{ type: 'respondToWebhook' as const }],
		};

		/** …and begins nothing more. */
		async function expectEnded(begun: number): Promise<void> {
			// n8n rests in real time before it tries a node again.
			await pause(50);
			await passTime(1_000);
			const { status, waitTill } = deferred.n8n.get(waiting.parent);
			expect({ status, waitTill, started: started() }).toEqual({
				status: 'canceled',
				waitTill: undefined,
				started: begun,
			});
			expect(fixture.airbyte.jobs().filter(({ status }) => status === 'running')).toEqual([]);
			await passTime(2 * HOUR);
			expect(started()).toBe(begun);
			expect(deferred.n8n.data(waiting.parent).resultData.runData['After 1']).toBeUndefined();
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
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
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
		waiting.failToRead((id) => id === caller);
		startWith(2);
		await passTime(1_000);
		await expectHeld(/database did not tell who called this sub-workflow/);
	});

	test('of an execution that cannot be read for now, it waits in the execution until it can', async () => {
		const caller = calledBy();
		const fails = waiting.failToRead((id) => id === caller);
		const log = captureLog();
		startWith(2);
		await passTime(1_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
		expect(log.join()).toContain('database did not tell who called this sub-workflow');
		fails.mockRestore();
		await passTime(MINUTE);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
		await passTime(HOUR);
		expect(deferred.n8n.get(waiting.parent).status).toBe('success');
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
		await axios.post(deferred.n8n.resumeUrl(waiting.parent));
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
