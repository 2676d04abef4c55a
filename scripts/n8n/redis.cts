/** A Redis of our own, which holds n8n's queue of executions: own folder, own port, thrown away. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from './ports.cts';
import { endingWithParent, folderOf } from './programs.cts';
import { type Program, Service } from './service.cts';
import { N8N_HOST } from './settings.cts';

const PROGRAM = 'redis-server';
const READY = 'Ready to accept connections';

export class Redis extends Service {
	private constructor(
		private readonly folder: string,
		readonly port: number,
	) {
		super({
			name: 'Redis',
			...programIn(folder, port),
			isReady: (output) => output.includes(READY),
		});
	}

	/** Starts an empty one. */
	static async create(): Promise<Redis> {
		const folder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-redis-'));
		const redis = new Redis(folder, await freePort());
		await redis.start();
		return redis;
	}

	/** The settings that make n8n use it. */
	get n8nSettings(): Record<string, string> {
		return { QUEUE_BULL_REDIS_HOST: N8N_HOST, QUEUE_BULL_REDIS_PORT: String(this.port) };
	}

	/** Ends it for good; its data is gone. */
	async discard(): Promise<void> {
		await this.stop();
		await rm(this.folder, { recursive: true, force: true });
	}
}

/** What keeps Redis from running here, in words; nothing does if there is no answer. */
export function redisLacks(): string | undefined {
	return folderOf([PROGRAM]) ? undefined : "Redis (Debian's package redis-server)";
}

/** Writes down each change before it answers: a queue that was killed comes back as it was. */
const KEEP = ['--appendonly', 'yes', '--save', ''];

function programIn(folder: string, port: number): Program {
	const where = ['--bind', N8N_HOST, '--port', String(port), '--dir', folder];
	return {
		command: endingWithParent([PROGRAM, ...where, ...KEEP]),
		env: { PATH: process.env.PATH ?? '' },
		folder,
	};
}
