/** An n8n of one process to measure: what it has used up, what it has stored, and how to set it to work. */
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { N8nApi, type SavedCredential } from '../n8n/api.cts';
import type { N8nInstall } from '../n8n/install.cts';
import { installPackage } from '../n8n/package.cts';
import { freePort } from '../n8n/ports.cts';
import { STOP_GRACE_MS, mainService, urlAt } from '../n8n/server.cts';
import type { Service } from '../n8n/service.cts';
import { n8nEnvironment } from '../n8n/settings.cts';
import type { WorkflowDefinition } from '../n8n/workflow.cts';
import type { Airbyte } from './airbytes.cts';
import { Database } from './database.cts';

export interface Package {
	install: N8nInstall;
	tarball: string;
}

/** Linux counts CPU time in these. */
const TICKS_PER_SECOND = 100;

/** n8n is busy for a while after it says that it is up. */
const IDLE_WINDOWS = 6;
const IDLE_WINDOW_SECONDS = 10;

export class Instance {
	private constructor(
		readonly service: Service,
		readonly api: N8nApi,
		readonly database: Database,
		readonly airbyte: Airbyte,
		readonly credential: SavedCredential,
		private readonly userFolder: string,
	) {}

	static async start(
		{ install, tarball }: Package,
		airbyte: Airbyte,
		env: Record<string, string> = {},
	): Promise<Instance> {
		const userFolder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-bench-'));
		await installPackage(tarball, userFolder);
		const [port, brokerPort] = [await freePort(), await freePort()];
		const settings = n8nEnvironment({ userFolder, port, brokerPort, env });
		const service = mainService({ install, userFolder, env: settings, url: urlAt(port) });
		await service.start();
		const api = await N8nApi.signIn(urlAt(port));
		const credential = await api.createCredential({
			name: 'Airbyte',
			type: 'airbyteApi',
			data: { authentication: 'clientCredentials', ...airbyte.access },
		});
		const database = new Database(install, join(userFolder, '.n8n', 'database.sqlite'));
		return new Instance(service, api, database, airbyte, credential, userFolder);
	}

	/** Saves and activates a workflow that a webhook starts. */
	async publish(workflow: WorkflowDefinition): Promise<string> {
		const id = await this.api.createWorkflow(workflow);
		await this.api.activate(id);
		return id;
	}

	async begin(path: string, body: object): Promise<void> {
		const { status, data } = await this.api.callWebhook(path, body);
		if (status !== 200) throw new Error(`n8n answered ${status}: ${JSON.stringify(data)}`);
	}

	/** What the process and its ended children have used since it was started. */
	cpuSeconds(): number {
		return secondsIn(this.proc('stat'), 4);
	}

	/** The same by thread, those of one name together; the main thread has no name of its own, and is `main`. */
	cpuByThread(): Record<string, number> {
		const { pid } = this.service;
		const threads: Record<string, number> = {};
		for (const thread of readdirSync(`/proc/${pid}/task`)) {
			const stat = this.proc(`task/${thread}/stat`);
			const name = thread === String(pid) ? 'main' : (/\((.*)\)/.exec(stat)?.[1] ?? '');
			threads[name] = (threads[name] ?? 0) + secondsIn(stat, 2);
		}
		return threads;
	}

	memoryMegabytes(): number {
		return Number(/VmRSS:\s+(\d+)/.exec(this.proc('status'))?.[1]) / 1_024;
	}

	/** CPU seconds that it uses in a second in which nothing happens: the least of some while, since it warms up. */
	async idleRate(): Promise<number> {
		const rates: number[] = [];
		for (let window = 0; window < IDLE_WINDOWS; window += 1) {
			const before = this.cpuSeconds();
			await sleep(IDLE_WINDOW_SECONDS * 1_000);
			rates.push((this.cpuSeconds() - before) / IDLE_WINDOW_SECONDS);
		}
		return Math.min(...rates);
	}

	async stop(graceMs = STOP_GRACE_MS): Promise<void> {
		await this.service.stop(graceMs);
		await rm(this.userFolder, { recursive: true, force: true });
	}

	private proc(file: string): string {
		return readFileSync(`/proc/${this.service.pid}/${file}`, 'utf8');
	}
}

/** The first so many of: in user mode, in the kernel, and both of children that have ended. */
function secondsIn(stat: string, count: number): number {
	// The name in brackets, the second field, may hold anything.
	const fields = stat.split(') ').at(-1)?.split(' ') ?? [];
	const ticks = fields.slice(11, 11 + count).map(Number);
	return ticks.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND;
}
