/** How a clock sees after the others. */
import type { IExecuteFunctions } from 'n8n-workflow';

import { RANKS, SPARE } from '../../run/schedule';
import type { ClockItem, StoredClock } from './item';
import { isAlive, itemIn, read, startClock } from './item';
import { survive } from './survive';
import { callParent } from './waiting';

/** Starts the other clocks anew that are long overdue or gone. */
export async function seeAfterOthers(context: IExecuteFunctions, item: ClockItem): Promise<void> {
	const isLost = (stored?: StoredClock) => !isAlive(stored);
	const areAllWell = await survive(context, async () => !(await revive(context, item, isLost)));
	if (areAllWell || item.rank !== SPARE) return;
	// Where their credential is lost, n8n ends them as often as they are started, and the time of the wait would never be
	// over.
	await survive(context, async () => {
		const data = await context.getExecutionDataById(item.parent);
		if (data) await callParent(context, item.url, data);
	});
}

/** @returns whether any was started */
export async function revive(
	context: IExecuteFunctions,
	item: ClockItem,
	isLost: (stored?: StoredClock) => boolean,
): Promise<boolean> {
	let hasStarted = false;
	item.clocks[item.rank] = context.getExecutionId();
	const others = RANKS.filter((rank) => rank !== item.rank);
	const stored = await Promise.all(
		others.map(async (rank) => await read(context, item.clocks[rank])),
	);
	for (const [index, rank] of others.entries()) {
		if (!isLost(stored[index])) continue;
		// Another clock may have started it anew already.
		const id = stored
			.map((clockData) => itemIn(clockData)?.clocks[rank])
			.find((known) => known && known !== item.clocks[rank]);
		if (isAlive(await read(context, id))) {
			item.clocks[rank] = id as string;
		} else {
			item.clocks[rank] = await startClock(context, { ...item, rank, due: undefined });
			hasStarted = true;
		}
	}
	return hasStarted;
}
