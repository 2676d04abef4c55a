/** Every example, imported and run in a real n8n as somebody would who has filled in what its note asks for. */
import fastify from 'fastify';
import type { IDataObject, INode } from 'n8n-workflow';

import { pointedAt, readExamples } from '../../scripts/demo/examples.cts';
import type { SavedCredential } from '../../scripts/n8n/api.cts';
import type { Execution } from '../../scripts/n8n/execution.cts';
import { errorOf, outputOf, runsOf } from '../../scripts/n8n/execution.cts';
import { connectionById } from '../../scripts/n8n/workflow.cts';
import type { Failure, Timeline } from '../../simulator/index.cts';
import { demoConnections, timelines } from '../../simulator/index.cts';
import { faultsOf } from './harness/openLineage.cts';
import { ScriptedModel } from './harness/scriptedModel.cts';
import { sideBySide } from './harness/sideBySide.cts';
import type { Site } from './harness/world.cts';
import { until } from '../../scripts/until.cts';
import { World } from './harness/world.cts';

const scenario = sideBySide(World.setUp, World.tearDown);

/** Their IDs are in the examples that need several connections or a choice. */
const [ORDERS, CONTACTS, , ADS] = demoConnections().map(({ connectionId }) => connectionId);

const PAGE = expect.stringContaining('/timeline?jobId=');

const refusedSignIn: Failure = {
	origin: 'source',
	type: 'config_error',
	message: 'Wrong password',
	retryable: false,
};

/** By name; the scenarios have all ended when the last test looks. */
const ran = new Set<string>();

/** Imports the example whose name holds these words; gives the workflow's id. */
async function imported(
	site: Site,
	words: string,
	connectionId = '',
	filledIn: (node: INode) => INode = (node) => node,
): Promise<string> {
	const found = (await readExamples()).filter(({ name }) => name.includes(words));
	expect(found).toHaveLength(1);
	ran.add(found[0].name);
	const nodes = found[0].nodes.map((node) =>
		filledIn(pointedAt(node, site.credential, connectionById(connectionId))),
	);
	return await site.world.api.createWorkflow({ ...found[0], nodes });
}

async function run(
	{ world }: Site,
	workflowId: string,
	triggerData?: IDataObject[],
): Promise<Execution> {
	const id = await world.api.runWorkflow(workflowId, triggerData);
	return await world.api.waitForExecution(id, { timeoutMs: 200_000 });
}

/** An Airbyte with these of the demo's connections. */
async function airbyteWith(world: World, jobs: Record<string, Timeline>): Promise<Site> {
	const site = await world.airbyte();
	for (const [connectionId, timeline] of Object.entries(jobs)) {
		site.airbyte.addConnection({ connectionId, jobs: timeline });
	}
	return site;
}

const withCredential = (node: INode, { id, name, type }: SavedCredential): INode => ({
	...node,
	credentials: { [type]: { id, name } },
});

scenario('synchronous', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(2, { rows: 42 }));
	const execution = await run(site, await imported(site, 'run a sync and wait', connectionId));
	expect(outputOf(execution, 'Rows and duration')).toEqual([{ rows: 42, seconds: 2, page: PAGE }]);
});

scenario('asynchronous, then status', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(4, { rows: 42 }));
	const execution = await run(site, await imported(site, 'start a sync now', connectionId));
	expect(outputOf(execution, 'Other work goes here')).toMatchObject([{ status: 'pending' }]);
	expect(outputOf(execution, 'Rows and duration')).toEqual([{ rows: 42, seconds: 4, page: PAGE }]);
});

scenario('deferrable', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(90, { rows: 42 }));
	const id = await world.api.runWorkflow(await imported(site, 'run a long sync', connectionId));
	await world.api.waitForExecution(id, { until: ({ status }) => status === 'waiting' });
	const execution = await world.api.waitForExecution(id, { timeoutMs: 200_000 });
	expect(outputOf(execution, 'Rows and duration')).toEqual([{ rows: 42, seconds: 90, page: PAGE }]);
});

scenario("connection and mode from the trigger's data", async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(2));
	await world.api.activate(await imported(site, 'from a webhook'));
	const answerTo = async (body: IDataObject) =>
		(await world.api.callWebhook('airbyte-sync', body)).data as unknown;
	expect(await answerTo({ connectionId })).toMatchObject({ jobId: 1, status: 'pending' });
	expect(await answerTo({ connectionId, mode: 'synchronous' })).toMatchObject({
		connectionId,
		status: 'succeeded',
	});
});

scenario(
	'connection and mode from a variable, or from settings where there are none',
	async (world) => {
		const site = await airbyteWith(world, { [ORDERS]: timelines.succeedsAfter(2, { rows: 42 }) });
		const execution = await run(site, await imported(site, 'from a variable'));
		expect(outputOf(execution, 'Airbyte Trigger Sync')).toMatchObject([{ connectionId: ORDERS }]);
		expect(outputOf(execution, 'Rows and duration')).toEqual([
			{ rows: 42, seconds: 2, page: PAGE },
		]);
	},
);

scenario('retries: a sync that works the second time, cleaned up after', async (world) => {
	const site = await world.airbyte();
	const { connectionId } = site.airbyte.addConnection({
		jobs: [timelines.failsAfter(1), timelines.succeedsAfter(1, { rows: 42 })],
	});
	const execution = await run(site, await imported(site, 'retry a sync', connectionId));
	expect(execution.status).toBe('success');
	expect(outputOf(execution, 'Clean up')).toMatchObject([{ status: 'succeeded', attempt: 2 }]);
	expect(outputOf(execution, 'Rows and duration')).toMatchObject([{ rows: 42 }]);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(2);
});

scenario(
	'retries: a sync that fails is cleaned up after before the workflow fails',
	async (world) => {
		const site = await world.airbyte();
		const connectionId = site.connection(timelines.failsAfter(1, refusedSignIn));
		const execution = await run(site, await imported(site, 'retry a sync', connectionId));
		expect(execution.status).toBe('error');
		expect(errorOf(execution)?.message).toMatch(/^Airbyte job 1 failed\. .*Wrong password/);
		const [cleanUp] = runsOf(execution, 'Clean up');
		const [failure] = runsOf(execution, 'Fail the workflow');
		expect(cleanUp.executionIndex).toBeLessThan(failure.executionIndex);
		expect(outputOf(execution, 'Rows and duration')).toEqual([]);
	},
);

scenario('many connections from a list, with failures handled', async (world) => {
	const site = await airbyteWith(world, {
		[ORDERS]: timelines.succeedsAfter(4, { rows: 42 }),
		[CONTACTS]: timelines.failsAfter(2, refusedSignIn),
		[ADS]: timelines.incompleteThen(2, 1, timelines.succeedsAfter(2, { rows: 7 })),
	});
	const execution = await run(site, await imported(site, 'sync many connections'));
	expect(outputOf(execution, 'Synced')).toMatchObject([
		{ name: 'Shop orders', rows: 42 },
		{ name: 'Ad reports', rows: 7 },
	]);
	expect(outputOf(execution, 'Not synced')).toEqual([
		{
			name: 'CRM contacts',
			what: expect.stringMatching(/^Airbyte job \d failed$/),
			why: expect.stringContaining('Wrong password'),
			page: PAGE,
		},
	]);
});

scenario('what is stale, and nothing else', async (world) => {
	const site = await world.airbyte();
	const jobs = timelines.succeedsAfter(1, { rows: 42 });
	const fresh = site.airbyte.addConnection({ name: 'Fresh', jobs });
	site.airbyte.addConnection({ name: 'Never synced', jobs });
	site.airbyte.addConnection({ name: 'Switched off', jobs, status: 'inactive' });
	site.airbyte.startJob(fresh.connectionId);
	const workflowId = await imported(site, 'sync what is stale');
	await until(() => site.airbyte.activeJob(fresh.connectionId) === undefined);
	const execution = await run(site, workflowId);
	expect(outputOf(execution, 'Synced')).toMatchObject([{ name: 'Never synced', rows: 42 }]);
	const asked = site.airbyte.audit.startedJobs().filter(({ origin }) => origin === 'api');
	expect(asked).toHaveLength(1);
});

scenario('the connections that HTTP Request lists', async (world) => {
	const site = await airbyteWith(world, {
		[ORDERS]: timelines.succeedsAfter(1, { rows: 42 }),
		[ADS]: timelines.succeedsAfter(2, { rows: 7 }),
	});
	site.airbyte.addConnection({ status: 'inactive' });
	const id = await imported(site, 'HTTP Request lists', '', (node) =>
		node.name === 'List connections'
			? {
					...node,
					parameters: {
						...node.parameters,
						url: `${site.airbyte.url}/api/public/v1/connections`,
					},
				}
			: node,
	);
	const execution = await run(site, id);
	expect(outputOf(execution, 'Rows and duration')).toEqual([
		{ rows: 42, seconds: 1, page: PAGE },
		{ rows: 7, seconds: 2, page: PAGE },
	]);
});

scenario('dbt after a sync, when it has brought rows', async (world) => {
	const site = await world.airbyte();
	const dbt = await startDbt();
	try {
		const credential = await world.api.createCredential({
			name: 'dbt Cloud',
			type: 'httpHeaderAuth',
			data: { name: 'Authorization', value: 'Token service-token' },
		});
		const at = (url: string) => (node: INode) =>
			node.name === 'Start the dbt job'
				? withCredential({ ...node, parameters: { ...node.parameters, url } }, credential)
				: node;
		const some = site.connection(timelines.succeedsAfter(1, { rows: 42 }));
		const none = site.connection(timelines.succeedsAfter(1, { rows: 0 }));
		const first = await run(site, await imported(site, 'dbt', some, at(dbt.url)));
		expect(outputOf(first, 'dbt run')).toEqual([{ runId: 70, page: 'http://dbt/70', rows: 42 }]);
		const second = await run(site, await imported(site, 'dbt', none, at(dbt.url)));
		expect(second.status).toBe('success');
		expect(dbt.calls).toEqual([
			{ authorization: 'Token service-token', body: { cause: 'Airbyte job 1 brought 42 rows' } },
		]);
	} finally {
		await dbt.stop();
	}
});

scenario('a step for each table', async (world) => {
	const site = await world.airbyte();
	const moved = [
		{ name: 'orders', namespace: 'shop', rows: 42, bytes: 900 },
		{ name: 'customers', rows: 7, bytes: 90 },
		{ name: 'returns', rows: 0, bytes: 0 },
	];
	const { connectionId } = site.airbyte.addConnection({
		name: 'Shop → Warehouse',
		jobs: { ...timelines.succeedsAfter(1), moved },
	});
	const execution = await run(site, await imported(site, 'step for each table', connectionId));
	const step = (table: string, name: string, rows: number) => ({
		table,
		rows,
		command: `dbt build --select source:airbyte.${name}+`,
		connection: 'Shop → Warehouse',
	});
	expect(outputOf(execution, 'Step for the table')).toEqual([
		step('shop.orders', 'orders', 42),
		step('customers', 'customers', 7),
	]);
});

/** As much of dbt Cloud as the example calls. */
async function startDbt() {
	const calls: Array<{ authorization?: string; body: unknown }> = [];
	const app = fastify({ forceCloseConnections: true });
	app.post('/api/v2/accounts/1/jobs/1/run/', async ({ headers, body }) => {
		calls.push({ authorization: headers.authorization, body });
		return { data: { id: 70, href: 'http://dbt/70' } };
	});
	const url = await app.listen({ host: '127.0.0.1', port: 0 });
	return {
		url: `${url}/api/v2/accounts/1/jobs/1/run/`,
		calls,
		stop: async () => await app.close(),
	};
}

scenario("after somebody else's sync", async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(20, { rows: 42 }));
	const workflowId = await imported(site, "somebody else's sync", connectionId);
	const id = await world.api.runWorkflow(workflowId);
	await world.api.waitForExecution(id, { until: ({ status }) => status === 'waiting' });
	site.airbyte.startJob(connectionId);
	const execution = await world.api.waitForExecution(id, { timeoutMs: 200_000 });
	expect(outputOf(execution, 'Rows and duration')).toEqual([{ rows: 42, seconds: 20, page: PAGE }]);
	expect(site.airbyte.audit.startedJobs().map(({ origin }) => origin)).toEqual(['schedule']);
});

scenario('lineage: what OpenLineage gets of a sync is as its schemas have it', async (world) => {
	const site = await world.airbyte();
	const backend = await startLineageBackend();
	try {
		const streams = ['public.orders', 'customers'];
		const add = (jobs: Timeline) => site.airbyte.addConnection({ streams, jobs }).connectionId;
		const good = add(timelines.succeedsAfter(1, { rows: 42, bytes: 4_200 }));
		const bad = add(timelines.failsAfter(1, refusedSignIn));
		const at = (node: INode) =>
			node.name === 'Post'
				? { ...node, parameters: { ...node.parameters, url: backend.url } }
				: node;
		for (const connectionId of [good, bad]) {
			const execution = await run(site, await imported(site, 'OpenLineage', connectionId, at));
			expect(execution.status).toBe('success');
		}
		const { events } = backend;
		expect(events.map(({ eventType }) => eventType)).toEqual([
			'START',
			'COMPLETE',
			'START',
			'FAIL',
		]);
		expect(events.flatMap(faultsOf)).toEqual([]);
		expect(faultsOf({ ...events[1], run: { runId: 'no UUID' } })).not.toEqual([]);
		const [started, completed, , failed] = events;
		expect(completed).toMatchObject({
			run: { runId: (started.run as IDataObject).runId },
			job: { namespace: 'airbyte', name: 'Source → Destination' },
			inputs: [
				{ namespace: 'Source', name: 'public.orders', inputFacets: rowsIn('inputStatistics', 21) },
				{ namespace: 'Source', name: 'customers', inputFacets: rowsIn('inputStatistics', 21) },
			],
			outputs: [
				{ namespace: 'Destination', outputFacets: rowsIn('outputStatistics', 21) },
				{ namespace: 'Destination', outputFacets: rowsIn('outputStatistics', 21) },
			],
		});
		const facets = { errorMessage: { message: expect.stringContaining('Wrong password') } };
		expect(failed).toMatchObject({ run: { facets } });
	} finally {
		await backend.stop();
	}
});

const rowsIn = (facet: string, rowCount: number) => ({ [facet]: { rowCount } });

/** As much of a lineage backend as the example calls. */
async function startLineageBackend() {
	const events: IDataObject[] = [];
	const app = fastify({ forceCloseConnections: true });
	app.post<{ Body: IDataObject }>('/api/v1/lineage', async ({ body }, reply) => {
		events.push(body);
		return await reply.code(201).send();
	});
	const url = await app.listen({ host: '127.0.0.1', port: 0 });
	return { url: `${url}/api/v1/lineage`, events, stop: async () => await app.close() };
}

scenario('an AI agent that syncs on request', async (world) => {
	const site = await world.airbyte();
	const { connectionId } = site.airbyte.addConnection({
		name: 'Shop orders → Warehouse',
		jobs: timelines.runsForever(),
	});
	site.airbyte.addConnection({ name: 'Ad reports → Warehouse' });
	const model = await ScriptedModel.start(
		() => ({ tool: 'Find_connections', input: { nameContains: 'orders' } }),
		() => ({ tool: 'How_fresh_is_it', input: { connectionId } }),
		() => ({ tool: 'Start_a_sync', input: { connectionId } }),
		() => ({ tool: 'Look_at_a_job', input: { jobId: '1' } }),
		() => 'Job 1 is running',
	);
	try {
		const credential = await world.api.createCredential({
			name: 'Scripted model',
			type: 'openAiApi',
			data: { apiKey: 'key', url: model.url },
		});
		const id = await imported(site, 'AI agent', '', (node) =>
			node.name === 'OpenAI Chat Model' ? withCredential(node, credential) : node,
		);
		const execution = await run(site, id, [
			{ sessionId: 'session', action: 'sendMessage', chatInput: 'Sync the orders' },
		]);
		expect(outputOf(execution, 'AI Agent')).toEqual([{ output: 'Job 1 is running' }]);
		const [found, ...rest] = model.told;
		expect(found).toContain(connectionId);
		expect(found).not.toContain('Ad reports');
		expect(rest).toEqual([
			expect.stringContaining('"stale":true'),
			expect.stringContaining('"status":"pending"'),
			expect.stringContaining('"status":"running"'),
		]);
		expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
	} finally {
		await model.stop();
	}
});

test('every example has a note that says what it shows and what to fill in, and fits the others', async () => {
	const examples = await readExamples();
	for (const { nodes } of examples) {
		const notes = nodes.filter(({ type }) => type === 'n8n-nodes-base.stickyNote');
		expect(notes.map(({ name }) => name)).toEqual(['About']);
		expect(notes[0].parameters.content).toMatch(/^## .+\n[^]+\*\*Fill in\*\*/);
	}
	const ids = examples.flatMap(({ nodes }) => nodes.map(({ id }) => id));
	expect(new Set(ids).size).toBe(ids.length);
	const credentials = examples.flatMap(({ nodes }) =>
		nodes.flatMap((node) => Object.values(node.credentials ?? {})),
	);
	expect(credentials.filter(({ id }) => id !== '')).toEqual([]);
});

test('every example is run', async () => {
	const others = (await readExamples()).map(({ name }) => name).filter((name) => !ran.has(name));
	// By trigger.test.cts.
	expect(others).toEqual(['Airbyte: tell somebody when a sync fails']);
});
