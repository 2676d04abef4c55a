/**
 * The simulated Airbytes of a benchmark, in a process of their own, so that their work counts as nobody else's. Each
 * way of waiting gets one of them, so that its calls can be told from the others'.
 */
import { AirbyteSimulator, timelines } from '../../simulator/index.cts';

export interface OpenedAirbyte {
	host: string;
	clientId: string;
	clientSecret: string;
}

export interface BenchJob {
	jobId: number;
	connectionId: string;
	startedAt: number;
	/** When it ends by itself, also if that is still to come. */
	endsAt: number;
}

/** What the process can be asked for: names, arguments and answers. */
export interface AirbyteRequests {
	open: (name: string) => OpenedAirbyte;
	/** Connections whose every job takes that many seconds. */
	add: (name: string, connections: Array<{ connectionId: string; seconds: number }>) => void;
	/** Calls since it was opened, by method and route. */
	calls: (name: string) => Record<string, number>;
	jobs: (name: string) => BenchJob[];
}

export interface AirbyteMessage {
	id: number;
	ask: keyof AirbyteRequests;
	args: unknown[];
}

class Hosted {
	readonly simulator = new AirbyteSimulator();

	private readonly seconds = new Map<string, number>();

	add(connections: Array<{ connectionId: string; seconds: number }>): void {
		for (const { connectionId, seconds } of connections) {
			this.seconds.set(connectionId, seconds);
			this.simulator.addConnection({ connectionId, jobs: timelines.succeedsAfter(seconds) });
		}
	}

	calls(): Record<string, number> {
		const counts: Record<string, number> = {};
		for (const { route } of this.simulator.audit.calls) counts[route] = (counts[route] ?? 0) + 1;
		return counts;
	}

	jobs(): BenchJob[] {
		return this.simulator.audit.startedJobs().map(({ jobId, connectionId, at }) => ({
			jobId,
			connectionId,
			startedAt: at,
			endsAt: at + (this.seconds.get(connectionId) ?? 0) * 1_000,
		}));
	}
}

const airbytes = new Map<string, Hosted>();

function named(name: string): Hosted {
	const airbyte = airbytes.get(name);
	if (!airbyte) throw new Error(`No Airbyte '${name}' was opened`);
	return airbyte;
}

async function open(name: string): Promise<OpenedAirbyte> {
	const hosted = new Hosted();
	airbytes.set(name, hosted);
	await hosted.simulator.start();
	const { clientId, clientSecret } = hosted.simulator.settings;
	return { host: hosted.simulator.url, clientId, clientSecret };
}

async function answer({ ask, args }: AirbyteMessage): Promise<unknown> {
	const [name, connections] = args as Parameters<AirbyteRequests['add']>;
	switch (ask) {
		case 'open':
			return await open(name);
		case 'add':
			return named(name).add(connections);
		case 'calls':
			return named(name).calls();
		case 'jobs':
			return named(name).jobs();
	}
}

process.on('message', (message: AirbyteMessage) => {
	void answer(message).then(
		(result) => process.send?.({ id: message.id, result }),
		(error: Error) => process.send?.({ id: message.id, error: error.message }),
	);
});
// Whoever started this is gone.
process.on('disconnect', () => process.exit());
