/**
 * A thousand deferred syncs on one n8n at once, each an execution of its own, while somebody uses the editor. Jobs take
 * some minutes instead of the hour that is meant: what looks cost, and how often they come, is the same from the second
 * minute of a job to its 56th.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { seeded } from '../../simulator/index.cts';
import type { Airbytes } from './airbytes.cts';
import { connectionId } from './database.cts';
import { Instance, type Package } from './instance.cts';
import { drawn } from './statistics.cts';
import { workflowOf } from './workflows.cts';

export interface ThousandOptions {
	count: number;
	/** Within how many seconds they are started. */
	startedWithin: number;
	/** Seconds that a job takes, least and most. */
	jobSeconds: [number, number];
	/** Whether n8n is ended with `kill -9` in the middle, and started again. */
	killed: boolean;
	seed: number;
	/** Settings of n8n, e.g. to profile it. */
	env?: Record<string, string>;
}

export interface Sample {
	/** Seconds since the beginning. */
	at: number;
	/** n8n's, in cores, since the sample before. */
	cores: number;
	memoryMegabytes: number;
	/** Milliseconds that n8n took to list workflows and executions for the editor; none while it is down. */
	editorMs?: number;
	waiting: number;
	ended: number;
}

export interface ThousandResult {
	samples: Sample[];
	/** Seconds between the end of a job and of its execution, of those that ended well. */
	delays: number[];
	/** How many ended otherwise, or did not end. */
	wrong: number;
	calls: Record<string, number>;
	executions: number;
	bytes: number;
	cpuSeconds: number;
	seconds: number;
}

const PATH = 'thousand';
const SAMPLE_EVERY_MS = 3_000;
/** After all jobs have ended, so much longer. */
const PATIENCE_MS = 420_000;
/** Calls that start executions, side by side: as many as a browser would make. */
const STARTERS = 4;

export async function runThousand(
	parts: Package,
	airbytes: Airbytes,
	options: ThousandOptions,
	report: (line: string) => void,
): Promise<ThousandResult> {
	const { count, jobSeconds, seed, env } = options;
	const airbyte = await airbytes.open();
	const seconds = drawn(...jobSeconds, count, seeded(seed));
	await airbyte.add(seconds.map((one, at) => ({ connectionId: connectionId(at), seconds: one })));
	const n8n = await Instance.start(parts, airbyte, env);
	try {
		const place = { access: airbyte.access, credential: n8n.credential, path: PATH };
		await n8n.publish(workflowOf('deferrable', place));
		return await new Thousand(n8n, options, report).run();
	} finally {
		await n8n.stop();
	}
}

class Thousand {
	private readonly startedAt = Date.now();

	private readonly samples: Sample[] = [];

	private hasBegun = false;

	private cpuOfEnded = 0;

	private isDown = false;

	constructor(
		private readonly n8n: Instance,
		private readonly options: ThousandOptions,
		private readonly report: (line: string) => void,
	) {}

	async run(): Promise<ThousandResult> {
		const watching = this.watch();
		await this.begin();
		this.hasBegun = true;
		this.report(`all ${this.options.count} are started`);
		if (this.options.killed) await this.killAndRestart();
		await watching;
		return await this.result();
	}

	/** Starts them evenly over the time that is there for it, or later if n8n cannot keep up. */
	private async begin(): Promise<void> {
		const { count, startedWithin } = this.options;
		const all = Array.from({ length: count }, (_, at) => at).values();
		const starter = async () => {
			for (const at of all) {
				const due = this.startedAt + (at / count) * startedWithin * 1_000;
				await sleep(Math.max(0, due - Date.now()));
				await this.n8n.begin(PATH, { connectionId: connectionId(at) });
			}
		};
		await Promise.all(Array.from({ length: STARTERS }, starter));
	}

	/** In the middle of the time in which all wait: what n8n just starts or resumes is lost by its own gap. */
	private async killAndRestart(): Promise<void> {
		const { count, jobSeconds } = this.options;
		const firstEnd = this.startedAt + jobSeconds[0] * 1_000;
		const waiting = async () => (await this.n8n.database.counts()).waiting ?? 0;
		while ((await waiting()) < count && Date.now() < firstEnd) await sleep(SAMPLE_EVERY_MS);
		await sleep(Math.max(0, (firstEnd - Date.now()) / 2));
		this.report('n8n is killed and started again');
		this.isDown = true;
		this.cpuOfEnded += this.n8n.cpuSeconds();
		await this.n8n.service.kill();
		await this.n8n.service.start();
		this.isDown = false;
	}

	private async watch(): Promise<void> {
		let cpu = this.n8n.cpuSeconds();
		let at = Date.now();
		for (let samples = 0; !(await this.isOver()); samples += 1) {
			await sleep(SAMPLE_EVERY_MS);
			if (this.isDown) continue;
			const [cpuNow, now] = [this.n8n.cpuSeconds(), Date.now()];
			const memoryMegabytes = this.n8n.memoryMegabytes();
			const { success = 0, waiting = 0 } = await this.n8n.database.counts();
			const sample: Sample = {
				at: (now - this.startedAt) / 1_000,
				cores: Math.max(0, ((cpuNow - cpu) * 1_000) / (now - at)),
				memoryMegabytes,
				editorMs: await this.editorMs(),
				waiting,
				ended: success,
			};
			[cpu, at] = [cpuNow, now];
			this.samples.push(sample);
			if (samples % 10 === 0) this.report(lineOf(sample));
		}
	}

	/** What the editor asks for to show the overview. */
	private async editorMs(): Promise<number | undefined> {
		const { api } = this.n8n;
		const before = Date.now();
		return await Promise.all([api.get('/workflows'), api.get('/executions', { limit: 20 })]).then(
			() => Date.now() - before,
			() => undefined,
		);
	}

	private async isOver(): Promise<boolean> {
		if (!this.hasBegun) return false;
		const { running = 0, waiting = 0 } = await this.n8n.database.counts();
		const jobs = await this.n8n.airbyte.jobs();
		const last = Math.max(...jobs.map(({ endsAt }) => endsAt));
		return running + waiting === 0 || Date.now() > last + PATIENCE_MS;
	}

	private async result(): Promise<ThousandResult> {
		const seconds = (Date.now() - this.startedAt) / 1_000;
		const cpuSeconds = this.cpuOfEnded + this.n8n.cpuSeconds();
		const executions = await this.n8n.database.executions();
		const endsAt = new Map(
			(await this.n8n.airbyte.jobs()).map((one) => [one.connectionId, one.endsAt]),
		);
		const good = executions.filter(
			({ mode, status }) => mode === 'webhook' && status === 'success',
		);
		return {
			samples: this.samples,
			delays: good.map(
				(one) => ((one.stoppedAt ?? NaN) - (endsAt.get(one.connectionId ?? '') ?? NaN)) / 1_000,
			),
			wrong: this.options.count - good.length,
			calls: await this.n8n.airbyte.calls(),
			executions: executions.length,
			bytes: executions.reduce((sum, { bytes }) => sum + bytes, 0),
			cpuSeconds,
			seconds,
		};
	}
}

function lineOf({ cores, memoryMegabytes, editorMs, waiting, ended }: Sample): string {
	return `${waiting} wait, ${ended} ended; ${cores.toFixed(2)} cores, ${memoryMegabytes.toFixed(0)} MB, editor ${editorMs ?? '-'} ms`;
}
