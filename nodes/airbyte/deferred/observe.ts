/** What n8n's database says of the execution that waits. */
import type { IExecuteFunctions, IRunExecutionData } from 'n8n-workflow';

import type { Errand } from './childWorkflow';
import { waitingEntryIn } from './wait';

/** `goingOn`: it was resumed, and has neither ended nor parked again. `over`: this wait is, whatever came of it. */
export type Sight = 'waiting' | 'goingOn' | 'over' | 'stopped';

/**
 * Reads the execution's record. n8n loads all its data for that, of every node that ran before: as seldom as possible.
 */
export async function observe(context: IExecuteFunctions, errand: Errand): Promise<Sight> {
	const { executionId, id, parkedAt } = errand.wait;
	const data = await context.getExecutionDataById(executionId);
	// To delete a waiting execution is to stop it. Without data is, too, what has ended where n8n keeps none that has, and
	// what runs in the editor until it parks.
	if (data === undefined) return errand.wasWaiting ? 'stopped' : 'over';
	const stored = waitingEntryIn(data)?.metadata?.airbyte;
	// The execution has gone on since, and waits for something else.
	if (stored && stored.parkedAt > parkedAt) return 'over';
	const isStored = stored?.id === id;
	// n8n does not store what parks after a stop, of which a worker may never hear.
	if (wasStopped(data) && (isStored || !errand.wasWaiting)) return 'stopped';
	if (!isStored || data.resultData.error) return 'over';
	errand.wasWaiting = data.waitTill !== undefined;
	if (!errand.wasWaiting) return 'goingOn';
	return (await isCallerStopped(context, errand)) ? 'stopped' : 'waiting';
}

/** Where a sub-workflow waits, n8n stops only the execution that called it. */
async function isCallerStopped(context: IExecuteFunctions, { callers }: Errand): Promise<boolean> {
	for (const caller of callers) {
		const data = await context.getExecutionDataById(caller);
		if (data && wasStopped(data)) return true;
	}
	return false;
}

function wasStopped({ resultData }: IRunExecutionData): boolean {
	return resultData.error?.name === 'ManualExecutionCancelledError';
}
