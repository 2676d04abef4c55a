/**
 * n8n's items, from what was read of them to what the node gives for them.
 */
import type { IDataObject, INode, INodeExecutionData } from 'n8n-workflow';

import { toNodeError } from './errors';
import type { Order, SyncRun } from '../run/run';
import type { Failure, JobPage } from './verdict';
import { failureOf, outputOf } from './verdict';

/**
 * How far an item is: refused, not begun, or under way. Plain JSON, since a deferred execution keeps it in n8n's
 * database.
 */
export type ItemState = { failure: Failure } | { order: Order } | { run: SyncRun };

/** What an item came to: its output, or why it has none. */
type ItemResult = { output: IDataObject } | { failure: Failure };

/** An item that was not begun since another one failed; a job that exists goes on all the same. */
function notBegun(order: Order): Failure {
	const isFollowed = order.kind === 'follow';
	const message = isFollowed
		? `Job ${order.jobId} was not looked at, as another item failed before`
		: 'Not started, as another item failed before';
	return { message, description: '', details: isFollowed ? { jobId: order.jobId } : {} };
}

export function isSettled(state: ItemState): boolean {
	return 'failure' in state || ('run' in state && state.run.stage === 'settled');
}

/** Whether it was begun and has not ended. */
export function isUnderWay(state: ItemState): state is { run: SyncRun } {
	return 'run' in state && !isSettled(state);
}

/** Whether an item ended badly, so that, unless the node is to continue, no further ones are begun. */
export function hasFailed(state: ItemState): boolean {
	if ('failure' in state) return true;
	if (!('run' in state) || !isSettled(state)) return false;
	const { result } = state.run;
	return result?.is !== 'done' && result?.is !== 'skipped';
}

/** The failure of the first item that was refused when it was read, as n8n's error. */
export function refusalOf(node: INode, states: ItemState[]) {
	const item = states.findIndex((state) => 'failure' in state);
	const state = states[item];
	return state && 'failure' in state ? toNodeError(node, state.failure, item) : undefined;
}

/**
 * One item out for each item in, in order and paired.
 *
 * @param goesOn whether failures become items too; otherwise the first one is thrown
 */
export function toItems(
	node: INode,
	states: ItemState[],
	jobPage: JobPage,
	goesOn: boolean,
): INodeExecutionData[] {
	const results = states.map((state) => toResult(state, jobPage));
	const error = goesOn ? undefined : firstError(node, results, states.findIndex(hasFailed));
	if (error) throw error;
	return results.map((result, item) => ({ json: toJson(result), pairedItem: { item } }));
}

function toResult(state: ItemState, jobPage: JobPage): ItemResult {
	if ('failure' in state) return state;
	if ('order' in state) return { failure: notBegun(state.order) };
	const failure = failureOf(state.run, jobPage);
	if (failure) return { failure };
	const { result } = state.run;
	if (result?.is !== 'done' && result?.is !== 'skipped') {
		throw new Error('A run ended without a result');
	}
	return { output: outputOf(state.run, result.job, jobPage) };
}

/**
 * An item that failed has only the keys error, message and details: n8n then routes it to the error output and
 * keeps all three (an `error` property on the item, or any other key, would lose the details or the route).
 */
function toJson(result: ItemResult): IDataObject {
	if ('output' in result) return result.output;
	const { message, description, details } = result.failure;
	return { error: message, message: description || message, details };
}

/** The first failure; what came of the other items is told with it. */
function firstError(node: INode, results: ItemResult[], item: number) {
	const result = results[item];
	if (!result || !('failure' in result)) return undefined;
	const description = [result.failure.description, othersIn(results, item)]
		.filter(Boolean)
		.join(' ');
	return toNodeError(node, { ...result.failure, description }, item);
}

/** Failures first, and in full: their jobs may still be running. */
function othersIn(results: ItemResult[], failed: number): string {
	const others = results
		.map((result, item) => ({ result, item }))
		.filter(({ item }) => item !== failed);
	const failures = others.flatMap(({ result, item }) => {
		if (!('failure' in result)) return [];
		const { message, description } = result.failure;
		return [`item ${item}: ${description ? `${message}. ${description}` : message}`];
	});
	const outputs = others.flatMap(({ result, item }) =>
		'output' in result
			? [`item ${item}: job ${String(result.output.jobId)} ${String(result.output.status)}`]
			: [],
	);
	const told = [...failures, ...outputs.slice(0, MOST_OUTPUTS)];
	return told.length === 0 ? '' : `Of the other items: ${told.join('; ')}`.replace(/\.?$/, '.');
}

/** That many items that ended well are told of in another one's error. */
const MOST_OUTPUTS = 20;
