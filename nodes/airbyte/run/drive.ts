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
import { mayCome } from './lateJob';
import { apply, step } from './machine';
import { canPark } from './parking';
import type { SyncRun } from './run';
import { isStarting, plan } from './run';
import { Permit } from './semaphore';
import { traitsOf } from './stages';

/**
 * How many submissions of this process an Airbyte has to serve at a time. It has five threads for the whole public
 * API, and each submission may hold one for a minute, while looks and cancels need one, too.
 */
const MOST_SUBMITTING = 3;

interface WaitOptions {
	/** Called after each answer of Airbyte. */
	onChange?: (run: SyncRun) => void;
	/** Whether a run is not to go on, as if it had not begun. */
	isCalledOff?: (run: SyncRun) => boolean;
	/** Waits where a run could be parked, for so long (milliseconds since the epoch), and tells whether it is to be. */
	waitToPark?: (until: number) => Promise<boolean>;
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
	const permits = new StartPermits(client, run);
	try {
		return await drive(context, client, run, permits, options);
	} finally {
		permits.release();
	}
}

async function drive(
	context: IExecuteFunctions,
	client: AirbyteClient,
	run: SyncRun,
	permits: StartPermits,
	{ onChange, isCalledOff, waitToPark }: WaitOptions,
): Promise<SyncRun> {
	const signal = context.getExecutionCancelSignal();
	let current = run;
	let out = client;
	let isStopped = false;
	for (;;) {
		if (signal?.aborted && !isStopped) {
			isStopped = true;
			current = stop(current, clock.now(), STOP_PATIENCE);
			out = (await client.reopened(context)).withOwnSignIn(context);
		}
		if (isCalledOff?.(current)) return plan(current.order);
		const next = step(current, clock.now());
		current = next.run;
		if (next.action.do === 'settled') {
			if (isStopped) warnOfWhatRuns(context, current);
			return current;
		}
		// That may have taken time, so what to do is decided anew.
		if (await permits.acquire(current, next.action.do === 'sleep')) continue;
		if (next.action.do === 'sleep') {
			const { until } = next.action;
			if (waitToPark && canPark(current) && !isStopped) {
				if (await waitToPark(until)) return current;
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
	if (run.ending?.why !== 'stop' || !(mayRunOn(run) || mayCome(run))) return;
	context.logger.warn(runningAfterStop(context.getExecutionId(), [run]));
}

/**
 * Lets the runs of this process start one after the other on a connection: side by side, two of them could both be
 * told by Airbyte that the same new job is theirs. On an Airbyte, {@link MOST_SUBMITTING} start at a time.
 */
class StartPermits {
	private readonly onConnection: Permit;
	private readonly onAirbyte: Permit;
	/** Held while jobs are counted, so that no two runs of this process take the same free place. */
	private inWorkspace?: Permit;

	constructor(
		private readonly client: AirbyteClient,
		{ order }: SyncRun,
	) {
		const { publicApi } = client;
		const connectionId = order.kind === 'start' ? order.connectionId : '';
		this.onConnection = new Permit(`${publicApi} ${connectionId}`, 1);
		this.onAirbyte = new Permit(publicApi, MOST_SUBMITTING);
	}

	/**
	 * Acquires the permits that the run needs now, and releases the others.
	 *
	 * @returns whether one was acquired, which may have taken time
	 */
	async acquire(run: SyncRun, sleeps: boolean): Promise<boolean> {
		const isCounting = run.stage === 'counting';
		const isSubmitting = !sleeps && traitsOf(run).submits === true;
		// Not held while it waits for the workspace's, whose holder may need this one: they would wait for each other.
		if (!isSubmitting || (isCounting && !this.inWorkspace?.isHeld)) this.onAirbyte.release();
		if (!isStarting(run)) {
			this.onConnection.release();
			this.inWorkspace?.release();
			return false;
		}
		return (
			(await this.onConnection.acquire()) ||
			(isCounting && (await this.workspaceOf(run).acquire())) ||
			(isSubmitting && (await this.onAirbyte.acquire()))
		);
	}

	private workspaceOf({ connection }: SyncRun): Permit {
		this.inWorkspace ??= new Permit(`${this.client.publicApi} ${connection?.workspaceId}`, 1);
		return this.inWorkspace;
	}

	release(): void {
		this.onAirbyte.release();
		this.inWorkspace?.release();
		this.onConnection.release();
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
