/** Our end of the simulated Airbytes, which run in a process of their own. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

import type { AirbyteRequests, BenchJob, OpenedAirbyte } from './airbyteProcess.cts';

interface Answer {
	id: number;
	result?: unknown;
	error?: string;
}

/** What a look at a job calls. */
export const LOOK = 'GET /jobs/{jobId}';

export class Airbytes {
	private readonly child: ChildProcess;

	private readonly pending = new Map<number, (answer: Answer) => void>();

	private asked = 0;

	private opened = 0;

	constructor() {
		this.child = fork(join(__dirname, 'airbyteProcess.cts'), {
			execArgv: ['--require', 'tsx/cjs'],
		});
		this.child.on('message', (answer: Answer) => {
			this.pending.get(answer.id)?.(answer);
			this.pending.delete(answer.id);
		});
	}

	async open(): Promise<Airbyte> {
		const name = String((this.opened += 1));
		return new Airbyte(this, name, (await this.ask('open', name)) as OpenedAirbyte);
	}

	async ask(ask: keyof AirbyteRequests, ...args: unknown[]): Promise<unknown> {
		const id = (this.asked += 1);
		return await new Promise((resolve, reject) => {
			this.pending.set(id, ({ result, error }) =>
				error ? reject(new Error(error)) : resolve(result),
			);
			this.child.send({ id, ask, args });
		});
	}

	stop(): void {
		this.child.disconnect();
	}
}

/** One of them. */
export class Airbyte {
	constructor(
		private readonly airbytes: Airbytes,
		private readonly name: string,
		/** What a credential for it holds. */
		readonly access: OpenedAirbyte,
	) {}

	async add(connections: Array<{ connectionId: string; seconds: number }>): Promise<void> {
		await this.airbytes.ask('add', this.name, connections);
	}

	/** How many looks at a job there were so far. */
	async looks(): Promise<number> {
		return (await this.calls())[LOOK] ?? 0;
	}

	async calls(): Promise<Record<string, number>> {
		return (await this.airbytes.ask('calls', this.name)) as Record<string, number>;
	}

	async jobs(): Promise<BenchJob[]> {
		return (await this.airbytes.ask('jobs', this.name)) as BenchJob[];
	}
}
