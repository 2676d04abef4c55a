/**
 * `npm run screenshots`: takes the pictures of the README and of docs/ in the editor of a real n8n, next to the
 * simulated Airbyte; `npm run screenshots -- trigger options` only those. Needs Chromium (`apt-get install chromium`,
 * or CHROMIUM=/path/to/it).
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import axios from 'axios';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import {
	AirbyteSimulator,
	type DemoConnection,
	demoConnections,
	timelines,
} from '../simulator/index.cts';
import { pointedAt, readExamples } from './demo/examples.cts';
import { N8nApi, type SavedCredential, airbyteCredential } from './n8n/api.cts';
import { Editor, openBrowser } from './n8n/editor.cts';
import { type Execution, resumeUrlOf } from './n8n/execution.cts';
import { installN8n } from './n8n/install.cts';
import { packPackage } from './n8n/package.cts';
import { N8n } from './n8n/server.cts';
import { airbyteNode, manualTrigger, workflow } from './n8n/workflow.cts';
import { until } from './until.cts';

const IMAGES = resolve(__dirname, '..', 'docs', 'images');
/** Where `abctl` puts an Airbyte, so that the pictures show an address that people know. */
const AIRBYTE_PORT = 8000;

const [succeeding, failing] = demoConnections();

async function main(names: string[]): Promise<void> {
	const unknown = names.filter((name) => !(name in shots));
	if (unknown.length > 0) {
		throw new Error(`${unknown.join(', ')}: choose from ${Object.keys(shots).join(', ')}`);
	}
	await mkdir(IMAGES, { recursive: true });
	const simulator = await startAirbyte();
	try {
		const install = await installN8n();
		const n8n = await N8n.start({ install, tarball: await packPackage() });
		try {
			await takePictures(n8n, simulator, names.length > 0 ? names : Object.keys(shots));
		} finally {
			await n8n.stop();
		}
	} finally {
		await simulator.stop();
	}
}

const picture = (name: string) => join(IMAGES, `${name}.png`);

async function startAirbyte(): Promise<AirbyteSimulator> {
	const simulator = new AirbyteSimulator();
	for (const connection of demoConnections()) simulator.addConnection(connection);
	addFinance(simulator);
	await simulator.start(AIRBYTE_PORT).catch(async () => await simulator.start());
	return simulator;
}

/** A second workspace, for the list of connections to show. */
function addFinance(simulator: AirbyteSimulator): void {
	const { workspaceId } = simulator.addWorkspace({ name: 'Finance' });
	const destinationName = 'Warehouse';
	simulator.addConnection({ workspaceId, name: 'Payments', sourceName: 'Stripe', destinationName });
	simulator.addConnection({
		workspaceId,
		name: 'Old invoices',
		sourceName: 'ERP',
		destinationName,
		status: 'inactive',
	});
}

interface Stage {
	api: N8nApi;
	editor: Editor;
	simulator: AirbyteSimulator;
	credential: SavedCredential;
}

/** What takes a picture of that name; those that need what others leave behind come after them. */
const shots: Record<string, (stage: Stage) => Promise<void>> = {
	credential: async ({ editor, credential }) =>
		await editor.takeCredential(picture('credential'), credential),
	'credential-refused': takeRefusal,
	workflow: async (stage) => {
		await stage.editor.run(await example(stage, 'sync many', succeeding));
		await stage.editor.take(picture('workflow'));
	},
	'connection-list': takeList,
	options: takeOptions,
	'trigger-sync': async (stage) => {
		await stage.editor.run(await example(stage, 'run a sync', succeeding));
		await stage.editor.openNode('Airbyte Trigger Sync');
		await stage.editor.showOutputAsJson();
		await stage.editor.take(picture('trigger-sync'));
	},
	error: async (stage) => {
		await stage.editor.run(await example(stage, 'run a sync', failing));
		await stage.editor.openNode('Airbyte Trigger Sync');
		await stage.editor.take(picture('error'));
	},
	'job-status': async (stage) => {
		await stage.editor.run(await example(stage, 'start a sync now', succeeding));
		await stage.editor.openNode('Wait for the sync');
		await stage.editor.showOutputAsJson();
		await stage.editor.take(picture('job-status'));
	},
	connection: async (stage) => {
		// For it to tell of.
		await stage.editor.run(await example(stage, 'run a sync', succeeding));
		const name = 'Airbyte Connection';
		const node = airbyteNode(
			'airbyteConnection',
			name,
			{
				operation: 'getStatus',
				connectionId: chosen(succeeding),
				maximumAge: 86_400,
				// So that all of it is in the picture.
				options: { simplify: true },
			},
			stage.credential,
		);
		const nodes = [manualTrigger(), node];
		await stage.editor.run(await stage.api.createWorkflow(workflow('Fresh', nodes)));
		await stage.editor.openNode(name);
		await stage.editor.showOutputAsJson();
		await stage.editor.take(picture('connection'));
	},
	trigger: async (stage) => {
		// For it to show.
		await stage.editor.run(await example(stage, 'run a sync', failing));
		await stage.editor.run(await example(stage, 'tell somebody', failing));
		await stage.editor.openNode('When a sync fails');
		await stage.editor.showOutputAsJson();
		await stage.editor.take(picture('trigger'));
	},
	deferrable: takeDeferrable,
};

async function takePictures(n8n: N8n, simulator: AirbyteSimulator, names: string[]): Promise<void> {
	const api = await N8nApi.signIn(n8n.url);
	const credential = await addCredential(api, simulator);
	const browser = await openBrowser();
	try {
		const stage = { api, editor: await Editor.signIn(browser, n8n.url), simulator, credential };
		for (const name of names) {
			console.log(name);
			await shots[name](stage);
		}
	} finally {
		await browser.close();
	}
}

async function takeRefusal({ api, editor, simulator }: Stage): Promise<void> {
	const credential = await addCredential(
		api,
		simulator,
		{ clientSecret: 'not-this-one' },
		'Airbyte API with a wrong secret',
	);
	const refusal = 'Airbyte did not accept the client ID and secret';
	await editor.takeCredential(picture('credential-refused'), credential, refusal);
}

/** The list of connections, while somebody types. */
async function takeList(stage: Stage): Promise<void> {
	const { editor } = stage;
	await editor.openWorkflow(await workflowOf(stage, { connectionId: notChosen }));
	await editor.openNode('Airbyte Trigger Sync');
	await editor.openList('connectionId');
	await editor.typeIntoList('ware');
	await pause(2_000);
	await editor.take(picture('connection-list'));
}

const notChosen = { __rl: true, mode: 'list', value: '' };

const chosen = ({ connectionId, name }: DemoConnection) =>
	({ __rl: true, mode: 'list', value: connectionId, cachedResultName: name }) as INodeParameters;

async function takeOptions(stage: Stage): Promise<void> {
	const { editor } = stage;
	const id = await workflowOf(stage, {
		connectionId: chosen(succeeding),
		mode: 'deferrable',
		options: {
			onActiveJob: 'queue',
			retries: 2,
			retryDelay: 300,
			minimumRows: 1,
			queueTimeout: 1800,
			failureDetails: true,
			cancelOnStop: true,
		},
	});
	await editor.openWorkflow(id);
	await editor.openNode('Airbyte Trigger Sync');
	await editor.takeFields(picture('options'), 1_150);
}

async function workflowOf(
	{ api, credential }: Stage,
	parameters: INodeParameters,
): Promise<string> {
	const name = 'Airbyte Trigger Sync';
	const sync = airbyteNode('airbyteTriggerSync', name, parameters, credential);
	return await api.createWorkflow(workflow('Sync', [manualTrigger(), sync]));
}

/** A deferred sync, opened while it waits. */
async function takeDeferrable(stage: Stage): Promise<void> {
	const { api, editor, simulator } = stage;
	// Long enough for the editor to be shown that it runs.
	simulator.updateConnection(succeeding.connectionId, { jobs: timelines.succeedsAfter(60) });
	const workflowId = await example(stage, 'long sync', succeeding);
	await editor.start(workflowId);
	const execution = await untilWaiting(api, workflowId);
	await editor.openNode('Airbyte Trigger Sync');
	await lookUntilItRuns(resumeUrlOf(api, execution));
	await until(async () => (await editor.outputText()).includes('running at'));
	await editor.take(picture('waiting'));
}

async function untilWaiting(api: N8nApi, workflowId: string): Promise<Execution> {
	// The executions that wake it run under the same workflow's id, too.
	const { id } = await until(async () =>
		(await api.executions(workflowId)).find(
			({ mode, status }) => mode === 'manual' && status === 'waiting',
		),
	);
	return await api.execution(id);
}

/** What a call of the resume URL tells. */
interface Report {
	jobs: Array<{ status: string }>;
}

/** Has the node look until the job runs: sooner than the lookout does. */
async function lookUntilItRuns(resumeUrl: string): Promise<void> {
	const ask = async () => (await axios.post<Report>(resumeUrl, {}, { proxy: false })).data;
	await until(async () => (await ask()).jobs[0].status === 'running', 120_000, 2_000);
}

async function addCredential(
	api: N8nApi,
	{ url }: AirbyteSimulator,
	data: IDataObject = {},
	name?: string,
): Promise<SavedCredential> {
	const host = url.replace('127.0.0.1', 'localhost');
	return await api.createCredential(airbyteCredential({ host, ...data }, name));
}

/** Imports the example whose name holds these words; gives the workflow's id. */
async function example(
	{ api, credential }: Stage,
	words: string,
	connection: DemoConnection,
): Promise<string> {
	const found = (await readExamples()).find(({ name }) => name.includes(words));
	if (!found) throw new Error(`No example is called '${words}'`);
	const nodes = found.nodes.map((node) => pointedAt(node, credential, chosen(connection)));
	return await api.createWorkflow({ ...found, nodes });
}

main(process.argv.slice(2)).catch((error: Error) => {
	console.error(error.stack);
	process.exitCode = 1;
});
