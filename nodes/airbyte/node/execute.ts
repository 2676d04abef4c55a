/**
 * Runs what n8n's items ask for, many side by side.
 */
import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { openClient } from '../api/client';
import { clock } from '../api/clock';
import type { Problem } from '../api/problem';
import { invalid } from '../api/problem';
import type { Wait } from '../deferred';
import { park, requireParking, takeWait, whyNotToPark } from '../deferred';
import { credentialLost, moved } from '../run/credentialChange';
import { waitHere } from '../run/drive';
import type { Order } from '../run/order';
import type { SyncRun } from '../run/run';
import { begin, hasFailed, isSettled, isUnderWay, plan, refuse, settle } from '../run/run';
import { requireEngine } from './engine';
import { problemIn } from './errors';
import { hintsOn } from './hints';
import { refusalOf, toItems } from './items';
import type { Opened } from './open';
import { open } from './open';
import { tellingProgress } from './progress';
import { goesOnAfterFailure, isTool } from './tool';
import { traceJobs } from './tracing';

type ReadOrder = (context: IExecuteFunctions, item: number) => Order;

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
	readOrder: ReadOrder,
): Promise<INodeExecutionData[]> {
	requireEngine(context);
	const goesOn = goesOnAfterFailure(context);
	const resumed = await takeWait(context);
	if (resumed === 'putBack') return [];
	const runs = resumed?.runs ?? readItems(context, readOrder, goesOn);
	if (runs.length === 0) return [];

	const opened = await tryOpen(context, resumed, goesOn);
	if ('problem' in opened) {
		const failed = runs.map((run) => failedBy(opened.problem, run));
		return toItems(context.getNode(), failed, goesOn);
	}
	const { client, apiVersion, batchSize } = opened;
	const batch = new Batch(context, client, batchSize, goesOn);
	let driven = await batch.drive(
		resumed ? boundTo(resumed, client, runs) : await heldWhereNeeded(context, runs),
	);
	traceJobs(context, driven);
	if (driven.some(isUnderWay)) {
		const isWatched = context.getMode() === 'manual';
		const address = resumed?.address ?? client.publicApi;
		const kept = { runs: driven, apiVersion, address, batchSize, goesOn, isWatched };
		const parked = await tryPark(context, kept);
		if (parked) return parked;
		driven = await batch.drive(driven.map(held));
		traceJobs(context, driven);
	}
	const items = toItems(context.getNode(), driven, goesOn);
	context.addExecutionHints(...hintsOn(driven));
	return items;
}

/** At another Airbyte, what was started goes on unseen, and its number is somebody else's. */
function boundTo({ address }: Wait, client: AirbyteClient, runs: SyncRun[]): SyncRun[] {
	if (client.publicApi === address) return runs;
	return runs.map((run) => (isSettled(run) ? run : moved(run, address)));
}

/** What n8n cannot store is waited for in the execution: its jobs run already. */
async function tryPark(
	context: IExecuteFunctions,
	kept: Parameters<typeof park>[1],
): Promise<INodeExecutionData[] | undefined> {
	return await park(context, kept).catch((fault) => {
		context.logger.warn('The wait for Airbyte could not be stored, and goes on in the execution', {
			reason: String(fault),
		});
		return undefined;
	});
}

/** To wait in the execution. */
function held(run: SyncRun): SyncRun {
	return { ...run, order: { ...run.order, parks: false } };
}

/** Runs that are to park wait in the execution where that is not safe, and a hint says why. */
async function heldWhereNeeded(context: IExecuteFunctions, runs: SyncRun[]): Promise<SyncRun[]> {
	if (!runs.some(({ order }) => order.parks)) return runs;
	const message = await whyNotToPark(context);
	if (message === undefined) return runs;
	context.addExecutionHints({ message, type: 'warning', location: 'outputPane' });
	context.logger.warn(message);
	return runs.map(held);
}

function readItems(context: IExecuteFunctions, readOrder: ReadOrder, goesOn: boolean): SyncRun[] {
	const read = (item: number): SyncRun => {
		try {
			const order = readOrder(context, item);
			if (order.parks) requireDeferrable(context);
			return plan(order);
		} catch (fault) {
			return refuse(problemIn(fault, goesOn));
		}
	};
	const runs = context.getInputData().map((_, item) => read(item));
	const refusal = goesOn ? undefined : refusalOf(context.getNode(), runs);
	if (refusal) throw refusal;
	return runs;
}

/** @throws {ProblemError} where the deferrable mode does not work */
function requireDeferrable(context: IExecuteFunctions): void {
	if (isTool(context)) {
		throw invalid(
			"The deferrable mode does not work in an AI agent's tool",
			"A tool has to answer while the agent runs. Set 'Mode' to 'Synchronous'.",
		);
	}
	requireParking(context);
}

/** @param resumed what was read when the execution began counts to its end */
async function tryOpen(
	context: IExecuteFunctions,
	resumed: Wait | undefined,
	goesOn: boolean,
): Promise<Opened | { problem: Problem }> {
	try {
		if (!resumed) return await open(context);
		const { apiVersion, batchSize } = resumed;
		return { client: await openClient(context, apiVersion), apiVersion, batchSize };
	} catch (fault) {
		return { problem: resumed ? credentialLost(fault) : problemIn(fault, goesOn) };
	}
}

/** Jobs that were started before are told of all the same. */
function failedBy(problem: Problem, run: SyncRun): SyncRun {
	if (run.stage === 'notBegun') return refuse(problem);
	return isSettled(run) ? run : settle(run, { is: 'failed', problem, job: run.job });
}

async function aborted(signal: AbortSignal): Promise<void> {
	if (!signal.aborted) await new Promise((done) => signal.addEventListener('abort', done));
}

/** So many items side by side; a parked one counts as one of them. */
class Batch {
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
		const over = new AbortController();
		const resting: Array<Promise<void>> = [];
		const advanceItem = async (item: number, run: SyncRun) => {
			runs[item] = await this.advance(run);
			if (!isSettled(runs[item])) resting.push(this.endIfStopped(item, runs, over.signal));
		};
		const beginMore = async () => {
			for (const [item, run] of toBegin) {
				if (run.stage !== 'notBegun') continue;
				if (!this.goesOn && runs.some(hasFailed)) return;
				await advanceItem(item, begin(run.order, clock.now()));
				if (!isSettled(runs[item])) return;
			}
		};
		const goOn = async (item: number, run: SyncRun) => {
			await advanceItem(item, run);
			if (isSettled(runs[item])) await beginMore();
		};
		const underWay = before.flatMap((run, item) => (isUnderWay(run) ? [goOn(item, run)] : []));
		const free = Math.max(0, Math.min(this.size, runs.length) - underWay.length);
		await Promise.all([...underWay, ...Array.from({ length: free }, beginMore)]);
		over.abort();
		await Promise.all(resting);
		return runs;
	}

	/** An item that could be parked has its job cancelled at once, however long the others keep the execution from parking. */
	private async endIfStopped(item: number, runs: SyncRun[], over: AbortSignal): Promise<void> {
		const stopped = this.context.getExecutionCancelSignal();
		if (!stopped) return;
		await aborted(AbortSignal.any([stopped, over]));
		if (stopped.aborted) runs[item] = await this.advance(held(runs[item]));
	}

	private async advance(run: SyncRun): Promise<SyncRun> {
		return await waitHere(this.context, this.client, run, tellingProgress(this.context));
	}
}
