/**
 * What n8n is told of the jobs besides the items: attributes of the node's span for OpenTelemetry, and custom data of the
 * execution, by which n8n finds it.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import { durationSeconds, isTerminal } from '../api/job';
import { dropUndefined } from '../api/read';
import type { SyncRun } from '../run/run';
import { outputJobOf } from './output';

/** Tells n8n of the jobs as far as they are now. Does nothing where n8n has no place for that. */
export function traceJobs(context: IExecuteFunctions, runs: SyncRun[]): void {
	// A tool may run with no task of its own.
	if (context.getExecuteData?.()) context.setMetadata({ tracing: spanAttributes(runs) });
	const { customData } = context;
	if (!customData) return;
	for (const [key, values] of Object.entries(searchKeys(runs))) {
		const value = joined(values, customData.get(key));
		if (value !== '') customData.set(key, value);
	}
}

/**
 * For the node's span, where n8n puts `n8n.node.custom.` before each name: lists of what differs between the items, the
 * longest job's seconds, and totals of the rest. Another job than the item's own moved nothing for it.
 */
export function spanAttributes(runs: SyncRun[]): Record<string, string | number> {
	const begun = runs.filter(hasBegun);
	const own = begun.filter((run) => run.job?.jobId === outputJobOf(run)?.jobId);
	const jobs = own.flatMap((run) => outputJobOf(run) ?? []);
	const seconds = numbers(jobs.map(({ duration }) => durationSeconds(duration)));
	return dropUndefined({
		'airbyte.job.id': textOf(begun.map((run) => outputJobOf(run)?.jobId)),
		'airbyte.job.status': textOf(begun.map((run) => outputJobOf(run)?.status)),
		'airbyte.connection.id': textOf(begun.map(connectionIdOf)),
		'airbyte.connection.name': textOf(begun.map(({ connection }) => connection?.name)),
		'airbyte.rows': totalOf(jobs.map(({ rowsSynced }) => rowsSynced)),
		'airbyte.bytes': totalOf(jobs.map(({ bytesSynced }) => bytesSynced)),
		'airbyte.duration_seconds': seconds.length === 0 ? undefined : Math.max(...seconds),
		'airbyte.attempts': totalOf(own.map(({ job, attempt }) => job && attempt)),
	}) as Record<string, string | number>;
}

/**
 * What somebody looks an execution up by; n8n has room for ten keys, and the others are the user's. Of the statuses
 * only those that are the end: others are old when somebody reads them.
 */
function searchKeys(runs: SyncRun[]): Record<string, Array<string | number | undefined>> {
	const begun = runs.filter(hasBegun);
	const jobs = begun.flatMap((run) => outputJobOf(run) ?? []);
	return {
		airbyteJobId: jobs.map(({ jobId }) => jobId),
		airbyteStatus: jobs.filter(isTerminal).map(({ status }) => status),
		airbyteConnectionId: begun.map(connectionIdOf),
		airbyteConnectionName: begun.map(({ connection }) => connection?.name),
	};
}

function hasBegun({ stage }: SyncRun): boolean {
	return stage !== 'notBegun';
}

function connectionIdOf(run: SyncRun): string | undefined {
	const { connection, order } = run;
	const asked = 'connectionId' in order ? order.connectionId : undefined;
	return connection?.connectionId ?? outputJobOf(run)?.connectionId ?? asked;
}

/** So many characters of a value n8n takes without a complaint in its log. */
const MOST_TEXT = 255;

const SEPARATOR = ', ';

/** A list with each value that it has not got, in order, as far as n8n takes whole ones. */
function joined(values: Array<string | number | undefined>, list = ''): string {
	return values.reduce<string>((text, value = '') => {
		const isThere = (SEPARATOR + text + SEPARATOR).includes(SEPARATOR + value + SEPARATOR);
		const longer = text === '' ? String(value) : text + SEPARATOR + value;
		return value === '' || isThere || longer.length > MOST_TEXT ? text : longer;
	}, list);
}

function textOf(values: Array<string | number | undefined>): string | undefined {
	return joined(values) || undefined;
}

function numbers(values: Array<number | undefined>): number[] {
	return values.filter((value) => value !== undefined);
}

function totalOf(values: Array<number | undefined>): number | undefined {
	const known = numbers(values);
	return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}
