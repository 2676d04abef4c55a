/** bench/results.json, and the document that is made of it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { resolve } from 'node:path';

import { N8N_VERSION } from '../n8n/install.cts';
import type { ContenderName } from './contender.cts';
import {
	type Outcome,
	PARTS,
	PART_NAMES,
	type Part,
	type PartName,
	type PartResult,
} from './parts.cts';

const ROOT = resolve(__dirname, '..', '..');
const RESULTS = resolve(ROOT, 'bench', 'results.json');
const DOCUMENT = resolve(ROOT, 'docs', 'benchmarks.md');

interface Kept extends PartResult {
	against: string;
	machine: string;
	version: string;
}

type Results = Partial<Record<PartName, Kept>>;

/** @param against the other commit */
export function keptOf(result: PartResult, against: string): Kept {
	const manifest = readFileSync(resolve(ROOT, 'package.json'), 'utf8');
	const { version } = JSON.parse(manifest) as { version: string };
	const memory = Math.round(totalmem() / 2 ** 30);
	const machine = `${cpus().length} cores, ${memory} GB, n8n ${N8N_VERSION}`;
	return { ...result, against, machine, version };
}

/** Those of earlier runs. */
export function readResults(): Results {
	return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Results) : {};
}

export function keepResults(results: Results): void {
	const text = JSON.stringify(results, null, '\t');
	// A wait a line.
	const rows = text.replace(/\[\s+([\d.-]+|null),\s+([\d.-]+|null)\s+\]/g, '[$1, $2]');
	writeFileSync(RESULTS, `${rows}\n`);
	writeFileSync(DOCUMENT, documentOf(results));
}

function documentOf(results: Results): string {
	return [
		'# Benchmarks',
		'How late deferred syncs end, and what they cost n8n: this package, an earlier commit of it, and [the loop that people build by hand](../bench/hand-built-loop.json) from _HTTP Request_, _Wait_ and _IF_. `npm run bench` measures and writes this page; [bench/results.json](../bench/results.json) has a row for each wait. Which mode suits which sync is in [Modes](modes.md).',
		...section(
			'## How late',
			'Seconds from the end of the job in Airbyte to the end of the execution in n8n, unless the row says otherwise.',
			['Median', '99 %', 'Most', 'Did not end well'],
			rowsOf(results, ({ then }) => then !== 'watch memory', delayCells),
		),
		...section(
			'## What it costs',
			"CPU and memory are those of all of n8n's processes. _Executions_ are those in n8n's database for one sync: while it waits, and in the list after its end.",
			[
				'CPU of a wait-minute',
				'Cores while all wait',
				'CPU of a sync',
				'Memory at most',
				'Executions',
			],
			rowsOf(results, ({ then }) => !then, costCells),
		),
		...section(
			'## Memory',
			'Of an n8n before and while it waits for so many.',
			['Before', 'While they wait', 'More'],
			rowsOf(results, ({ then }) => then === 'watch memory', memoryCells),
		),
		'## Conditions',
		table(
			['', 'When', 'On', 'Version', 'Earlier commit', 'Cores busy before'],
			PART_NAMES.flatMap((name) => {
				const kept = results[name];
				if (!kept) return [];
				const { at, machine, version, against, busyBefore } = kept;
				const when = at.replace('T', ' ');
				return [[PARTS[name].title, when, machine, version, against, busyBefore.toFixed(2)]];
			}),
		),
		CONDITIONS,
	]
		.join('\n\n')
		.concat('\n');
}

const CONDITIONS = [
	'- n8n is a real one with SQLite, in queue mode with two workers and PostgreSQL, with its defaults except that it keeps all executions. Each contender has an n8n and a simulated Airbyte of its own, which answers at once. Short and long jobs are measured side by side, the rest one after the other.',
	'- Wait Seconds is 3 for the node, and 65 for the loop: from there on n8n keeps a _Wait_ in its database, as it does a deferred sync.',
	'- Jobs have fixed lengths, spread evenly, the same for all. Executions are started by webhooks, over 50 s (25 waits), 150 s (150) or five minutes (1,000); those that are killed, stopped or time out over 30 s.',
	'- CPU is what the kernel has counted, less what that n8n uses for nothing. For a wait-minute it is of the time in which all wait; for a sync of all from its start to some minutes after its end (short jobs: one minute).',
	'- A stop, and a Timeout, come one to three minutes into a wait.',
].join('\n');

const WHO: Record<ContenderName, string> = { this: 'this', against: 'earlier', loop: 'loop' };

/** One for each part of that kind, and each contender in it. */
function rowsOf(
	results: Results,
	isWanted: (part: Part) => boolean,
	cells: (outcome: Outcome) => string[],
): string[][] {
	return PART_NAMES.filter((name) => isWanted(PARTS[name])).flatMap((name) =>
		(Object.keys(WHO) as ContenderName[]).flatMap((who) => {
			const outcome = results[name]?.outcomes[who];
			return outcome ? [[PARTS[name].title, WHO[who], ...cells(outcome)]] : [];
		}),
	);
}

function section(title: string, text: string, head: string[], rows: string[][]): string[] {
	return rows.length ? [title, text, table(['', 'Who', ...head], rows)] : [];
}

function delayCells({ waits }: Outcome): string[] {
	const delays = waits.flatMap(([, delay]) => delay ?? []).sort((one, other) => one - other);
	const at = (share: number) => delays[Math.max(0, Math.ceil(share * delays.length) - 1)];
	const cells = [at(0.5), at(0.99), at(1)].map((one) =>
		one === undefined ? '–' : `${one.toFixed(1)} s`,
	);
	return [...cells, String(waits.length - delays.length)];
}

function costCells({
	waits,
	waiting,
	idleCores,
	cpuSeconds,
	memoryMost,
	executionsLeft,
}: Outcome): string[] {
	const share = (executions: number) => (executions / waits.length).toFixed(1).replace('.0', '');
	const minute = waiting && ((waiting.cores - idleCores) * 60_000) / waits.length;
	return [
		minute === undefined ? '–' : `${minute.toFixed(0)} ms`,
		waiting ? waiting.cores.toFixed(2) : '–',
		`${(cpuSeconds / waits.length).toFixed(2)} s`,
		`${memoryMost.toFixed(0)} MB`,
		`${waiting ? share(waiting.executions) : '–'}, ${share(executionsLeft)}`,
	];
}

function memoryCells({ memoryBefore, waiting, memoryMost }: Outcome): string[] {
	const memory = waiting?.memory ?? memoryMost;
	return [memoryBefore, memory, memory - memoryBefore].map((one) => `${one.toFixed(0)} MB`);
}

function table(head: string[], rows: string[][]): string {
	const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
	return [line(head), line(head.map((_, at) => (at < 2 ? '---' : '---:'))), ...rows.map(line)].join(
		'\n',
	);
}
