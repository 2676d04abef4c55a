/** The executions that wait for this one, which is a sub-workflow then, and what n8n's database says of them. */
import type { IExecuteFunctions, INode, IRunExecutionData, RelatedExecution } from 'n8n-workflow';

import { isAnsweredLater } from './answer';
import { runDataOf } from './context';
import { runsIn, waitIn } from './stack';
import type { KnownCaller } from './wait';

interface Caller extends KnownCaller {
	/** What would be lost if it took the start of a wait for the end of its sub-workflow. */
	atStake?: AtStake;
}

/**
 * `others`: it may be one call of many, and what the others give is dropped. `answer`: whoever called it, at that node,
 * waits for one. `unknown`: n8n does not tell.
 */
export type AtStake = { is: 'others' } | { is: 'answer'; node: string } | { is: 'unknown' };

/** Sub-workflows deeper than this are not expected. */
const MOST_CALLERS = 10;

/** Cached for each execution in memory: its callers do not change, and reading their records loads all their data. */
const known = new WeakMap<IRunExecutionData, Caller[]>();

/** The callers of this execution, nearest first. */
export async function callersOf(context: IExecuteFunctions): Promise<Caller[]> {
	const data = runDataOf(context);
	if (!data) return [];
	const callers = known.get(data) ?? (await readCallers(context, data));
	known.set(data, callers);
	return callers;
}

async function readCallers(
	context: IExecuteFunctions,
	called: IRunExecutionData,
): Promise<Caller[]> {
	const callers: Caller[] = [];
	let caller = callerThatWaitsFor(called);
	while (caller && callers.length < MOST_CALLERS) {
		const id = caller.executionId;
		const record = await context.getExecutionDataById(id);
		callers.push({ id, atStake: atStakeIn(record), isStored: record !== undefined });
		caller = callerThatWaitsFor(record);
	}
	return callers;
}

/** Whether a caller was stopped, or deleted, which stops it. n8n does not stop the sub-workflow with it. */
export async function hasStoppedCaller(
	context: IExecuteFunctions,
	callers: KnownCaller[],
): Promise<boolean> {
	for (const { id, isStored } of callers) {
		const record = await context.getExecutionDataById(id);
		if (record ? wasStopped(record) : isStored) return true;
	}
	return false;
}

export function wasStopped(record: IRunExecutionData | undefined): boolean {
	return record?.resultData.error?.name === 'ManualExecutionCancelledError';
}

export function callerThatWaitsFor(
	called: IRunExecutionData | undefined,
): RelatedExecution | undefined {
	const caller = called?.parentExecution;
	return caller?.shouldResume === false ? undefined : caller;
}

function atStakeIn(record: IRunExecutionData | undefined): AtStake | undefined {
	// n8n stores no data of an execution started by hand in the editor until it waits, and nobody has called it.
	if (!record?.executionData) return undefined;
	const { node, items } = beginningIn(record);
	if (callerThatWaitsFor(record)) return mayBeOneOfMany(items) ? { is: 'others' } : undefined;
	if (record.parentExecution || hasWaited(record)) return undefined;
	if (!node) return { is: 'unknown' };
	return isAnsweredLater(node) ? { is: 'answer', node: node.name } : undefined;
}

/**
 * Whether a sub-workflow that began with so many items may have been called once for each item: n8n goes on with the first
 * one that ends, and drops what the others give. From inside, that looks like a call with a single item.
 */
export function mayBeOneOfMany(items: number | undefined): boolean {
	return (items ?? 1) <= 1;
}

/** Whether it has waited before: then whoever called it at its start has an answer. */
function hasWaited(record: IRunExecutionData): boolean {
	// n8n removes the date when a call ends a wait, whose caller may want an answer; a wait of ours has answered its caller.
	return record.waitTill !== undefined || waitIn(record) !== undefined;
}

/** n8n stores how an execution begins, and overwrites that at each wait or, if it saves progress, after each node. */
function beginningIn(record: IRunExecutionData): { node?: INode; items?: number } {
	const [first] = runsIn(record.resultData.runData);
	if (first) return { items: first.run.data?.main[0]?.length };
	const entry = record.executionData?.nodeExecutionStack[0];
	return { node: entry?.node, items: entry?.data.main[0]?.length };
}
