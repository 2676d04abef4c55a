/** What is aimed at, and whether it was reached. */
import type { Results, WaysMeasured } from './results.cts';
import { median, quantile } from './statistics.cts';
import { numberOf } from './table.cts';
import type { ThousandResult } from './thousand.cts';
import { type Round, callsIn } from './ways.cts';
import { WAIT_SECONDS, type WayName } from './workflows.cts';

export interface Target {
	what: string;
	aim: string;
	measured: string;
	isMet: boolean;
}

/** Of the parts that there are numbers for. */
export function targetsOf(results: Results): Target[] {
	return [
		...adaptive(results),
		...oneItem(results),
		...manyItems(results),
		...deferred(results),
		...crowd(results.thousand?.part.result),
		...killed(results),
		...nodeCode(results),
		...load(results),
	];
}

const atMost = (what: string, value: number, most: number, unit: string): Target => ({
	what,
	aim: `≤ ${numberOf(most)}${unit}`,
	measured: `${numberOf(value)}${unit}`,
	isMet: value <= most,
});

function adaptive({ adaptive: measured }: Results): Target[] {
	if (!measured) return [];
	const { hour, fixedLooks } = measured.part;
	const share = hour.map(({ delay, seconds }) => delay / seconds);
	const beyond = hour.map(({ delay, seconds }) => (delay - WAIT_SECONDS) / seconds);
	const calls = median(hour.map((one) => one.calls));
	return [
		atMost(
			"An hour's job, synchronous: calls against looks every 3 s",
			calls / median(fixedLooks),
			1 / 5,
			' ×',
		),
		atMost("An hour's job: delay as a share of its age, median", median(share) * 100, 1, ' %'),
		atMost(
			"An hour's job: the same without Wait Seconds, most",
			Math.max(...beyond) * 100,
			2,
			' %',
		),
	];
}

function oneItem({ ways }: Results): Target[] {
	if (!ways) return [];
	const ratio = ratioIn(ways.part, 'synchronous');
	return [
		atMost(
			'One item, synchronous: CPU against the hand-built loop',
			ratio(({ cpuSeconds }) => cpuSeconds),
			1 / 5,
			' ×',
		),
		atMost('One item, synchronous: calls against it', ratio(callsIn), 1 / 2, ' ×'),
		atMost(
			'One item, synchronous: stored bytes against it',
			ratio(({ bytes }) => bytes),
			1 / 3,
			' ×',
		),
	];
}

function manyItems({ items }: Results): Target[] {
	if (!items) return [];
	const ratios = items.part.pairs.map(({ one, many }) => many / one);
	return [
		atMost(`${items.part.items} items in one node: time against one`, median(ratios), 1.1, ' ×'),
	];
}

function deferred({ parked }: Results): Target[] {
	if (!parked) return [];
	const ratio = ratioIn(parked.part, 'deferrable');
	const delay = (round: Round) => median(round.delays);
	return [
		atMost(
			'Deferred: CPU of a look against the loop with a parked Wait',
			ratio(({ cpuPerLook }) => cpuPerLook),
			1 / 2,
			' ×',
		),
		atMost('Deferred: delay against it', ratio(delay), 1 / 2, ' ×'),
	];
}

/** How many times as much as the hand-built loop, by the medians of the rounds. */
function ratioIn(
	{ ways }: WaysMeasured,
	way: WayName,
): (value: (round: Round) => number) => number {
	const rounds = (name: WayName) => ways.find((one) => one.way === name)?.rounds ?? [];
	return (value) => median(rounds(way).map(value)) / median(rounds('hand-built loop').map(value));
}

function crowd(result: ThousandResult | undefined): Target[] {
	if (!result) return [];
	const editor = result.samples.flatMap(({ editorMs }) => editorMs ?? []);
	return [
		atMost('A thousand deferred: executions that did not end well', result.wrong, 0, ''),
		atMost('A thousand deferred: delay, most', Math.max(...result.delays), 180, ' s'),
		atMost('A thousand deferred: editor, 99 %', quantile(editor, 0.99), 1_000, ' ms'),
		atMost('A thousand deferred: growth of memory while all wait', growthOf(result), 1.1, ' ×'),
	];
}

/** Memory in the last third of the time in which nobody starts and nobody ends, against the first. */
function growthOf({ samples }: ThousandResult): number {
	const most = Math.max(...samples.map(({ waiting }) => waiting));
	const steady = samples.filter(({ waiting }) => waiting > 0.95 * most);
	const third = Math.ceil(steady.length / 3);
	const memory = (some: typeof samples) => median(some.map((one) => one.memoryMegabytes));
	return memory(steady.slice(-third)) / memory(steady.slice(0, third));
}

function killed({ killed: measured }: Results): Target[] {
	if (!measured) return [];
	const { wrong } = measured.part.result;
	return [atMost('The same, n8n killed: executions that did not end well', wrong, 0, '')];
}

function nodeCode({ code }: Results): Target[] {
	return code ? [atMost("The nodes' own code for a sync", median(code.part.own), 3, ' ms')] : [];
}

function load({ load: measured }: Results): Target[] {
	if (!measured) return [];
	const { tarballBytes, loads } = measured.part;
	return [
		atMost('The package: tarball', tarballBytes / 1_000, 100, ' kB'),
		atMost('The package: time that n8n takes to load it', median(loads), 50, ' ms'),
	];
}
