/** n8n in queue mode: a main process, workers, PostgreSQL and Redis, each of which can be killed. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { installPackage } from './package.cts';
import { freePort } from './ports.cts';
import { Postgres, postgresLacks } from './postgres.cts';
import { folderOf } from './programs.cts';
import { Redis, redisLacks } from './redis.cts';
import { N8n, type N8nOptions, n8nProgram } from './server.cts';
import { Service } from './service.cts';
import { n8nEnvironment } from './settings.cts';

const WORKER_STARTED = 'n8n worker is now ready';

/** n8n's data lasts as long as this object: its database is one of our own as well. */
interface QueueN8nOptions extends Omit<N8nOptions, 'userFolder'> {
	/** How many workers; two without it. */
	workers?: number;
	/** How many executions each of them runs at once; n8n warns of fewer than five. */
	concurrency?: number;
}

/** What n8n's queue mode needs and this machine lacks, as a sentence; nothing if it is all there. */
export function queueModeLacks(): string | undefined {
	const setpriv =
		!folderOf(['setpriv']) && "the command setpriv (Linux, Debian's package util-linux)";
	const lacking = [postgresLacks(), redisLacks(), setpriv].filter(Boolean);
	return lacking.length ? `n8n's queue mode needs ${lacking.join(' and ')}.` : undefined;
}

export class QueueN8n extends N8n {
	readonly workers: Service[] = [];

	private constructor(
		options: QueueN8nOptions,
		userFolder: string,
		port: number,
		env: Record<string, string>,
		readonly postgres: Postgres,
		readonly redis: Redis,
		private readonly lines = new Lines(),
	) {
		super(options, userFolder, port, env, lines.taggedAs('main'));
	}

	/** Starts all of it and waits until the main process answers and the workers take work. */
	static override async start(options: QueueN8nOptions): Promise<QueueN8n> {
		const lacking = queueModeLacks();
		if (lacking) throw new Error(lacking);
		const n8n = await QueueN8n.prepare(options);
		try {
			await n8n.addWorkers(options);
			// The first one creates the tables, and two at once would get in each other's way.
			await n8n.main.start();
			await n8n.startAll();
		} catch (error) {
			await n8n.stop();
			throw error;
		}
		return n8n;
	}

	private static async prepare(options: QueueN8nOptions): Promise<QueueN8n> {
		const userFolder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-queue-'));
		// The workers load it from the same folder.
		if (options.tarball) await installPackage(options.tarball, userFolder);
		const [postgres, redis] = await Promise.all([Postgres.create(), Redis.create()]);
		const queue = {
			EXECUTIONS_MODE: 'queue',
			OFFLOAD_MANUAL_EXECUTIONS_TO_WORKERS: 'true',
			...postgres.n8nSettings,
			...redis.n8nSettings,
			...options.env,
		};
		const port = await freePort();
		const env = n8nEnvironment({ userFolder, port, brokerPort: await freePort(), env: queue });
		return new QueueN8n(options, userFolder, port, env, postgres, redis);
	}

	private async addWorkers(options: QueueN8nOptions): Promise<void> {
		const { install, workers = 2, concurrency = 5 } = options;
		const command = ['worker', `--concurrency=${concurrency}`];
		for (let index = 0; index < workers; index++) {
			const env = {
				...this.env,
				N8N_RUNNERS_BROKER_PORT: String(await freePort()),
				// After a crash a process looks into its own log of events for executions to give up. Workers that
				// shared that file would give up each other's.
				N8N_EVENTBUS_LOGWRITER_LOGBASENAME: `n8nEventLog-of-worker-${index}`,
			};
			const worker = new Service({
				name: `n8n's worker ${index}`,
				...n8nProgram(install, command, env),
				isReady: (output) => output.includes(WORKER_STARTED),
				log: this.lines.taggedAs(`worker ${index}`),
			});
			this.workers.push(worker);
		}
	}

	/** All that n8n's processes have printed, in order; each line says whose it is. */
	override log(): string {
		return this.lines.text;
	}

	/** The worker that was the last to start an execution, as an index in `workers`. */
	workerOf(executionId: string): number | undefined {
		const started = `^\\[worker (\\d+)\\].*Worker started execution ${executionId} `;
		const last = [...this.log().matchAll(new RegExp(started, 'gm'))].at(-1);
		return last && Number(last[1]);
	}

	override get processes(): Service[] {
		return [this.main, ...this.workers];
	}

	override async stop(): Promise<void> {
		await super.stop();
		await Promise.all([this.redis.discard(), this.postgres.discard()]);
	}

	/** PostgreSQL and Redis come first. */
	override async startAll(): Promise<void> {
		await Promise.all([this.postgres.start(), this.redis.start()]);
		await super.startAll();
	}
}

/** The output of several processes as one text, whole line by whole line. */
class Lines {
	text = '';

	/** Gives what takes a process's output as it comes. */
	taggedAs(name: string): (text: string) => void {
		let rest = '';
		return (text) => {
			const lines = (rest + text).split('\n');
			rest = lines.pop() ?? '';
			for (const line of lines) this.text += `[${name}] ${line}\n`;
		};
	}
}
