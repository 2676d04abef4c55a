/**
 * Runs what n8n's items ask for, many side by side.
 */
import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { openClient } from '../api/client';
import { clock } from '../api/clock';
import { credentialLost } from '../api/credential';
import type { Problem } from '../api/problem';
import { invalid } from '../api/problem';
import type { Wait } from '../deferred';
import { requireParking, takeWait } from '../deferred';
import { boundTo } from '../run/credentialChange';
import type { Order } from '../run/order';
import type { SyncRun } from '../run/run';
import { isSettled, plan, failInput, settle } from '../run/run';
import { Batch } from './batch';
import { requireEngine } from './engine';
import type { Tried } from './errors';
import { problemIn, tryTo } from './errors';
import { hintsOn } from './hints';
import { refusalOf, toItems } from './items';
import type { Opened } from './open';
import { open } from './open';
import { shouldContinueOnFail, isTool } from './tool';
import { waitOrPark } from './waitOrPark';

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
	const continueOnFail = shouldContinueOnFail(context);
	const resumed = await takeWait(context);
	if (resumed === 'putBack') return [];
	const runs = resumed?.runs ?? readItems(context, readOrder, continueOnFail);
	if (runs.length === 0) return [];

	const opened = resumed
		? await tryReopen(context, resumed, runs.every(isSettled) ? [] : PAUSES)
		: await tryTo(async () => await open(context), continueOnFail);
	if ('problem' in opened) {
		const failed = runs.map((run) => failedBy(run, opened.problem));
		return toItems(context.getNode(), failed, continueOnFail);
	}
	const { client, apiVersion, batchSize } = opened.value;
	const batch = new Batch(context, client, batchSize, continueOnFail);
	const isWatched = context.getMode() === 'manual';
	const address = resumed?.address ?? client.publicApi;
	const kept = { apiVersion, address, batchSize, continueOnFail, isWatched };
	const first = boundTo(address, client.publicApi, runs);
	const settled = await waitOrPark(context, batch, first, kept, resumed !== undefined);
	// Items of a node that has parked again would show in the editor as being loaded.
	if (!settled) return [];
	const items = toItems(context.getNode(), settled, continueOnFail);
	context.addExecutionHints(...hintsOn(settled));
	return items;
}

function readItems(
	context: IExecuteFunctions,
	readOrder: ReadOrder,
	continueOnFail: boolean,
): SyncRun[] {
	const read = (item: number): SyncRun => {
		try {
			requireEngine(context);
			const order = readOrder(context, item);
			if (order.parks) requireDeferrable(context);
			return plan(order);
		} catch (fault) {
			return failInput(problemIn(fault, continueOnFail));
		}
	};
	const runs = context.getInputData().map((_, item) => read(item));
	const refusal = continueOnFail ? undefined : refusalOf(context.getNode(), runs);
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

/** Seconds before each further try: a database or a vault may be away, or a worker just have started. */
const PAUSES = [2, 5, 15, 30, 60];

/** What was read when the execution began counts to its end; the resume webhook has read the credential well a moment ago. */
async function tryReopen(
	context: IExecuteFunctions,
	{ apiVersion, batchSize }: Pick<Wait, 'apiVersion' | 'batchSize'>,
	[pause, ...later]: number[],
): Promise<Tried<Opened>> {
	try {
		return { value: { client: await openClient(context, apiVersion), apiVersion, batchSize } };
	} catch (fault) {
		if (pause === undefined) return { problem: credentialLost(fault) };
	}
	await clock.sleep(pause * 1_000, context.getExecutionCancelSignal());
	return await tryReopen(context, { apiVersion, batchSize }, later);
}

/** Jobs that were started before are told of all the same. */
function failedBy(run: SyncRun, problem: Problem): SyncRun {
	if (run.stage === 'notBegun') return failInput(problem);
	return isSettled(run) ? run : settle(run, { is: 'failed', problem, job: run.job });
}
