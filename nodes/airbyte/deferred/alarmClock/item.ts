/** A clock as n8n stores it: what it carries, how it is started, and how another one sees it. */
import type {
	IDataObject,
	IExecuteFunctions,
	INodeCredentials,
	IRunExecutionData,
} from 'n8n-workflow';

import { startChild } from '../childWorkflow';
import { clock } from '../../api/clock';
import type { Rank } from '../../run/schedule';
import { SPARE } from '../../run/schedule';

/** What a clock carries from ring to ring; each ring adds a copy to what n8n stores, so it is small. */
export interface ClockItem extends IDataObject {
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
	/** Jobs that are to go on when their time is over, and when that is. */
	leave: Array<[jobId: number, from: number]>;
	/** When the execution was found to be stopped. */
	stoppedAt?: number;
	/** The credential that jobs are looked at with. */
	credentials?: INodeCredentials;
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

export async function startClock(context: IExecuteFunctions, item: ClockItem): Promise<string> {
	// n8n ends an execution whose node may not use its credential any more. The spare clock looks at no job, so that it
	// outlives the loss of one.
	const credentials = item.rank === SPARE ? undefined : item.credentials;
	// A copy: the clock keeps its state in it.
	const parent = { executionId: item.parent, resumes: false };
	return await startChild(context, 'ring', { ...item }, parent, credentials);
}

/** A clock that rings so much later than it was to was kept from it: n8n was down. */
export const LATE = 60_000;

/** How long a clock may be overdue before it counts as dead: it may just ring, or n8n be starting. */
const OVERDUE = 3 * LATE;

export type StoredClock = IRunExecutionData & { waitTill?: Date };

export async function read(
	context: IExecuteFunctions,
	id?: string,
): Promise<StoredClock | undefined> {
	return id ? ((await context.getExecutionDataById(id)) as StoredClock | undefined) : undefined;
}

export function isAlive(stored: StoredClock | undefined): boolean {
	const due = stored?.waitTill ? new Date(stored.waitTill).getTime() : 0;
	return clock.now() - due < OVERDUE;
}

/** By itself, and not by a crash. */
export function hasEnded(stored: StoredClock | undefined): boolean {
	return stored?.executionData?.nodeExecutionStack.length === 0 && !stored.resultData.error;
}

export function itemIn(stored: StoredClock | undefined): ClockItem | undefined {
	const entry = stored?.executionData?.nodeExecutionStack[0];
	return entry?.data.main?.[0]?.[0]?.json as ClockItem | undefined;
}
