/**
 * Two child executions of each wait, which ring from time to time and park again. The watcher leaves a lookout in the
 * process that it rings in; what looks at the jobs is that. The watchdog has no credential, so that it outlives the loss of
 * that. n8n loses an execution that a crash meets while it runs, or waits for a worker: each of the two starts the other
 * anew, and they ring at different times.
 */
import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { openClient } from '../api/client';
import { clock } from '../api/clock';
import { ENDING_PATIENCE } from '../run/cancel';
import { isUnderWay } from '../run/run';
import { nextEnd } from '../run/time';
import type { ChildState, Role } from './childWorkflow';
import { dueOnceStored, forgetRings, roleOf, startChild, stateOfChild } from './childWorkflow';
import { putToWaitUntil } from './context';
import { leaveLookout, lookouts } from './lookout';
import type { Sight } from './observe';
import { isStop, observe } from './observe';
import { callForWait } from './resumeUrl';
import { LATE, nextRing, nextRingBetween } from './rhythm';
import { isLost, isOverdue, isRestartDue, lookedFor, storedSibling } from './sibling';
import { cancelWhatRuns } from './stopped';
import { ageOf } from './wait';

/**
 * n8n's crash recovery may come after a child that was overdue at start-up, and would call it crashed. Milliseconds that
 * such a child waits for it, and for how long a process counts as just started.
 */
const RECOVERY_TIME = 15_000;
const STARTING = 60_000;

/** When this process rang for the first time. Exported so that tests can let a process end. */
export const rings: { firstAt?: number } = {};

/** Milliseconds until the next ring where the other child may just ring, or could not be started anew. */
const RETRY_IN = 2 * 60_000;

/** Milliseconds after its Timeout at which a run is given up whose credential is lost: after those for a cancel, and some. */
const GIVEN_UP = ENDING_PATIENCE + 30_000;

/** Milliseconds between two tries to cancel after a stop, while the watcher that is to do it is refused. */
const STOPPED_AGAIN = 15 * 60_000;

/** An execution that was seen going on at so many rings in a row has crashed: n8n does not wake it again. */
const MOST_GOING_ON = 2;

/**
 * Rings once if this execution is a watcher or watchdog, and parks until the next time or ends with the wait.
 *
 * @returns undefined in users' workflows
 */
export async function ring(context: IExecuteFunctions): Promise<INodeExecutionData[] | undefined> {
	const role = roleOf(context);
	return role && (await ringAs(role, context));
}

async function ringAs(role: Role, context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const state = stateOfChild(context);
	const late = Math.max(0, clock.now() - (state.due ?? clock.now()));
	rings.firstAt ??= clock.now();
	const isStarting = clock.now() - rings.firstAt < STARTING;
	if (late > LATE && isStarting) {
		// Both awake, they would both be lost with a process that crashes again at its start.
		if (role === 'watchdog') return parkUntil(context, state, clock.now() + RETRY_IN);
		await clock.sleep(RECOVERY_TIME);
	}
	// At the first ring the execution has not parked yet.
	const isFirst = state.due === undefined;
	if (!isFirst && (await logFault(context, async () => await lookAfterWait(context, role, state))))
		return [];
	if (!state.sibling) await startSibling(context, role, state);
	const due = dueAfter(role, state, late);
	if (role === 'watcher')
		await logFault(context, async () => await leaveLookout(context, state, due));
	return parkUntil(context, state, due);
}

function parkUntil(
	context: IExecuteFunctions,
	state: ChildState,
	due: number,
): INodeExecutionData[] {
	state.due = due;
	forgetRings(context);
	putToWaitUntil(context, due);
	return [{ json: state }];
}

function dueAfter(role: Role, state: ChildState, late: number): number {
	const { sibling } = state;
	const now = clock.now();
	if (sibling?.isOverdue || sibling?.timesLost === 1) return now + RETRY_IN;
	const due = dueInRhythm(role, state, late);
	return sibling && isLost(sibling) ? Math.min(due, dueAlone(state, now)) : due;
}

function dueInRhythm(role: Role, { wait, sibling }: ChildState, late: number): number {
	const now = clock.now();
	const circumstances = { now, late, age: ageOf(wait, now), waits: lookouts.size };
	return role === 'watchdog' && sibling && !isLost(sibling)
		? nextRingBetween(sibling.due, circumstances)
		: nextRing(role, circumstances);
}

/** While nobody else looks whether a time is over, or cancels, and n8n itself may refuse the execution its credential. */
function dueAlone({ wait, stoppedAt }: ChildState, now: number): number {
	if (stoppedAt !== undefined) return now + STOPPED_AGAIN;
	const runs = wait.runs.filter(isUnderWay);
	return Math.min(nextEnd(runs, now), nextEnd(runs, now - GIVEN_UP) + GIVEN_UP);
}

/** A child that fails is gone: it logs what went wrong and rings on. */
async function logFault<T>(
	context: IExecuteFunctions,
	action: () => Promise<T>,
): Promise<T | undefined> {
	return await action().catch((fault: unknown) => {
		context.logger.warn('A wait for Airbyte goes on after a fault', { reason: String(fault) });
		return undefined;
	});
}

/** @returns whether the wait is over, with nothing left to do */
async function lookAfterWait(
	context: IExecuteFunctions,
	role: Role,
	state: ChildState,
): Promise<boolean> {
	const sight = await sightOf(context, state);
	state.goingOn = sight === 'goingOn' ? state.goingOn + 1 : 0;
	if (sight === 'over' || state.goingOn >= MOST_GOING_ON) return true;
	if (isStop(sight)) state.stoppedAt ??= clock.now();
	if (isStop(sight) && role === 'watcher') {
		const client = await openClient(context, state.wait.apiVersion).catch(() => undefined);
		if (await cancelWhatRuns(context, client, state, sight)) return true;
	}
	return await careForSibling(context, role, state, sight);
}

/** Spares a reading of the record where a lookout of this process sees the execution wait. */
async function sightOf(context: IExecuteFunctions, state: ChildState): Promise<Sight> {
	if (!lookouts.get(state.wait.id)?.sawWaiting) return await observe(context, state);
	state.wasWaiting = true;
	return 'waiting';
}

/**
 * Starts the other child anew where n8n has lost it.
 *
 * @returns whether there is nothing left to do, as a watcher that has ended has done all
 */
async function careForSibling(
	context: IExecuteFunctions,
	role: Role,
	state: ChildState,
	sight: Sight,
): Promise<boolean> {
	const { sibling } = state;
	if (!sibling) return false;
	// A watcher that has cancelled the jobs of a stopped execution ends before it is due again.
	if (!isOverdue(sibling.due, clock.now()) && !isStop(sight)) return false;
	const stored = await context.getExecutionDataById(sibling.id);
	// n8n keeps nothing of a watcher that has ended well, with all jobs cancelled; of a lost one, not for ever.
	const isItsStop = isStop(sight) && role === 'watchdog';
	if (!stored && isItsStop && !isLost(sibling)) return true;
	const due = stored?.waitTill && new Date(stored.waitTill).getTime();
	// Two watchers may cancel at once, as each looks before.
	const seen = lookedFor(sibling, due, clock.now(), isItsStop);
	state.sibling = seen;
	if (!isLost(seen)) return false;
	// A watcher that n8n refuses its credential is lost each time.
	const isInVain = isStop(sight) && isLost(sibling);
	if (isInVain && (await cancelWhatRuns(context, undefined, state, sight))) return true;
	if (isStop(sight) || isRestartDue(seen))
		await logFault(context, async () => await startSibling(context, role, state));
	// Where its credential is lost, n8n ends each new watcher, and the time of the wait would never be over.
	if (role === 'watchdog' && sight === 'waiting') await callForWait(context, state);
	return false;
}

async function startSibling(
	context: IExecuteFunctions,
	role: Role,
	state: ChildState,
): Promise<void> {
	// When this child rings next, roughly.
	const known = storedSibling(context.getExecutionId(), dueInRhythm(role, state, 0));
	const other = role === 'watcher' ? 'watchdog' : 'watcher';
	const id = await startChild(context, other, { ...state, sibling: known });
	// Known from here on: n8n may store it later than is waited for.
	const { timesLost = 0 } = state.sibling ?? {};
	state.sibling = { ...storedSibling(id, clock.now()), timesLost };
	state.sibling = storedSibling(id, await dueOnceStored(context, id));
}
