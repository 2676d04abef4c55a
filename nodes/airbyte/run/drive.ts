/**
 * The driver that waits inside `execute()`: it carries out what the run's state machine asks for and sleeps in
 * between, until the run is settled or the execution is stopped.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { clock } from '../api/clock';
import { ProblemError } from '../api/problem';
import { apply, step, stop } from './machine';
import { canPark } from './parking';
import type { Action, Outcome, SyncRun } from './run';

/** Who follows a run while it lives. */
export interface Companion {
	/** Is waited for before each step, e.g. until it is the run's turn. */
	beforeStep?: (run: SyncRun) => Promise<void>;
	/** Is told of every new state. */
	onChange?: (run: SyncRun) => void;
}

/**
 * Lives a run to its end, or until all that is left is to look again later and the run may do that from n8n's
 * database.
 *
 * When the execution is stopped, n8n forgets the node's promise but this code goes on: the run then cancels
 * the job that it started, by requests of its own, since n8n's authenticated ones are aborted from then on.
 */
export async function waitHere(
	context: IExecuteFunctions,
	client: AirbyteClient,
	run: SyncRun,
	{ beforeStep, onChange }: Companion = {},
): Promise<SyncRun> {
	const signal = context.getExecutionCancelSignal();
	let current = run;
	let out = client;
	let isStopped = false;
	for (;;) {
		await beforeStep?.(current);
		if (signal?.aborted && !isStopped) {
			isStopped = true;
			current = stop(current, clock.now());
			out = client.sendingBy(async (request) => await context.helpers.httpRequest(request));
		}
		const next = step(current, clock.now());
		current = next.run;
		if (next.action.do === 'settled') return current;
		if (next.action.do === 'sleep') {
			if (canPark(current) && !isStopped) return current;
			const ms = next.action.until - clock.now();
			await clock.sleep(Math.max(0, ms), isStopped ? undefined : signal);
		} else {
			current = apply(current, await carryOut(out, next.action), clock.now());
			onChange?.(current);
		}
	}
}

/** Does one thing at Airbyte, and tells what came of it. */
export async function carryOut(client: AirbyteClient, action: Call): Promise<Outcome> {
	return await callAirbyte(client, action).catch(asOutcome);
}

export type Call = Exclude<Action, { do: 'sleep' | 'settled' }>;

async function callAirbyte(client: AirbyteClient, action: Call): Promise<Outcome> {
	switch (action.do) {
		case 'inspect':
			return { is: 'connection', connection: await client.getConnection(action.connectionId) };
		case 'find':
			return { is: 'jobs', jobs: await client.newestJobs(action.connectionId) };
		case 'submit':
			return { is: 'job', job: await client.createJob(action.connectionId, action.jobType) };
		case 'look':
			return { is: 'job', job: await client.getJob(action.jobId) };
		case 'cancel':
			return { is: 'job', job: await client.cancelJob(action.jobId) };
		case 'explain':
			return { is: 'failure', failure: await client.explainFailure(action.jobId) };
	}
}

function asOutcome(fault: unknown): Outcome {
	if (fault instanceof ProblemError) return { is: 'problem', problem: fault.problem };
	throw fault;
}
