/** What is done for an execution that was stopped while it waited: the jobs that it started are cancelled. */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { clock } from '../api/clock';
import { mayRunOn, runningAfterStop, stop, STOP_PATIENCE } from '../run/cancel';
import { waitHere } from '../run/drive';
import { mayCome } from '../run/lateJob';
import type { SyncRun } from '../run/run';
import { isUnderWay } from '../run/run';
import { endOfWait } from '../run/time';
import type { ChildState } from './childWorkflow';
import type { Stop } from './observe';
import { FORCE, callForWait } from './resumeUrl';

/**
 * Cancels what the stopped execution started and still runs, each after a look at it.
 *
 * @param client undefined where the credential cannot be had
 * @param how as it was seen
 * @returns whether nothing is left to do
 */
export async function cancelWhatRuns(
	context: IExecuteFunctions,
	client: AirbyteClient | undefined,
	state: ChildState,
	how: Stop,
): Promise<boolean> {
	const { wait } = state;
	// At another Airbyte, the jobs of these numbers are somebody else's.
	const isElsewhere = client !== undefined && client.publicApi !== wait.address;
	const runs = wait.runs.filter((run) => mustCancel(run, how));
	const ended = await Promise.all(
		runs.map(async (run) => client && !isElsewhere && (await cancelJob(context, client, run))),
	);
	const left = runs.filter((_, index) => !ended[index]);
	if (left.length > 0) {
		context.logger.warn(runningAfterStop(wait.executionId, left));
		if (!isElsewhere && !isGivenUp(state)) return false;
	}
	await endSubWorkflow(context, state);
	return true;
}

/** Whether the execution was stopped so long ago that nothing is tried any more. */
function isGivenUp({ stoppedAt = Infinity }: ChildState): boolean {
	return clock.now() - stoppedAt >= STOP_PATIENCE;
}

/** One whose caller was stopped still waits: it is to go on, and ends by itself then, see `takeWait`. */
async function endSubWorkflow(context: IExecuteFunctions, state: ChildState): Promise<void> {
	if (state.wait.callers.length > 0) await callForWait(context, state, `&${FORCE}`);
}

/** Whether it started a job, or may have, that is to be cancelled with the execution. */
export function mustCancel(run: SyncRun, how: Stop): boolean {
	const { order, ours, job } = run;
	if (!isUnderWay(run) || order.kind !== 'start' || !order.cancelOnStop) return false;
	// Without a record of the execution, its late job could not be told from others' jobs.
	if (!ours || !job) return how === 'stopped' && mayCome(run);
	// The execution may have ended by its Timeout, which is to leave the job.
	const mayHaveEnded = how === 'stoppedOrEnded' && clock.now() >= (endOfWait(run)?.at ?? Infinity);
	return order.cancelOnTimeout || !mayHaveEnded;
}

async function cancelJob(
	context: IExecuteFunctions,
	client: AirbyteClient,
	run: SyncRun,
): Promise<boolean> {
	return !mayRunOn(await waitHere(context, client, stop(run, clock.now())));
}
