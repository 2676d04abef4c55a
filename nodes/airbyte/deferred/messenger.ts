/**
 * The way out where n8n cannot reach its own resume URL: a child workflow that ends with the result, which n8n then
 * gives the parked execution as the node's.
 *
 * It is started only with the final result in hand, and carries nothing else: n8n takes the last stored data of a
 * child for its result, also when the child crashed.
 */
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { startChild } from './childWorkflow';
import { openClient } from '../api/client';
import { clock } from '../api/clock';
import { toItems } from '../node/items';
import type { SyncRun } from '../run/run';
import type { Parked } from './state';

interface Message extends IDataObject {
	items?: INodeExecutionData[];
	error?: { message: string; description: string };
}

/** Sends the result of runs that have all ended to the execution that waits for it. */
export async function sendResult(
	context: IExecuteFunctions,
	parent: string,
	states: SyncRun[],
	parked: Parked,
): Promise<void> {
	context.logger.warn(
		'n8n could not reach its own resume URL: check WEBHOOK_URL. The Airbyte result is brought another way.',
	);
	const message = await messageOf(context, states, parked);
	await startChild(context, 'hold', { message }, { executionId: parent, resumes: true });
}

async function messageOf(
	context: IExecuteFunctions,
	states: SyncRun[],
	{ apiVersion, goesOn }: Parked,
): Promise<Message> {
	const client = await openClient(context, apiVersion);
	try {
		return { items: toItems(context.getNode(), states, client.jobPage.bind(client), goesOn) };
	} catch (fault) {
		const { message, description } = fault as NodeOperationError;
		return { error: { message, description: description ?? '' } };
	}
}

/** Milliseconds: n8n resumes a parent only for a child that was parked itself. */
const HELD = 1_000;

/** Parks once; n8n then passes the message on. */
export async function hold(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	await context.putExecutionToWait(new Date(clock.now() + HELD));
	return [...context.getInputData()];
}

/** Ends the child with the result: its items are the parked node's, its error too. */
export function deliver(context: IExecuteFunctions): INodeExecutionData[] {
	const { items, error } = context.getInputData()[0].json.message as Message;
	if (!error) return items ?? [];
	const { message, description } = error;
	throw new NodeOperationError(context.getNode(), message, { description });
}
