/**
 * Waiting for what the items have started: in n8n's database where the order says so and n8n can, otherwise in the
 * running execution. What keeps n8n from it may pass, as it may be busy or just be starting again, so it is tried anew.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import { clock } from '../api/clock';
import type { Kept } from '../deferred';
import { park, whyNotToPark } from '../deferred';
import type { SyncRun } from '../run/run';
import { isUnderWay } from '../run/run';
import { endOfWait } from '../run/time';
import type { Batch } from './batch';
import { traceJobs } from './tracing';

/** A wait in the running execution that was to be parked. Times are milliseconds since the epoch. */
interface Held {
	since: number;
	until: number;
	why: string;
}

/** Milliseconds until it is tried again for the first time; after that, as long as the wait has been held by then. */
const HELD_AT_LEAST = 15_000;

/** Milliseconds after which an attempt is given up: what it has still started by then ends by itself. */
const LONGEST_ATTEMPT = 2 * 60_000;

/**
 * @param wasParked whether the execution was parked before, so that it is known to be possible
 * @returns all runs at their end; undefined once the execution is parked
 */
export async function waitOrPark(
	context: IExecuteFunctions,
	batch: Batch,
	before: SyncRun[],
	kept: Omit<Kept, 'runs'>,
	wasParked: boolean,
): Promise<SyncRun[] | undefined> {
	const parks = before.some(({ order }) => order.parks);
	const ask = async () => (wasParked ? undefined : await whyNotToPark(context));
	// Beside the start, so that no job waits for the answer.
	let asked = parks ? ask() : undefined;
	asked?.catch(() => undefined);
	let held: Held | undefined;
	let runs = before;
	for (;;) {
		runs = await batch.drive(runs, held?.until);
		traceJobs(context, runs);
		if (!runs.some(isUnderWay)) break;
		const since = held?.since ?? clock.now();
		const outcome = await tryToPark(context, { ...kept, runs }, asked ?? ask());
		asked = undefined;
		if (outcome.is === 'parked') return undefined;
		if (outcome.is === 'held') held = hold(context, outcome.why, since, held);
	}
	if (held) {
		context.addExecutionHints({ message: held.why, type: 'warning', location: 'outputPane' });
	}
	return runs;
}

type ParkOutcome = { is: 'parked' | 'off' } | { is: 'held'; why: string };

/**
 * Tries to park, until the execution is stopped or the time of a run is over, which are to be dealt with at once, however
 * long n8n takes.
 *
 * @param asked gives why the execution may not be parked
 */
async function tryToPark(
	context: IExecuteFunctions,
	kept: Kept,
	asked: Promise<string | undefined>,
): Promise<ParkOutcome> {
	const over = new AbortController();
	const stopped = context.getExecutionCancelSignal();
	const signal = stopped ? AbortSignal.any([stopped, over.signal]) : over.signal;
	const ends = kept.runs.filter(isUnderWay).map((run) => endOfWait(run)?.at ?? Infinity);
	const time = Math.min(Math.max(0, Math.min(...ends) - clock.now()), LONGEST_ATTEMPT);
	const inTime = clock.sleep(time, signal).then((): ParkOutcome => ({ is: 'off' }));
	const outcome = await Promise.race([tryPark(context, kept, asked, signal), inTime]);
	over.abort();
	return outcome;
}

async function tryPark(
	context: IExecuteFunctions,
	kept: Kept,
	asked: Promise<string | undefined>,
	signal: AbortSignal,
): Promise<ParkOutcome> {
	try {
		const why = await asked;
		if (why !== undefined) return { is: 'held', why };
		return { is: !signal.aborted && (await park(context, kept, signal)) ? 'parked' : 'off' };
	} catch (fault) {
		context.logger.warn('The wait for Airbyte could not be stored', { reason: String(fault) });
		return { is: 'held', why: UNSTORED };
	}
}

const UNSTORED =
	"The wait is held in the running execution: n8n could not store it. See n8n's log for the reason.";

function hold(context: IExecuteFunctions, why: string, since: number, before?: Held): Held {
	if (why !== before?.why) context.logger.warn(why);
	const now = clock.now();
	return { since, until: now + Math.max(HELD_AT_LEAST, now - since), why };
}
