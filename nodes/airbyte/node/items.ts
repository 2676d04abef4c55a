/**
 * n8n's items, from what came of their runs.
 */
import type { IDataObject, INode, INodeExecutionData } from 'n8n-workflow';

import { inFull } from '../api/problem';
import { sentences } from '../api/prose';
import type { SyncRun } from '../run/run';
import { hasFailed, hasBadInput } from '../run/run';
import { toNodeError } from './errors';
import type { Failure } from './failure';
import { failureOf, mayStillStart } from './failure';
import { outputOf } from './output';

/** The output of an item, and what may still come of it. */
interface ItemOutput {
	output: IDataObject;
	open: string;
}

/** What an item came to: its output, or why it has none. */
type ItemResult = ItemOutput | { failure: Failure; isBegun: boolean };

/** The failure of the first item that was refused when it was read, as n8n's error. */
export function refusalOf(node: INode, runs: SyncRun[]) {
	const item = runs.findIndex(hasBadInput);
	const failure = item < 0 ? undefined : failureOf(runs[item]);
	return failure && toNodeError(node, failure, item);
}

/**
 * One item out for each item in, in order and paired.
 *
 * @param continueOnFail whether failures become items too; otherwise the first one is thrown
 */
export function toItems(
	node: INode,
	runs: SyncRun[],
	continueOnFail: boolean,
): INodeExecutionData[] {
	const results = runs.map(toResult);
	const error = continueOnFail ? undefined : firstError(node, results, runs.findIndex(hasFailed));
	if (error) throw error;
	return results.map((result, item) => ({
		json: 'output' in result ? result.output : failedJson(result.failure),
		pairedItem: { item },
	}));
}

function toResult(run: SyncRun): ItemResult {
	const failure = failureOf(run);
	if (failure) return { failure, isBegun: run.stage !== 'notBegun' };
	const { result } = run;
	if (result?.is !== 'done' && result?.is !== 'skipped') {
		throw new Error('A run ended without a result');
	}
	return { output: outputOf(run, result.job), open: mayStillStart(run) };
}

/**
 * An item that failed has only the keys error, message and details: n8n then routes it to the error output and
 * keeps all three (an `error` property on the item, or any other key, would lose the details or the route).
 */
export function failedJson({ message, description, details }: Failure): IDataObject {
	return { error: message, message: description || message, details };
}

/** The first failure; what came of the other items is told with it. */
function firstError(node: INode, results: ItemResult[], item: number) {
	const result = results[item];
	if (!result || !('failure' in result)) return undefined;
	const description = sentences(result.failure.description, othersIn(results, item));
	return toNodeError(node, { ...result.failure, description }, item);
}

/** Those whose jobs may still be running come first, and in full. */
function othersIn(results: ItemResult[], failed: number): string {
	const others = results
		.map((result, item) => ({ result, item }))
		.filter(({ item }) => item !== failed);
	const isSettled = ({ result }: { result: ItemResult }) => 'output' in result && !result.open;
	const words = ({ result, item }: { result: ItemResult; item: number }) =>
		`item ${item}: ${'output' in result ? inShort(result) : inFull(result.failure)}`;
	const isBegun = ({ result }: { result: ItemResult }) => 'output' in result || result.isBegun;
	const begun = others.filter(isBegun);
	const notBegun = others.length - begun.length;
	const told = [
		...begun.filter((other) => !isSettled(other)).map(words),
		...begun.filter(isSettled).slice(0, MOST_OUTPUTS).map(words),
		...(notBegun > 0 ? [`${notBegun} not begun`] : []),
	];
	return told.length === 0 ? '' : `Of the other items: ${told.join('; ')}`.replace(/\.?$/, '.');
}

function inShort({ output: { jobId, status, reason }, open }: ItemOutput): string {
	const outcome =
		jobId === undefined ? `skipped (${String(reason)})` : `job ${String(jobId)} ${String(status)}`;
	return open ? `${outcome}. ${open}` : outcome;
}

/** How many items that ended well the error of another one names. */
const MOST_OUTPUTS = 20;
