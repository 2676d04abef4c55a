/** Setting the clocks of an execution that is about to park. */
import type { IExecuteFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { clock } from '../../api/clock';
import type { Alarm, Parked } from '../state';
import { jobsToCancel, jobsToLeave } from '../state';
import { RANKS } from '../../run/schedule';
import type { ClockItem } from './item';
import { read, startClock } from './item';

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
	const orders = states.filter(({ stage }) => stage !== 'notBegun').map(({ order }) => order);
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
		leave: jobsToLeave(states),
		credentials: context.getNode().credentials,
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
