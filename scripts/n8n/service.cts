/** A program that may end, and be started again, as often as a test wants; its log goes on. */
import { until } from '../until.cts';
import type { OwnProcess } from './process.cts';

const START_TIMEOUT_MS = 180_000;
const POLL_MS = 200;

interface ServiceOptions {
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
		const { name, isReady } = this.service;
		const logEnd = () => `The end of its log:\n${this.output.slice(-4000)}`;
		const isUp = async () => {
			if (started.hasEnded) throw new Error(`${name} ${await started.ended}. ${logEnd()}`);
			return await isReady(this.output.slice(this.startedAt));
		};
		try {
			await until(isUp, START_TIMEOUT_MS, POLL_MS, () => `${name}. ${logEnd()}`);
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
}
