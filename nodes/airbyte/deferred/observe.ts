/** What n8n's database says of the execution that waits. */
import type { IExecuteFunctions } from 'n8n-workflow';

import { clock } from '../api/clock';
import { hasStoppedCaller, wasStopped } from './callers';
import type { ChildState } from './childWorkflow';
import { waitIn } from './stack';

/** `goingOn`: resumed, and neither ended nor parked again. `over`: this wait has ended, whatever came of it. */
export type Sight = 'waiting' | 'goingOn' | 'over' | Stop;

/**
 * `stopped`: while it waited. `stoppedOrEnded`: its record is gone, as after a deletion, which stops it, but also after its
 * end where n8n keeps none that has ended; or it was stopped after it had been resumed.
 */
export type Stop = 'stopped' | 'stoppedOrEnded';

export function isStop(sight: Sight): sight is Stop {
	return sight === 'stopped' || sight === 'stoppedOrEnded';
}

/**
 * Reads the execution's record. n8n loads all its data for that, of every node that ran before: as seldom as possible.
 *
 * @param state keeps whether the execution was seen to wait
 */
export async function observe(context: IExecuteFunctions, state: ChildState): Promise<Sight> {
	const { executionId, id, parkedAt } = state.wait;
	const data = await context.getExecutionDataById(executionId);
	// What runs in the editor has no data either, until it parks.
	if (data === undefined) return state.wasWaiting ? 'stoppedOrEnded' : 'over';
	const stored = waitIn(data);
	// The execution has gone on since, and waits for something else.
	if (stored && stored.parkedAt > parkedAt) return 'over';
	const isStored = stored?.id === id;
	// n8n does not store what parks after a stop, of which a worker may never hear.
	if (wasStopped(data) && (isStored || !state.wasWaiting))
		return stored && stored.resumedAt === undefined ? 'stopped' : 'stoppedOrEnded';
	if (!stored || data.resultData.error) return 'over';
	// A copy that n8n has kept of an earlier wait is there for a moment, see `takeWait`.
	if (!isStored) return state.wasWaiting && stored.parkedAt < parkedAt ? 'goingOn' : 'over';
	state.wasWaiting = stored.resumedAt === undefined && clock.now() < stored.until;
	if (!state.wasWaiting) return 'goingOn';
	return (await hasStoppedCaller(context, state.wait.callers)) ? 'stopped' : 'waiting';
}
