/** The simulated Airbyte of one contender, in a process of its own, so that its work counts as nobody else's. */
import { AirbyteSimulator, timelines } from '../../simulator/index.cts';

/** A connection, and how long its jobs take. */
export interface PlannedJob {
	connectionId: string;
	/** null: they never end. */
	seconds: number | null;
}

/** What happened so far. Times are milliseconds since the epoch. */
export interface Seen {
	jobs: Array<{ connectionId: string; startedAt: number }>;
	cancels: Array<{ connectionId: string; at: number }>;
	calls: number;
}

export interface Access {
	host: string;
	clientId: string;
	clientSecret: string;
}

const simulator = new AirbyteSimulator();

async function open(plan: PlannedJob[]): Promise<Access> {
	for (const { connectionId, seconds } of plan) {
		const jobs = seconds === null ? timelines.runsForever() : timelines.succeedsAfter(seconds);
		simulator.addConnection({ connectionId, jobs });
	}
	await simulator.start();
	const { clientId, clientSecret } = simulator.settings;
	return { host: simulator.url, clientId, clientSecret };
}

function seen({ audit }: AirbyteSimulator): Seen {
	return {
		jobs: audit.startedJobs().map(({ connectionId, at }) => ({ connectionId, startedAt: at })),
		cancels: audit.cancels.map(({ connectionId, at }) => ({ connectionId, at })),
		calls: audit.calls.length,
	};
}

/** A plan opens it; anything else asks what it has seen. */
process.on('message', (message: PlannedJob[] | 'seen') => {
	if (message === 'seen') process.send?.(seen(simulator));
	else void open(message).then((access) => process.send?.(access));
});
// Whoever started this is gone.
process.on('disconnect', () => process.exit());
