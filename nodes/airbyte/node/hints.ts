/** The hints in the editor's output pane. */
import type { NodeExecutionHint } from 'n8n-workflow';

import type { Job } from '../api/job';
import { joinNames } from '../api/prose';
import { mayCome } from '../run/lateJob';
import type { SkipReason } from '../run/result';
import type { SyncRun } from '../run/run';
import { connectionName } from './connectionName';
import { OPTION_OF } from './failure';
import { outputJobOf } from './output';

/** What is worth knowing of runs although their items do not fail for it, for the editor's output pane. */
export function hintsOn(runs: SyncRun[]): NodeExecutionHint[] {
	const attached = runs.filter((run) => run.order.kind === 'start' && run.job && !run.ours);
	const retried = runs.filter(({ attempt, result }) => attempt > 1 && result?.is === 'done');
	const cancelled = runs.filter(({ result }) => result?.is === 'timedOut' && result.cancelled);
	const skippedAs = (reason: SkipReason) =>
		runs.filter(({ result }) => result?.is === 'skipped' && result.reason === reason);
	const running = skippedAs('running');
	const fresh = skippedAs('fresh');
	const inactive = skippedAs('inactive');
	const open = runs.filter(mayCome).map(connectionName);
	const firstRan = runs.flatMap((run) => (run.instead ?? []).map((job) => named(run, job)));
	const replaced = runs.flatMap((run) => (run.replaced ?? []).map((job) => named(run, job)));
	return [
		...hint(
			firstRan,
			`Airbyte ran another job first, as streams were marked for a reset: ${joinNames(firstRan)}.`,
		),
		...hint(replaced, `Cancelled another job that was running: ${joinNames(replaced)}.`),
		...hint(attached, `Attached to a job that was already running: ${jobsOf(attached)}.`),
		...hint(retried, `Succeeded after a failed job was run again: ${jobsOf(retried)}.`),
		...hint(cancelled, `Cancelled as its time was over: ${jobsOf(cancelled)}.`),
		...hint(running, `Skipped, as another job ran: ${jobsOf(running)}.`),
		...hint(fresh, `Skipped, as the last sync is fresh enough: ${jobsOf(fresh)}.`),
		...hint(
			inactive,
			`Skipped, as the connection is switched off: ${joinNames(inactive.map(connectionName))}.`,
		),
		...hint(
			open,
			`Airbyte may still start what was asked for: check ${joinNames(open)} before running this again.`,
		),
		...unservedHints(runs),
	];
}

function unservedHints(runs: SyncRun[]): NodeExecutionHint[] {
	return Object.entries(OPTION_OF).flatMap(([what, option]) => {
		const lacking = runs.filter(({ unserved }) => unserved?.some((one) => one.what === what));
		const [first] = lacking.flatMap(({ unserved = [] }) =>
			unserved.filter((one) => one.what === what),
		);
		return hint(lacking, `'${option}' was not served for ${jobsOf(lacking)}: ${first?.why}.`);
	});
}

function hint(about: unknown[], message: string): NodeExecutionHint[] {
	return about.length === 0 ? [] : [{ message, type: 'info', location: 'outputPane' }];
}

function jobsOf(runs: SyncRun[]): string {
	return joinNames(runs.map((run) => named(run, outputJobOf(run))));
}

/** As in `job 7 of connection 'Orders'`. */
function named(run: SyncRun, job: Job | undefined): string {
	const id = job ? `job ${job.jobId}` : '';
	return run.connection?.name ? [id, connectionName(run)].filter(Boolean).join(' of ') : id;
}
