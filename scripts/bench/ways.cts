/**
 * The same syncs in four ways, each in an n8n of its own, side by side: so all meet the same machine at the same time,
 * and what a process has used up is one way's.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { seeded } from '../../simulator/index.cts';
import { errorOf } from '../n8n/execution.cts';
import { type Airbytes, LOOK } from './airbytes.cts';
import { connectionId, type StoredExecution } from './database.cts';
import { Instance, type Package } from './instance.cts';
import { drawn } from './statistics.cts';
import { workflowOf, type WayName } from './workflows.cts';

export interface WayOptions {
	/** What is compared; the name says which workflow it is. */
	way: WayName;
	/** Seconds between two looks, as far as the way can. */
	waitSeconds: number;
	rounds: number;
	/** Seconds after the last round's end in which n8n still works for it; after the others that is in the next one. */
	aftermath: number;
}

export interface WaysOptions {
	ways: WayOptions[];
	/** Executions in a round, of one item each. */
	perRound: number;
	/** Seconds that a job takes, least and most. */
	jobSeconds: [number, number];
	/** Within how many seconds those of a round are started. */
	startedWithin: number;
	seed: number;
}

/** What a round came to; all but `delays` for one execution. */
export interface Round {
	/** Seconds between the job's end and the workflow's. */
	delays: number[];
	calls: Record<string, number>;
	cpuSeconds: number;
	bytes: number;
	executions: number;
	/** Of a look at a job, while all wait: without what starting and ending cost. */
	cpuPerLook: number;
	bytesPerLook: number;
}

export interface WayResult {
	way: WayName;
	waitSeconds: number;
	/** CPU seconds in a second of nothing, which are taken off. */
	idleRate: number;
	rounds: Round[];
}

const PATH = 'bench';
const POLL_MS = 1_000;
/** Until a round's last execution has looked for the first time. */
const STARTING_MS = 75_000;
/** Nothing takes that much longer than its job. */
const PATIENCE_MS = 400_000;

type Report = (line: string) => void;

export async function runWays(
	parts: Package,
	airbytes: Airbytes,
	options: WaysOptions,
	report: Report,
): Promise<WayResult[]> {
	const { ways } = options;
	const n8ns = await Promise.all(ways.map(async (way) => await prepare(parts, airbytes, way)));
	try {
		const idle = await Promise.all(n8ns.map(async (n8n) => await n8n.idleRate()));
		return await Promise.all(
			ways.map(async (way, at) => {
				const rounds = await new Player(n8ns[at], idle[at], way, options).play(report);
				return { way: way.way, waitSeconds: way.waitSeconds, idleRate: idle[at], rounds };
			}),
		);
	} finally {
		await Promise.all(n8ns.map(async (n8n) => await n8n.stop()));
	}
}

async function prepare(
	parts: Package,
	airbytes: Airbytes,
	{ way, waitSeconds }: WayOptions,
): Promise<Instance> {
	const airbyte = await airbytes.open();
	const n8n = await Instance.start(parts, airbyte);
	const place = { access: airbyte.access, credential: n8n.credential, path: PATH, waitSeconds };
	await n8n.publish(workflowOf(way, place));
	return n8n;
}

interface Count {
	at: number;
	cpu: number;
	looks: number;
	calls: Record<string, number>;
	executions: StoredExecution[];
}

/** Plays the rounds in one n8n. */
class Player {
	private begun = 0;

	constructor(
		private readonly n8n: Instance,
		private readonly idleRate: number,
		private readonly way: WayOptions,
		private readonly options: WaysOptions,
	) {}

	async play(report: Report): Promise<Round[]> {
		// The same numbers for every way.
		const random = seeded(this.options.seed);
		const { way, rounds, aftermath } = this.way;
		const played: Round[] = [];
		for (let round = 1; round <= rounds; round += 1) {
			played.push(await this.round(random, round === rounds ? aftermath : 0));
			report(`${way}: round ${round} of ${rounds}`);
		}
		return played;
	}

	private async round(random: () => number, aftermath: number): Promise<Round> {
		const { jobSeconds, perRound, startedWithin } = this.options;
		const lengths = drawn(...jobSeconds, perRound, random);
		const starts = drawn(0, startedWithin, perRound, random);
		const before = await this.count();
		await this.begin(lengths, starts);
		await sleep(STARTING_MS);
		const started = await this.count();
		await this.untilFirstJobEnds(started);
		const steady = { from: started, to: await this.count() };
		await this.untilEnded(before.executions.length);
		await sleep(aftermath * 1_000);
		return await this.result(before, steady, await this.count());
	}

	private async begin(lengths: number[], starts: number[]): Promise<void> {
		const connections = lengths.map((seconds) => {
			this.begun += 1;
			return {
				connectionId: connectionId(this.begun),
				seconds,
			};
		});
		await this.n8n.airbyte.add(connections);
		await Promise.all(
			connections.map(async ({ connectionId }, at) => {
				await sleep(starts[at] * 1_000);
				await this.n8n.begin(PATH, { connectionId });
			}),
		);
	}

	private async untilFirstJobEnds({ at }: Count): Promise<void> {
		const jobs = await this.n8n.airbyte.jobs();
		const first = Math.min(...jobs.map(({ endsAt }) => endsAt).filter((endsAt) => endsAt > at));
		await sleep(first - Date.now());
	}

	private async untilEnded(known: number): Promise<void> {
		const { perRound, jobSeconds } = this.options;
		const deadline = Date.now() + jobSeconds[1] * 1_000 + PATIENCE_MS;
		for (;;) {
			const executions = (await this.n8n.database.executions()).slice(known).filter(isAskedFor);
			const ended = executions.filter(({ status }) => status === 'success');
			if (ended.length === perRound) return;
			const bad = executions.find(({ status }) =>
				['error', 'crashed', 'canceled'].includes(status),
			);
			if (bad) throw new Error(await this.whatWentWrong(bad));
			if (Date.now() > deadline) throw new Error(`Only ${ended.length} of ${perRound} have ended`);
			await sleep(POLL_MS);
		}
	}

	private async whatWentWrong({ id, status }: StoredExecution): Promise<string> {
		const error = errorOf(await this.n8n.api.execution(String(id)));
		const words = [error?.message, error?.description].filter(Boolean).join(' ');
		return `Execution ${id} ended with '${status}': ${words}`;
	}

	private async count(): Promise<Count> {
		const calls = await this.n8n.airbyte.calls();
		return {
			at: Date.now(),
			cpu: this.n8n.cpuSeconds(),
			looks: calls[LOOK] ?? 0,
			calls,
			executions: await this.n8n.database.executions(),
		};
	}

	private async result(
		before: Count,
		steady: { from: Count; to: Count },
		after: Count,
	): Promise<Round> {
		const { perRound } = this.options;
		const own = after.executions.slice(before.executions.length);
		const calls = Object.entries(after.calls).map(([route, count]) => [
			route,
			(count - (before.calls[route] ?? 0)) / perRound,
		]);
		const looks = steady.to.looks - steady.from.looks;
		return {
			delays: await this.delays(own),
			calls: Object.fromEntries(calls) as Record<string, number>,
			cpuSeconds: this.cpuBetween(before, after) / perRound,
			bytes: bytesOf(own) / perRound,
			executions: own.length / perRound,
			cpuPerLook: this.cpuBetween(steady.from, steady.to) / looks,
			bytesPerLook: (bytesOf(steady.to.executions) - bytesOf(steady.from.executions)) / looks,
		};
	}

	/** Without what n8n uses for nothing. */
	private cpuBetween(from: Count, to: Count): number {
		return to.cpu - from.cpu - (this.idleRate * (to.at - from.at)) / 1_000;
	}

	private async delays(executions: StoredExecution[]): Promise<number[]> {
		const jobs = await this.n8n.airbyte.jobs();
		const endsAt = new Map(jobs.map((job) => [job.connectionId, job.endsAt]));
		return executions.filter(isAskedFor).map(({ connectionId, stoppedAt }) => {
			const end = endsAt.get(connectionId ?? '');
			if (end === undefined || stoppedAt === null) throw new Error('An execution has no job');
			return (stoppedAt - end) / 1_000;
		});
	}
}

const isAskedFor = ({ mode }: StoredExecution): boolean => mode === 'webhook';

const bytesOf = (executions: StoredExecution[]): number =>
	executions.reduce((sum, { bytes }) => sum + bytes, 0);

/** All calls of Airbyte. */
export const callsIn = ({ calls }: Round): number =>
	Object.values(calls).reduce((sum, count) => sum + count, 0);
