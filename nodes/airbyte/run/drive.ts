/**
 * What drives a run: it carries out what the run's state machine asks for and sleeps in between. {@link waitHere} does so
 * for an execution that waits, {@link goOn} for a look at one that n8n has stored.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { clock } from '../api/clock';
import type { Action, Call, Sleep } from './action';
import { mayRunOn, runningAfterStop, stop, STOP_PATIENCE } from './cancel';
import type { CarryOut } from './carryOut';
import { carryOut } from './carryOut';
import { apply, step } from './machine';
import { canPark } from './parking';
import type { SyncRun } from './run';
import { isStarting } from './run';
import { traitsOf } from './stages';
import { Turn } from './turns';

/**
 * How many submissions of this process an Airbyte has to serve at a time. It has five threads for the whole public
 * API, and each submission may hold one for a minute, while looks and cancels need one, too.
 */
const MOST_SUBMITTING = 3;

interface WaitOptions {
	/** Called after each answer of Airbyte. */
	onChange?: (run: SyncRun) => void;
	/** Waits where a run could be parked, for so long (milliseconds since the epoch), and tells whether it is to be. */
	rest?: (until: number) => Promise<boolean>;
}

/**
 * Drives a run to its end, or until all that is left is to look again later and the run may do that from n8n's
 * database.
 *
 * When the execution is stopped, n8n forgets the node's promise but this code goes on: the run then cancels
 * the job that it started, by requests of its own, since n8n's authenticated ones are aborted from then on.
 */
export async function waitHere(
	context: IExecuteFunctions,
	client: AirbyteClient,
	run: SyncRun,
	options: WaitOptions = {},
): Promise<SyncRun> {
	const turns = new StartingTurns(client, run);
	try {
		return await drive(context, client, run, turns, options);
	} finally {
		turns.pass();
	}
}

async function drive(
	context: IExecuteFunctions,
	client: AirbyteClient,
	run: SyncRun,
	turns: StartingTurns,
	{ onChange, rest }: WaitOptions,
): Promise<SyncRun> {
	const signal = context.getExecutionCancelSignal();
	let current = run;
	let out = client;
	let isStopped = false;
	for (;;) {
		if (signal?.aborted && !isStopped) {
			isStopped = true;
			current = stop(current, clock.now(), STOP_PATIENCE);
			out = client.unaided(context);
		}
		const next = step(current, clock.now());
		current = next.run;
		if (next.action.do === 'settled') {
			if (isStopped) warnOfWhatRuns(context, current);
			return current;
		}
		// It had to wait for its turn, so what to do is decided anew.
		if (await turns.take(current, next.action.do === 'sleep')) continue;
		if (next.action.do === 'sleep') {
			const { until } = next.action;
			if (rest && canPark(current) && !isStopped) {
				if (await rest(until)) return current;
			} else {
				const ms = Math.max(0, until - clock.now());
				await clock.sleep(ms, isStopped ? undefined : signal);
			}
		} else {
			current = apply(current, await carryOut(out, next.action), clock.now());
			onChange?.(current);
		}
	}
}

function warnOfWhatRuns(context: IExecuteFunctions, run: SyncRun): void {
	if (run.ending?.why !== 'stop' || !mayRunOn(run)) return;
	context.logger.warn(runningAfterStop(context.getExecutionId(), [run]));
}

/**
 * Lets the runs of this process start one after the other on a connection: side by side, two of them could both be
 * told by Airbyte that the same new job is theirs. On an Airbyte, only so many start at a time.
 */
class StartingTurns {
	private readonly onConnection: Turn;
	private readonly onAirbyte: Turn;
	/** Taken where jobs are counted, so that no two of this process take the same free place. */
	private inWorkspace?: Turn;

	constructor(
		private readonly client: AirbyteClient,
		{ order }: SyncRun,
	) {
		const { publicApi } = client;
		const connectionId = order.kind === 'start' ? order.connectionId : '';
		this.onConnection = new Turn(`${publicApi} ${connectionId}`, 1);
		this.onAirbyte = new Turn(publicApi, MOST_SUBMITTING);
	}

	/** Takes the turns that the run needs, and passes those that it does not. @returns whether it had to wait */
	async take(run: SyncRun, sleeps: boolean): Promise<boolean> {
		const isToCount = run.stage === 'counting';
		const isSubmitting = !sleeps && traitsOf(run).submits === true;
		// Airbyte's turn is not held while waiting for the workspace's: the run that holds that one may need Airbyte's (deadlock).
		if (!isSubmitting || (isToCount && !this.inWorkspace?.isMine)) this.onAirbyte.pass();
		if (!isStarting(run)) {
			this.onConnection.pass();
			this.inWorkspace?.pass();
			return false;
		}
		return (
			(await this.onConnection.take()) ||
			(isToCount && (await this.workspaceOf(run).take())) ||
			(isSubmitting && (await this.onAirbyte.take()))
		);
	}

	private workspaceOf({ connection }: SyncRun): Turn {
		this.inWorkspace ??= new Turn(`${this.client.publicApi} ${connection?.workspaceId}`, 1);
		return this.inWorkspace;
	}

	pass(): void {
		this.onAirbyte.pass();
		this.inWorkspace?.pass();
		this.onConnection.pass();
	}
}

/**
 * Goes on with a run up to an action that is not to be done here.
 *
 * @returns the run, and that action
 */
export async function goOn(
	before: SyncRun,
	carry: CarryOut,
	isOver: (run: SyncRun, action: Call | Sleep) => boolean,
): Promise<{ run: SyncRun; action: Action }> {
	let run = before;
	for (;;) {
		const next = step(run, clock.now());
		const { action } = next;
		if (action.do === 'settled' || isOver(next.run, action)) return next;
		run = next.run;
		if (action.do === 'sleep') await clock.sleep(action.until - clock.now());
		else run = apply(run, await carry(action), clock.now());
	}
}
