/**
 * `npm run screenshots`: takes the pictures of the README in the editor of a real n8n, next to the
 * simulated Airbyte. Needs Chromium (`apt-get install chromium`, or CHROMIUM=/path/to/it).
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { type Browser, chromium, type Locator, type Page } from 'playwright-core';

import { AirbyteSimulator, type DemoConnection, demoConnections } from '../simulator/index.cts';
import { pointedAt, readExamples } from './demo/examples.cts';
import { N8nApi, OWNER, type SavedCredential } from './n8n/api.cts';
import { installN8n } from './n8n/install.cts';
import { packPackage } from './n8n/package.cts';
import { N8n } from './n8n/server.cts';

const IMAGES = resolve(__dirname, '..', 'docs', 'images');
const VIEWPORT = { width: 1440, height: 900 };
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

		await editor.takeCredential('credential', credential);
		await editor.run(await example('sync many', succeeding));
		await editor.take('workflow');
		await editor.run(await example('run a sync', succeeding));
		await editor.openNode('Airbyte Trigger Sync');
		await editor.showOutputAsJson();
		await editor.take('trigger-sync');
		await editor.run(await example('run a sync', failing));
		await editor.openNode('Airbyte Trigger Sync');
		await editor.take('error');
	} finally {
		await browser.close();
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

async function openBrowser(): Promise<Browser> {
	const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'];
	const executablePath = candidates.find((path) => path && existsSync(path));
	if (!executablePath) throw new Error('No Chromium: install it, or name it in CHROMIUM');
	return await chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** n8n's editor, as a person uses it. */
class Editor {
	private constructor(
		private readonly page: Page,
		private readonly url: string,
	) {}

	static async signIn(browser: Browser, url: string): Promise<Editor> {
		const page = await browser.newPage({ viewport: VIEWPORT, deviceScaleFactor: 1 });
		await page.goto(`${url}/signin`);
		await page.locator('input[type="email"]').fill(OWNER.email);
		await page.locator('input[type="password"]').fill(OWNER.password);
		await page.keyboard.press('Enter');
		await page.waitForURL(/home|workflow/);
		return new Editor(page, url);
	}

	/** The dialog of a credential: n8n tests it as it opens. */
	async takeCredential(picture: string, { name }: SavedCredential): Promise<void> {
		// High enough for a dialog that ends below a field, not within one.
		await this.page.setViewportSize({ ...VIEWPORT, height: 1500 });
		await this.page.goto(`${this.url}/home/credentials`);
		await this.page.getByText(name, { exact: true }).first().click();
		await this.page.getByText('Connection tested successfully').waitFor();
		await this.take(picture, this.byTestId('editCredential-modal'));
		await this.page.setViewportSize(VIEWPORT);
	}

	/** Opens a workflow, runs it, and waits until it has ended, well or not. */
	async run(workflowId: string): Promise<void> {
		await this.page.goto(`${this.url}/workflow/${workflowId}`);
		await this.byTestId('canvas-node').first().waitFor();
		await this.byTestId('execute-workflow-button').first().click();
		const notice = this.page.locator('.el-notification');
		await notice.waitFor({ timeout: 60_000 });
		await notice.locator('.el-notification__closeBtn').click();
		await notice.waitFor({ state: 'detached' });
	}

	async openNode(name: string): Promise<void> {
		await this.page.locator(`[data-test-id="canvas-node"][data-node-name="${name}"]`).dblclick();
		await this.byTestId('ndv').waitFor();
	}

	async showOutputAsJson(): Promise<void> {
		await this.byTestId('output-panel').getByText('JSON', { exact: true }).click();
	}

	/** Takes a picture of all there is to see, or of a part of it. */
	async take(picture: string, part?: Locator): Promise<void> {
		// No button looks hovered, no field has a caret.
		await this.page.mouse.move(VIEWPORT.width / 2, 5);
		await this.page.waitForTimeout(1_000);
		const path = join(IMAGES, `${picture}.png`);
		await (part ?? this.page).screenshot({ path, animations: 'disabled' });
		console.log(path);
	}

	private byTestId(id: string): Locator {
		return this.page.locator(`[data-test-id="${id}"]`);
	}
}

main().catch((error: Error) => {
	console.error(error.stack);
	process.exitCode = 1;
});
