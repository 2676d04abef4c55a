/**
 * The alarm clocks of a parked execution: small workflows in n8n's database that call its resume URL from time to
 * time.
 *
 * A clock is a child workflow of two nodes, `Start -> Ring`, with Ring wired back to itself. Ring rings, parks its
 * execution until its next time, and returns its item; at that time n8n passes the item on, so that Ring runs
 * again. Its timer is a date in n8n's database: it survives restarts and takes no worker in between.
 *
 * There are two, taking turns, for a crash of n8n kills a clock that just rings. Each revives the other.
 */
import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	IRunExecutionData,
} from 'n8n-workflow';

import { startChild } from './childWorkflow';
import { openClient } from './client';
import { clock } from './clock';
import { sendResult } from './messenger';
import type { Parked, Report } from './parked';
import { jobsToCancel, lookAtAll, report, waitingEntryIn } from './parked';
import { callResumeUrl } from './resumeUrl';
import type { Rhythm } from './schedule';
import { nextTurn } from './schedule';
import { begin } from './syncRun';
import { waitHere } from './waitHere';

/** What a clock carries from ring to ring; each ring adds a copy to what n8n stores, so it is small. */
interface ClockItem extends IDataObject {
	/** The execution that waits. */
	parent: string;
	/** Its resume URL without the signature, which only n8n's own record of the execution holds. */
	url: string;
	/** 0 and 1 take turns. */
	rank: 0 | 1;
	/** When the wait began and how often to look, see {@link Rhythm}. */
	since: number;
	wait: number;
	adaptive: boolean;
	apiVersion: string;
	/** Jobs to cancel when the execution is stopped. */
	cancel: number[];
	/** Execution id of the other clock; the first one does not know it before it rings. */
	twin?: string;
	/** When it is to ring next; absent before it was set. */
	due?: number;
	/** How many times in a row the resume URL could not be reached. */
	missed?: number;
}

/** Starts both clocks of an execution that is about to park. */
export async function startClocks(
	context: IExecuteFunctions,
	url: string,
	{ states, apiVersion }: Parked,
): Promise<void> {
	const orders = states.flatMap((state) => ('run' in state ? [state.run.order] : []));
	const item: ClockItem = {
		parent: context.getExecutionId(),
		url,
		rank: 0,
		since: clock.now(),
		wait: Math.min(...orders.map(({ waitSeconds }) => waitSeconds)),
		adaptive: orders.every(({ adaptivePolling }) => adaptivePolling),
		apiVersion,
		cancel: jobsToCancel(states),
	};
	const twin = await startClock(context, item);
	await startClock(context, { ...item, rank: 1, twin });
}

async function startClock(context: IExecuteFunctions, item: ClockItem): Promise<string> {
	// A copy: the clock keeps its state in it.
	return await startChild(
		context,
		'ring',
		{ ...item },
		{ executionId: item.parent, resumes: false },
	);
}

/** What a ring found out about the execution that waits. */
type Found = 'waiting' | 'done' | 'stopped';

/** n8n's crash recovery may come after a clock that was overdue at start-up, and would call it crashed. */
const RECOVERY_TIME = 15_000;
const LATE = 60_000;

/** Rings once, and parks until the next time or ends with the wait. */
export async function ring(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const [{ json }] = context.getInputData();
	const item = json as ClockItem;
	const now = clock.now();
	if (item.due !== undefined) {
		if (now - item.due > LATE) await clock.sleep(RECOVERY_TIME);
		const found = await survive(context, async () => await findOut(context, item));
		if (found === 'stopped') await survive(context, async () => await cancelJobs(context, item));
		if (found === 'stopped' || found === 'done') return [];
		await survive(context, async () => await reviveTwin(context, item));
	}
	const rhythm: Rhythm = { waitSeconds: item.wait, adaptivePolling: item.adaptive };
	// n8n hands this very item to the next ring.
	item.due = nextTurn(rhythm, item.since, item.rank, clock.now());
	await context.putExecutionToWait(new Date(item.due));
	return [{ json: item }];
}

/** A clock that fails is gone, and its execution would wait for ever: it logs what went wrong and rings on. */
async function survive<T>(
	context: IExecuteFunctions,
	action: () => Promise<T>,
): Promise<T | undefined> {
	return await action().catch((fault) => {
		context.logger.warn('An Airbyte alarm clock goes on after a fault', { reason: String(fault) });
		return undefined;
	});
}

/** How often in a row the URL may fail before the clock looks itself: while n8n starts, it is not up either. */
const MOST_MISSED = 2;

/** Sees in n8n's database whether the execution still waits; if so, lets its resume webhook look. */
async function findOut(context: IExecuteFunctions, item: ClockItem): Promise<Found> {
	const data = await context.getExecutionDataById(item.parent);
	// An execution that is gone was deleted, which counts as stopping it.
	if (data === undefined) return 'stopped';
	const parked = waitingEntryIn(data)?.metadata?.airbyte;
	if (parked) item.cancel = jobsToCancel(parked.states);
	const { error } = data.resultData;
	if (error) return error.name === 'ManualExecutionCancelledError' ? 'stopped' : 'done';
	if (!parked) return 'done';
	const told = await callParent(context, item.url, data);
	item.missed = told ? 0 : (item.missed ?? 0) + 1;
	if (item.missed >= MOST_MISSED) return await lookInstead(context, item.parent, parked);
	if (told) item.cancel = told.cancelOnStop;
	return told?.resumed && told.done ? 'done' : 'waiting';
}

/** Milliseconds for the look that the resume webhook takes. */
const LOOK_TIMEOUT = 120_000;

/** Calls the resume URL: the look happens there. */
async function callParent(
	context: IExecuteFunctions,
	url: string,
	data: IRunExecutionData,
): Promise<Report | undefined> {
	const { resumeToken } = data as { resumeToken?: string };
	const answer = await callResumeUrl(context, `${url}?signature=${resumeToken}`, LOOK_TIMEOUT);
	const isReport =
		answer?.statusCode === 200 && (answer.body as Partial<Report>)?.cancelOnStop !== undefined;
	return isReport ? (answer.body as Report) : undefined;
}

/**
 * n8n cannot reach its own resume URL (a wrong WEBHOOK_URL, a proxy in between): the clock looks itself, and hands
 * the result over when all has ended.
 */
async function lookInstead(
	context: IExecuteFunctions,
	parent: string,
	parked: Parked,
): Promise<Found> {
	const states = await lookAtAll(context, parked);
	if (!report(parked, states).done) return 'waiting';
	await sendResult(context, parent, states, parked);
	return 'done';
}

/** Cancels what the stopped execution started; looks at each job first, since it may have ended. */
async function cancelJobs(context: IExecuteFunctions, { cancel, apiVersion }: ClockItem) {
	if (cancel.length === 0) return;
	const client = await openClient(context, apiVersion);
	const order = { kind: 'follow', until: 'cancelled', waitSeconds: 3, timeout: 3_600 } as const;
	await Promise.all(
		cancel.map(async (jobId) => {
			const run = begin({ ...order, jobId, adaptivePolling: false, parks: false }, clock.now());
			await waitHere(context, client, run, () => {});
		}),
	);
}

/** Starts the other clock anew when it is long overdue or gone. */
async function reviveTwin(context: IExecuteFunctions, item: ClockItem): Promise<void> {
	if (item.twin === undefined) return;
	const twin = await context.getExecutionDataById(item.twin);
	const due = twin?.waitTill ? new Date(twin.waitTill).getTime() : 0;
	if (clock.now() - due < 3 * LATE) return;
	const rank = item.rank === 0 ? 1 : 0;
	item.twin = await startClock(context, { ...item, rank, twin: undefined, due: undefined });
}
