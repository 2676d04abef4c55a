/** A program that may end, and be started again, as often as a test wants; its log goes on. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { OwnProcess } from './process.cts';

const START_TIMEOUT_MS = 180_000;
const POLL_MS = 200;

export interface ServiceOptions {
	/** What messages call it. */
	name: string;
	/** Starts the process, nothing more. */
	launch: (onOutput: (text: string) => void) => OwnProcess;
	/** Whether it is up, asked again and again; gets the output since the latest start. */
	isReady: (output: string) => boolean | Promise<boolean>;
	/** Gets the output as it comes, besides `log()`. */
	log?: (text: string) => void;
}

export class Service {
	private process?: OwnProcess;

	private output = '';

	/** Where the output of the latest start begins. */
	private startedAt = 0;

	constructor(private readonly service: ServiceOptions) {}

	/** Of the latest process, also after it has ended. */
	get pid(): number | undefined {
		return this.process?.pid;
	}

	/** A service may also end by itself: n8n does when Redis stays away. */
	get isRunning(): boolean {
		return this.process !== undefined && !this.process.hasEnded;
	}

	/** All that it has printed since its first start. */
	log(): string {
		return this.output;
	}

	/** Starts it and waits until it is up; does nothing if it runs. */
	async start(): Promise<void> {
		if (this.isRunning) return;
		this.startedAt = this.output.length;
		const started = this.service.launch((text) => this.keep(text));
		this.process = started;
		try {
			await this.untilReady(started);
		} catch (error) {
			await started.kill();
			throw error;
		}
	}

	/** `kill -9`; does nothing if it does not run. */
	async kill(): Promise<void> {
		await this.process?.kill();
	}

	/** Ends it as an operator would, and kills it if that takes too long. */
	async stop(graceMs?: number): Promise<void> {
		await this.process?.terminate(graceMs);
	}

	private keep(text: string): void {
		this.output += text;
		this.service.log?.(text);
	}

	private async untilReady(started: OwnProcess): Promise<void> {
		const deadline = Date.now() + START_TIMEOUT_MS;
		while (!(await this.service.isReady(this.output.slice(this.startedAt)))) {
			if (started.hasEnded) throw this.startError(await started.ended);
			if (Date.now() > deadline) throw this.startError('did not answer in time');
			await sleep(POLL_MS);
		}
	}

	private startError(what: string): Error {
		const end = this.output.slice(-4000);
		return new Error(`${this.service.name} ${what}. The end of its log:\n${end}`);
	}
}
