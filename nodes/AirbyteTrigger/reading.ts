/** How a poll reads Airbyte's lists of finished jobs: page by page, and no further than it has time for. */
import type { Job } from '../airbyte/api/job';
import type { Memory, Reading } from './memory';
import { endOf, readsFrom } from './memory';

/** Where in a list of jobs, oldest change first, a page begins. */
interface Position {
	/** Milliseconds; undefined for the list's beginning. */
	since?: number;
	/** Rows to skip from there on. */
	offset: number;
}

export interface Page {
	jobs: Job[];
	isLast: boolean;
}

/** Gives a page of jobs, the oldest change first. */
export type JobList = (position: Position) => Promise<Page>;

/** When a poll leaves the rest to the next one. */
interface Limits {
	/** In all lists together. */
	mostPages: number;
	/** Asked after each page, whether enough that is new was found. */
	isEnough: (page: Job[]) => boolean;
	/** Whether the time for reading is over. */
	isOver: () => boolean;
}

/** Reads what the next poll has to see, page by page, always on the list that has got least far. */
export async function readPages(
	lists: JobList[],
	pageSize: number,
	memory: Pick<Memory, 'cursor' | 'resumeAt'>,
	{ mostPages, isEnough, isOver }: Limits,
): Promise<Reading> {
	const start = readsFrom(memory);
	const readings = lists.map((list) => ({
		list,
		position: { since: start, offset: 0 } as Position,
		isDone: false,
		/** All that ended up to then was read. */
		until: -Infinity,
	}));
	const jobs: Job[] = [];
	const rest = () => readings.filter(({ isDone }) => !isDone).sort((a, b) => a.until - b.until);
	for (let pages = 1, [reading] = rest(); reading; pages += 1, [reading] = rest()) {
		const page = await reading.list(reading.position);
		jobs.push(...page.jobs);
		reading.isDone = page.isLast;
		reading.until = Math.max(reading.until, newestEnd(page.jobs));
		reading.position = positionAfter(reading.position, page.jobs, pageSize);
		const [behind] = rest();
		if (behind === undefined) break;
		const { until } = behind;
		const isEnoughNow = isEnough(page.jobs);
		// The next poll would read the same again if this one did not get on.
		const hasGotOn = until > (start ?? -Infinity);
		if ((hasGotOn && (isEnoughNow || isOver())) || pages === mostPages) {
			return { jobs: jobs.filter((job) => (endOf(job) ?? 0) <= until), stoppedAt: until };
		}
	}
	return { jobs, stoppedAt: null };
}

/**
 * Where the page after this one begins: at the newest end on it, since rows move while pages are read and an offset
 * would skip some. Only when all of a page has one timestamp, or has not ended, is it left by an offset, of half a page:
 * Airbyte lists what ended at the same time in any order, and in another one on the next page.
 */
function positionAfter({ since, offset }: Position, page: Job[], pageSize: number): Position {
	const newest = newestEnd(page);
	if (newest > (since ?? -Infinity)) return { since: newest, offset: 0 };
	return { since, offset: offset + Math.ceil(pageSize / 2) };
}

/** The newest end; before all others when none has ended. */
function newestEnd(jobs: Job[]): number {
	return Math.max(-Infinity, ...jobs.map((job) => endOf(job) ?? -Infinity));
}
