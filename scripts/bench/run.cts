/** Measures the parts that were asked for. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Airbytes } from './airbytes.cts';
import { connectionId } from './database.cts';
import type { Package } from './instance.cts';
import { runLoad } from './load.cts';
import { busyCores } from './machine.cts';
import { runManyItems } from './manyItems.cts';
import type { BenchOptions } from './options.cts';
import { runProfiled } from './profiled.cts';
import { type PartName, type Parts, type Results, measured } from './results.cts';
import { type ThousandOptions, runThousand } from './thousand.cts';
import { runThreads } from './threads.cts';
import { runWays, type WayOptions, type WaysOptions } from './ways.cts';
import { WAIT_SECONDS, type WayName } from './workflows.cts';

type Report = (line: string) => void;

/** n8n parks a Wait node from so many seconds on. */
const PARKED_SECONDS = 65;
/** The clocks of a deferred execution ring once more after its end, each within two turns. */
const CLOCKS_AFTERMATH = 125;
const AFTERMATH = 3;

/** Deferred ones end later, and so take longer for a round. */
const fourWays = (quick: boolean): WayOptions[] => [
	way('synchronous', WAIT_SECONDS, quick ? 1 : 3),
	way('asynchronous', WAIT_SECONDS, quick ? 1 : 3),
	way('deferrable', WAIT_SECONDS, quick ? 1 : 2),
	way('hand-built loop', WAIT_SECONDS, quick ? 1 : 3),
];

const parkedWays = (quick: boolean): WayOptions[] => [
	way('deferrable', WAIT_SECONDS, quick ? 1 : 2),
	way('hand-built loop', PARKED_SECONDS, quick ? 1 : 2),
];

const way = (name: WayName, waitSeconds: number, rounds: number): WayOptions => ({
	way: name,
	waitSeconds,
	rounds,
	aftermath: name === 'deferrable' ? CLOCKS_AFTERMATH : AFTERMATH,
});

export class Bench {
	constructor(
		private readonly parts: Package,
		private readonly airbytes: Airbytes,
		private readonly options: BenchOptions,
		private readonly report: Report,
		/** Is told after each part: what takes long may be interrupted. */
		private readonly keep: (results: Results) => void,
	) {}

	/** One after the other, but those that mostly wait side by side. */
	async run(results: Results): Promise<void> {
		const { parts } = this.options;
		for (const part of parts.filter((one) => !SIDE_BY_SIDE.has(one))) {
			await this.measure(results, part, await busyCores());
		}
		const together = parts.filter((one) => SIDE_BY_SIDE.has(one));
		if (together.length === 0) return;
		const busy = await busyCores();
		await Promise.all(together.map(async (part) => await this.measure(results, part, busy)));
	}

	private async measure(results: Results, name: PartName, busy: number): Promise<void> {
		this.report(name);
		Object.assign(results, { [name]: measured(await this[name](), busy) });
		this.keep(results);
		this.report(`${name} is done`);
	}

	async load(): Promise<Parts['load']> {
		return await runLoad(this.parts, this.options.quick ? 1 : 9);
	}

	async code(): Promise<Parts['code']> {
		const airbyte = await this.airbytes.open();
		const id = connectionId(1);
		await airbyte.add([{ connectionId: id, seconds: 0 }]);
		const [rounds, perRound] = this.options.quick ? [2, 20] : [5, 200];
		const input = { access: airbyte.access, connectionId: id, rounds, perRound };
		return await onEngine('code', JSON.stringify(input));
	}

	async adaptive(): Promise<Parts['adaptive']> {
		const { quick, seed } = this.options;
		return await onEngine('adaptive', quick ? 3 : 100, seed);
	}

	async items(): Promise<Parts['items']> {
		const { quick, seed } = this.options;
		const amount = quick ? { items: 3, pairs: 1 } : { items: 25, pairs: 3 };
		return await runManyItems(this.parts, this.airbytes, { ...amount, seed });
	}

	async ways(): Promise<Parts['ways']> {
		const { quick } = this.options;
		return await this.compare({
			ways: fourWays(quick),
			startedWithin: 10,
			perRound: quick ? 1 : 6,
			jobSeconds: quick ? [80, 90] : [120, 360],
		});
	}

	async parked(): Promise<Parts['parked']> {
		const { quick } = this.options;
		return await this.compare({
			ways: parkedWays(quick),
			startedWithin: 20,
			perRound: quick ? 2 : 25,
			// Two turns of the loop: a spread that is no multiple would favor one rhythm.
			jobSeconds: quick ? [80, 90] : [195, 325],
		});
	}

	async profile(): Promise<Parts['profile']> {
		const { quick } = this.options;
		const size = quick ? { executions: 2, seconds: 61 } : { executions: 25, seconds: 244 };
		const profiled = async (way: WayName) =>
			await runProfiled(this.parts, this.airbytes, { way, ...size });
		const [deferrable, synchronous] = await Promise.all([
			profiled('deferrable'),
			profiled('synchronous'),
		]);
		return { deferrable, synchronous };
	}

	async threads(): Promise<Parts['threads']> {
		const { quick } = this.options;
		const size = quick ? { executions: 2, seconds: 65 } : { executions: 25, seconds: 260 };
		const options = { ...size, parkedSeconds: PARKED_SECONDS };
		return { options, results: await runThreads(this.parts, this.airbytes, options) };
	}

	async thousand(): Promise<Parts['thousand']> {
		return await this.crowd(false);
	}

	async killed(): Promise<Parts['killed']> {
		return await this.crowd(true);
	}

	private async compare(size: Omit<WaysOptions, 'seed'>): Promise<Parts['ways']> {
		const options = { ...size, seed: this.options.seed };
		const ways = await runWays(this.parts, this.airbytes, options, this.report);
		return { options, ways };
	}

	private async crowd(killed: boolean): Promise<Parts['thousand']> {
		const { count, quick, seed } = this.options;
		const options: ThousandOptions = {
			count,
			startedWithin: quick ? 10 : 240,
			jobSeconds: quick ? [60, 90] : [480, 600],
			killed,
			seed,
		};
		return {
			options,
			result: await runThousand(this.parts, this.airbytes, options, this.report),
		};
	}
}

/** Each in n8ns of its own that mostly wait, so that they do not get into each other's way. */
const SIDE_BY_SIDE = new Set<PartName>(['ways', 'parked', 'profile', 'items']);

/** Lets a process of its own measure something on n8n's engine. */
async function onEngine<Result>(part: 'adaptive' | 'code', ...args: unknown[]): Promise<Result> {
	const { stdout } = await promisify(execFile)(
		process.execPath,
		[
			...['--require', 'tsx/cjs', '--require', join(__dirname, 'codeBeforeJson.cjs')],
			join(__dirname, 'engineProcess.cts'),
			part,
			...args.map(String),
		],
		{ maxBuffer: 2 ** 26 },
	);
	return JSON.parse(stdout) as Result;
}
