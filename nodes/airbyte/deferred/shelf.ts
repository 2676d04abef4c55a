/**
 * Where a wait is kept: on the stack of what n8n is to run next in the execution, which is stored with it.
 *
 * Relies on: n8n puts the entry of a node that has parked back in front of the stack, and passes that one over when it goes
 * on, as after a Wait node: it counts as disabled, and gives what it was given (n8n-core's handleWaitingState, and n8n's
 * waiting-webhooks before they call `webhook()`). So the entry in front is made to give nothing, and behind it is another
 * one with the wait, by which the node runs again, whoever lets the execution go on.
 */
import type {
	IExecuteData,
	IExecuteFunctions,
	INodeExecutionData,
	IRunExecutionData,
} from 'n8n-workflow';

import { runDataOf } from './childWorkflow';
import type { Wait } from './wait';

/** n8n's type of the metadata does not know ours. */
type Entry = Omit<IExecuteData, 'metadata'> & {
	metadata?: { airbyte?: Wait; resumeUrl?: string };
};

function stackOf(data: IRunExecutionData | undefined): Entry[] {
	return (data?.executionData?.nodeExecutionStack ?? []) as Entry[];
}

function entryOf(context: IExecuteFunctions): Entry | undefined {
	return context.getExecuteData?.() as Entry | undefined;
}

/** The wait of a stored execution, if it waits for Airbyte. */
export function waitIn(data: IRunExecutionData | undefined): Wait | undefined {
	return stackOf(data).find(({ metadata }) => metadata?.airbyte)?.metadata?.airbyte;
}

/**
 * Keeps the wait of an execution that has just been put to wait.
 *
 * @param shownUrl what the editor shows the jobs by
 */
export function shelve(context: IExecuteFunctions, wait: Wait, shownUrl: string): void {
	const entry = entryOf(context);
	if (!entry) return;
	stackOf(runDataOf(context)).unshift({
		...entry,
		metadata: { ...entry.metadata, airbyte: wait },
	});
	entry.metadata = { ...entry.metadata, resumeUrl: shownUrl };
	// The node of its own, for n8n disables it. With 'Always Output Data' it would give an item.
	entry.node = { ...entry.node, disabled: true, alwaysOutputData: false };
	entry.data = { main: [] };
}

/**
 * Has n8n run the node again with what the wait has become, when the resume webhook lets it go on.
 *
 * @returns the node's input, which n8n wants to be told
 */
export function unshelve(data: IRunExecutionData | undefined, wait: Wait): INodeExecutionData[][] {
	const stack = stackOf(data);
	stack.shift();
	const [entry] = stack;
	entry.metadata = { ...entry.metadata, airbyte: wait };
	return (entry.data.main ?? []).map((items) => items ?? []);
}

/** What the execution that goes on hands over; undefined when the node runs for the first time. */
export function takeWait(context: IExecuteFunctions): Wait | undefined {
	const metadata = entryOf(context)?.metadata;
	const wait = metadata?.airbyte;
	if (!metadata || !wait) return undefined;
	// Gone from here on, so that n8n's Retry On Fail runs the node anew as it does in the other modes.
	delete metadata.airbyte;
	return wait.executionId === context.getExecutionId() ? wait : undefined;
}
