/**
 * A program of ours that may end, and be started again, as often as a test wants: one of n8n's processes, a database.
 * Its log goes on.
 */
import { type ChildProcess, spawn } from 'node:child_process';

import { until } from '../until.cts';

const START_TIMEOUT_MS = 180_000;
const POLL_MS = 200;
/** After this long a program that was asked to end is killed. */
const GRACE_MS = 15_000;

/** How to start it. */
export interface Program {
	/** The program and its arguments. */
	command: string[];
	env: Record<string, string>;
	/** Its working folder. */
	folder: string;
	/** What asks it to end; SIGTERM for most programs. */
	stopSignal?: NodeJS.Signals;
}

interface ServiceOptions extends Program {
	/** What messages call it. */
	name: string;
	/** Whether it is up, asked again and again; gets the output since the latest start. */
	isReady: (output: string) => boolean | Promise<boolean>;
	/** Gets the output as it comes, besides `log()`. */
	log?: (text: string) => void;
}

/** Those that have not ended; none of them outlives this process. */
const running = new Set<Service>();
process.on('exit', () => running.forEach((one) => one.signal('SIGKILL')));

export class Service {
	private child?: ChildProcess;

	/** Resolves when the latest process has ended with all its children, however it did, with words that say how. */
	private ended = Promise.resolve('was not started');

	private output = '';

	constructor(private readonly service: ServiceOptions) {}

	/** Of the latest process, also after it has ended. */
	get pid(): number | undefined {
		return this.child?.pid;
	}

	/** A service may also end by itself: n8n does when Redis stays away. */
	get isRunning(): boolean {
		return running.has(this);
	}

	/** All that it has printed since its first start. */
	log(): string {
		return this.output;
	}

	/** Starts it and waits until it is up; does nothing if it runs. */
	async start(): Promise<void> {
		if (this.isRunning) return;
		const before = this.output.length;
		this.ended = this.untilEnded(this.launch());
		const { name, isReady } = this.service;
		const logEnd = () => `The end of its log:\n${this.output.slice(-4000)}`;
		const isUp = async () => {
			if (!this.isRunning) throw new Error(`${name} ${await this.ended}. ${logEnd()}`);
			return await isReady(this.output.slice(before));
		};
		try {
			await until(isUp, START_TIMEOUT_MS, POLL_MS, () => `${name}. ${logEnd()}`);
		} catch (error) {
			await this.kill();
			throw error;
		}
	}

	/** `kill -9`: no goodbye, nothing saved. Does nothing if it does not run. */
	async kill(): Promise<void> {
		this.signal('SIGKILL');
		await this.ended;
	}

	/** Asks it to end, as an operator would, and kills it if that takes too long. */
	async stop(graceMs = GRACE_MS): Promise<void> {
		if (!this.isRunning) return;
		this.child?.kill(this.service.stopSignal);
		const late = setTimeout(() => this.signal('SIGKILL'), graceMs);
		await this.ended;
		clearTimeout(late);
	}

	/** Signals the process and its children; does nothing once it has ended. */
	signal(signal: NodeJS.Signals): void {
		if (!this.isRunning || this.pid === undefined) return;
		try {
			process.kill(-this.pid, signal);
		} catch {
			// It ended a moment ago, and that has not been reported yet.
		}
	}

	private launch(): ChildProcess {
		const { command, env, folder: cwd } = this.service;
		const [program, ...args] = command;
		// A group of its own: n8n's task runner, its child, ends together with it.
		const options = { cwd, env, detached: true };
		const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
		const keep = (text: string) => {
			this.output += text;
			this.service.log?.(text);
		};
		child.stdout.setEncoding('utf8').on('data', keep);
		child.stderr.setEncoding('utf8').on('data', keep);
		this.child = child;
		running.add(this);
		return child;
	}

	/**
	 * Children hold its output open, hence `close`. A PostgreSQL that was killed cannot be started
	 * again before the last of them is gone.
	 */
	private async untilEnded(child: ChildProcess): Promise<string> {
		const how = await new Promise<string>((resolve) => {
			child.on('error', (error) => resolve(`could not be started: ${error.message}`));
			child.on('close', (code, signal) =>
				resolve(signal ? `ended by ${signal}` : `ended with exit code ${code}`),
			);
		});
		running.delete(this);
		return how;
	}
}
