/** The tables and docs/benchmarks.md, from what was measured. */
import type { AdaptiveResult } from './adaptive.cts';
import { LOOK } from './airbytes.cts';
import { ALL_PARTS } from './options.cts';
import type { Results, ThousandMeasured, ThreadsMeasured, WaysMeasured } from './results.cts';
import { median, quantile, spreadOf } from './statistics.cts';
import { numberOf, ratioOf, spreadIn, tableOf } from './table.cts';
import { targetsOf } from './targets.cts';
import { LAZY } from './threads.cts';
import { type Round, type WayResult, callsIn } from './ways.cts';

/** All tables that there are numbers for. */
export function tablesOf(results: Results): string {
	return sections(results)
		.map(({ title, body }) => `## ${title}\n\n${body}`)
		.join('\n\n');
}

export function documentOf(results: Results): string {
	return `${[introduction, tablesOf(results), method, notBest].join('\n\n')}\n`;
}

interface Section {
	title: string;
	body: string;
}

function sections(results: Results): Section[] {
	const { ways, parked, profile, threads, code, adaptive, thousand, killed } = results;
	const all: Array<Section | undefined> = [
		{ title: 'Aims', body: targetsTable(results) },
		ways && {
			title: 'The same syncs in four ways',
			body: `${waysIntroduction(ways.part)}\n\n${waysTable(ways.part)}`,
		},
		parked && {
			title: 'Deferred, against a loop with a parked Wait',
			body: `${parkedIntroduction(parked.part)}\n\n${waysTable(parked.part)}\n\n${looksTable(parked.part)}`,
		},
		profile && {
			title: 'Whose time a deferred look takes',
			body: sharesTable('of a deferred look', profile.part.deferrable.shares),
		},
		threads && {
			title: 'In which thread a look takes it',
			body: `${threadsIntroduction}\n\n${threadsTable(threads.part)}`,
		},
		profile && {
			title: 'Whose time a synchronous look takes',
			body: sharesTable('of a synchronous look', profile.part.synchronous.shares),
		},
		code && {
			title: "Whose time a sync takes, without n8n's server",
			body: sharesTable('of a sync', code.part.shares),
		},
		adaptive && { title: 'Adaptive polling', body: adaptiveTable(adaptive.part) },
		thousand && { title: 'A thousand deferred syncs on one n8n', body: crowdTable(thousand.part) },
		killed && {
			title: 'The same, with n8n killed in the middle',
			body: crowdTable(killed.part),
		},
		{ title: 'What it ran on', body: machines(results) },
	];
	return all.filter((section) => section !== undefined);
}

function targetsTable(results: Results): string {
	const rows = targetsOf(results).map(({ what, aim, measured, isMet }) => [
		what,
		aim,
		measured,
		isMet ? 'yes' : 'no',
	]);
	return tableOf([['What', 'Aim', 'Measured', 'Reached'], ...rows]);
}

function waysIntroduction({ options }: WaysMeasured): string {
	const { perRound, jobSeconds } = options;
	return `${roundsOf(options)} of ${perRound} syncs in each way, all ways at the same time, with jobs of ${jobSeconds.join(' to ')} seconds. For one sync, median of the rounds (least–most); in brackets the ratio to the hand-built loop.`;
}

function parkedIntroduction({ options }: WaysMeasured): string {
	const { perRound, jobSeconds } = options;
	return `${roundsOf(options)} of ${perRound} executions at once, with jobs of ${jobSeconds.join(' to ')} seconds.`;
}

function roundsOf({ ways }: WaysMeasured['options']): string {
	const { least, most } = spreadOf(ways.map(({ rounds }) => rounds));
	return least === most ? `${most} rounds` : `${least} or ${most} rounds`;
}

function waysTable({ ways }: WaysMeasured): string {
	const base = ways.find(({ way }) => way === 'hand-built loop') ?? ways[0];
	const row = (name: string, unit: string, value: (round: Round) => number) => [
		name,
		...ways.map((way) => compared(way, base, unit, value)),
	];
	const routes = [...new Set(ways.flatMap(({ rounds }) => Object.keys(rounds[0].calls)))].sort();
	return tableOf([
		['For one sync', ...ways.map(nameOf)],
		['Delay, all syncs', ...ways.map((way) => delayIn(way, base))],
		row('CPU of n8n', ' s', ({ cpuSeconds }) => cpuSeconds),
		row('Stored', ' kB', ({ bytes }) => bytes / 1_000),
		row('Executions', '', ({ executions }) => executions),
		row('Calls of Airbyte', '', callsIn),
		...routes.map((route) => row(`\`${route}\``, '', ({ calls }) => calls[route] ?? 0)),
	]);
}

const nameOf = ({ way, waitSeconds }: Pick<WayResult, 'way' | 'waitSeconds'>): string =>
	way === 'deferrable' ? way : `${way}, ${waitSeconds} s`;

function delayIn(way: WayResult, base: WayResult): string {
	const delays = delaysOf(way);
	const ratio = ratioOf(median(delays), median(delaysOf(base)));
	return `${spreadIn(spreadOf(delays), ' s')} [${ratio}]`;
}

const delaysOf = ({ rounds }: WayResult): number[] => rounds.flatMap(({ delays }) => delays);

function compared(
	way: WayResult,
	base: WayResult,
	unit: string,
	value: (round: Round) => number,
): string {
	const values = way.rounds.map(value);
	const ratio = ratioOf(median(values), median(base.rounds.map(value)));
	return `${spreadIn(spreadOf(values), unit)} [${ratio}]`;
}

function looksTable({ ways }: WaysMeasured): string {
	const base = ways.find(({ way }) => way === 'hand-built loop') ?? ways[0];
	return tableOf([
		['For one look', ...ways.map(nameOf)],
		[
			'CPU of n8n',
			...ways.map((way) => compared(way, base, ' ms', ({ cpuPerLook }) => cpuPerLook * 1_000)),
		],
		[
			'Stored',
			...ways.map((way) => compared(way, base, ' kB', ({ bytesPerLook }) => bytesPerLook / 1_000)),
		],
	]);
}

function sharesTable(of: string, shares: Record<string, number>): string {
	const sum = Object.values(shares).reduce((total, ms) => total + ms, 0);
	const rows = Object.entries(shares)
		.sort(([, a], [, b]) => b - a)
		.map(([owner, ms]) => [owner, numberOf(ms), `${((ms / sum) * 100).toFixed(1)} %`]);
	return tableOf([['Whose code', `ms ${of}`, 'Share'], ...rows]);
}

const threadsIntroduction = `The profile is of n8n's main thread. Whenever n8n starts or resumes an execution, it makes an isolate for expressions, a small JavaScript machine of its own, in another thread, whether or not there is an expression to work out; with n8n's setting \`${LAZY}=true\` only where there is one.`;

/** Threads by what Linux calls them; those that n8n's main thread starts without a name have its own. */
const THREADS: Record<string, string> = {
	main: 'main thread',
	MainThread: 'isolates for expressions',
	V8Worker: 'garbage collection and compilers of V8',
	'libuv-worker': 'files and database',
};

function threadsTable({ results }: ThreadsMeasured): string {
	const known = Object.keys(THREADS);
	const others = [...new Set(results.flatMap(({ threads }) => Object.keys(threads)))].filter(
		(name) => !known.includes(name),
	);
	const row = (title: string, names: string[]) => [
		title,
		...results.map(({ threads }) => {
			const ms = names.reduce((sum, name) => sum + (threads[name] ?? 0), 0);
			return `${numberOf(ms)} ms`;
		}),
	];
	return tableOf([
		[
			'CPU for one look',
			...results.map((result) => [nameOf(result), result.lazy ? ', lazy' : ''].join('')),
		],
		...known.map((name) => row(THREADS[name], [name])),
		row('others', others),
		row('all', [...known, ...others]),
	]);
}

function adaptiveTable({ hour, any, fixedLooks }: AdaptiveResult): string {
	const row = (name: string, waits: AdaptiveResult['hour']) => {
		const shares = waits.map(({ delay, seconds }) => (delay / seconds) * 100);
		return [
			name,
			String(waits.length),
			spreadIn(spreadOf(waits.map(({ calls }) => calls))),
			spreadIn(spreadOf(waits.map(({ delay }) => delay)), ' s'),
			spreadIn(spreadOf(shares), ' %'),
		];
	};
	return tableOf([
		['Jobs', 'Syncs', 'Calls of Airbyte', 'Delay', "Delay as a share of the job's age"],
		row('an hour, ± 10 %', hour),
		row('a minute to eight hours', any),
		['an hour, looks every 3 s', String(fixedLooks.length), spreadIn(spreadOf(fixedLooks)), '', ''],
	]);
}

function crowdTable({ options, result }: ThousandMeasured): string {
	const { samples, delays } = result;
	const editor = samples.flatMap(({ editorMs }) => editorMs ?? []);
	const memory = samples.map(({ memoryMegabytes }) => memoryMegabytes);
	const { count, jobSeconds, startedWithin } = options;
	return tableOf([
		['', 'Measured'],
		['Syncs, each an execution', String(count)],
		['Jobs', `${jobSeconds.join('–')} s, started within ${startedWithin} s`],
		['Did not end well', String(result.wrong)],
		['Delay: median, 99 %, most', three(delays, ' s')],
		['Editor: median, 99 %, most', three(editor, ' ms')],
		['Memory: first, median, most', memoryIn(memory)],
		[
			'CPU, cores: median, 99 %, most',
			three(
				samples.map(({ cores }) => cores),
				'',
			),
		],
		['Looks', String(result.calls[LOOK] ?? 0)],
		['CPU of n8n in all', `${numberOf(result.cpuSeconds)} s in ${numberOf(result.seconds)} s`],
		['Stored for a sync', `${numberOf(result.bytes / count / 1_000)} kB`],
	]);
}

function three(values: number[], unit: string): string {
	const shown = [median(values), quantile(values, 0.99), quantile(values, 1)];
	return shown.map((value) => `${numberOf(value)}${unit}`).join(', ');
}

const memoryIn = (memory: number[]): string =>
	[memory[0], median(memory), quantile(memory, 1)].map((mb) => `${numberOf(mb)} MB`).join(', ');

function machines(results: Results): string {
	const rows = Object.entries(results).map(([name, { on, machine, busy }]) => [
		name,
		machine,
		on,
		busy === undefined ? 'not known' : numberOf(busy),
	]);
	const table = tableOf([['Part', 'On', 'When', 'Cores busy before'], ...rows]);
	return [table, ...disturbance(results), ...missing(results)].join('\n\n');
}

/** Cores: from there on, other work is in the way on any machine that n8n runs on. */
const QUIET = 0.2;

function disturbance(results: Results): string[] {
	const disturbed = Object.entries(results).filter(([, { busy = 0 }]) => busy > QUIET);
	if (disturbed.length === 0) return [];
	const names = disturbed.map(([name]) => name).join(', ');
	return [
		`**The machine was busy with other work** during ${names}: times, delays and CPU seconds of these are worse than n8n needs, in all ways, and their ratios uncertain. Calls, bytes and executions do not suffer from it.`,
	];
}

function missing(results: Results): string[] {
	const names = ALL_PARTS.filter((name) => !results[name]);
	return names.length === 0 ? [] : [`Not measured so far: ${names.join(', ')}.`];
}

const introduction = `# Benchmarks

What waiting for an Airbyte sync costs in n8n, in this package's three modes and in the loop that people build by hand. This page is written by

\`\`\`sh
npm run bench                            # about half an hour
npm run bench -- --only thousand,killed  # as long again
\`\`\`

from the numbers that it keeps in \`bench/results.json\`. The hand-built loop is [\`bench/hand-built-loop.json\`](../bench/hand-built-loop.json), to be imported into any n8n: a token, the job, then _Wait_, a token, a look, _IF_, and round again.`;

const method = `## How it is measured

- **n8n** is a real one of one process with SQLite, as installed from npm, with the packed package in it. It keeps its own defaults for what it stores; nothing is pruned. Each way has an n8n of its own. All run at the same time, so that they meet the same machine, and start their executions by production webhooks.
- **Airbyte** is the simulator. All ways have one each in a single other process, so that calls can be told apart and its work counts as nobody's. It answers at once: a real Airbyte's time to answer comes on top in every way.
- **Jobs** have lengths drawn from a seeded spread, one from each of as many equal parts as there are syncs, so that no polling rhythm is favored. All ways get the same ones.
- **Delay** is from the moment at which the simulated job ends to the end of the execution as n8n stores it.
- **CPU** is what the kernel has counted for n8n's process, less what that process uses in as many seconds of nothing, measured before. After the last execution of a round has ended, deferred ones are measured for two more minutes, until their alarm clocks have found out. Not in it are the rings of the third clock, once in twenty minutes.
- **Stored** are the bytes of n8n's table of execution data, the copies of the workflow in it included, of all executions that came of a sync: the deferrable mode's alarm clocks as well.
- **Looks** are \`GET /jobs/{jobId}\`. The figures for one look are of the time in which all wait, from 75 seconds after the last one of a round was started, when all have looked once, to the end of the first job: neither starting nor ending is in them, nor what the two clocks do once in five minutes, which is to read each other's state and the third one's.
- **Adaptive polling** and **whose time a sync takes** are measured on n8n's engine (\`n8n-core\`) without its server. For adaptive polling time passes by itself, so that the waits are real ones of an hour; the other has no waits, and an Airbyte in another process.
- **Profiles** are V8's sampling profiler of n8n's main thread, by the module whose function is running. What that thread does not spend in JavaScript (in the kernel, in SQLite's and other native code) is _outside of JavaScript_. The CPU of all **threads** is what the kernel has counted for them, in n8ns that nobody profiles.
- **A thousand syncs**: jobs take eight to ten minutes instead of an hour, since nobody waits for hours of a benchmark. From a job's second minute to its 29th a look costs the same and comes as often, later it comes less often. The editor is asked every three seconds for what it shows as overview. Where n8n is killed (\`kill -9\`), that is in the middle of the time in which all wait: an execution that it resumes at that very moment would be lost in [its own gap](modes.md#the-gap).`;

const notBest = `## Where this is not best

- **A sync of less than two minutes is over sooner in synchronous mode**, and in a hand-built loop with short waits: n8n wakes parked executions at most once a minute, so that two alarm clocks in turns look twice a minute: a deferred sync ends up to half a minute after its job, or up to a minute if the job took less than that. That is the price for holding nothing in memory meanwhile.
- **A deferred look takes n8n almost as much CPU as one of a loop with a parked Wait**, as n8n comes: more than half of it goes into the isolate for expressions that n8n makes whenever it resumes an execution. An alarm clock has no expression, so with n8n's setting \`${LAZY}=true\` it takes about a third of the loop's.
- **A synchronous sync of a few minutes takes more than a fifth of the loop's CPU.** What is left of it is n8n's: its HTTP client, its database and the start of an execution. [This package's share of a look](#whose-time-a-synchronous-look-takes) is some 3 %.
- **A deferred sync is four executions**, itself and three alarm clocks, where a hand-built loop is one.
- **A short job** makes more than half of the loop's calls (of 100 to 240 seconds: 0.53 ×), one of two or three looks as many, since connection and newest jobs are read before a job is started; that is what keeps it from being started twice.
- **Old jobs**: adaptive polling answers after an hour's job half a minute later in the middle than looks every three seconds would. Switch _Adaptive Polling_ off where that matters more than the calls.`;
