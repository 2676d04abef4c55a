/**
 * A parked execution's runs, and one look at them.
 */
import type { IDataObject, IExecuteData, IRunExecutionData } from 'n8n-workflow';

import type { ClientContext } from '../api/send';
import { openClient } from '../api/client';
import { clock } from '../api/clock';
import type { Job } from '../api/job';
import type { Problem } from '../api/problem';
import { ProblemError } from '../api/problem';
import { apply, endOfWait, step } from '../run/machine';
import { canPark, hasMovedOn, isLookOver, lookNow } from '../run/parking';
import type { Outcome, SyncRun } from '../run/run';
import { hasFailed, isStarting, isUnderWay, refuse, settle } from '../run/run';
import type { Call } from '../run/drive';
import { carryOut } from '../run/drive';

/** What a parked execution keeps, in the metadata of the node's entry on n8n's stack. */
export interface Parked {
	states: SyncRun[];
	apiVersion: string;
	batchSize: number;
	goesOn: boolean;
	/** Whether it was started in the editor, where somebody may watch the jobs' status. */
	isWatched: boolean;
	/** How many times it was parked before. */
	parkings: number;
	/** Whether n8n's resume URL could be called at the start. */
	isCallable: boolean;
	/** Once it runs. */
	alarm?: Alarm;
}

/** What wakes a parked execution. */
export interface Alarm {
	/** Tells this wait from others of the same execution: of other nodes, and of the same one in a loop. */
	id: string;
	/** Execution ids of its first clocks. */
	clocks: string[];
}

/** n8n's type of the metadata does not know ours. */
export type Entry = Omit<IExecuteData, 'metadata'> & {
	metadata?: { airbyte?: Parked; resumeUrl?: string };
};

export function entryOf(data: IExecuteData | undefined): Entry | undefined {
	return data as Entry | undefined;
}

/** The waiting node's entry on the stack of a stored execution. */
export function waitingEntryIn(data: IRunExecutionData | undefined): Entry | undefined {
	return entryOf(data?.executionData?.nodeExecutionStack[0]);
}

type CarryOut = (call: Call) => Promise<Outcome>;

/** Looks at every job that has not ended, as far as it was known when the execution parked. */
export async function lookAtAll(context: ClientContext, parked: Parked): Promise<SyncRun[]> {
	const carry = await openClient(context, parked.apiVersion).then(
		(client): CarryOut =>
			async (call) =>
				await carryOut(client, call),
		(fault): CarryOut =>
			async () => ({ is: 'problem', problem: credentialLost(fault) }),
	);
	return await Promise.all(
		parked.states.map(async (state) => (isUnderWay(state) ? await look(carry, state) : state)),
	);
}

/**
 * Looks at every job once, and does nothing about what it finds.
 *
 * @returns the runs as they are now, if all there is to do is to look again later
 */
export async function glance(
	context: ClientContext,
	parked: Parked,
): Promise<SyncRun[] | undefined> {
	const client = await openClient(context, parked.apiVersion).catch(() => undefined);
	if (!client) return undefined;
	const glances = parked.states.map(async (state) => {
		if (!isUnderWay(state)) return state;
		return await glanceAt(async (call) => await carryOut(client, call), state);
	});
	const states = (await Promise.all(glances)).filter((state) => state !== undefined);
	return states.length === glances.length && !isDue(parked, states) ? states : undefined;
}

async function glanceAt(carry: CarryOut, parked: SyncRun): Promise<SyncRun | undefined> {
	let { run, action } = step(lookNow(parked, clock.now()), clock.now());
	if (action.do === 'look') {
		({ run, action } = step(apply(run, await carry(action), clock.now()), clock.now()));
	}
	// Why it failed decides whether there is more to do for it.
	if (action.do === 'explain') {
		({ run, action } = step(apply(run, await carry(action), clock.now()), clock.now()));
	}
	// It has ended; others may still go on, and then there is nothing to do about it.
	if (action.do === 'settled') return run;
	// What failed is looked at again soon, by the webhook.
	return action.do === 'sleep' && canPark(run) && run.faults === 0 ? run : undefined;
}

/** Somebody deleted or broke the credential during the wait. It may be mended; until the deadline there is time. */
export function credentialLost(fault: unknown): Problem {
	const { message } = fault as Error;
	return {
		kind: 'unreachable',
		message: 'The Airbyte credential of this node cannot be used any more',
		description: `${fault instanceof ProblemError ? '' : 'n8n says: '}${message}`,
		passing: true,
		mayHaveArrived: false,
	};
}

/** One look, with all that it leads to at once. */
async function look(carry: CarryOut, parked: SyncRun): Promise<SyncRun> {
	const since = clock.now();
	let run = lookNow(parked, since);
	for (;;) {
		const next = step(run, clock.now());
		run = next.run;
		const { action } = next;
		if (action.do === 'settled' || isLookOver(run, action, since)) return run;
		if (action.do === 'sleep') await clock.sleep(action.until - clock.now());
		else run = apply(run, await carry(action), clock.now());
	}
}

/**
 * Whether `execute()` has something to do: all is over, there is room to start another item, or something was found
 * out that has to be kept.
 */
export function isDue(parked: Parked, states: SyncRun[]): boolean {
	const isNews = parked.isWatched ? isNewsToShow : isNewsToKeep;
	return (
		isToGoOn(parked, states) || states.some((state, item) => isNews(parked.states[item], state))
	);
}

function isToGoOn(parked: Parked, states: SyncRun[]): boolean {
	const begun = underWay(states).length;
	return begun === 0 || (mayBeginMore(parked, states) && begun < parked.batchSize);
}

function isNewsToKeep(before: SyncRun, state: SyncRun): boolean {
	return hasMovedOn(before, state);
}

/** The editor shows only what is stored, and a look stores nothing. */
function isNewsToShow(before: SyncRun, state: SyncRun): boolean {
	return isNewsToKeep(before, state) || jobOf(before)?.status !== jobOf(state)?.status;
}

/** The job that is waited for: its own, or another one that it queues behind. */
export function jobOf(state: SyncRun): Job | undefined {
	return state.job ?? state.blocker;
}

/** When the youngest of the waits began, in milliseconds since the epoch; undefined when nothing is waited for. */
export function waitBegan(states: SyncRun[]): number | undefined {
	const begun = states.flatMap((state) =>
		isUnderWay(state) ? [state.watchedSince ?? state.startedAt] : [],
	);
	return begun.length === 0 ? undefined : Math.max(...begun);
}

/** Whether nothing is left to wait for. */
function isOver(parked: Parked, states: SyncRun[]): boolean {
	return underWay(states).length === 0 && !mayBeginMore(parked, states);
}

function underWay(states: SyncRun[]): SyncRun[] {
	return states.filter(isUnderWay);
}

function mayBeginMore({ goesOn }: Parked, states: SyncRun[]): boolean {
	return states.some(({ stage }) => stage === 'notBegun') && (goesOn || !states.some(hasFailed));
}

/**
 * What is left where nobody can let the execution go on: items that would have needed that are given up, and told so.
 */
export function abandoned({ goesOn }: Parked, states: SyncRun[]): SyncRun[] {
	const beginsMore = goesOn || !states.some(hasFailed);
	return states.map((run) => {
		if (run.stage === 'notBegun') return beginsMore ? givenUp(run) : run;
		if (run.stage === 'settled') return run;
		return run.stage === 'pausing' || isStarting(run) ? givenUp(run) : run;
	});
}

function givenUp(run: SyncRun): SyncRun {
	const failed = run.earlier[run.earlier.length - 1];
	const problem: Problem = {
		kind: 'input',
		message: 'No job could be started, because n8n cannot reach its own resume URL',
		description: `${failed ? `Job ${failed.jobId} failed before. ` : ''}Set WEBHOOK_URL to an address that works from inside n8n as well.`,
		passing: false,
		mayHaveArrived: false,
	};
	return failed ? settle(run, { is: 'failed', problem, job: failed }) : refuse(problem);
}

/** What a caller of the resume URL is told. */
export interface Report extends IDataObject {
	/** Whether this call let the execution go on: to its end, or to start another item's job. */
	resumed: boolean;
	/** Whether nothing is left to wait for. */
	done: boolean;
	/** A job for each item that has one. */
	jobs: Array<{ jobId: number; status: string }>;
	/** The jobs to cancel if the execution is stopped. */
	cancelOnStop: number[];
}

export function report(parked: Parked, states: SyncRun[], isResumed = false): Report {
	return {
		resumed: isResumed && isToGoOn(parked, states),
		done: isOver(parked, states),
		jobs: states.flatMap(({ job }) => (job ? [{ jobId: job.jobId, status: job.status }] : [])),
		cancelOnStop: jobsToCancel(states),
	};
}

/** The jobs that stopping the execution is to cancel: those that it started and that still run. */
export function jobsToCancel(states: SyncRun[]): number[] {
	return states.flatMap((state) => {
		if (!isUnderWay(state)) return [];
		const { order, ours, job } = state;
		return order.kind === 'start' && order.cancelOnStop && ours && job ? [job.jobId] : [];
	});
}

/** The jobs that go on when their time is over, each with that moment in milliseconds since the epoch. */
export function jobsToLeave(states: SyncRun[]): Array<[jobId: number, from: number]> {
	return states.flatMap((state) => {
		if (!isUnderWay(state)) return [];
		const { order, job } = state;
		const end = endOfWait(state);
		const isLeft = order.kind === 'start' && !order.cancelOnTimeout;
		return isLeft && job && end ? [[job.jobId, end.at] as [number, number]] : [];
	});
}
