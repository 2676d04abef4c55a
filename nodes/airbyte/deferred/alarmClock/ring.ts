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
import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { clock } from '../../api/clock';
import type { Rhythm } from '../../run/schedule';
import { nextTurn } from '../../run/schedule';
import type { ClockItem } from './item';
import { LATE } from './item';
import { seeAfterOthers } from './others';
import { hasCancelled } from './stopped';
import { survive } from './survive';
import { findOut } from './waiting';

/** n8n's crash recovery may come after a clock that was overdue at start-up, and would call it crashed. */
const RECOVERY_TIME = 15_000;

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
		if (found === 'done') return [];
		if (found === 'stopped' && (await hasCancelled(context, item))) return [];
		item.endings = found === 'ending' ? (item.endings ?? 0) + 1 : 0;
		item.busy = busyFor(item, late);
		// After an outage all ring late, and none can tell whether another one is dead.
		const isWaiting = found !== 'ending' && found !== 'stopped';
		if (isWaiting && late <= LATE && now >= item.sawOthers + SEEING) {
			item.sawOthers = now;
			await seeAfterOthers(context, item);
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
