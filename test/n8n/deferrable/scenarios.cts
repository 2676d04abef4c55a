/** What must hold of the deferrable mode in every kind of n8n, judged by stored executions and Airbyte's audit. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { INode, INodeParameters } from 'n8n-workflow';

import type { Execution } from '../../../scripts/n8n/execution.cts';
import { errorOf, itemsOf, outputOf, resumeUrlOf } from '../../../scripts/n8n/execution.cts';
import type { NodeSettings, WorkflowDefinition } from '../../../scripts/n8n/workflow.cts';
import {
	manualTrigger,
	node,
	noOperation,
	webhookTrigger,
	workflow,
} from '../../../scripts/n8n/workflow.cts';
import type { Timeline } from '../../../simulator/index.cts';
import { timelines } from '../../../simulator/index.cts';
import { until } from '../../../scripts/until.cts';
import type { Site, World } from '../harness/world.cts';
import { subWorkflows } from './subWorkflows.cts';

type Scenario = (name: string, play: (world: World) => Promise<void>) => void;

const deferrable = { mode: 'deferrable' };
/** Milliseconds: a lookout sees a stop after at most 15 s, and a deadline at once; the machine may be busy. */
const NOTICED = 30_000;
const LONG = 300_000;
/** The default Timeout. */
const HOUR = 3_600_000;
/** For the slowest scenario: what looks after a wait rings for the last time five minutes after it began. */
export const SLOWEST = 600_000;

export function deferrableScenarios(scenario: Scenario): void {
	// Takes the longest, so it begins first.
	leavingNothing(scenario);
	sameAsSynchronous(scenario);
	waiting(scenario);
	resumeWebhook(scenario);
	stopping(scenario);
	unreliableAirbyte(scenario);
	furtherJobs(scenario);
	callers(scenario);
	subWorkflows(scenario);
}

/** What looks after a wait is gone within two of its turns. */
function leavingNothing(scenario: Scenario): void {
	scenario(
		'two executions look after it, and are not kept in the list once it has ended',
		async (world) => {
			const { site, id } = await parkSync(world, timelines.runsForever());
			const { workflowId } = await world.api.execution(id);
			const children = async () =>
				(await world.api.executions(workflowId)).filter(({ mode }) => mode === 'integrated');
			expect((await children()).map(({ status }) => status)).toEqual(['waiting', 'waiting']);
			site.airbyte.completeJob(1);
			await world.api.waitForExecution(id, { timeoutMs: LONG });
			await until(async () => (await children()).length === 0, 1.5 * LONG);
		},
	);
}

/** 1: outputs, messages and descriptions equal the synchronous mode's. */
function sameAsSynchronous(scenario: Scenario): void {
	const mixed = [
		timelines.succeedsAfter(20, { rows: 1, bytes: 10 }),
		timelines.failsAfter(25),
		timelines.cancelledAfter(15),
		timelines.queuedThen(10, timelines.succeedsAfter(20, { rows: 2 })),
		timelines.incompleteThen(5, 10, timelines.succeedsAfter(5)),
	];
	const cases: Array<[string, Timeline[], NodeSettings, object]> = [
		['one item', [mixed[0]], {}, {}],
		['a failed job, On Error: stop', [mixed[1]], {}, {}],
		['a cancelled job, On Error: stop', [mixed[2]], {}, {}],
		[
			'twenty items, On Error: continue',
			twenty(mixed),
			{ onError: 'continueRegularOutput' },
			{ options: { batchSize: 20 } },
		],
		[
			'twenty items, On Error: error output',
			twenty(mixed),
			{ onError: 'continueErrorOutput' },
			{ options: { batchSize: 20 } },
		],
		['five items, On Error: stop', mixed, {}, {}],
	];
	for (const [what, jobs, settings, parameters] of cases) {
		scenario(`gives what the synchronous mode gives: ${what}`, async (world) => {
			const [synchronous, deferred] = await Promise.all(
				['synchronous', 'deferrable'].map(async (mode) => {
					const site = await world.airbyte();
					const connectionIds = jobs.map((timeline) => site.connection(timeline));
					const execution = await runAll(site, connectionIds, { mode, ...parameters }, settings);
					return comparable(execution, site, connectionIds);
				}),
			);
			expect(deferred).toEqual(synchronous);
		});
	}

	scenario('starts no more than Batch Size side by side', async (world) => {
		const site = await world.airbyte();
		const connectionIds = [1, 2, 3].map(() => site.connection(timelines.succeedsAfter(20)));
		const options = { batchSize: 2 };
		const execution = await runAll(site, connectionIds, { ...deferrable, options });
		expect(outputOf(execution, 'Good').map(({ status }) => status)).toEqual([
			'succeeded',
			'succeeded',
			'succeeded',
		]);
		const [first, , third] = site.airbyte.audit.startedJobs();
		expect(third.at - first.at).toBeGreaterThanOrEqual(20_000);
	});

	scenario('Airbyte Job Status waits so, too', async (world) => {
		const site = await world.airbyte();
		const connectionId = site.connection(timelines.succeedsAfter(30, { rows: 5 }));
		const execution = await site.run(
			[
				site.syncNode(connectionId, { mode: 'asynchronous' }),
				site.statusNode({ operation: 'wait', mode: 'deferrable' }),
			],
			LONG,
		);
		expect(outputOf(execution, 'After')).toMatchObject([
			{ jobId: 1, status: 'succeeded', rowsSynced: 5 },
		]);
	});
}

function twenty(mixed: Timeline[]): Timeline[] {
	return Array.from({ length: 20 }, (_, item) => mixed[item % mixed.length]);
}

async function runAll(
	site: Site,
	connectionIds: string[],
	parameters: object,
	settings: NodeSettings = {},
): Promise<Execution> {
	const nodes: INode[] = [
		manualTrigger(),
		...site.items(...connectionIds),
		site.syncNode('={{ $json.id }}', { waitSeconds: 1, ...parameters }, settings),
		noOperation('Good'),
		noOperation('Bad'),
	];
	const definition = workflow('Items', nodes, [
		{ from: 'Start', to: 'Items as list' },
		{ from: 'Items as list', to: 'Items' },
		{ from: 'Items', to: 'Sync' },
		{ from: 'Sync', to: 'Good', output: 0 },
		...(settings.onError === 'continueErrorOutput' ? [{ from: 'Sync', to: 'Bad', output: 1 }] : []),
	]);
	const id = await site.world.api.runWorkflow(definition);
	return await site.world.api.waitForExecution(id, { timeoutMs: LONG });
}

/** An execution's outcome without what differs from site to site. */
function comparable(execution: Execution, site: Site, connectionIds: string[]): unknown {
	const error = errorOf(execution);
	const outcome = {
		status: execution.status,
		error: error && {
			message: error.message,
			description: error.description,
			context: error.context,
		},
		good: itemsOf(execution, 'Sync', 0),
		bad: itemsOf(execution, 'Sync', 1),
	};
	// Items start side by side: which gets which job number is chance, so a job goes by its item's place, from 1,000 on.
	const places = new Map(
		site.airbyte.audit
			.startedJobs()
			.map(({ jobId, connectionId }) => [String(jobId), connectionIds.indexOf(connectionId)]),
	);
	const named = connectionIds.reduce(
		(text, id, at) => text.replaceAll(id, `connection ${at}`),
		JSON.stringify(outcome),
	);
	const text = named
		.replaceAll(site.airbyte.url, 'http://airbyte')
		.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z/g, 'TIME')
		.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
		.replace(
			/(job |jobId=|"jobId":|Job )(\d+)/g,
			(_, before: string, jobId: string) => `${before}${1_000 + (places.get(jobId) ?? NaN)}`,
		);
	return JSON.parse(
		text.replace(/"(durationSeconds|duration)":("[^"]*"|\d+)/g, (_, name: string) => `"${name}":0`),
	);
}

/** 2: nothing is held while it waits. */
function waiting(scenario: Scenario): void {
	scenario(
		'while it waits the execution is stored as waiting, and n8n itself is to wake it after its Timeout',
		async (world) => {
			const { site, id } = await parkSync(world, timelines.runsForever());
			const wakesIn = Date.parse((await world.api.execution(id)).waitTill!) - Date.now();
			expect(wakesIn).toBeGreaterThan(HOUR);
			expect(wakesIn).toBeLessThan(1.25 * HOUR);
			site.airbyte.completeJob(1);
			const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
			expect(execution.status).toBe('success');
		},
	);
}

/** Nobody but the caller looks at the job. */
const seldom = { ...deferrable, waitSeconds: 3_600 };

/** 7: the resume URL. */
function resumeWebhook(scenario: Scenario): void {
	scenario(
		'a call of the resume URL tells the status while the job runs, and goes on as soon as it has ended',
		async (world) => {
			const { site, id, url } = await parkSync(world, withRows(3), seldom);
			const early = await world.api.call(url, { jobId: 4711, status: 'succeeded' });
			expect(early.data).toMatchObject({ resumed: false, jobs: [{ jobId: 1, status: 'running' }] });
			site.airbyte.completeJob(1);
			// What a look has shown is told for some seconds to whoever calls.
			await until(async () => (await world.api.call(url)).data.resumed === true, LONG, 1_000);
			const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
			expect(outputOf(execution, 'After')).toMatchObject([
				{ jobId: 1, status: 'succeeded', rowsSynced: 3 },
			]);
			expect((await world.api.call(url)).status).toBe(409);
		},
	);

	scenario('a call after a failure makes the node fail', async (world) => {
		const { site, id, url } = await parkSync(world, timelines.runsForever(), seldom);
		site.airbyte.completeJob(1, 'failed');
		expect((await world.api.call(url)).data).toMatchObject({ resumed: true });
		const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
		expect(errorOf(execution)?.message).toBe('Airbyte job 1 failed');
	});

	scenario(
		'a call without or with a wrong signature is refused and causes no look',
		async (world) => {
			const { site, id, url } = await parkSync(world, timelines.runsForever(), seldom);
			expect((await world.api.call(url.split('?')[0])).status).toBe(401);
			expect((await world.api.call(`${url}x`)).status).toBe(401);
			expect(looksAt(site)).toBe(0);
			await world.api.stopExecution(id);
		},
	);

	scenario('a hundred calls at once are few looks and one resume', async (world) => {
		const { site, id, url } = await parkSync(world, withRows(3), seldom);
		site.airbyte.completeJob(1);
		const answers = await Promise.all(
			Array.from({ length: 100 }, async () => await world.api.call(url)),
		);
		expect(answers.filter(({ data }) => data.resumed === true)).toHaveLength(1);
		const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
		expect(outputOf(execution, 'After')).toHaveLength(1);
		expect(looksAt(site)).toBeLessThan(20);
	});

	scenario('a call during a look waits for that look', async (world) => {
		const { site, id, url } = await parkSync(world, timelines.runsForever(), seldom);
		site.airbyte.completeJob(1);
		site.airbyte.faults.add({ route: 'GET /jobs/{jobId}', kind: 'delay', ms: 20_000 });
		const first = world.api.call(url);
		await until(() => looksAt(site) === 1);
		const answers = [await world.api.call(url), await first];
		const told = answers.map(({ status, data }) => ({ status, resumed: data.resumed }));
		expect(told).toEqual([
			{ status: 200, resumed: false },
			{ status: 200, resumed: true },
		]);
		const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
		expect(outputOf(execution, 'After')).toHaveLength(1);
	});
}

/** 4 and 5: the ends that the user or the clock brings. */
function stopping(scenario: Scenario): void {
	scenario('stopping the waiting execution cancels the job at once', async (world) => {
		const { site, id } = await parkSync(world, timelines.runsForever());
		const stoppedAt = Date.now();
		await world.api.stopExecution(id);
		await until(() => site.airbyte.job(1)?.status === 'cancelled', LONG);
		expect(Date.now() - stoppedAt).toBeLessThan(NOTICED);
		expect(site.airbyte.audit.cancels).toHaveLength(1);
		expect((await world.api.execution(id)).status).toBe('canceled');
	});

	scenario(
		'two deferrable nodes of one execution have nothing to do with each other',
		async (world) => {
			// Both Airbytes call their job 1, and at the first one somebody else's runs when the second is stopped.
			const [first, second] = [await world.airbyte(), await world.airbyte()];
			const others = first.connection(timelines.runsForever());
			const id = await first.startInProduction([
				first.syncNode(first.connection(timelines.succeedsAfter(10)), deferrable),
				{
					...second.syncNode(second.connection(timelines.runsForever()), deferrable),
					id: 'second',
					name: 'Second',
				},
			]);
			await until(() => second.airbyte.job(1) !== undefined, LONG);
			await untilParked(world, id);
			first.airbyte.startJob(others);
			const before = looksAt(first);
			await until(() => looksAt(second) > 4, LONG);
			await world.api.stopExecution(id);
			await until(() => second.airbyte.job(1)?.status === 'cancelled', LONG);
			expect(looksAt(first)).toBe(before);
			expect(first.airbyte.audit.cancels).toEqual([]);
			expect(first.airbyte.job(2)?.status).toBe('running');
		},
	);

	scenario('deleting it counts as stopping it', async (world) => {
		const { site, id } = await parkSync(world, timelines.runsForever());
		// Until a lookout has seen it wait, it reads n8n's record more often than it looks at the job.
		const before = looksAt(site);
		await until(() => looksAt(site) > before + 4, LONG);
		await world.api.stopExecution(id);
		await world.api.deleteExecution(id);
		await until(() => site.airbyte.job(1)?.status === 'cancelled', LONG);
		expect(site.airbyte.audit.cancels).toHaveLength(1);
	});

	for (const loadWorkflow of [false, true]) {
		const how = loadWorkflow ? 'with the current workflow' : 'as it was';
		scenario(`n8n's Retry (${how}) of what was stopped runs the node anew`, async (world) => {
			const { id, site } = await parkSync(world, [
				timelines.runsForever(),
				timelines.succeedsAfter(10),
			]);
			await world.api.stopExecution(id);
			await until(() => site.airbyte.job(1)?.status === 'cancelled', LONG);
			const retried = await world.api.retryExecution(id, loadWorkflow);
			const execution = await world.api.waitForExecution(retried, { timeoutMs: LONG });
			expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 2, status: 'succeeded' }]);
		});
	}

	scenario(
		"n8n's Retry with the current workflow of what was stopped in a loop goes on with the loop",
		async (world) => {
			const site = await world.airbyte();
			const [once, forever] = [timelines.succeedsAfter(5), timelines.runsForever()];
			const connectionIds = [once, [forever, once], once].map((jobs) => site.connection(jobs));
			const id = await site.world.api.runWorkflow(looping(site, connectionIds));
			await until(() => site.airbyte.job(2) !== undefined, LONG);
			await untilParked(world, id);
			await world.api.stopExecution(id);
			await until(() => site.airbyte.job(2)?.status === 'cancelled', LONG);
			const retried = await world.api.retryExecution(id, true);
			const execution = await world.api.waitForExecution(retried, { timeoutMs: LONG });
			expect(outputOf(execution, 'After')).toMatchObject(
				connectionIds.map((connectionId) => ({ connectionId, status: 'succeeded' })),
			);
		},
	);

	scenario(
		'the timeout cancels the job and fails the node at most two looks late',
		async (world) => {
			const short = { ...deferrable, timeout: 30 };
			const { site, id } = await parkSync(world, timelines.runsForever(), short);
			const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
			expect(errorOf(execution)?.message).toBe(
				'Airbyte job 1 did not end within 30 seconds and was cancelled',
			);
			const { status, createdAt, updatedAt } = site.airbyte.job(1)!;
			expect(status).toBe('cancelled');
			expect(updatedAt - createdAt - 30_000).toBeLessThan(NOTICED);
		},
	);
}

/** Syncs one connection after the other; the last node gets what came of all. */
function looping(site: Site, connectionIds: string[]): WorkflowDefinition {
	const loop = node('Loop', 'n8n-nodes-base.splitInBatches', 3, { options: {} });
	const sync = site.syncNode('={{ $json.id }}', deferrable);
	const nodes = [
		manualTrigger(),
		...site.items(...connectionIds),
		loop,
		sync,
		noOperation('After'),
	];
	return workflow('Loop', nodes, [
		{ from: 'Start', to: 'Items as list' },
		{ from: 'Items as list', to: 'Items' },
		{ from: 'Items', to: 'Loop' },
		{ from: 'Loop', to: 'After', output: 0 },
		{ from: 'Loop', to: 'Sync', output: 1 },
		{ from: 'Sync', to: 'Loop' },
	]);
}

/** 6: the wait goes on. */
function unreliableAirbyte(scenario: Scenario): void {
	scenario('an Airbyte that is away for longer than one look', async (world) => {
		const { site, id } = await parkSync(world, withRows(8));
		await site.airbyte.goDown();
		site.airbyte.completeJob(1);
		await pause(90_000);
		await site.airbyte.comeUp();
		const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
		expect(outputOf(execution, 'After')).toMatchObject([{ status: 'succeeded', rowsSynced: 8 }]);
		expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	scenario(
		'a token that has expired at every look, and statuses that are not the end',
		async (world) => {
			const site = await world.airbyte({ tokenLifetimeSeconds: 5 });
			const jobs = timelines.statusThen(
				'contemplating',
				70,
				timelines.succeedsAfter(30, { rows: 8 }),
			);
			const execution = await site.run([site.syncNode(site.connection(jobs), deferrable)], LONG);
			expect(outputOf(execution, 'After')).toMatchObject([{ status: 'succeeded', rowsSynced: 8 }]);
			expect(site.airbyte.audit.count('POST /applications/token')).toBeGreaterThanOrEqual(3);
		},
	);
}

/** Whoever called the workflow's webhook gets an answer that holds. */
function callers(scenario: Scenario): void {
	const respond = node('Respond', 'n8n-nodes-base.respondToWebhook', 1.1, {
		respondWith: 'firstIncomingItem',
	});
	type Answering = 'lastNode' | 'responseNode';
	const called = async (
		world: World,
		how: Answering,
		nodes: (sync: INode) => INode[],
		jobs = timelines.succeedsAfter(30),
	) => {
		const site = await world.airbyte();
		const path = randomUUID();
		const sync = site.syncNode(site.connection(jobs), deferrable);
		const all = [webhookTrigger(path, 'Webhook', how), ...nodes(sync)];
		const id = await world.api.createWorkflow(workflow('Answers', all));
		await world.api.activate(id);
		const { status, data } = await world.api.callWebhook(path, {}, { timeout: LONG });
		return { id, answer: [status, data] };
	};
	const synced = [200, { jobId: 1, status: 'succeeded' }];

	scenario('a Webhook node that answers with the last node waits for it', async (world) => {
		const nodes = (sync: INode) => [sync, noOperation('After')];
		expect((await called(world, 'lastNode', nodes)).answer).toMatchObject(synced);
	});

	scenario('a Chat Trigger as it comes answers with the end', async (world) => {
		const site = await world.airbyte();
		const webhookId = randomUUID();
		const chat = node(
			'Chat',
			'@n8n/n8n-nodes-langchain.chatTrigger',
			1.4,
			{ public: true },
			{ webhookId },
		);
		const sync = site.syncNode(site.connection(timelines.succeedsAfter(15)), deferrable);
		const id = await world.api.createWorkflow(workflow('Chats', [chat, sync]));
		await world.api.activate(id);
		const path = `${webhookId}/chat`;
		await world.api.webhookIsUp(path);
		const message = { action: 'sendMessage', sessionId: randomUUID(), chatInput: 'Sync' };
		const { status, data } = await world.api.callWebhook(path, message, { timeout: LONG });
		expect([status, data]).toMatchObject(synced);
	});

	scenario('a Form that answers when the workflow finishes waits for it', async (world) => {
		const site = await world.airbyte();
		const webhookId = randomUUID();
		const form = node(
			'Form',
			'n8n-nodes-base.formTrigger',
			2.2,
			{
				formTitle: 'Sync',
				formFields: { values: [{ fieldLabel: 'Why' }] },
				responseMode: 'lastNode',
			} as never,
			{ webhookId },
		);
		const sync = site.syncNode(site.connection(timelines.succeedsAfter(15)), deferrable);
		const id = await world.api.createWorkflow(workflow('Form', [form, sync]));
		await world.api.activate(id);
		const body = new FormData();
		body.set('field-0', 'It is late');
		const submit = async () =>
			(await world.api.call(`/form/${webhookId}`, body, { timeout: LONG })).status;
		// It takes n8n a moment to serve it.
		const status = await until(async () => [await submit()].find((one) => one !== 404));
		expect({ status, job: site.airbyte.job(1)?.status }).toEqual({ status: 200, job: 'succeeded' });
		const [execution] = await world.api.executions(id);
		expect(execution.status).toBe('success');
	});

	scenario('a Respond to Webhook node answers once the wait is over', async (world) => {
		const nodes = (sync: INode) => [sync, respond];
		expect((await called(world, 'responseNode', nodes)).answer).toMatchObject(synced);
	});

	scenario('a Respond to Webhook node before it does not keep it from parking', async (world) => {
		const nodes = (sync: INode) => [respond, sync];
		const { id } = await called(world, 'responseNode', nodes, timelines.runsForever());
		const isParked = async () =>
			(await world.api.executions(id)).some(
				({ mode, status }) => mode === 'webhook' && status === 'waiting',
			);
		await until(isParked);
	});
}

/** What takes more than looks: each step is stored before it is done. */
function furtherJobs(scenario: Scenario): void {
	scenario('a new job after a failed one', async (world) => {
		const site = await world.airbyte();
		const jobs = [timelines.failsAfter(10), timelines.succeedsAfter(10, { rows: 4 })];
		const options = { retries: 1, retryDelay: 5 };
		const node = site.syncNode(site.connection(jobs), { ...deferrable, options });
		const execution = await site.run([node], LONG);
		expect(outputOf(execution, 'After')).toMatchObject([
			{ jobId: 2, status: 'succeeded', attempt: 2, rowsSynced: 4 },
		]);
		expect(site.airbyte.audit.startedJobs()).toHaveLength(2);
	});

	scenario(
		'a credential that is deleted meanwhile ends the wait after its timeout',
		async (world) => {
			const short = { ...deferrable, timeout: 60 };
			const { site, id } = await parkSync(world, timelines.runsForever(), short);
			await world.api.deleteCredential(site.credential.id);
			const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
			const error = errorOf(execution);
			expect(error?.message).toBe(
				'Airbyte job 1 did not end within 60 seconds and may still be running',
			);
			expect(error?.description).toContain('The Airbyte credential of this node cannot be used');
			expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
		},
	);
}

/** A job that runs until a test ends it, and moves so many rows. */
const withRows = (rows: number): Timeline => ({ ...timelines.runsForever(), rows });

export const looksAt = ({ airbyte }: Site): number => airbyte.audit.count('GET /jobs/{jobId}');

async function untilParked(world: World, id: string): Promise<Execution> {
	return await world.api.waitForExecution(id, { until: ({ status }) => status === 'waiting' });
}

/** Starts a deferred sync of a job that takes so long, and waits until it is parked. */
export async function parkSync(
	world: World,
	jobs: Timeline | Timeline[],
	parameters: INodeParameters = deferrable,
): Promise<Parked> {
	const site = await world.airbyte();
	const id = await site.startInProduction([site.syncNode(site.connection(jobs), parameters)]);
	return { site, id, url: resumeUrlOf(world.n8n, await untilParked(world, id)) };
}

/** An execution that waits for the only job of its Airbyte. */
interface Parked {
	site: Site;
	id: string;
	/** Its resume URL. */
	url: string;
}

/** What {@link parkSync} has parked ends as if nothing had happened, and has started one job. */
export async function endsWell({ site, id }: Parked): Promise<void> {
	const execution = await site.world.api.waitForExecution(id, { timeoutMs: 900_000 });
	expect({ id, status: execution.status }).toEqual({ id, status: 'success' });
	expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
}

/** Lets the next look hang, so that n8n can be killed in the middle of it. */
export async function untilALookHangs({ airbyte }: Site): Promise<void> {
	airbyte.faults.add({ route: 'GET /jobs/{jobId}', kind: 'hang' });
	const hangs = ({ route, status }: (typeof airbyte.audit.calls)[number]) =>
		route === 'GET /jobs/{jobId}' && (status === 'open' || status === 'hang');
	await until(() => airbyte.audit.calls.some(hangs), LONG);
}

/** From so long on a watcher waits for the crash recovery of an n8n that has just started, in milliseconds; and some more. */
export const LATE = 65_000;

/** When n8n is to wake the watcher of a wait next, in milliseconds since 1970. */
export async function watcherIsDue({ site, id }: Parked): Promise<number> {
	const { api } = site.world;
	const { workflowId } = await api.execution(id);
	const due = async () => {
		const children = (await api.executions(workflowId)).filter(
			({ mode, status }) => mode === 'integrated' && status === 'waiting',
		);
		const known = await Promise.all(children.map(async (child) => await api.execution(child.id)));
		const watcher = known.find(
			({ workflowData }) => workflowData.name === 'Airbyte wait (watcher)',
		);
		// It has no time while it rings.
		return Date.parse(watcher?.waitTill ?? '');
	};
	return await until(due, LONG, 500);
}
