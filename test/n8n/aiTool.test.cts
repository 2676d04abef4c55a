/** The nodes as tools of n8n's AI agent, with a model that follows a script. */
import type { IConnections, INode, INodeParameters } from 'n8n-workflow';
import { jsonParse } from 'n8n-workflow';

import { type Execution, outputOf, runsOf } from '../../scripts/n8n/execution.cts';
import type { NodeSettings } from '../../scripts/n8n/workflow.cts';
import {
	airbyteNode,
	connectionById,
	manualTrigger,
	node,
	workflow,
} from '../../scripts/n8n/workflow.cts';
import { timelines } from '../../simulator/index.cts';
import { type ToolCall, type Turn, ScriptedModel } from './harness/scriptedModel.cts';
import { sideBySide } from './harness/sideBySide.cts';
import type { Site } from './harness/world.cts';
import { World } from './harness/world.cts';

const scenario = sideBySide(World.setUp, World.tearDown);

/** Runs its tools on n8n's engine. */
const AGENT = 3.1;
/** Calls them itself. */
const OLDER_AGENT = 2.2;

const sync = (connection: string): ToolCall => ({ tool: 'Sync', input: { connection } });
const status = (jobId: unknown): ToolCall => ({ tool: 'Status', input: { jobId } as never });
const idOfLastJob = (told: string[]): number => firstTold(told.at(-1)).jobId as number;

/** The first item of what a tool gave; the older agent wraps it once more. */
function firstTold(text = '[]') {
	return jsonParse<Array<Record<string, unknown>>>(text)[0];
}

interface AgentRun {
	version?: number;
	turns: Turn[];
	sync?: INodeParameters;
	status?: INodeParameters;
	/** Of the tool that finds connections, and of the one that tells of a connection. */
	find?: INodeParameters;
	fresh?: INodeParameters;
	settings?: NodeSettings;
	/** A workflow that is a tool, too. */
	workflowId?: string;
}

/** Runs an agent with all tools; the model calls them by the names of their nodes. */
async function runAgent(site: Site, run: AgentRun) {
	const model = await ScriptedModel.start(...run.turns);
	try {
		const nodes = [manualTrigger(), ...(await agentNodes(site, model, run))];
		const settings = { executionOrder: 'v1' };
		const definition = { name: 'Agent', nodes, connections: intoAgent(nodes), settings };
		const id = await site.world.api.runWorkflow(definition as never);
		const execution = await site.world.api.waitForExecution(id);
		return { execution, told: model.told.map(firstTold), tools: model.tools };
	} finally {
		await model.stop();
	}
}

async function agentNodes(site: Site, model: ScriptedModel, run: AgentRun): Promise<INode[]> {
	const { version = AGENT, settings } = run;
	const { id, name } = await site.world.api.createCredential({
		name: `Model at ${model.url}`,
		type: 'openAiApi',
		data: { apiKey: 'key', url: model.url },
	});
	const connectionId = connectionById(`={{ $fromAI('connection', 'ID of the connection') }}`);
	const prompt = { promptType: 'define', text: 'Sync the orders', options: {} };
	const modelIs = { model: { __rl: true, mode: 'id', value: 'scripted' }, options: {} };
	return [
		node('Agent', '@n8n/n8n-nodes-langchain.agent', version, prompt),
		node('Model', '@n8n/n8n-nodes-langchain.lmChatOpenAi', 1.2, modelIs as never, {
			credentials: { openAiApi: { id, name } },
		}),
		tool('airbyteTriggerSync', 'Sync', { connectionId, ...run.sync }, site, settings),
		tool('airbyteJobStatus', 'Status', { ...run.status }, site, settings),
		tool('airbyteConnection', 'Find', { operation: 'getMany', ...run.find }, site, settings),
		tool('airbyteConnection', 'Fresh', { operation: 'getStatus', ...run.fresh }, site, settings),
		...(run.workflowId === undefined ? [] : [workflowTool(run.workflowId)]),
	];
}

function workflowTool(value: string): INode {
	return node('Workflow', '@n8n/n8n-nodes-langchain.toolWorkflow', 2.2, {
		description: 'Syncs the orders',
		workflowId: { __rl: true, mode: 'id', value },
		workflowInputs: { mappingMode: 'defineBelow', value: {}, matchingColumns: [], schema: [] },
	} as never);
}

function tool(
	type: 'airbyteTriggerSync' | 'airbyteJobStatus' | 'airbyteConnection',
	name: string,
	parameters: INodeParameters,
	{ credential }: Site,
	settings?: NodeSettings,
): INode {
	const asNode = airbyteNode(type, name, parameters, credential, settings);
	return { ...asNode, type: `${asNode.type}Tool` };
}

const INTO: Record<string, string> = { Start: 'main', Model: 'ai_languageModel' };

/** All others are tools. */
function intoAgent(nodes: INode[]): IConnections {
	const names = nodes.map(({ name }) => name).filter((name) => name !== 'Agent');
	const into = (type: string) => ({ [type]: [[{ node: 'Agent', type, index: 0 }]] });
	return Object.fromEntries(
		names.map((name) => [name, into(INTO[name] ?? 'ai_tool')]),
	) as IConnections;
}

const answer = (execution: Execution) => outputOf(execution, 'Agent');

scenario('an agent starts a sync and asks for its status, without waiting', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.runsForever());
	const { execution, told, tools } = await runAgent(site, {
		turns: [
			() => sync(connectionId),
			(before) => status(idOfLastJob(before)),
			(before) => status(String(idOfLastJob(before))),
			() => 'It runs',
		],
	});
	expect(answer(execution)).toEqual([{ output: 'It runs' }]);
	expect(told).toMatchObject([
		{ jobId: 1, connectionId, status: 'pending' },
		{ jobId: 1, status: 'running' },
		{ jobId: 1, status: 'running' },
	]);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
	expect(tools.map(({ name, description }) => [name, description]).sort()).toEqual([
		['Find', expect.stringMatching(/^Lists Airbyte connections by parts of their names/)],
		['Fresh', expect.stringMatching(/^Tells, for an Airbyte connection by its ID, how old/)],
		['Status', expect.stringMatching(/^Gives the status of an Airbyte job by its ID/)],
		['Sync', expect.stringMatching(/^Starts a sync of an Airbyte connection/)],
	]);
	const parameters = tools.flatMap((offered) => Object.entries(offered.parameters.properties));
	expect(Object.fromEntries(parameters)).toMatchObject({
		connection: { type: 'string' },
		connectionId: { type: 'string', description: 'ID of the Airbyte connection' },
		nameContains: { type: 'string' },
		jobId: { type: 'string', description: 'Number of the Airbyte job' },
	});
});

scenario(
	'an agent finds a connection by its name, tells its freshness, syncs it and reports',
	async (world) => {
		const site = await world.airbyte();
		const orders = site.airbyte.addConnection({
			name: 'Orders',
			sourceName: 'Shop',
			jobs: [timelines.succeedsAfter(0, { rows: 1 }), timelines.succeedsAfter(2, { rows: 42 })],
		});
		site.airbyte.addConnection({ name: 'Returns', sourceName: 'Support' });
		site.airbyte.startJob(orders.connectionId);
		const idFound = (before: string[]) => ({
			connectionId: String(firstTold(before[0]).connectionId),
		});
		const { execution, told } = await runAgent(site, {
			sync: { mode: 'synchronous', waitSeconds: 1 },
			turns: [
				() => ({ tool: 'Find', input: { nameContains: 'shop orders' } }),
				(before) => ({ tool: 'Fresh', input: idFound(before) }),
				(before) => sync(idFound(before).connectionId),
				(before) => status(idOfLastJob(before)),
				(before) => ({ tool: 'Fresh', input: idFound(before) }),
				() => 'The orders are fresh',
			],
		});
		expect(answer(execution)).toEqual([{ output: 'The orders are fresh' }]);
		const { connectionId } = orders;
		expect(told).toMatchObject([
			{ connectionId, name: 'Orders', sourceName: 'Shop', status: 'active' },
			{ connectionId, stale: false, ageSeconds: expect.any(Number), lastSuccess: { jobId: 1 } },
			{ jobId: 2, status: 'succeeded', rowsSynced: 42 },
			{ jobId: 2, status: 'succeeded', rowsSynced: 42 },
			{ connectionId, lastSuccess: { jobId: 2 } },
		]);
	},
);

scenario('an agent waits for a sync that was started before', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(4, { rows: 42 }));
	const { told, tools } = await runAgent(site, {
		fresh: { operation: 'waitForSync', waitSeconds: 1, after: '2020-01-01' },
		turns: [
			() => sync(connectionId),
			() => ({ tool: 'Fresh', input: { connectionId } }),
			() => 'It is there',
		],
	});
	expect(told).toMatchObject([{ status: 'pending' }, { jobId: 1, rowsSynced: 42 }]);
	expect(tools.find(({ name }) => name === 'Fresh')?.description).toMatch(/^Waits until the next/);
});

scenario(
	'the operation of Airbyte Job Status decides what its tool is told to do',
	async (world) => {
		const site = await world.airbyte();
		const connectionId = site.connection(timelines.runsForever());
		const { told, tools } = await runAgent(site, {
			status: { operation: 'cancel' },
			turns: [
				() => sync(connectionId),
				(before) => status(idOfLastJob(before)),
				() => 'It is cancelled',
			],
		});
		expect(told).toMatchObject([{ jobId: 1 }, { jobId: 1, status: 'cancelled' }]);
		expect(tools.find(({ name }) => name === 'Status')?.description).toMatch(/^Cancels/);
	},
);

for (const [who, version] of [
	['an agent', AGENT],
	['an older agent', OLDER_AGENT],
] as const) {
	scenario(`${who} is told what went wrong, why and what to do, and goes on`, async (world) => {
		const site = await world.airbyte();
		const connectionId = site.connection(
			timelines.failsAfter(1, {
				origin: 'source',
				type: 'config_error',
				message: 'connect ECONNREFUSED: the database is down',
				retryable: false,
			}),
		);
		const { execution, told } = await runAgent(site, {
			version,
			sync: { mode: 'synchronous', waitSeconds: 1 },
			turns: [
				() => sync('orders'),
				() => sync('5a1e0000-0000-4000-8000-0000000000aa'),
				() => status('4711'),
				() => status('the last one'),
				() => sync(connectionId),
				() => 'It failed',
			],
		});
		expect(execution.status).toBe('success');
		expect(answer(execution)).toEqual([{ output: 'It failed' }]);
		expect(told).toEqual([
			{
				error: `'Connection' is not a connection's ID: "orders"`,
				message: expect.stringContaining('A connection ID looks like'),
				details: {},
			},
			{
				error: 'Airbyte refused access while reading the connection (403)',
				message: expect.stringContaining("Check 'Connection'"),
				details: { connectionId: '5a1e0000-0000-4000-8000-0000000000aa', jobType: 'sync' },
			},
			{
				error: 'Airbyte refused access while looking at job 4711 (403)',
				message: expect.stringContaining("Check 'Job ID'"),
				details: { jobId: 4711 },
			},
			{
				error: `'Job ID' is not a job's number: "the last one"`,
				message: expect.stringContaining('A job ID is a whole number'),
				details: {},
			},
			{
				error: 'Airbyte job 1 failed',
				message: expect.stringContaining('the database is down'),
				details: expect.objectContaining({
					jobId: 1,
					status: 'failed',
					failure: expect.objectContaining({ type: 'config_error' }),
				}),
			},
		]);
	});
}

scenario("'Stop Workflow' in the tool's settings ends the agent", async (world) => {
	const site = await world.airbyte();
	const { execution } = await runAgent(site, {
		settings: { onError: 'stopWorkflow' },
		turns: [() => sync('orders')],
	});
	expect(execution.status).toBe('error');
	expect(execution.data.resultData.error?.message).toContain(
		"'Connection' is not a connection's ID",
	);
});

scenario('the deferrable mode is refused in a tool before anything is started', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(1));
	const { execution, told } = await runAgent(site, {
		sync: { mode: 'deferrable' },
		turns: [() => sync(connectionId), () => 'It cannot'],
	});
	expect(told).toMatchObject([
		{ error: "The deferrable mode does not work in an AI agent's tool" },
	]);
	expect(runsOf(execution, 'Sync')).toHaveLength(1);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(0);
});

scenario('a workflow with a deferrable sync is a tool that answers with its end', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(8, { rows: 42 }));
	const called = node('Called', 'n8n-nodes-base.executeWorkflowTrigger', 1.1, {
		inputSource: 'passthrough',
	});
	const deferred = site.syncNode(connectionId, { mode: 'deferrable', waitSeconds: 1 });
	const workflowId = await world.api.createWorkflow(workflow('Tool', [called, deferred]));
	await world.api.activate(workflowId);
	const { execution, told } = await runAgent(site, {
		workflowId,
		turns: [() => ({ tool: 'Workflow', input: {} }), () => 'Done'],
	});
	expect(answer(execution)).toEqual([{ output: 'Done' }]);
	expect(told).toMatchObject([{ jobId: 1, status: 'succeeded', rowsSynced: 42 }]);
});
