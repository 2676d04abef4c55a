/** A real n8n of our own: its folder, its port, its log, and the ways it can end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import axios from 'axios';

import type { N8nInstall } from './install.cts';
import { installPackage } from './package.cts';
import { freePort } from './ports.cts';
import { type Program, Service } from './service.cts';
import { N8N_HOST, n8nEnvironment, suitedTo } from './settings.cts';

/** What n8n prints when all of it is up: recovery, webhooks, timers. REST answers before that. */
const STARTED = 'Editor is now accessible via';
/** Executions that still run get little time: nobody will read what becomes of them. */
const STOP_GRACE_MS = 3000;

export interface N8nOptions {
	install: N8nInstall;
	/** The packed community package to load; none: n8n as it comes. */
	tarball?: string;
	/** A folder to keep; without it n8n gets a temporary one that `stop` removes. */
	userFolder?: string;
	/** Settings that differ from the usual ones. */
	env?: Record<string, string>;
}

export class N8n {
	/** The process that serves the editor and the webhooks. */
	readonly main: Service;

	protected constructor(
		private readonly options: N8nOptions,
		readonly userFolder: string,
		readonly port: number,
		/** What the main process runs with. */
		readonly env: Record<string, string>,
		log?: (text: string) => void,
	) {
		this.main = new Service({
			name: 'n8n',
			...n8nProgram(options.install, ['start'], env),
			isReady: async (output) => output.includes(STARTED) && (await answers(this.url)),
			log,
		});
	}

	/** Starts n8n and waits until it answers. */
	static async start(options: N8nOptions): Promise<N8n> {
		const userFolder = options.userFolder ?? (await mkdtemp(join(tmpdir(), 'n8n-airbyte-')));
		if (options.tarball) await installPackage(options.tarball, userFolder);
		const port = await freePort();
		const brokerPort = await freePort();
		const env = n8nEnvironment({ userFolder, port, brokerPort, env: options.env });
		const n8n = new N8n(options, userFolder, port, env);
		try {
			await n8n.main.start();
		} catch (error) {
			await n8n.stop();
			throw error;
		}
		return n8n;
	}

	get url(): string {
		return urlAt(this.port);
	}

	/** n8n's own. */
	get processes(): Service[] {
		return [this.main];
	}

	/** All that n8n has printed since its first start. */
	log(): string {
		return this.main.log();
	}

	/** Ends n8n for good, and removes its folder if that was a temporary one. */
	async stop(): Promise<void> {
		await Promise.all(this.processes.map(async (one) => await one.stop(STOP_GRACE_MS)));
		if (!this.options.userFolder) await rm(this.userFolder, { recursive: true, force: true });
	}

	/** `kill -9` of its processes at once; `restart` brings them back. */
	async kill(): Promise<void> {
		await Promise.all(this.processes.map(async (one) => await one.kill()));
	}

	/** Ends n8n as an operator would, if it still runs, and starts it again with the same folder and port. */
	async restart(): Promise<void> {
		await Promise.all(this.processes.map(async (one) => await one.stop()));
		await this.startAll();
	}

	/** Starts whatever does not run, all at once: nothing orders them in real life. */
	async startAll(): Promise<void> {
		await Promise.all(this.processes.map(async (one) => await one.start()));
	}
}

/**
 * One of n8n's processes.
 *
 * @param command n8n's, with its flags
 */
export function n8nProgram(
	install: N8nInstall,
	command: string[],
	env: Record<string, string>,
): Program {
	const guard = join(__dirname, 'endWithParent.cjs');
	return {
		command: [install.node, '--require', guard, install.entry, ...command],
		env: suitedTo(install, env),
		// n8n reads a `.env` file from its working folder, and should find none.
		folder: env.N8N_USER_FOLDER,
	};
}

export const urlAt = (port: number): string => `http://${N8N_HOST}:${port}`;

/** `/healthz` answers earlier, while the REST API still says 404. */
async function answers(url: string): Promise<boolean> {
	try {
		const { data } = await axios.get(`${url}/rest/settings`, { proxy: false, timeout: 5000 });
		return typeof data?.data === 'object';
	} catch {
		return false;
	}
}
