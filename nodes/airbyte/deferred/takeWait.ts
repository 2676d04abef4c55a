/**
 * Putting an execution to wait, and taking its wait up again, once. Where n8n's limit of concurrent executions is reached,
 * n8n keeps what is to go on in a queue, its record still `waiting`, and may come to keep several copies of it. Each of
 * them begins by writing its old state over what the one before it has stored.
 */
import type { IExecuteFunctions } from 'n8n-workflow';
import { ManualExecutionCancelledError, NodeOperationError } from 'n8n-workflow';

import { hasStoppedCaller } from './callers';
import { putToWaitUntil } from './context';
import type { Entry } from './stack';
import { entryOf, storeWait, withAllTries } from './stack';
import type { Wait } from './wait';

/** All waits of one run of the node. */
interface NodeRun {
	/** The one that waits now; none once it has been taken up. */
	latest?: Wait;
}

/** By the ids of all its waits. Exported so that tests can let a process end. */
export const nodeRuns = new Map<string, NodeRun>();

/** n8n may keep a copy for hours, behind others that are to go on; what is older than so many is forgotten. */
const MOST_NODE_RUNS = 1_000;

/** By n8n's entry for the node, which is the same object for all tries of Retry On Fail. */
const nodeRunOf = new WeakMap<Entry, NodeRun>();
const failedTries = new WeakMap<Entry, number>();

/** What a wait keeps of n8n's Retry On Fail. */
export function triesOf(context: IExecuteFunctions): Pick<Wait, 'failedTries' | 'maxTries'> {
	const entry = entryOf(context) as Entry;
	return { failedTries: failedTries.get(entry) ?? 0, maxTries: entry.node.maxTries };
}

/** Puts the execution to wait; with what it keeps in memory, this can be put back. */
export function putToWait(context: IExecuteFunctions, wait: Wait): void {
	putToWaitUntil(context, wait.until);
	const entry = storeWait(context, wait);
	const nodeRun = nodeRunOf.get(entry);
	// n8n keeps no copies from before its first wait.
	if (!nodeRun) return;
	nodeRun.latest = wait;
	remember(wait, nodeRun);
}

/**
 * What the execution that goes on hands over.
 *
 * @returns 'putBack' if this is a copy, and what it has written over waits again; undefined when the node runs for the
 * first time
 */
export async function takeWait(context: IExecuteFunctions): Promise<Wait | 'putBack' | undefined> {
	const entry = entryOf(context);
	const wait = entry?.metadata?.airbyte;
	if (!entry?.metadata || !wait) return countTry(entry);
	const isOurs = wait.executionId === context.getExecutionId();
	// What cannot be read now is seen by those who look after the wait.
	if (isOurs && (await hasStoppedCaller(context, wait.callers).catch(() => false)))
		throw finalError(entry, new ManualExecutionCancelledError(wait.executionId));
	const known = isOurs ? nodeRuns.get(wait.id) : undefined;
	if (known && !known.latest) throw finalError(entry, resumedTwice(context));
	// Gone from here on, so that n8n's Retry On Fail runs the node anew as it does in the other modes.
	delete entry.metadata.airbyte;
	entry.node = withAllTries(entry.node, wait);
	failedTries.set(entry, isOurs ? (wait.failedTries ?? 0) : 0);
	if (!isOurs) return undefined;
	const nodeRun = known ?? {};
	nodeRunOf.set(entry, nodeRun);
	if (nodeRun.latest && nodeRun.latest.id !== wait.id) {
		putToWait(context, nodeRun.latest);
		return 'putBack';
	}
	nodeRun.latest = undefined;
	remember(wait, nodeRun);
	return wait;
}

function countTry(entry: Entry | undefined): undefined {
	if (entry) failedTries.set(entry, (failedTries.get(entry) ?? -1) + 1);
}

function remember({ id }: Wait, nodeRun: NodeRun): void {
	// Deleted first, so that it becomes the newest.
	nodeRuns.delete(id);
	nodeRuns.set(id, nodeRun);
	const [oldest] = nodeRuns.keys();
	if (nodeRuns.size > MOST_NODE_RUNS) nodeRuns.delete(oldest);
}

function resumedTwice(context: IExecuteFunctions): Error {
	return new NodeOperationError(context.getNode(), 'n8n let this execution go on twice', {
		description:
			'It has gone on from here before, and nothing is done a second time. Jobs that it has started since are left as they are.',
	});
}

/** Neither 'On Error' nor Retry On Fail goes on with an execution that the error is to end: the wait stays with it. */
function finalError(entry: Entry, error: Error): Error {
	entry.node = { ...entry.node, onError: 'stopWorkflow', continueOnFail: false };
	return error;
}
