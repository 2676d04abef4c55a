/** Carries out what n8n's items ask for, some side by side. */
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { clock } from '../airbyte/api/clock';
import type { Problem } from '../airbyte/api/problem';
import { requireEngine } from '../airbyte/node/engine';
import { toNodeError } from '../airbyte/node/errors';
import { problemIn } from '../airbyte/node/execute';
import { open } from '../airbyte/node/open';
import { goesOnAfterFailure } from '../airbyte/node/tool';
import { Operations } from './operations';
import type { ConnectionOrder } from './parameters';
import { readConnectionOrder } from './parameters';

type Tried<T> = { value: T } | { problem: Problem };

/**
 * All items are read and checked before Airbyte is asked for anything. When one fails and the node is not set to
 * continue, no further ones are begun.
 */
export async function runOperations(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	requireEngine(context);
	const goesOn = goesOnAfterFailure(context);
	const attempt = async <T>(call: () => T | Promise<T>) => await tryTo(call, goesOn);
	const orders: Array<Tried<ConnectionOrder>> = [];
	for (const item of context.getInputData().keys()) {
		orders.push(await attempt(() => readConnectionOrder(context, item)));
		if (!goesOn) valueOf(orders[item], context, item);
	}
	const opened = await attempt(async () => await open(context));
	if ('problem' in opened) {
		if (!goesOn) throw toNodeError(context.getNode(), opened.problem);
		return orders.flatMap((order, item) => toItems(order, opened, item));
	}

	const { client, batchSize } = opened.value;
	const operations = new Operations(client);
	const results: Array<Tried<IDataObject[]>> = [];
	const queue = orders.entries();
	const work = async () => {
		for (const [item, order] of queue) {
			if (!goesOn && results.some((result) => 'problem' in result)) return;
			results[item] =
				'problem' in order
					? order
					: await patiently(
							context,
							async () => await attempt(async () => await operations.carryOut(order.value)),
						);
		}
	};
	await Promise.all(Array.from({ length: batchSize }, work));
	if (!goesOn) results.forEach((result, item) => valueOf(result, context, item));
	return results.flatMap((result, item) => toItems(orders[item], result, item));
}

/** Seconds before each further try of what may pass by itself. */
const PAUSES = [2, 5, 15];

/** As long as Airbyte may tell us to wait, in seconds. */
const LONGEST_PAUSE = 60;

/** All operations may be repeated: they read, or set what may be set twice. */
async function patiently<T>(
	context: IExecuteFunctions,
	attempt: () => Promise<Tried<T>>,
): Promise<Tried<T>> {
	const signal = context.getExecutionCancelSignal();
	for (const pause of PAUSES) {
		const result = await attempt();
		if ('value' in result || !result.problem.passing || signal?.aborted) return result;
		const asked = Math.min(result.problem.retryAfterSeconds ?? 0, LONGEST_PAUSE);
		await clock.sleep(Math.max(pause, asked) * 1_000, signal);
	}
	return await attempt();
}

async function tryTo<T>(call: () => T | Promise<T>, goesOn: boolean): Promise<Tried<T>> {
	try {
		return { value: await call() };
	} catch (fault) {
		return { problem: problemIn(fault, goesOn) };
	}
}

/** @throws n8n's error for the item, if it failed */
function valueOf<T>(tried: Tried<T>, context: IExecuteFunctions, item: number): T {
	if ('value' in tried) return tried.value;
	throw toNodeError(context.getNode(), tried.problem, item);
}

/** An item that failed has these keys only, see node/items.ts. */
function toItems(
	order: Tried<ConnectionOrder>,
	result: Tried<IDataObject[]> | { problem: Problem },
	item: number,
): INodeExecutionData[] {
	const pairedItem = { item };
	if ('value' in result) return result.value.map((json) => ({ json, pairedItem }));
	const { message, description } = result.problem;
	const details = 'value' in order ? detailsOf(order.value) : {};
	return [{ json: { error: message, message: description || message, details }, pairedItem }];
}

function detailsOf(order: ConnectionOrder): IDataObject {
	return order.operation === 'getMany' ? {} : { connectionId: order.connectionId };
}
