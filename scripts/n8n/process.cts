/** One operating system process of ours: n8n's main one, a worker, a database. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { N8nInstall } from './install.cts';
import { suitedTo } from './settings.cts';

/** After this long a process that was asked to end is killed. */
const GRACE_MS = 15_000;

/** The first of these folders, or of those on the PATH, that has the programs. */
export function folderOf(programs: string[], folders: string[] = []): string | undefined {
	return [...folders, ...(process.env.PATH ?? '').split(delimiter)].find((folder) =>
		programs.every((program) => existsSync(join(folder, program))),
	);
}

interface ProcessOptions {
	/** The program and its arguments. */
	command: string[];
	env: Record<string, string>;
	/** Its working folder. */
	folder: string;
	/** Gets its output as it comes. */
	onOutput: (text: string) => void;
	/** What asks it to end; SIGTERM for most programs. */
	stopSignal?: NodeJS.Signals;
}

/** Processes that have not ended yet; none of them outlives this one. */
const running = new Set<OwnProcess>();
process.on('exit', () => running.forEach((one) => one.signal('SIGKILL')));

export class OwnProcess {
	private readonly child: ChildProcess;

	private readonly stopSignal: NodeJS.Signals;

	/** Resolves when it has ended with all its children, however it did, with words that say how. */
	readonly ended: Promise<string>;

	constructor({ command, env, folder, onOutput, stopSignal = 'SIGTERM' }: ProcessOptions) {
		this.stopSignal = stopSignal;
		this.child = spawn(command[0], command.slice(1), {
			cwd: folder,
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
		this.child.kill(this.stopSignal);
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

	/**
	 * Children hold its output open, hence `close`. A PostgreSQL that was killed cannot be started
	 * again before the last of them is gone.
	 */
	private async untilEnded(): Promise<string> {
		const how = await new Promise<string>((resolve) => {
			this.child.on('error', (error) => resolve(`could not be started: ${error.message}`));
			this.child.on('close', (code, signal) =>
				resolve(signal ? `ended by ${signal}` : `ended with exit code ${code}`),
			);
		});
		running.delete(this);
		return how;
	}
}

interface N8nProcessOptions {
	install: N8nInstall;
	/** n8n's command: `start` or `worker`, with its flags. */
	command: string[];
	env: Record<string, string>;
	/** Also n8n's working folder: it reads a `.env` file from there, and should find none. */
	userFolder: string;
	/** Gets n8n's output as it comes. */
	onOutput: (text: string) => void;
}

export class N8nProcess extends OwnProcess {
	constructor({ install, command, env, userFolder, onOutput }: N8nProcessOptions) {
		const guard = join(__dirname, 'endWithParent.cjs');
		super({
			command: [install.node, '--require', guard, install.entry, ...command],
			env: suitedTo(install, env),
			folder: userFolder,
			onOutput,
		});
	}
}

/**
 * The same for programs that are not Node: the kernel kills them when we are gone. They can run as
 * another user, if we are root.
 */
export function endingWithParent(command: string[], user?: string): string[] {
	const become = user ? ['--reuid', user, '--regid', user, '--init-groups'] : [];
	return ['setpriv', '--pdeathsig', 'KILL', ...become, ...command];
}
