/** Carries out what n8n's items ask for, some side by side. */
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { clock } from '../airbyte/api/clock';
import { isPassing } from '../airbyte/api/problem';
import { requireEngine } from '../airbyte/node/engine';
import type { Tried } from '../airbyte/node/errors';
import { toNodeError, tryTo } from '../airbyte/node/errors';
import { failedJson } from '../airbyte/node/items';
import type { Opened } from '../airbyte/node/open';
import { open } from '../airbyte/node/open';
import { shouldContinueOnFail } from '../airbyte/node/tool';
import { Operations } from './operations';
import type { ConnectionOrder } from './parameters';
import { readConnectionOrder } from './parameters';

/**
 * All items are read and checked before Airbyte is asked for anything. When one fails and the node is not set to
 * continue, no further ones are begun.
 */
export async function runOperations(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const continueOnFail = shouldContinueOnFail(context);
	const orders: Array<Tried<ConnectionOrder>> = [];
	for (const item of context.getInputData().keys()) {
		const read = () => {
			requireEngine(context);
			return readConnectionOrder(context, item);
		};
		orders.push(await tryTo(read, continueOnFail));
		if (!continueOnFail) valueOf(orders[item], context, item);
	}
	const opened = await tryTo(async () => await open(context), continueOnFail);
	if ('problem' in opened) {
		if (!continueOnFail) throw toNodeError(context.getNode(), opened.problem);
		return orders.flatMap((order, item) => itemsFor(order, opened, item));
	}
	const results = await carryOutAll(context, orders, opened.value, continueOnFail);
	if (!continueOnFail) results.forEach((result, item) => valueOf(result, context, item));
	return results.flatMap((result, item) => itemsFor(orders[item], result, item));
}

/** As many side by side as a batch has. */
async function carryOutAll(
	context: IExecuteFunctions,
	orders: Array<Tried<ConnectionOrder>>,
	{ client, batchSize }: Opened,
	continueOnFail: boolean,
): Promise<Array<Tried<IDataObject[]>>> {
	const operations = new Operations(client);
	const signal = context.getExecutionCancelSignal();
	const carryOut = async (order: ConnectionOrder) =>
		await patiently(async () => await operations.carryOut(order), signal);
	const results: Array<Tried<IDataObject[]>> = [];
	const queue = orders.entries();
	const work = async () => {
		for (const [item, order] of queue) {
			if (!continueOnFail && results.some((result) => 'problem' in result)) return;
			results[item] =
				'problem' in order
					? order
					: await tryTo(async () => await carryOut(order.value), continueOnFail);
		}
	};
	await Promise.all(Array.from({ length: batchSize }, work));
	return results;
}

/** Seconds before each further try of what may pass by itself. */
const PAUSES = [2, 5, 15];

/** As long as Airbyte may tell us to wait, in seconds. */
const MOST_SECONDS_ASKED = 60;

/** All operations may be repeated: they read, or set what may be set twice. */
async function patiently<T>(
	call: () => Promise<T>,
	signal: AbortSignal | undefined,
	[pause, ...later] = PAUSES,
): Promise<T> {
	return await call().catch(async (fault: unknown) => {
		if (pause === undefined || !isPassing(fault) || signal?.aborted) throw fault;
		const asked = Math.min(fault.problem.retryAfterSeconds ?? 0, MOST_SECONDS_ASKED);
		await clock.sleep(Math.max(pause, asked) * 1_000, signal);
		return await patiently(call, signal, later);
	});
}

/** @throws n8n's error for the item, if it failed */
function valueOf<T>(tried: Tried<T>, context: IExecuteFunctions, item: number): T {
	if ('value' in tried) return tried.value;
	throw toNodeError(context.getNode(), tried.problem, item);
}

function itemsFor(
	order: Tried<ConnectionOrder>,
	result: Tried<IDataObject[]>,
	item: number,
): INodeExecutionData[] {
	const pairedItem = { item };
	if ('value' in result) return result.value.map((json) => ({ json, pairedItem }));
	const details = 'value' in order ? detailsOf(order.value) : {};
	return [{ json: failedJson({ ...result.problem, details }), pairedItem }];
}

function detailsOf(order: ConnectionOrder): IDataObject {
	return order.operation === 'getMany' ? {} : { connectionId: order.connectionId };
}
