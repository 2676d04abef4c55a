/**
 * Two child executions of each wait, which ring from time to time and park again. The watcher leaves a lookout in the
 * process that it rings in; what looks at the jobs is that. The watchdog starts a watcher anew that a crash of n8n, or
 * the loss of its credential, has ended.
 */
import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { openClient } from '../api/client';
import { clock } from '../api/clock';
import type { Errand, Role } from './childWorkflow';
import { errandOf, roleOf, startChild } from './childWorkflow';
import { hasSeenWaiting, leaveLookout, lookouts } from './lookout';
import type { Sight } from './observe';
import { observe } from './observe';
import { LOOK_TIMEOUT, callResumeUrl } from './resumeUrl';
import { LATE, RHYTHMS, nextRing } from './rhythm';
import { hasCancelled } from './stopped';
import { ageOf } from './wait';

/**
 * n8n's crash recovery may come after a child that was overdue at start-up, and would call it crashed. Milliseconds that
 * such a child waits for it, and for how long a process counts as just started.
 */
const RECOVERY_TIME = 15_000;
const STARTING = 60_000;

/** When this process rang for the first time. Exported so that tests can let a process end. */
export const rings: { firstAt?: number } = {};

/** Milliseconds after its time from which a watcher is overdue, and until it is seen whether it still is. */
const OVERDUE = 60_000;
const OVERDUE_AGAIN = 3 * 60_000;

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
	if (
		errand.due !== undefined &&
		(await logFault(context, async () => await isOver(context, role, errand)))
	)
		return [];
	errand.rings += 1;
	const now = clock.now();
	const next = nextRing(role, { now, late, age: ageOf(errand.wait, now), waits: lookouts.size });
	errand.due = errand.overdue === undefined ? next : now + OVERDUE_AGAIN;
	const isLast = await isReplaced(role, context, errand);
	if (role === 'watcher') {
		const lease = isLast ? 2 * RHYTHMS.watchdog.most : errand.due - now;
		await logFault(context, async () => await leaveLookout(context, errand, now + lease));
	}
	if (isLast) return [];
	await context.putExecutionToWait(new Date(errand.due));
	return [{ json: errand }];
}

/** Whether it has rung too often: a watcher is missed by the watchdog then, which starts another one. */
async function isReplaced(
	role: Role,
	context: IExecuteFunctions,
	errand: Errand,
): Promise<boolean> {
	if (errand.rings < MOST_RINGS || role === 'watcher') return errand.rings >= MOST_RINGS;
	const start = async () => await startChild(context, 'watchdog', errand);
	return (await logFault(context, start)) !== undefined;
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
	if (role === 'watchdog') return await hasDoneForWatcher(context, errand, sight);
	if (sight !== 'stopped') return false;
	const client = await openClient(context, errand.wait.apiVersion).catch(() => undefined);
	return await hasCancelled(context, client, errand);
}

/** Spares a reading of the record where a lookout of this process has seen the execution wait a moment ago. */
async function sightOf(context: IExecuteFunctions, errand: Errand): Promise<Sight> {
	if (!hasSeenWaiting(errand.wait.id)) return await observe(context, errand);
	errand.wasWaiting = true;
	return 'waiting';
}

/** @returns whether there is nothing left to look after */
async function hasDoneForWatcher(
	context: IExecuteFunctions,
	errand: Errand,
	sight: Sight,
): Promise<boolean> {
	const stored = await context.getExecutionDataById(errand.watcher ?? '');
	// A watcher of a stopped execution that is gone has ended with its work done.
	if (stored === undefined && sight === 'stopped') return true;
	if (mayBeAlive(errand, stored?.waitTill)) return false;
	const start = async () => await startChild(context, 'watcher', errand);
	errand.watcher = (await logFault(context, start)) ?? errand.watcher;
	// Where its credential is lost, n8n ends each new one, and the time of the wait would never be over.
	if (sight === 'waiting') await callResumeUrl(context, errand.url, LOOK_TIMEOUT);
	return false;
}

/** One that just rings is overdue in n8n's database, too: dead is whose time is the same, and over, at two rings. */
function mayBeAlive(errand: Errand, waitTill: Date | undefined): boolean {
	const before = errand.overdue;
	errand.overdue = undefined;
	if (!waitTill) return false;
	const due = new Date(waitTill).getTime();
	if (clock.now() - due < OVERDUE) return true;
	if (due === before) return false;
	errand.overdue = due;
	return true;
}
