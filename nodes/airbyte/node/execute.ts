/**
 * Runs what n8n's items ask for, many side by side.
 */
import type { IExecuteFunctions, INodeExecutionData, NodeOperationError } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { openClient } from '../api/client';
import { clock } from '../api/clock';
import { readApiVersion, readBatchSize } from './parameters';
import { refusalOf, toItems } from './items';
import type { Parked } from '../deferred/state';
import { credentialLost } from '../deferred/state';
import type { Problem } from '../api/problem';
import { ProblemError, invalid } from '../api/problem';
import { Progress } from './progress';
import type { Order, SyncRun } from '../run/run';
import {
	begin,
	hasFailed,
	isSettled,
	isStarting,
	isUnderWay,
	plan,
	refuse,
	settle,
} from '../run/run';
import { goesOnAfterFailure } from './tool';
import type { JobPage } from './verdict';
import { hintsOn } from './verdict';
import { waitHere } from '../run/drive';
import { canBeCalled, park, requireParking, takeParked } from '../deferred/park';

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
	const goesOn = goesOnAfterFailure(context);
	const resumed = takeParked(context);
	const states = resumed?.states ?? readItems(context, readOrder, goesOn);
	if (states.length === 0) return [];

	const opened = await tryOpen(context, resumed, goesOn);
	if ('problem' in opened) {
		const failed = states.map((state) => failedBy(opened.problem, state));
		return toItems(context.getNode(), failed, noPage, goesOn);
	}
	const { client, apiVersion } = opened;
	const calm = resumed ? states : await withoutCalls(context, states);
	// Where nobody can call it, the execution cannot go on to start the items that had to wait for others.
	const isCallable = resumed?.isCallable ?? calm === states;
	const batchSize = calm === states ? opened.batchSize : states.length;
	const jobPage = client.jobPage.bind(client);
	const batch = new Batch(context, client, batchSize, goesOn);
	let driven = await batch.drive(calm);
	if (driven.some(isUnderWay)) {
		const { alarm, parkings = 0 } = resumed ?? {};
		const isWatched = context.getMode() === 'manual';
		const kept = { apiVersion, batchSize, goesOn, isCallable, isWatched, parkings, alarm };
		const parkedItems = await tryPark(context, { states: driven, ...kept }, jobPage);
		if (parkedItems) return parkedItems;
		driven = await batch.drive(driven.map(heldHere));
	}
	const items = toItems(context.getNode(), driven, jobPage, goesOn);
	context.addExecutionHints(...hintsOn(driven));
	return items;
}

const noPage = () => undefined;

/** What n8n cannot store is waited for in the execution: its jobs run already. */
async function tryPark(
	context: IExecuteFunctions,
	parked: Parked,
	jobPage: JobPage,
): Promise<INodeExecutionData[] | undefined> {
	return await park(context, parked, jobPage).catch((fault) => {
		context.logger.warn('The wait for Airbyte could not be stored, and goes on in the execution', {
			reason: String(fault),
		});
		return undefined;
	});
}

/** To wait in the execution. */
function heldHere(run: SyncRun): SyncRun {
	return { ...run, order: { ...run.order, parks: false } };
}

/**
 * Where n8n's resume URL cannot be called, those that need more than looks wait in the execution; the others' result
 * is brought another way (messenger.ts).
 *
 * @returns the same states when all is well
 */
async function withoutCalls(context: IExecuteFunctions, runs: SyncRun[]): Promise<SyncRun[]> {
	const isDeferred = runs.some(({ order }) => order.parks);
	if (!isDeferred || (await canBeCalled(context))) return runs;
	return runs.map((run) => (needsMoreThanLooks(run.order) ? heldHere(run) : run));
}

function needsMoreThanLooks(order: Order): boolean {
	if (order.queueTimeout > 0) return true;
	return order.kind === 'start' && (order.retries > 0 || order.onActiveJob === 'queue');
}

function readItems(
	context: IExecuteFunctions,
	readOrder: (context: IExecuteFunctions, item: number) => Order,
	goesOn: boolean,
): SyncRun[] {
	const runs = context
		.getInputData()
		.map((_, item) => tryRead(() => plan(readRunnable(context, readOrder, item)), goesOn));
	const refusal = goesOn ? undefined : refusalOf(context.getNode(), runs);
	if (refusal) throw refusal;
	return runs;
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

function tryRead(read: () => SyncRun, goesOn: boolean): SyncRun {
	try {
		return read();
	} catch (fault) {
		return refuse(problemIn(fault, goesOn));
	}
}

interface Opened {
	client: AirbyteClient;
	apiVersion: string;
	batchSize: number;
}

/** @param resumed what was read when the execution began counts to its end */
async function tryOpen(
	context: IExecuteFunctions,
	resumed: Parked | undefined,
	goesOn: boolean,
): Promise<Opened | { problem: Problem }> {
	try {
		const apiVersion = resumed?.apiVersion ?? readApiVersion(context);
		const client = await openClient(context, apiVersion);
		return { client, apiVersion, batchSize: resumed?.batchSize ?? readBatchSize(context) };
	} catch (fault) {
		return { problem: resumed ? credentialLost(fault) : problemIn(fault, goesOn) };
	}
}

/** Jobs that were started before are told of all the same. */
function failedBy(problem: Problem, run: SyncRun): SyncRun {
	if (run.stage === 'notBegun') return refuse(problem);
	return isSettled(run) ? run : settle(run, { is: 'failed', problem, job: run.job });
}

/**
 * Anything but bad input is n8n's own (a missing credential, an expression that fails) and stays as it is; but where the
 * node is to go on, n8n would hand on all items as if they had been synced.
 */
function problemIn(fault: unknown, goesOn: boolean): Problem {
	if (fault instanceof ProblemError) return fault.problem;
	if (!goesOn || !(fault instanceof Error)) throw fault;
	const { message, description } = fault as NodeOperationError;
	return invalid(message, description ?? '').problem;
}

/** So many items side by side; a parked one counts as one of them. */
class Batch {
	/** By connection, the last item that asked for its turn to start. */
	private readonly turns = new Map<string, Promise<void>>();

	constructor(
		private readonly context: IExecuteFunctions,
		private readonly client: AirbyteClient,
		private readonly size: number,
		private readonly goesOn: boolean,
	) {}

	/** Takes every item as far as it goes now: to its end, or until it can be parked. */
	async drive(before: SyncRun[]): Promise<SyncRun[]> {
		const runs = [...before];
		const toBegin = runs.entries();
		const beginMore = async () => {
			for (const [item, run] of toBegin) {
				if (run.stage !== 'notBegun') continue;
				if (!this.goesOn && runs.some(hasFailed)) return;
				runs[item] = await this.live(begin(run.order, clock.now()));
				if (!isSettled(runs[item])) return;
			}
		};
		const goOn = async (item: number, run: SyncRun) => {
			runs[item] = await this.live(run);
			if (isSettled(runs[item])) await beginMore();
		};
		const underWay = before.flatMap((run, item) => (isUnderWay(run) ? [goOn(item, run)] : []));
		const free = Math.max(0, Math.min(this.size, runs.length) - underWay.length);
		await Promise.all([...underWay, ...Array.from({ length: free }, beginMore)]);
		return runs;
	}

	private async live(run: SyncRun): Promise<SyncRun> {
		const turn = new Turn(this.turns, connectionOf(run.order));
		const progress = new Progress(this.context);
		try {
			return await waitHere(this.context, this.client, run, {
				beforeStep: async (state) => await (isStarting(state) ? turn.take() : turn.pass()),
				onChange: (state) => progress.tell(state),
			});
		} finally {
			turn.pass();
		}
	}
}

function connectionOf(order: Order): string {
	return order.kind === 'start' ? order.connectionId : '';
}

/**
 * Lets items of one connection start one after the other. Side by side, two of them could both be told by
 * Airbyte that the same new job is theirs.
 */
class Turn {
	private end?: () => void;

	constructor(
		private readonly last: Map<string, Promise<void>>,
		private readonly connection: string,
	) {}

	/** Resolves when it is this one's turn. */
	async take(): Promise<void> {
		if (this.end) return;
		const before = this.last.get(this.connection);
		this.last.set(this.connection, new Promise<void>((resolve) => (this.end = resolve)));
		await before;
	}

	/** Lets the next one. */
	pass(): void {
		this.end?.();
		this.end = undefined;
	}
}
