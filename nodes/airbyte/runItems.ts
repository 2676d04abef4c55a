/**
 * Runs what n8n's items ask for, many side by side.
 */
import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import type { AirbyteClient } from './client';
import { openClient } from './client';
import { clock } from './clock';
import { readApiVersion, readBatchSize } from './fields';
import type { ItemState } from './items';
import { hasFailed, isSettled, refusalOf, toItems } from './items';
import { ProblemError } from './problems';
import type { Order, SyncRun } from './syncRun';
import { begin, hasStarted } from './syncRun';
import type { Failure } from './verdict';
import { waitHere } from './waitHere';
import { canBeCalled, park, requireParking, takeParked } from './waitParked';

/**
 * Runs what the items ask for, and gives one item for each.
 *
 * All items are read and checked before the first job is started. When an item fails and the node is not set
 * to continue, no further ones are started, those whose jobs run are waited for, and then the node fails.
 *
 * In deferrable mode n8n calls this again when the wait is over, or when there is more to start.
 */
export async function runItems(
	context: IExecuteFunctions,
	readOrder: (context: IExecuteFunctions, item: number) => Order,
): Promise<INodeExecutionData[]> {
	const goesOn = context.continueOnFail();
	const resumed = takeParked(context);
	const states = resumed?.states ?? readItems(context, readOrder, goesOn);
	if (states.length === 0) return [];

	const opened = await tryOpen(context);
	if ('failure' in opened) {
		const failed = states.map((state) => ('failure' in state ? state : opened));
		return toItems(context.getNode(), failed, noPage, goesOn);
	}
	const { client, apiVersion } = opened;
	const isNew =
		resumed === undefined && states.some((state) => 'order' in state && state.order.parks);
	// Where nobody can call it, the execution cannot go on to start the items that had to wait for others.
	const batchSize = isNew && !(await canBeCalled(context)) ? states.length : opened.batchSize;
	const jobPage = client.jobPage.bind(client);
	const driven = await new Batch(context, client, batchSize, goesOn).drive(states);
	if (driven.some((state) => 'run' in state && !isSettled(state))) {
		const hasClocks = resumed?.hasClocks ?? false;
		const parked = { states: driven, apiVersion, batchSize, goesOn, hasClocks };
		return await park(context, parked, jobPage);
	}
	return toItems(context.getNode(), driven, jobPage, goesOn);
}

const noPage = () => '';

function readItems(
	context: IExecuteFunctions,
	readOrder: (context: IExecuteFunctions, item: number) => Order,
	goesOn: boolean,
): ItemState[] {
	const states = context
		.getInputData()
		.map((_, item): ItemState =>
			tryRead(() => ({ order: readRunnable(context, readOrder, item) })),
		);
	const refusal = goesOn ? undefined : refusalOf(context.getNode(), states);
	if (refusal) throw refusal;
	return states;
}

function readRunnable(
	context: IExecuteFunctions,
	readOrder: (context: IExecuteFunctions, item: number) => Order,
	item: number,
): Order {
	const order = readOrder(context, item);
	if (order.parks) requireParking(context);
	return order;
}

function tryRead<T>(read: () => T): T | { failure: Failure } {
	try {
		return read();
	} catch (fault) {
		return { failure: inputFailure(fault) };
	}
}

interface Opened {
	client: AirbyteClient;
	apiVersion: string;
	batchSize: number;
}

async function tryOpen(context: IExecuteFunctions): Promise<Opened | { failure: Failure }> {
	try {
		const apiVersion = readApiVersion(context);
		const client = await openClient(context, apiVersion);
		return { client, apiVersion, batchSize: readBatchSize(context) };
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

/** So many items side by side; a parked job counts as one of them. */
class Batch {
	private readonly starts = new StartsInTurn();

	constructor(
		private readonly context: IExecuteFunctions,
		private readonly client: AirbyteClient,
		private readonly size: number,
		private readonly goesOn: boolean,
	) {}

	/** Takes every item as far as it goes now: to its end, or until it can be parked. */
	async drive(before: ItemState[]): Promise<ItemState[]> {
		const states = [...before];
		const waiting = states.entries();
		const takeTurns = async () => {
			for (const [item, state] of waiting) {
				if (!('order' in state)) continue;
				if (!this.goesOn && states.some(hasFailed)) return;
				states[item] = { run: await this.runOrder(state.order) };
				if (!isSettled(states[item])) return;
			}
		};
		const parked = states.filter((state) => 'run' in state && !isSettled(state)).length;
		const free = Math.min(this.size - parked, states.length);
		await Promise.all(Array.from({ length: Math.max(0, free) }, takeTurns));
		return states;
	}

	private async runOrder(order: Order): Promise<SyncRun> {
		const started = await this.starts.wait(order);
		try {
			return await waitHere(this.context, this.client, begin(order, clock.now()), (state) => {
				if (hasStarted(state)) started();
				logJob(this.context, state);
			});
		} finally {
			started();
		}
	}
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
