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
import type { Errand, Role } from './childWorkflow';
import { dueOnceStored, errandOf, roleOf, startChild } from './childWorkflow';
import { runDataOf } from './context';
import { hasSeenWaiting, leaveLookout, lookouts } from './lookout';
import type { Sight } from './observe';
import { isStop, observe } from './observe';
import { callForWait } from './resumeUrl';
import { LATE, RHYTHMS, nextRing, nextRingBetween } from './rhythm';
import { isLost, isOverdue, isToTryAgain, lookedFor, storedSibling } from './sibling';
import { cancelWhatRuns, isGivenUp } from './stopped';
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
const SOON = 2 * 60_000;

/** Milliseconds after its Timeout at which a run is given up whose credential is lost: after those for a cancel, and some. */
const GIVEN_UP = ENDING_PATIENCE + 30_000;

/** Milliseconds between two tries to cancel after a stop, while the watcher that is to do it is refused. */
const STOPPED_AGAIN = 15 * 60_000;

/** n8n keeps the data of each ring, so that after so many another child takes over. */
const MOST_RINGS = 200;

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
	const errand = errandOf(context);
	const late = Math.max(0, clock.now() - (errand.due ?? clock.now()));
	rings.firstAt ??= clock.now();
	const isStarting = clock.now() - rings.firstAt < STARTING;
	if (late > LATE && isStarting) {
		// Both awake, they would both be lost with a process that crashes again at its start.
		if (role === 'watchdog') return parkUntil(context, errand, clock.now() + SOON);
		await clock.sleep(RECOVERY_TIME);
	}
	// At the first ring the execution has not parked yet.
	const isFirst = errand.due === undefined;
	if (!isFirst && (await logFault(context, async () => await lookAfterWait(context, role, errand))))
		return [];
	if (!errand.sibling) await startSibling(context, role, errand);
	errand.rings += 1;
	// Where the other one is lost, or may be, nobody would start a new one.
	const isAlone = errand.sibling && (errand.sibling.isOverdue || isLost(errand.sibling));
	const isLast = errand.rings >= MOST_RINGS && !isAlone;
	const now = clock.now();
	const due = dueAfter(role, errand, late);
	if (role === 'watcher') {
		const lease = isLast ? 2 * RHYTHMS.watchdog.most : due - now;
		await logFault(context, async () => await leaveLookout(context, errand, now + lease));
	}
	// The other child finds it gone, and starts a new one.
	return isLast ? [] : parkUntil(context, errand, due);
}

/** Without `putExecutionToWait`, by which the worker that has started a child would keep it in memory for ever. */
function parkUntil(context: IExecuteFunctions, errand: Errand, due: number): INodeExecutionData[] {
	errand.due = due;
	const data = runDataOf(context);
	if (data) data.waitTill = new Date(due);
	return [{ json: errand }];
}

function dueAfter(role: Role, errand: Errand, late: number): number {
	const { sibling } = errand;
	const now = clock.now();
	if (sibling?.isOverdue || sibling?.timesLost === 1) return now + SOON;
	const due = dueInRhythm(role, errand, late);
	return sibling && isLost(sibling) ? Math.min(due, dueAlone(errand, now)) : due;
}

function dueInRhythm(role: Role, { wait, sibling }: Errand, late: number): number {
	const now = clock.now();
	const circumstances = { now, late, age: ageOf(wait, now), waits: lookouts.size };
	return role === 'watchdog' && sibling && !isLost(sibling)
		? nextRingBetween(sibling.due, circumstances)
		: nextRing(role, circumstances);
}

/** While nobody else looks whether a time is over, or cancels, and n8n itself may refuse the execution its credential. */
function dueAlone({ wait, stoppedAt }: Errand, now: number): number {
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
	errand: Errand,
): Promise<boolean> {
	const sight = await sightOf(context, errand);
	errand.goingOn = sight === 'goingOn' ? errand.goingOn + 1 : 0;
	if (sight === 'over' || errand.goingOn >= MOST_GOING_ON) return true;
	if (isStop(sight)) errand.stoppedAt ??= clock.now();
	if (isStop(sight) && role === 'watcher') {
		const client = await openClient(context, errand.wait.apiVersion).catch(() => undefined);
		if (await cancelWhatRuns(context, client, errand, sight)) return true;
	}
	return await careForSibling(context, role, errand, sight);
}

/** Spares a reading of the record where a lookout of this process has seen the execution wait a moment ago. */
async function sightOf(context: IExecuteFunctions, errand: Errand): Promise<Sight> {
	if (!hasSeenWaiting(errand.wait.id)) return await observe(context, errand);
	errand.wasWaiting = true;
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
	errand: Errand,
	sight: Sight,
): Promise<boolean> {
	const { sibling } = errand;
	if (!sibling) return false;
	// A watcher that has cancelled the jobs of a stopped execution ends before it is due again.
	if (!isOverdue(sibling.due, clock.now()) && !isStop(sight)) return false;
	const stored = await context.getExecutionDataById(sibling.id);
	// n8n keeps nothing of a watcher that has ended well, with all jobs cancelled; of a lost one, not for ever.
	const isItsStop = isStop(sight) && role === 'watchdog';
	if (!stored && isItsStop && !isLost(sibling)) return await makeSure(context, errand);
	const due = stored?.waitTill && new Date(stored.waitTill).getTime();
	// Two watchers may cancel at once, as each looks before.
	const seen = lookedFor(sibling, due, clock.now(), isItsStop);
	errand.sibling = seen;
	if (!isLost(seen)) return false;
	// One that n8n refuses its credential is lost each time.
	const isInVain = isStop(sight) && (isLost(sibling) || isGivenUp(errand));
	if (isInVain && (await cancelWhatRuns(context, undefined, errand, sight))) return true;
	if (isStop(sight) || isToTryAgain(seen))
		await logFault(context, async () => await startSibling(context, role, errand));
	// Where its credential is lost, n8n ends each new watcher, and the time of the wait would never be over.
	if (role === 'watchdog' && sight === 'waiting') await callForWait(context, errand);
	return false;
}

/**
 * A watcher that is gone after a stop has cancelled all, unless it ended before that with its last ring: then one more is
 * started.
 *
 * @returns whether nothing is left to do
 */
async function makeSure(context: IExecuteFunctions, errand: Errand): Promise<boolean> {
	const mayHaveEnded = clock.now() - errand.wait.parkedAt > MOST_RINGS * RHYTHMS.watcher.least;
	if (!mayHaveEnded || errand.isMadeSure) return true;
	errand.isMadeSure = true;
	await startSibling(context, 'watchdog', errand);
	return false;
}

async function startSibling(context: IExecuteFunctions, role: Role, errand: Errand): Promise<void> {
	// When this child rings next, roughly.
	const known = storedSibling(context.getExecutionId(), dueInRhythm(role, errand, 0));
	const other = role === 'watcher' ? 'watchdog' : 'watcher';
	const id = await startChild(context, other, { ...errand, sibling: known });
	// Known from here on: n8n may store it later than is waited for.
	const { timesLost = 0 } = errand.sibling ?? {};
	errand.sibling = { ...storedSibling(id, clock.now()), timesLost };
	errand.sibling = storedSibling(id, await dueOnceStored(context, id));
}
