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
import type { Errand, Role, Sibling } from './childWorkflow';
import { dueOnceStored, errandOf, roleOf, startChild } from './childWorkflow';
import { runDataOf } from './context';
import { hasSeenWaiting, leaveLookout, lookouts } from './lookout';
import type { Sight } from './observe';
import { isStop, observe } from './observe';
import { callForWait } from './resumeUrl';
import { LATE, RHYTHMS, nextRing, nextRingBetween } from './rhythm';
import { hasCancelled, isGivenUp } from './stopped';
import { ageOf } from './wait';

/**
 * n8n's crash recovery may come after a child that was overdue at start-up, and would call it crashed. Milliseconds that
 * such a child waits for it, and for how long a process counts as just started.
 */
const RECOVERY_TIME = 15_000;
const STARTING = 60_000;

/** When this process rang for the first time. Exported so that tests can let a process end. */
export const rings: { firstAt?: number } = {};

/** Milliseconds after its time from which a child is overdue, and until it is seen whether it still is. */
const OVERDUE = 60_000;
const OVERDUE_AGAIN = 2 * 60_000;

/** Milliseconds after the end of its time from which a run is given up whose credential cannot be had; and some more. */
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
	if (late > LATE && isStarting) await clock.sleep(RECOVERY_TIME);
	// Before its first time the execution does not wait yet.
	const isFirst = errand.due === undefined;
	if (!isFirst && (await logFault(context, async () => await isOver(context, role, errand))))
		return [];
	if (!errand.sibling) await startSibling(context, role, errand);
	errand.rings += 1;
	// Where the other one is lost, or may be, nobody would.
	const isAlone = errand.ringsWithout > 0 || errand.sibling?.isOverdue;
	const isLast = errand.rings >= MOST_RINGS && !isAlone;
	const now = clock.now();
	errand.due = dueAfter(role, errand, late);
	if (role === 'watcher') {
		const lease = isLast ? 2 * RHYTHMS.watchdog.most : errand.due - now;
		await logFault(context, async () => await leaveLookout(context, errand, now + lease));
	}
	// The other child finds it gone, and starts a new one.
	if (isLast) return [];
	waitUntil(context, errand.due);
	return [{ json: errand }];
}

/** Without `putExecutionToWait`, by which the worker that has started a child would keep it in memory for ever. */
function waitUntil(context: IExecuteFunctions, due: number): void {
	const data = runDataOf(context);
	if (data) data.waitTill = new Date(due);
}

function dueAfter(role: Role, errand: Errand, late: number): number {
	const { wait, sibling, ringsWithout } = errand;
	const now = clock.now();
	const circumstances = { now, late, age: ageOf(wait, now), waits: lookouts.size };
	// Soon again: a child that is overdue may just ring, and a start that failed may succeed.
	if (sibling?.isOverdue || ringsWithout === 1) return now + OVERDUE_AGAIN;
	if (ringsWithout > 0) return Math.min(nextRing(role, circumstances), dueAlone(errand, now));
	return role === 'watchdog' && sibling
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

async function isOver(context: IExecuteFunctions, role: Role, errand: Errand): Promise<boolean> {
	const sight = await sightOf(context, errand);
	errand.goingOn = sight === 'goingOn' ? errand.goingOn + 1 : 0;
	if (sight === 'over' || errand.goingOn >= MOST_GOING_ON) return true;
	if (isStop(sight) && role === 'watcher') {
		const client = await openClient(context, errand.wait.apiVersion).catch(() => undefined);
		if (await hasCancelled(context, client, errand, sight)) return true;
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
	if (!isOverdue(sibling.due) && !isStop(sight)) return false;
	const stored = await context.getExecutionDataById(sibling.id);
	// n8n keeps nothing of a watcher that has ended well, with all jobs cancelled; of a lost one, not for ever.
	const isWithout = errand.ringsWithout > 0;
	if (!stored && isStop(sight) && role === 'watchdog' && !isWithout) return true;
	if (isAlive(errand, sibling, stored?.waitTill)) return false;
	// One that n8n refuses its credential is lost each time.
	const isInVain = isStop(sight) && (isWithout || isGivenUp(errand));
	if (isInVain && (await hasCancelled(context, undefined, errand, sight))) return true;
	errand.ringsWithout += 1;
	if (isStop(sight) || isToTryAt(errand.ringsWithout))
		await logFault(context, async () => await startSibling(context, role, errand));
	// Where its credential is lost, n8n ends each new watcher, and the time of the wait would never be over.
	if (role === 'watchdog' && sight === 'waiting') await callForWait(context, errand);
	return false;
}

async function startSibling(context: IExecuteFunctions, role: Role, errand: Errand): Promise<void> {
	// About when it rings next itself.
	const due = dueAfter(role, { ...errand, ringsWithout: 0 }, 0);
	const known = { ...errand, sibling: { id: context.getExecutionId(), due } };
	const id = await startChild(context, role === 'watcher' ? 'watchdog' : 'watcher', known);
	// Known from here on: n8n may store it later than is waited for.
	errand.sibling = { id, due: clock.now() };
	errand.sibling.due = await dueOnceStored(context, id);
	errand.ringsWithout = 0;
}

/**
 * Whether to start the other one anew at this ring without it. n8n keeps each execution that it refuses a credential: of one
 * that stays lost there are to be few, about one a day.
 */
function isToTryAt(ringsWithout: number): boolean {
	return Number.isInteger(Math.log2(ringsWithout)) || ringsWithout % 24 === 0;
}

/** One that rings at this moment looks overdue, too; lost is one with the same overdue time at two looks. */
function isAlive(errand: Errand, sibling: Sibling, waitTill: Date | undefined): boolean {
	const { due: before } = sibling;
	const wasOverdue = sibling.isOverdue || errand.ringsWithout > 0;
	sibling.isOverdue = false;
	if (!waitTill) return false;
	const due = new Date(waitTill).getTime();
	if (wasOverdue && due === before && isOverdue(due)) return false;
	Object.assign(sibling, { due, isOverdue: isOverdue(due) });
	if (!sibling.isOverdue) errand.ringsWithout = 0;
	return true;
}

function isOverdue(due: number): boolean {
	return clock.now() - due >= OVERDUE;
}
