/**
 * Waiting for what the items have started: in n8n's database where the order says so and n8n can, otherwise in the
 * running execution. What keeps n8n from it may pass, as it may be busy or just be starting again, so it is tried anew.
 */
import type { IExecuteFunctions, INodeExecutionData, NodeExecutionHint } from 'n8n-workflow';

import { clock } from '../api/clock';
import { park, whyNotToPark } from '../deferred';
import type { SyncRun } from '../run/run';
import { isUnderWay } from '../run/run';
import type { Batch } from './batch';
import { aborted } from './batch';
import { traceJobs } from './tracing';

/** What came of it: items to return for now, or all runs at their end. */
type Outcome = { parked: INodeExecutionData[] } | { settled: SyncRun[] };

/** A wait in the running execution that was to be parked. Times are milliseconds since the epoch. */
interface Held {
	since: number;
	until: number;
	why: string;
}

/** Milliseconds until it is tried again for the first time; after that, as long as the wait has been held by then. */
const HELD_AT_LEAST = 15_000;

/** @param wasParked whether the execution was parked before, so that it is known to be possible */
export async function waitOrPark(
	context: IExecuteFunctions,
	batch: Batch,
	before: SyncRun[],
	kept: Omit<Parameters<typeof park>[1], 'runs'>,
	wasParked: boolean,
): Promise<Outcome> {
	let runs = before;
	let held: Held | undefined;
	for (;;) {
		runs = await batch.drive(runs, held?.until);
		traceJobs(context, runs);
		if (!runs.some(isUnderWay)) break;
		const attempt = tryPark(context, { ...kept, runs }, wasParked);
		const { parked, whyNot } = await unlessStopped(context, attempt);
		if (parked) return { parked };
		if (whyNot !== undefined) held = hold(context, held, whyNot);
	}
	if (held) context.addExecutionHints(hintOf(held));
	return { settled: runs };
}

interface Attempt {
	parked?: INodeExecutionData[];
	/** Absent where the execution was stopped. */
	whyNot?: string;
}

async function tryPark(
	context: IExecuteFunctions,
	kept: Parameters<typeof park>[1],
	wasParked: boolean,
): Promise<Attempt> {
	try {
		const whyNot = wasParked ? undefined : await whyNotToPark(context);
		if (whyNot !== undefined || isStopped(context)) return { whyNot };
		return { parked: await park(context, kept) };
	} catch (fault) {
		return {
			whyNot: `The wait is held in the running execution: n8n could not store it (${String(fault)}).`,
		};
	}
}

/** A job is to be cancelled at once, however long n8n takes. */
async function unlessStopped(
	context: IExecuteFunctions,
	attempt: Promise<Attempt>,
): Promise<Attempt> {
	const signal = context.getExecutionCancelSignal();
	return signal
		? await Promise.race([attempt, aborted(signal).then((): Attempt => ({}))])
		: await attempt;
}

function isStopped(context: IExecuteFunctions): boolean {
	return context.getExecutionCancelSignal()?.aborted ?? false;
}

function hold(context: IExecuteFunctions, before: Held | undefined, why: string): Held {
	if (why !== before?.why) context.logger.warn(why);
	const now = clock.now();
	const since = before?.since ?? now;
	return { since, until: now + Math.max(HELD_AT_LEAST, now - since), why };
}

function hintOf({ why }: Held): NodeExecutionHint {
	return { message: why, type: 'warning', location: 'outputPane' };
}
