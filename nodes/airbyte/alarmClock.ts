/**
 * The alarm clocks of a parked execution: small workflows in n8n's database that glance at its jobs from time to time,
 * and call its resume URL when there is something to do.
 *
 * A clock is a child workflow of two nodes, `Start -> Ring`, with Ring wired back to itself. Ring rings, parks its
 * execution until its next time, and returns its item; at that time n8n passes the item on, so that Ring runs
 * again. Its timer is a date in n8n's database: it survives restarts and takes no worker in between.
 *
 * There are two, taking turns, for a crash of n8n kills a clock that just rings; and a spare one that rings seldom, for
 * a crash just after n8n was started again kills all that were overdue. Each revives the others.
 */
import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	IRunExecutionData,
} from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { startChild } from './childWorkflow';
import { openClient } from './client';
import { clock } from './clock';
import { sendResult } from './messenger';
import type { Alarm, Parked, Report } from './parked';
import {
	abandoned,
	glance,
	jobsToCancel,
	lookAtAll,
	report,
	waitBegan,
	waitingEntryIn,
} from './parked';
import { callResumeUrl } from './resumeUrl';
import type { Rank, Rhythm } from './schedule';
import { RANKS, SPARE, nextTurn } from './schedule';
import type { Order } from './syncRun';
import { begin } from './syncRun';
import { waitHere } from './waitHere';

/** What a clock carries from ring to ring; each ring adds a copy to what n8n stores, so it is small. */
interface ClockItem extends IDataObject {
	/** The execution that waits. */
	parent: string;
	/** Which of its waits this clock is for, see {@link Alarm}. */
	alarm: string;
	/** Its resume URL without the signature, which only n8n's own record of the execution holds. */
	url: string;
	rank: Rank;
	/** When the youngest of the waits began and how often to look, see {@link Rhythm}. */
	since: number;
	wait: number;
	adaptive: boolean;
	apiVersion: string;
	/** Jobs to cancel when the execution is stopped. */
	cancel: number[];
	/** Execution ids of the clocks as far as it knows them, by rank. */
	clocks: string[];
	/** When it is to ring next; absent before it was set. */
	due?: number;
	/** How many times in a row the resume URL may fail before the clock does without it. */
	patience: number;
	/** How many times it did. */
	missed?: number;
	/** How many times in a row the execution was told to go on. */
	endings?: number;
	/** For how many more rings n8n counts as busy. */
	busy?: number;
	/** When it last saw after the other clocks; all are well at the beginning. */
	sawOthers: number;
}

/**
 * Starts the clocks of an execution that is about to park.
 *
 * @throws whatever kept n8n from storing them; one that was started for nothing ends by itself
 */
export async function startClocks(
	context: IExecuteFunctions,
	url: string,
	{ states, apiVersion, isCallable }: Parked,
): Promise<Alarm> {
	const now = clock.now();
	const id = `${context.getNode().name}/${now}`;
	const orders = states.flatMap((state) => ('run' in state ? [state.run.order] : []));
	const item: ClockItem = {
		parent: context.getExecutionId(),
		alarm: id,
		url,
		patience: isCallable ? PATIENCE : 1,
		rank: 0,
		since: now,
		wait: Math.min(...orders.map(({ waitSeconds }) => waitSeconds)),
		adaptive: orders.every(({ adaptivePolling }) => adaptivePolling),
		apiVersion,
		cancel: jobsToCancel(states),
		clocks: [],
		sawOthers: now,
	};
	const clocks = await Promise.all(
		RANKS.map(async (rank) => {
			const started = await startClock(context, { ...item, rank });
			await untilStored(context, started);
			return started;
		}),
	);
	return { id, clocks };
}

/** While n8n starts, its URL is not up either. */
const PATIENCE = 2;

/** Milliseconds for n8n to store a clock: its database may just be starting again. */
const STORING = 30_000;
const STORED_YET = 50;

/**
 * Until then a crash of n8n or its database takes the clock with it, and an execution that was parked meanwhile would
 * wait for ever.
 */
async function untilStored(context: IExecuteFunctions, id: string): Promise<void> {
	const deadline = clock.now() + STORING;
	while (clock.now() < deadline) {
		const stored = await read(context, id).catch(() => undefined);
		if (stored?.waitTill) return;
		await clock.sleep(STORED_YET);
	}
	throw new NodeOperationError(context.getNode(), 'n8n has not stored an alarm clock');
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

/** What a ring found out about the execution that waits; `ending`: it was told to go on. */
type Found = 'waiting' | 'ending' | 'done' | 'stopped';

/** n8n's crash recovery may come after a clock that was overdue at start-up, and would call it crashed. */
const RECOVERY_TIME = 15_000;
const LATE = 60_000;

/** A clock that is woken so late leaves out turns, ever fewer over so many rings: n8n is busy, likely with others. */
const UNUSUAL = 1_000;
const BUSY_RINGS = 8;
const LONGEST_REST = 90_000;

/** An execution that has not gone on although it was told to may have crashed, which is for nobody to mend. */
const REST_AFTER_ENDING = 60_000;

/** Milliseconds between two times of seeing after the others, which costs n8n as much as a look. */
const SEEING = 5 * 60_000;

/** Rings once, and parks until the next time or ends with the wait. */
export async function ring(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const [{ json }] = context.getInputData();
	const item = json as ClockItem;
	const now = clock.now();
	const late = Math.max(0, now - (item.due ?? now));
	if (item.due !== undefined) {
		if (late > LATE) await clock.sleep(RECOVERY_TIME);
		const found = await survive(context, async () => await findOut(context, item));
		if (found === 'stopped') await survive(context, async () => await cancelJobs(context, item));
		if (found === 'stopped' || found === 'done') return [];
		item.endings = found === 'ending' ? (item.endings ?? 0) + 1 : 0;
		item.busy = busyFor(item, late);
		// After an outage all ring late, and none can tell whether another one is dead.
		const seesOthers = found !== 'ending' && late <= LATE && now >= item.sawOthers + SEEING;
		if (seesOthers) {
			item.sawOthers = now;
			await survive(context, async () => await reviveOthers(context, item));
		}
	}
	const rhythm: Rhythm = { waitSeconds: item.wait, adaptivePolling: item.adaptive };
	// n8n hands this very item to the next ring.
	item.due = nextTurn(rhythm, item.since, item.rank, clock.now() + restOf(item));
	await context.putExecutionToWait(new Date(item.due));
	return [{ json: item }];
}

/** In rings; none after an outage: whatever is overdue is to be seen to. */
function busyFor({ busy = 0 }: ClockItem, late: number): number {
	if (late > LATE) return 0;
	return late > UNUSUAL ? BUSY_RINGS : Math.max(0, busy - 1);
}

/** Milliseconds to leave out turns for. */
function restOf({ busy = 0, endings = 0 }: ClockItem): number {
	return (busy / BUSY_RINGS) * LONGEST_REST * chance() + endings * REST_AFTER_ENDING;
}

/** From 0 to 1, lest those that were late together are so again. What the moment's milliseconds are is chance enough. */
function chance(): number {
	return (clock.now() % 1_000) / 1_000;
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

/** Sees in n8n's database whether the execution still waits, and lets its resume webhook deal with any news. */
async function findOut(context: IExecuteFunctions, item: ClockItem): Promise<Found> {
	const data = await context.getExecutionDataById(item.parent);
	// An execution that is gone was deleted, which counts as stopping it.
	if (data === undefined) return 'stopped';
	const parked = waitingEntryIn(data)?.metadata?.airbyte;
	// It ended, and another node waits, or this one does again: that wait has clocks of its own.
	if (parked && parked.alarm?.id !== item.alarm) return 'done';
	if (parked) learn(item, parked);
	const { error } = data.resultData;
	if (error) return error.name === 'ManualExecutionCancelledError' ? 'stopped' : 'done';
	if (!parked) return 'done';
	if (item.rank === SPARE) return 'waiting';
	const quiet = await glance(context, parked);
	if (quiet) {
		item.cancel = jobsToCancel(quiet);
		item.missed = 0;
		return 'waiting';
	}
	const told = await callParent(context, item.url, data);
	item.missed = told ? 0 : (item.missed ?? 0) + 1;
	if (item.missed >= item.patience) return await lookInstead(context, item.parent, parked);
	if (told && told !== 'goesOn') item.cancel = told.cancelOnStop;
	// Not done: n8n may fail to resume the execution, so that its own record decides, at the next ring.
	return told && (told === 'goesOn' || told.done) ? 'ending' : 'waiting';
}

/** What has changed since the execution parked for the first time. */
function learn(item: ClockItem, { states, alarm }: Parked): void {
	item.cancel = jobsToCancel(states);
	item.since = waitBegan(states) ?? item.since;
	item.clocks = RANKS.map((rank) => item.clocks[rank] ?? alarm?.clocks[rank] ?? '');
}

/** Milliseconds for the look that the resume webhook takes. */
const LOOK_TIMEOUT = 120_000;

/** Calls the resume URL: the look happens there, unless n8n says that the execution goes on already. */
async function callParent(
	context: IExecuteFunctions,
	url: string,
	data: IRunExecutionData,
): Promise<Report | 'goesOn' | undefined> {
	const { resumeToken } = data as { resumeToken?: string };
	const answer = await callResumeUrl(context, `${url}?signature=${resumeToken}`, LOOK_TIMEOUT);
	if (answer?.statusCode === 409) return 'goesOn';
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
	const states = abandoned(parked, await lookAtAll(context, parked));
	if (!report(parked, states).done) return 'waiting';
	await sendResult(context, parent, states, parked);
	return 'done';
}

/** Cancels what the stopped execution started; looks at each job first, since it may have ended. */
async function cancelJobs(context: IExecuteFunctions, { cancel, apiVersion }: ClockItem) {
	if (cancel.length === 0) return;
	const client = await openClient(context, apiVersion);
	await Promise.all(
		cancel.map(
			async (jobId) => await waitHere(context, client, begin(toCancel(jobId), clock.now())),
		),
	);
}

function toCancel(jobId: number): Order {
	return {
		kind: 'follow',
		jobId,
		until: 'cancelled',
		parks: false,
		waitSeconds: 3,
		adaptivePolling: false,
		timeout: 3_600,
		queueTimeout: 0,
		minimumRows: 0,
		failureDetails: false,
	};
}

/** How long a clock may be overdue before it counts as dead: it may just ring, or n8n be starting. */
const OVERDUE = 3 * LATE;

/** Starts the other clocks anew that are long overdue or gone. */
async function reviveOthers(context: IExecuteFunctions, item: ClockItem): Promise<void> {
	item.clocks[item.rank] = context.getExecutionId();
	const others = RANKS.filter((rank) => rank !== item.rank);
	const stored = await Promise.all(
		others.map(async (rank) => await read(context, item.clocks[rank])),
	);
	for (const [index, rank] of others.entries()) {
		if (isAlive(stored[index])) continue;
		// Another clock may have started it anew already.
		const id = stored
			.map((clockData) => itemIn(clockData)?.clocks[rank])
			.find((known) => known && known !== item.clocks[rank]);
		item.clocks[rank] = isAlive(await read(context, id))
			? (id as string)
			: await startClock(context, { ...item, rank, due: undefined });
	}
}

type StoredClock = IRunExecutionData & { waitTill?: Date };

async function read(context: IExecuteFunctions, id?: string): Promise<StoredClock | undefined> {
	return id ? ((await context.getExecutionDataById(id)) as StoredClock | undefined) : undefined;
}

function isAlive(stored: StoredClock | undefined): boolean {
	const due = stored?.waitTill ? new Date(stored.waitTill).getTime() : 0;
	return clock.now() - due < OVERDUE;
}

function itemIn(stored: StoredClock | undefined): ClockItem | undefined {
	const entry = stored?.executionData?.nodeExecutionStack[0];
	return entry?.data.main?.[0]?.[0]?.json as ClockItem | undefined;
}
