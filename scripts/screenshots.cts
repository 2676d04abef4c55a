/**
 * `npm run screenshots`: takes the pictures of the README in the editor of a real n8n, next to the
 * simulated Airbyte. Needs Chromium (`apt-get install chromium`, or CHROMIUM=/path/to/it).
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import axios from 'axios';
import type { IRunExecutionData } from 'n8n-workflow';
import { AirbyteSimulator, type DemoConnection, demoConnections } from '../simulator/index.cts';
import { pointedAt, readExamples } from './demo/examples.cts';
import { N8nApi, type SavedCredential } from './n8n/api.cts';
import { Editor, openBrowser } from './n8n/editor.cts';
import type { Execution } from './n8n/execution.cts';
import { installN8n } from './n8n/install.cts';
import { packPackage } from './n8n/package.cts';
import { N8n } from './n8n/server.cts';

const IMAGES = resolve(__dirname, '..', 'docs', 'images');
/** Where `abctl` puts an Airbyte, so that the pictures show an address that people know. */
const AIRBYTE_PORT = 8000;

const [succeeding, failing] = demoConnections();

async function main(): Promise<void> {
	await mkdir(IMAGES, { recursive: true });
	const simulator = await startAirbyte();
	try {
		const install = await installN8n();
		const n8n = await N8n.start({ install, tarball: await packPackage() });
		try {
			await takePictures(n8n, simulator);
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
	await simulator.start(AIRBYTE_PORT).catch(async () => await simulator.start());
	return simulator;
}

async function takePictures(n8n: N8n, simulator: AirbyteSimulator): Promise<void> {
	const api = await N8nApi.signIn(n8n.url);
	const credential = await addCredential(api, simulator);
	const browser = await openBrowser();
	try {
		const editor = await Editor.signIn(browser, n8n.url);
		const example = async (words: string, connection: DemoConnection) =>
			await importExample(api, credential, words, connection);

		await editor.takeCredential(picture('credential'), credential);
		await editor.run(await example('sync many', succeeding));
		await editor.take(picture('workflow'));
		await editor.run(await example('run a sync', succeeding));
		await editor.openNode('Airbyte Trigger Sync');
		await editor.showOutputAsJson();
		await editor.take(picture('trigger-sync'));
		await editor.run(await example('run a sync', failing));
		await editor.openNode('Airbyte Trigger Sync');
		await editor.take(picture('error'));
		await takeDeferrable(api, editor, await example('long sync', succeeding));
	} finally {
		await browser.close();
	}
}

/** A deferred sync, opened while it waits, and as it is once it has ended. */
async function takeDeferrable(api: N8nApi, editor: Editor, workflowId: string): Promise<void> {
	await editor.start(workflowId);
	const execution = await untilWaiting(api, workflowId);
	await editor.openNode('Airbyte Trigger Sync');
	await editor.take(picture('waiting'));
	await editor.showOutputAsJson();
	await goOn(api, execution);
	await editor.untilRun();
	await editor.take(picture('deferrable-done'));
}

async function untilWaiting(api: N8nApi, workflowId: string): Promise<Execution> {
	for (;;) {
		// Its alarm clocks run under the same workflow's id, too.
		const mine = (await api.executions(workflowId)).filter(({ mode }) => mode === 'manual');
		const [waiting] = mine.filter(({ status }) => status === 'waiting');
		if (waiting) return await api.execution(waiting.id);
		await pause(500);
	}
}

/** Calls the resume URL until the job has ended: sooner than the alarm clocks do. */
async function goOn(api: N8nApi, { id, data }: Execution): Promise<void> {
	const { resumeToken } = data as IRunExecutionData & { resumeToken?: string };
	const url = `${api.url}/webhook-waiting/${id}?signature=${resumeToken}`;
	for (;;) {
		const { data: report } = await axios.post<{ resumed: boolean }>(url, {}, { proxy: false });
		if (report.resumed) return;
		await pause(2_000);
	}
}

async function addCredential(
	api: N8nApi,
	{ url, settings }: AirbyteSimulator,
): Promise<SavedCredential> {
	const { clientId, clientSecret } = settings;
	const host = url.replace('127.0.0.1', 'localhost');
	return await api.createCredential({
		name: 'Airbyte API',
		type: 'airbyteApi',
		data: { authentication: 'clientCredentials', host, clientId, clientSecret },
	});
}

/** Imports the example whose name holds these words; gives the workflow's id. */
async function importExample(
	api: N8nApi,
	credential: SavedCredential,
	words: string,
	{ connectionId }: DemoConnection,
): Promise<string> {
	const example = (await readExamples()).find(({ name }) => name.includes(words));
	if (!example) throw new Error(`No example is called '${words}'`);
	const nodes = example.nodes.map((node) => pointedAt(node, credential, connectionId));
	return await api.createWorkflow({ ...example, nodes });
}

main().catch((error: Error) => {
	console.error(error.stack);
	process.exitCode = 1;
});
