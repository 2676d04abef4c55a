/**
 * From n8n's items to runs and back: many side by side, one result an item, in order and paired.
 */
import type { IDataObject, IExecuteFunctions, INode, INodeExecutionData } from 'n8n-workflow';
import { NodeApiError, NodeOperationError } from 'n8n-workflow';

import type { AirbyteClient } from './client';
import { openClient } from './client';
import { clock } from './clock';
import { readApiVersion, readBatchSize } from './fields';
import { ProblemError } from './problems';
import type { Order, SyncRun } from './syncRun';
import { begin, hasStarted } from './syncRun';
import type { Failure } from './verdict';
import { failureOf, outputOf } from './verdict';
import { waitHere } from './waitHere';

/** What an item came to: its output, or why it has none. */
type ItemResult = { output: IDataObject } | { failure: Failure };

/**
 * Runs what the items ask for, and gives one item for each.
 *
 * All items are read and checked before the first job is started. When an item fails and the node is not set
 * to continue, no further ones are started, those whose jobs run are waited for, and then the node fails.
 */
export async function runItems(
	context: IExecuteFunctions,
	readOrder: (context: IExecuteFunctions, item: number) => Order,
): Promise<INodeExecutionData[]> {
	const orders = context.getInputData().map((_, item) => tryRead(() => readOrder(context, item)));
	if (orders.length === 0) return [];
	const goesOn = context.continueOnFail();
	if (!goesOn) failIfAny(context.getNode(), orders);

	const opened = await tryOpen(context);
	const results =
		'failure' in opened
			? orders.map((order) => ('failure' in order ? order : opened))
			: await runOrders(context, opened.client, orders, opened.batchSize, goesOn);
	if (!goesOn) failIfAny(context.getNode(), results);
	return results.map((result, item) => ({ json: toJson(result), pairedItem: { item } }));
}

type ReadOrder = { order: Order } | { failure: Failure };

function tryRead(read: () => Order): ReadOrder {
	try {
		return { order: read() };
	} catch (fault) {
		return { failure: inputFailure(fault) };
	}
}

async function tryOpen(
	context: IExecuteFunctions,
): Promise<{ client: AirbyteClient; batchSize: number } | { failure: Failure }> {
	try {
		const client = await openClient(context, readApiVersion(context));
		return { client, batchSize: readBatchSize(context) };
	} catch (fault) {
		return { failure: inputFailure(fault) };
	}
}

/** Anything but bad input is n8n's own (a missing credential, an expression that fails) and stays as it is. */
function inputFailure(fault: unknown): Failure {
	if (!(fault instanceof ProblemError)) throw fault;
	const { message, description } = fault.problem;
	return { message, description, details: {} };
}

async function runOrders(
	context: IExecuteFunctions,
	client: AirbyteClient,
	orders: ReadOrder[],
	batchSize: number,
	goesOn: boolean,
): Promise<ItemResult[]> {
	const results: ItemResult[] = [];
	const starts = new StartsInTurn();
	let hasFailed = false;
	const runOne = async (read: ReadOrder, item: number) => {
		const result = 'failure' in read ? read : await runOrder(context, client, read.order, starts);
		results[item] = result;
		hasFailed ||= 'failure' in result;
	};
	const waiting = orders.entries();
	const takeTurns = async () => {
		for (const [item, read] of waiting) {
			if (hasFailed && !goesOn) results[item] = { failure: notStarted };
			else await runOne(read, item);
		}
	};
	await Promise.all(Array.from({ length: Math.min(batchSize, orders.length) }, takeTurns));
	return results;
}

const notStarted: Failure = {
	message: 'Not started, as another item failed before',
	description: '',
	details: {},
};

async function runOrder(
	context: IExecuteFunctions,
	client: AirbyteClient,
	order: Order,
	starts: StartsInTurn,
): Promise<ItemResult> {
	const started = await starts.wait(order);
	try {
		const run = await waitHere(context, client, begin(order, clock.now()), (state) => {
			if (hasStarted(state)) started();
			logJob(context, state);
		});
		return toResult(run, client);
	} finally {
		started();
	}
}

function toResult(run: SyncRun, client: AirbyteClient): ItemResult {
	const jobPage = client.jobPage.bind(client);
	const failure = failureOf(run, jobPage);
	if (failure) return { failure };
	if (run.result?.is !== 'done') throw new Error('A run ended without a result');
	return { output: outputOf(run, run.result.job, jobPage) };
}

/**
 * Lets items of one connection start one after the other. Side by side, two of them could both be told by
 * Airbyte that the same new job is theirs.
 */
class StartsInTurn {
	private readonly last = new Map<string, Promise<void>>();

	/** Resolves when it is this order's turn; call what it gives once the order's job is known. */
	async wait(order: Order): Promise<() => void> {
		if (order.kind !== 'start') return () => {};
		const before = this.last.get(order.connectionId);
		let done = () => {};
		this.last.set(order.connectionId, new Promise<void>((resolve) => (done = resolve)));
		await before;
		return done;
	}
}

/** The server's log has the job's id even if n8n dies before the node is done. */
function logJob(context: IExecuteFunctions, { job, stage, ours }: SyncRun): void {
	if (!job || stage === 'settled') return;
	context.logger.debug(`Airbyte job ${job.jobId}: ${job.status}`, { stage, ours });
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

/** Throws the first failure; what came of the other items is told with it. */
function failIfAny(node: INode, results: Array<ItemResult | ReadOrder>): void {
	const item = results.findIndex((result) => 'failure' in result && result.failure !== notStarted);
	if (item < 0) return;
	const { failure } = results[item] as { failure: Failure };
	const description = [failure.description, othersIn(results, item)].filter(Boolean).join(' ');
	throw toNodeError(node, { ...failure, description }, item);
}

function othersIn(results: Array<ItemResult | ReadOrder>, failed: number): string {
	const others = results.flatMap((result, item) => {
		if (item === failed || 'order' in result) return [];
		if ('output' in result) {
			return [`item ${item}: job ${String(result.output.jobId)} ${String(result.output.status)}`];
		}
		return [`item ${item}: ${result.failure.message}`];
	});
	return others.length === 0 ? '' : `Of the other items: ${others.slice(0, 20).join('; ')}.`;
}

function toNodeError(node: INode, failure: Failure, itemIndex: number) {
	const { message, description, httpStatus } = failure;
	if (httpStatus === undefined) {
		return new NodeOperationError(node, message, { description, itemIndex });
	}
	const httpCode = String(httpStatus);
	return new NodeApiError(node, { message }, { message, description, httpCode, itemIndex });
}
