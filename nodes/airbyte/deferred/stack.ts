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
	INode,
	INodeExecutionData,
	IRunData,
	IRunExecutionData,
	ITaskData,
} from 'n8n-workflow';

import { runDataOf } from './context';
import { shownJobs } from './panel';
import { resumeUrl } from './resumeUrl';
import type { Wait } from './wait';

/** n8n's type of the metadata does not know ours. */
export type Entry = Omit<IExecuteData, 'metadata'> & {
	metadata?: { airbyte?: Wait; resumeUrl?: string; waitingChildExecutionIds?: string[] };
};

function stackOf(data: IRunExecutionData | undefined): Entry[] {
	return (data?.executionData?.nodeExecutionStack ?? []) as Entry[];
}

export function entryOf(context: IExecuteFunctions): Entry | undefined {
	return context.getExecuteData?.() as Entry | undefined;
}

/** The wait of a stored execution, if it waits for Airbyte. */
export function waitIn(data: IRunExecutionData | undefined): Wait | undefined {
	return stackOf(data).find(hasWait)?.metadata?.airbyte;
}

/** All nodes that have run, first to last. */
export function runsIn(runData: IRunData = {}): Array<{ node: string; run: ITaskData }> {
	return Object.entries(runData)
		.flatMap(([node, runs]) => runs.map((run) => ({ node, run })))
		.sort((a, b) => a.run.executionIndex - b.run.executionIndex);
}

function hasWait({ metadata }: Entry): boolean {
	return metadata?.airbyte !== undefined;
}

/**
 * Keeps the wait of an execution that has just been put to wait.
 *
 * @returns the entry that the node was run by
 */
export function storeWait(context: IExecuteFunctions, wait: Wait): Entry {
	// `requireParking` has seen to it.
	const entry = entryOf(context) as Entry;
	stackOf(runDataOf(context)).unshift({
		...entry,
		node: withoutTries(entry.node, wait.failedTries ?? 0),
		metadata: { ...entry.metadata, airbyte: wait },
	});
	entry.metadata = {
		...entry.metadata,
		// The editor shows the jobs by it.
		resumeUrl: `${resumeUrl(context)}#${shownJobs(wait.runs, wait.parkedAt)}`,
		// n8n would give a sub-workflow's late result to an entry that says nothing about which it waits for. None is its own.
		waitingChildExecutionIds: [wait.executionId],
	};
	entry.node = skippedNode(entry.node, runDataOf(context));
	entry.data = { main: [] };
	return entry;
}

/**
 * The node for the entry in front. It is stored under the name of the one that the execution began with: n8n's Retry with
 * the current workflow gives all entries of a name that workflow's own node, and disables it, so it must be one that does
 * not run again, as one in a loop does. With 'Always Output Data' it would give an item.
 */
function skippedNode(ours: INode, data: IRunExecutionData | undefined): INode {
	const node = { ...ours, disabled: true, alwaysOutputData: false };
	const name = runsIn(data?.resultData.runData)[0]?.node ?? node.name;
	return Object.defineProperty(node, 'toJSON', { value: () => ({ ...node, name }) });
}

/**
 * The node as n8n is to run it once so many tries of Retry On Fail have failed: it counts them anew each time that the
 * execution goes on, and takes two for the fewest and five for the most.
 */
function withoutTries(node: INode, failed: number): INode {
	if (failed === 0) return node;
	const maxTries = Math.min(Math.max(node.maxTries || 3, 2), 5) - failed;
	return { ...node, maxTries, retryOnFail: maxTries > 1 };
}

/** Undoes `withoutTries`, unless n8n's Retry has put the current workflow's node in its place. */
export function withAllTries(node: INode, { failedTries = 0, maxTries }: Wait): INode {
	const whole = { ...node, maxTries, retryOnFail: true };
	const short = withoutTries(whole, failedTries);
	const isShort = node.maxTries === short.maxTries && node.retryOnFail === short.retryOnFail;
	return failedTries > 0 && isShort ? whole : node;
}

/**
 * Has n8n run the node again with what the wait has become, when the resume webhook lets it go on.
 *
 * @returns the node's input, which n8n wants to be told
 */
export function resumeWith(
	data: IRunExecutionData | undefined,
	wait: Wait,
	now: number,
): INodeExecutionData[][] {
	const stack = stackOf(data);
	stack.splice(0, stack.findIndex(hasWait));
	const [entry] = stack;
	entry.metadata = { ...entry.metadata, airbyte: { ...wait, resumedAt: now } };
	return (entry.data.main ?? []).map((items) => items ?? []);
}
