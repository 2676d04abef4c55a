/** A real n8n of our own: its folder, its port, its log, and the ways it can end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import axios from 'axios';

import type { N8nInstall } from './install.cts';
import { installPackage } from './package.cts';
import { freePort } from './ports.cts';
import { N8nProcess } from './process.cts';
import { N8N_HOST, n8nEnvironment } from './settings.cts';

const START_TIMEOUT_MS = 180_000;
/** What n8n prints when all of it is up: recovery, webhooks, timers. REST answers before that. */
const STARTED = 'Editor is now accessible via';
const STOP_GRACE_MS = 3000;

export interface N8nOptions {
	install: N8nInstall;
	/** The packed community package to load; none: n8n as it comes. */
	tarball?: string;
	/** A folder to keep; without it n8n gets a temporary one that `stop` removes. */
	userFolder?: string;
	/** Settings that differ from the usual ones, such as those of queue mode. */
	env?: Record<string, string>;
	/** A free one if it does not matter. */
	port?: number;
	/** Gets n8n's output as it comes, besides `log()`. */
	log?: (text: string) => void;
}

export class N8n {
	private main!: N8nProcess;

	private output = '';

	/** Where the output of the latest start begins. */
	private startedAt = 0;

	private constructor(
		private readonly options: N8nOptions,
		readonly userFolder: string,
		readonly port: number,
		/** What n8n's processes run with; a worker of this n8n needs the same. */
		readonly env: Record<string, string>,
	) {}

	/** Starts n8n and waits until it answers. */
	static async start(options: N8nOptions): Promise<N8n> {
		const userFolder = options.userFolder ?? (await mkdtemp(join(tmpdir(), 'n8n-airbyte-')));
		if (options.tarball) await installPackage(options.tarball, userFolder);
		const port = options.port ?? (await freePort());
		const brokerPort = await freePort();
		const env = n8nEnvironment({ userFolder, port, brokerPort, env: options.env });
		const n8n = new N8n(options, userFolder, port, env);
		await n8n.startMain();
		return n8n;
	}

	get url(): string {
		return `http://${N8N_HOST}:${this.port}`;
	}

	/** All that n8n's main process has printed since its first start. */
	log(): string {
		return this.output;
	}

	/**
	 * Ends n8n for good, and removes its folder if that was a temporary one. Executions that still
	 * run get little time: nobody will read what becomes of them.
	 */
	async stop(): Promise<void> {
		await this.main.terminate(STOP_GRACE_MS);
		if (!this.options.userFolder) await rm(this.userFolder, { recursive: true, force: true });
	}

	/** `kill -9`; `restart` brings it back. */
	async kill(): Promise<void> {
		await this.main.kill();
	}

	/** Ends n8n as an operator would, if it still runs, and starts it again with the same folder and port. */
	async restart(): Promise<void> {
		await this.main.terminate();
		await this.startMain();
	}

	private async startMain(): Promise<void> {
		this.startedAt = this.output.length;
		this.main = new N8nProcess({
			install: this.options.install,
			command: ['start'],
			env: this.env,
			userFolder: this.userFolder,
			onOutput: (text) => this.keep(text),
		});
		try {
			await this.untilReady();
		} catch (error) {
			await this.main.kill();
			throw error;
		}
	}

	private keep(text: string): void {
		this.output += text;
		this.options.log?.(text);
	}

	private async untilReady(): Promise<void> {
		const deadline = Date.now() + START_TIMEOUT_MS;
		while (!(this.hasStarted() && (await this.answers()))) {
			if (this.main.hasEnded) throw this.startError(await this.main.ended);
			if (Date.now() > deadline) throw this.startError('did not answer in time');
			await sleep(200);
		}
	}

	private hasStarted(): boolean {
		return this.output.includes(STARTED, this.startedAt);
	}

	/** `/healthz` answers earlier, while the REST API still says 404. */
	private async answers(): Promise<boolean> {
		try {
			const { data } = await axios.get(`${this.url}/rest/settings`, {
				proxy: false,
				timeout: 5000,
			});
			return typeof data?.data === 'object';
		} catch {
			return false;
		}
	}

	private startError(what: string): Error {
		return new Error(`n8n ${what}. The end of its log:\n${this.output.slice(-4000)}`);
	}
}
