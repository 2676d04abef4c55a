/** One operating system process of n8n: the main one or, in queue mode, a worker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { N8nInstall } from './install.cts';

/** After this long a process that was asked to end is killed. */
const GRACE_MS = 15_000;

export interface N8nProcessOptions {
	install: N8nInstall;
	/** n8n's command: `start` or `worker`, with its flags. */
	command: string[];
	env: Record<string, string>;
	/** Also n8n's working folder: it reads a `.env` file from there, and should find none. */
	userFolder: string;
	/** Gets n8n's output as it comes. */
	onOutput: (text: string) => void;
}

/** Processes that have not ended yet; none of them outlives this one. */
const running = new Set<N8nProcess>();
process.on('exit', () => running.forEach((one) => one.signal('SIGKILL')));

export class N8nProcess {
	private readonly child: ChildProcess;

	/** Resolves when the process has ended, however it did, with words that say how. */
	readonly ended: Promise<string>;

	constructor({ install, command, env, userFolder, onOutput }: N8nProcessOptions) {
		const guard = join(__dirname, 'endWithParent.cjs');
		this.child = spawn(install.node, ['--require', guard, install.entry, ...command], {
			cwd: userFolder,
			env,
			stdio: ['ignore', 'pipe', 'pipe'],
			// A group of its own: n8n's task runner, its child, ends together with it.
			detached: true,
		});
		this.child.stdout?.setEncoding('utf8').on('data', onOutput);
		this.child.stderr?.setEncoding('utf8').on('data', onOutput);
		running.add(this);
		this.ended = this.untilEnded();
	}

	get pid(): number | undefined {
		return this.child.pid;
	}

	get hasEnded(): boolean {
		return !running.has(this);
	}

	/** Asks it to end, as an operator would, and kills it when it takes too long. */
	async terminate(graceMs = GRACE_MS): Promise<void> {
		if (this.hasEnded) return;
		this.child.kill('SIGTERM');
		const late = Symbol('late');
		const abort = new AbortController();
		const timer = sleep(graceMs, late, { signal: abort.signal }).catch(() => undefined);
		const first = await Promise.race([this.ended, timer]);
		abort.abort();
		if (first === late) await this.kill();
	}

	/** `kill -9`: no goodbye, nothing saved. */
	async kill(): Promise<void> {
		this.signal('SIGKILL');
		await this.ended;
	}

	/** Signals the process and its children; does nothing once it has ended. */
	signal(signal: NodeJS.Signals): void {
		if (this.hasEnded || this.pid === undefined) return;
		try {
			process.kill(-this.pid, signal);
		} catch {
			// It ended a moment ago, and that has not been reported yet.
		}
	}

	private async untilEnded(): Promise<string> {
		const how = await new Promise<string>((resolve) => {
			this.child.on('error', (error) => resolve(`could not be started: ${error.message}`));
			this.child.on('exit', (code, signal) =>
				resolve(signal ? `ended by ${signal}` : `ended with exit code ${code}`),
			);
		});
		running.delete(this);
		return how;
	}
}
