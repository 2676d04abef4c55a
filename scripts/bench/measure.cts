/** Measures a part: starts its waits, lets happen what is to happen, and notes when each was over. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { Contender, type ContenderName, type Packages } from './contender.cts';
import { connectionId } from './database.cts';
import { type Outcome, PARTS, type Part, type PartName, type PartResult } from './parts.cts';

export async function measurePart(
	name: PartName,
	packages: Packages,
	report: (line: string) => void,
): Promise<PartResult> {
	const part = PARTS[name];
	const busyBefore = await busyCores();
	const outcomes: PartResult['outcomes'] = {};
	const measure = async (one: ContenderName) => {
		const tell = (line: string) => report(`${name}, ${one}: ${line}`);
		outcomes[one] = await new Measurement(part, tell).run(one, packages);
	};
	await Promise.all(part.contenders.map(measure));
	return { at: new Date().toISOString().slice(0, 16), busyBefore, outcomes };
}

const SAMPLE_MS = 5_000;
/** How long after its time a wait counts as one that never ends. */
const PATIENCE_MS = 900_000;
/** Time for what has just been started to look for the first time. */
const SETTLING_MS = 30_000;
/** Waits that never end by themselves are stopped, or time out, within such a time, in seconds. */
const [EARLIEST, LATEST] = [60, 180];
/** How long memory is watched. */
const WATCHED_MS = 300_000;

interface Sample {
	at: number;
	cpu: number;
	memory: number;
	waiting: number;
	executions: number;
}

class Measurement {
	private readonly samples: Sample[] = [];

	private readonly seconds: Array<number | null>;

	private pausesSampling = false;

	private isOver = false;

	constructor(
		private readonly part: Part,
		private readonly report: (line: string) => void,
	) {
		const { count, seconds } = part;
		this.seconds = numbers(count).map((at) => seconds(at / count, chance(at)));
	}

	async run(name: ContenderName, packages: Packages): Promise<Outcome> {
		const { isQueue = false, aftermath, then, within } = this.part;
		const contender = await Contender.start(name, packages, { seconds: this.seconds, isQueue });
		try {
			const idleCores = await contender.idleCores();
			const [before, memoryBefore, startedAt] = [contender.cpu(), contender.memory(), Date.now()];
			const sampling = this.sample(contender);
			const timeouts = this.seconds.map((_, at) => (then === 'time out' ? moment(at) : 7_200));
			await contender.begin(timeouts, within);
			this.report('all are started');
			const delays = then === 'watch memory' ? [] : await this.delays(contender);
			await sleep(then === 'watch memory' ? WATCHED_MS : aftermath * 1_000);
			this.isOver = true;
			await sampling;
			const cpu = contender.cpu() - before - (idleCores * (Date.now() - startedAt)) / 1_000;
			const { calls } = await contender.seen();
			return {
				waits: delays.map((delay, at) => [rounded(this.seconds[at]), rounded(delay)]),
				idleCores: round(idleCores),
				waiting: this.whileAllWait(),
				memoryBefore: round(memoryBefore),
				memoryMost: round(Math.max(...this.samples.map(({ memory }) => memory))),
				cpuSeconds: round(cpu),
				executionsLeft: (await contender.database.counts()).all,
				calls,
			};
		} finally {
			await contender.stop();
		}
	}

	/** Lets happen what is to happen; gives how long after its time each wait was over, in seconds. */
	private async delays(contender: Contender): Promise<Array<number | null>> {
		const { then } = this.part;
		if (then) await this.untilAllWait(contender);
		if (then === 'kill all' || then === 'kill a worker') {
			this.pausesSampling = true;
			this.report(then);
			await contender.killAndRestart(then === 'kill all' ? 'all' : 'worker');
			this.pausesSampling = false;
		}
		const stops = then === 'stop' ? await this.stopAll(contender) : undefined;
		const due = stops ?? (await this.due(contender));
		const over = await this.untilOver(contender, Math.max(...due));
		return due.map((at, index) => {
			const end = over.get(connectionId(index));
			return end ? (end - at) / 1_000 : null;
		});
	}

	private async untilAllWait({ database }: Contender): Promise<void> {
		const deadline = Date.now() + 60_000;
		const all = async () => (await database.counts()).waiting === this.seconds.length;
		while (!(await all()) && Date.now() < deadline) await sleep(1_000);
		await sleep(SETTLING_MS);
	}

	/** Stops each at its moment; gives when that was. */
	private async stopAll({ api, database }: Contender): Promise<number[]> {
		const ids = new Map((await database.asked()).map((one) => [one.connectionId, one.id]));
		const stop = async (_: unknown, at: number) => {
			await sleep(moment(at) * 1_000);
			const before = Date.now();
			await api.stopExecution(String(ids.get(connectionId(at))));
			return before;
		};
		return await Promise.all(this.seconds.map(stop));
	}

	/** When each job ends, or its time is over. */
	private async due(contender: Contender): Promise<number[]> {
		const { jobs } = await contender.seen();
		const started = new Map(jobs.map((job) => [job.connectionId, job.startedAt]));
		return this.seconds.map(
			(one, at) => (started.get(connectionId(at)) ?? Date.now()) + (one ?? moment(at)) * 1_000,
		);
	}

	/** When each was over: its execution ended well, or its job was cancelled. */
	private async untilOver(contender: Contender, lastDue: number): Promise<Map<string, number>> {
		const over = this.seconds.includes(null) ? cancelled : ended;
		await sleep(Math.max(0, lastDue - Date.now()));
		for (;;) {
			const all = await over(contender);
			if (all.size === this.seconds.length || Date.now() > lastDue + PATIENCE_MS) return all;
			await sleep(2_000);
		}
	}

	private async sample(contender: Contender): Promise<void> {
		for (let number = 0; !this.isOver; number += 1) {
			await sleep(SAMPLE_MS);
			if (this.pausesSampling) continue;
			const { all: executions, waiting } = await contender.database.counts();
			const [cpu, memory] = [contender.cpu(), contender.memory()];
			this.samples.push({ at: Date.now(), cpu, memory, waiting, executions });
			if (number % 12 === 0) this.report(`${waiting} wait, ${memory.toFixed(0)} MB`);
		}
	}

	/** Of the time in which all wait, from when the last of them has looked for the first time. */
	private whileAllWait(): Outcome['waiting'] {
		const { then } = this.part;
		if (then && then !== 'watch memory') return undefined;
		const waiting = this.samples.filter((one) => one.waiting === this.seconds.length);
		const settled = waiting.filter(({ at }) => at > waiting[0].at + SETTLING_MS);
		const [first, last] = [settled.at(0), settled.at(-1)];
		if (!first || !last || last === first) return undefined;
		const seconds = (last.at - first.at) / 1_000;
		const { memory, executions } = settled[Math.floor(settled.length / 2)];
		const cores = round((last.cpu - first.cpu) / seconds);
		return { seconds: round(seconds), cores, memory: round(memory), executions };
	}
}

async function cancelled(contender: Contender): Promise<Map<string, number>> {
	const { cancels } = await contender.seen();
	return new Map(cancels.map((one) => [one.connectionId, one.at]));
}

/** 0 for those that did not end well. */
async function ended({ database }: Contender): Promise<Map<string, number>> {
	// n8n notes a time, too, when it parks one.
	const stored = (await database.asked()).filter(
		({ status, stoppedAt }) => stoppedAt && !['new', 'running', 'waiting'].includes(status),
	);
	const time = (at: Date | string | null) =>
		at instanceof Date ? at.getTime() : Date.parse(`${String(at).replace(' ', 'T')}Z`);
	return new Map(
		stored.map(({ connectionId: id, status, stoppedAt }) => [
			id,
			status === 'success' ? time(stoppedAt) : 0,
		]),
	);
}

/** Evenly spread, 0 to 1, and in no order; the same each time. */
const chance = (at: number): number => ((at + 0.5) * 0.618_034) % 1;

const moment = (at: number): number => Math.round(EARLIEST + chance(at) * (LATEST - EARLIEST));

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

const round = (value: number): number => Math.round(value * 1_000) / 1_000;
const rounded = (value: number | null): number | null => (value === null ? null : round(value));

/** The load average would not do: it still holds what the benchmark itself did a minute ago. */
async function busyCores(): Promise<number> {
	const busy = () =>
		cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
	const [before, start] = [busy(), performance.now()];
	await sleep(10_000);
	return round((busy() - before) / (performance.now() - start));
}
