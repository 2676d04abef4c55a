/**
 * The ways to install the package that docs/install.md names, with n8n's switch for unverified packages on and off:
 * off is what n8n 3 starts with.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import axios from 'axios';
import type { IDataObject } from 'n8n-workflow';

import { N8nApi, airbyteCredential } from '../../scripts/n8n/api.cts';
import { testInstall, testTarball } from '../../scripts/n8n/forTests.cts';
import { installPackage } from '../../scripts/n8n/package.cts';
import { freePort } from '../../scripts/n8n/ports.cts';
import { QueueN8n, queueModeLacks } from '../../scripts/n8n/queue.cts';
import { N8n, n8nProgram, urlAt } from '../../scripts/n8n/server.cts';
import { Service } from '../../scripts/n8n/service.cts';
import {
	airbyteNode,
	connectionById,
	webhookTrigger,
	workflow,
} from '../../scripts/n8n/workflow.cts';
import { Registry } from './harness/registry.cts';
import { testUnless } from './harness/testUnless.cts';
import { until } from '../../scripts/until.cts';

const { name, version } = JSON.parse(
	readFileSync(resolve(__dirname, '..', '..', 'package.json'), 'utf8'),
) as { name: string; version: string };

/** n8n's switch; `off` is the default of n8n 3. */
type Switch = 'on' | 'off';

const TIMEOUT_MS = 300_000;
const run = promisify(execFile);

let registry: Registry;
/** Where the n8n of a test keeps its files. */
let userFolder: string;
let running: N8n | undefined;

beforeAll(async () => {
	registry = await Registry.start(testTarball(), { name, version });
});
afterAll(async () => await registry.stop());

beforeEach(async () => {
	userFolder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-install-'));
});
afterEach(async () => {
	await stop();
	await rm(userFolder, { recursive: true, force: true });
});

const nodesFolder = (): string => join(userFolder, '.n8n', 'nodes');

async function stop(): Promise<void> {
	await running?.stop();
	running = undefined;
}

/** Starts n8n on the test's folder, without the package in it. */
async function start(unverified: Switch, env: Record<string, string> = {}): Promise<N8nApi> {
	await stop();
	running = await N8n.start({
		install: testInstall(),
		userFolder,
		env: {
			...registry.env,
			N8N_UNVERIFIED_PACKAGES_ENABLED: String(unverified === 'on'),
			...env,
		},
	});
	return await N8nApi.signIn(running.url);
}

/** n8n's list in the environment, as docs/install.md writes it. */
function list(checksum?: string): Record<string, string> {
	return {
		N8N_COMMUNITY_PACKAGES_MANAGED_BY_ENV: 'true',
		N8N_COMMUNITY_PACKAGES: JSON.stringify([{ name, version, checksum }]),
	};
}

async function installInPanel(api: N8nApi): Promise<void> {
	await api.post('/community-packages', { name });
}

/** Whether n8n has our nodes: the editor asks it the same way. */
async function isLoaded(api: N8nApi): Promise<boolean> {
	const nodeInfos = [{ name: `${name}.airbyteTriggerSync`, version: 1 }];
	try {
		const [description] = await api.post<IDataObject[]>('/node-types', { nodeInfos });
		return description.displayName === 'Airbyte Trigger Sync';
	} catch (error) {
		if ((error as Error).message.includes('Unrecognized node type')) return false;
		throw error;
	}
}

/** A webhook processor of that n8n; the test's folder is its own, as in a container. */
async function webhookProcessor(n8n: QueueN8n) {
	const port = await freePort();
	const env = { ...n8n.env, N8N_PORT: String(port), N8N_USER_FOLDER: userFolder };
	const service = new Service({
		name: "n8n's webhook processor",
		...n8nProgram(testInstall(), ['webhook'], env),
		isReady: (output) => output.includes('Webhook listener waiting for requests'),
	});
	const call = async (path: string) =>
		await axios.post(`${urlAt(port)}/webhook/${path}`, {}, { proxy: false, validateStatus: null });
	return { service, call };
}

/** A workflow that starts a sync when it is called; gives the path of its webhook. */
async function publishSync(api: N8nApi): Promise<string> {
	const credential = await api.createCredential(airbyteCredential({ host: 'http://127.0.0.1:9' }));
	const path = 'new-orders';
	const connectionId = connectionById('5a1e0000-0000-4000-8000-000000000001');
	const sync = airbyteNode('airbyteTriggerSync', 'Sync', { connectionId }, credential);
	await api.activate(
		await api.createWorkflow(workflow('Sync when called', [webhookTrigger(path), sync])),
	);
	return path;
}

/** As docs/install.md says it. */
function commandByHand(): string {
	const page = readFileSync(resolve(__dirname, '..', '..', 'docs', 'install.md'), 'utf8');
	const command = /## By hand\n[^#]*?```sh\n(.*?)\n```/s.exec(page)?.[1];
	if (!command) throw new Error('docs/install.md tells no command to install by hand');
	return command;
}

/** What a container without a volume loses at its end; the database stays. */
async function loseFiles(): Promise<void> {
	await stop();
	await rm(nodesFolder(), { recursive: true });
}

test(
	'from the panel with the switch on',
	async () => {
		const api = await start('on');
		await installInPanel(api);
		expect(await isLoaded(api)).toBe(true);
	},
	TIMEOUT_MS,
);

test(
	'by hand, whatever is in the folder above, it loads with the switch off, while the panel refuses to install it',
	async () => {
		await writeFile(join(userFolder, 'package.json'), '{}');
		const env = { ...process.env, ...registry.env, npm_config_registry: registry.url };
		// The shell puts HOME in place of the command's `~`.
		await run('sh', ['-c', commandByHand()], {
			cwd: userFolder,
			env: { ...env, HOME: userFolder },
		});
		const api = await start('off');
		expect(await isLoaded(api)).toBe(true);
		await expect(installInPanel(api)).rejects.toThrow(
			'Installation of unverified community packages is forbidden',
		);
	},
	TIMEOUT_MS,
);

test(
	'by the list with a checksum and the switch off; only with the switch on do lost files come back',
	async () => {
		const env = { ...list(registry.checksum), N8N_REINSTALL_MISSING_PACKAGES: 'true' };
		const api = await start('off', env);
		expect(await isLoaded(api)).toBe(true);
		await expect(installInPanel(api)).rejects.toThrow('managed via environment variables');
		await loseFiles();
		expect(await isLoaded(await start('off', env))).toBe(false);
		expect(await isLoaded(await start('on', env))).toBe(true);
	},
	TIMEOUT_MS,
);

test(
	'a wrong checksum keeps the package out, and n8n starts without it',
	async () => {
		const api = await start('off', list(`sha512-${'A'.repeat(86)}==`));
		expect(await isLoaded(api)).toBe(false);
		expect(running?.log()).toContain('Failed to verify package checksum');
	},
	TIMEOUT_MS,
);

test(
	'by the list without a checksum: n8n installs it with the switch on, and does not start with it off',
	async () => {
		const api = await start('on', list());
		expect(await isLoaded(api)).toBe(true);
		await expect(start('off', list())).rejects.toThrow(
			`no checksum available for '${name}@${version}' and unverified packages are disabled`,
		);
	},
	TIMEOUT_MS,
);

const lacking = queueModeLacks();

testUnless(lacking)(
	'in queue mode a running webhook processor installs it when told to; one that starts needs the files',
	async () => {
		const env = { ...registry.env, N8N_UNVERIFIED_PACKAGES_ENABLED: 'true' };
		const n8n = await QueueN8n.start({ install: testInstall(), env, workers: 1 });
		const processor = await webhookProcessor(n8n);
		try {
			const api = await N8nApi.signIn(n8n.url);
			await processor.service.start();
			await installInPanel(api);
			await until(() => processor.service.log().includes('Community package installed'));
			const path = await publishSync(api);
			expect((await processor.call(path)).status).toBe(200);

			await processor.service.stop();
			await rm(nodesFolder(), { recursive: true });
			await processor.service.start();
			expect((await processor.call(path)).status).toBe(400);
			expect(processor.service.log()).toContain(`Unrecognized node type: ${name}.`);

			await processor.service.stop();
			await installPackage(testTarball(), userFolder);
			await processor.service.start();
			expect((await processor.call(path)).status).toBe(200);
		} finally {
			await processor.service.stop();
			await n8n.stop();
		}
	},
	TIMEOUT_MS,
);
