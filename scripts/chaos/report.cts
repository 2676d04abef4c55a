/** A verdict in words, for whoever runs it and for docs/reliability.md. */
import type { ChaosOptions } from './options.cts';
import type { ChaosRecord } from './run.cts';
import { FAULTS, type Verdict } from './verdict.cts';

/** Nothing was doubled, lost, orphaned or wrongly reported, and all was started. */
export function isGood({ started, findings }: Verdict, { syncs }: ChaosOptions): boolean {
	return findings.length === 0 && started === syncs;
}

export function tableOf({ started, findings, crashed, unheard }: Verdict): string {
	const count = (fault: string) => findings.filter((one) => one.fault === fault).length;
	const columns: Array<[string, number]> = [
		['started', started],
		...FAULTS.map((fault): [string, number] => [fault, count(fault)]),
		['crashed and run again', crashed.length],
		['stops unheard', unheard.length],
	];
	const row = (cells: Array<string | number>) => `| ${cells.join(' | ')} |`;
	return [
		row(columns.map(([name]) => name)),
		row(columns.map(() => '---:')),
		row(columns.map(([, number]) => number)),
	].join('\n');
}

export function detailsOf(verdict: Verdict, record: ChaosRecord): string {
	const list = (counts: Map<string, number>) =>
		[...counts].map(([name, count]) => `${name} ${count}`).join(', ');
	return [
		...verdict.findings.map(
			({ fault, run, item, what }) => `${fault.toUpperCase()}: ${run}, item ${item}: ${what}`,
		),
		`Ends: ${list(verdict.ends)}`,
		`Killed: ${list(record.kills)}`,
		`Calls of Airbyte: ${record.calls}, ${record.faults} of them struck by a fault`,
		...verdict.gaveUp.map(
			({ run, way, execution, text }) =>
				`Gave up and said so: ${run} (${way}), execution ${execution}: ${text}`,
		),
		...verdict.crashed.map(
			({ run, way, execution, parked }) =>
				`Crashed and run again: ${run} (${way}), execution ${execution}${parked ? ', after it was parked' : ''}`,
		),
		...verdict.unheard.map(
			({ run, way, execution }) =>
				`Stop unheard: ${run} (${way}), execution ${execution}, begun before main was started again`,
		),
	].join('\n');
}
