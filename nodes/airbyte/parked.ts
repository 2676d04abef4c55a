/**
 * A parked execution's runs, and one look at them.
 */
import type { IDataObject, IExecuteData, IRunExecutionData } from 'n8n-workflow';

import type { AirbyteClient, ClientContext } from './client';
import { openClient } from './client';
import { clock } from './clock';
import type { ItemState } from './items';
import { hasFailed, isSettled } from './items';
import type { SyncRun } from './syncRun';
import { apply, lookNow, step } from './syncRun';
import { carryOut } from './waitHere';

/** What a parked execution keeps, in the metadata of the node's entry on n8n's stack. */
export interface Parked {
	states: ItemState[];
	apiVersion: string;
	batchSize: number;
	goesOn: boolean;
	/** Whether its alarm clocks run. */
	hasClocks: boolean;
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

/** Looks at every job that has not ended, as far as it was known when the execution parked. */
export async function lookAtAll(context: ClientContext, parked: Parked): Promise<ItemState[]> {
	const client = await openClient(context, parked.apiVersion);
	return await Promise.all(
		parked.states.map(async (state) =>
			'run' in state && !isSettled(state) ? { run: await look(client, state.run) } : state,
		),
	);
}

/** How long one look may take for cancelling a job whose time is over. Longer, and the next look goes on with it. */
const LONGEST_LOOK = 15_000;

async function look(client: AirbyteClient, parked: SyncRun): Promise<SyncRun> {
	const since = clock.now();
	let run = lookNow(parked, since);
	for (;;) {
		const next = step(run, clock.now());
		run = next.run;
		if (next.action.do === 'settled') return run;
		if (next.action.do === 'sleep') {
			if (run.stage === 'watching' || next.action.until > since + LONGEST_LOOK) return run;
			await clock.sleep(next.action.until - clock.now());
		} else {
			run = apply(run, await carryOut(client, next.action), clock.now());
		}
	}
}

/** Whether `execute()` has something to do: all is over, or there is room to start another item. */
export function isDue(parked: Parked, states: ItemState[]): boolean {
	const begun = underWay(states).length;
	return begun === 0 || (mayBeginMore(parked, states) && begun < parked.batchSize);
}

/** Whether nothing is left to wait for. */
function isOver(parked: Parked, states: ItemState[]): boolean {
	return underWay(states).length === 0 && !mayBeginMore(parked, states);
}

function underWay(states: ItemState[]): ItemState[] {
	return states.filter((state) => 'run' in state && !isSettled(state));
}

function mayBeginMore({ goesOn }: Parked, states: ItemState[]): boolean {
	return states.some((state) => 'order' in state) && (goesOn || !states.some(hasFailed));
}

/** What a caller of the resume URL is told. */
export interface Report extends IDataObject {
	/** Whether this call let the execution go on. */
	resumed: boolean;
	/** Whether nothing is left to wait for. */
	done: boolean;
	/** A job for each item that has one. */
	jobs: Array<{ jobId: number; status: string }>;
	/** The jobs to cancel if the execution is stopped. */
	cancelOnStop: number[];
}

export function report(parked: Parked, states: ItemState[]): Report {
	const runs = states.flatMap((state) => ('run' in state ? [state.run] : []));
	return {
		resumed: false,
		done: isOver(parked, states),
		jobs: runs.flatMap(({ job }) => (job ? [{ jobId: job.jobId, status: job.status }] : [])),
		cancelOnStop: jobsToCancel(states),
	};
}

/** The jobs that stopping the execution is to cancel: those that it started and that still run. */
export function jobsToCancel(states: ItemState[]): number[] {
	return states.flatMap((state) => {
		if (!('run' in state) || isSettled(state)) return [];
		const { order, ours, job } = state.run;
		return order.kind === 'start' && order.cancelOnStop && ours && job ? [job.jobId] : [];
	});
}
