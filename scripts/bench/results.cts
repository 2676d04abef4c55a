/** What was measured, by part, each with when and on what; kept, so that parts can be measured again alone. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import type { AdaptiveResult } from './adaptive.cts';
import type { LoadResult } from './load.cts';
import { machine } from './machine.cts';
import type { ManyItemsResult } from './manyItems.cts';
import type { NodeCodeResult } from './nodeCode.cts';
import type { ProfiledResult } from './profiled.cts';
import type { ThreadsOptions, ThreadsResult } from './threads.cts';
import type { ThousandOptions, ThousandResult } from './thousand.cts';
import type { WayResult, WaysOptions } from './ways.cts';

export interface WaysMeasured {
	options: WaysOptions;
	ways: WayResult[];
}

export interface ThousandMeasured {
	options: ThousandOptions;
	result: ThousandResult;
}

export interface ThreadsMeasured {
	options: ThreadsOptions;
	results: ThreadsResult[];
}

export interface Parts {
	ways: WaysMeasured;
	parked: WaysMeasured;
	items: ManyItemsResult;
	adaptive: AdaptiveResult;
	code: NodeCodeResult;
	load: LoadResult;
	profile: Record<'deferrable' | 'synchronous', ProfiledResult>;
	threads: ThreadsMeasured;
	thousand: ThousandMeasured;
	killed: ThousandMeasured;
}

export type PartName = keyof Parts;

export interface Measured<Part> {
	on: string;
	machine: string;
	/** Cores that other work kept busy before it began; unknown of what was measured before that was asked. */
	busy?: number;
	part: Part;
}

export type Results = { [Name in PartName]?: Measured<Parts[Name]> };

const FILE = resolve(__dirname, '..', '..', 'bench', 'results.json');

export function readResults(): Results {
	return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Results) : {};
}

export function keepResults(results: Results): void {
	writeFileSync(FILE, `${JSON.stringify(results, null, '\t')}\n`);
}

export function measured<Part>(part: Part, busy: number): Measured<Part> {
	return { on: new Date().toISOString().slice(0, 10), machine: machine(), busy, part };
}
