/** What a watcher knows of its watchdog, or the other way round, from ring to ring. Pure; all times in milliseconds. */
import type { IDataObject } from 'n8n-workflow';

export interface Sibling extends IDataObject {
	/** Its execution. */
	id: string;
	/** When it is to ring, since the epoch, as read last. */
	due: number;
	/** Whether that was over by then. */
	isOverdue: boolean;
	/** At how many rings in a row it was found lost. */
	timesLost: number;
}

/** After its time, until a child is overdue. */
const OVERDUE = 60_000;

/** A child that n8n has stored. */
export function storedSibling(id: string, due: number): Sibling {
	return { id, due, isOverdue: false, timesLost: 0 };
}

/**
 * The sibling after a look for it.
 *
 * @param due when n8n is to wake it; undefined if it does not wait
 * @param assumesLost whether an overdue one is lost at once. Otherwise it is at the second reading of the same time, as
 * n8n shows an overdue time of one that rings at this moment, too
 */
export function lookedFor(
	sibling: Sibling,
	due: number | undefined,
	now: number,
	assumesLost: boolean,
): Sibling {
	const wasOverdue = sibling.isOverdue || isLost(sibling);
	const isSame = assumesLost || (wasOverdue && due === sibling.due);
	if (due === undefined || (isSame && isOverdue(due, now))) {
		return { ...sibling, isOverdue: false, timesLost: sibling.timesLost + 1 };
	}
	return { ...sibling, due, isOverdue: isOverdue(due, now), timesLost: 0 };
}

export function isLost({ timesLost }: Sibling): boolean {
	return timesLost > 0;
}

/**
 * Whether to start it anew at this ring. n8n keeps each execution that it refuses a credential: of one that stays lost
 * there are to be few, about one a day.
 */
export function isRestartDue({ timesLost }: Sibling): boolean {
	return Number.isInteger(Math.log2(timesLost)) || timesLost % 24 === 0;
}

export function isOverdue(due: number, now: number): boolean {
	return now - due >= OVERDUE;
}
