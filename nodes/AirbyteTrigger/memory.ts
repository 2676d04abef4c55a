/**
 * Which finished jobs are new: each of them once, whatever happens between two polls. Pure.
 *
 * Only Airbyte's timestamps count, so n8n's clock may be wrong. A job's last change is its end, and Airbyte lists by
 * that. A poll begins to read some time before the cursor, because an end can appear late: Airbyte's servers have
 * clocks of their own, databases replicate with a delay, and fractions of seconds are cut off. Jobs in that overlap
 * are told apart by their ids.
 */
import type { Job } from '../airbyte/api/job';
import { isOfType, isTerminal } from '../airbyte/api/job';

/** How late an end may appear behind the cursor, in milliseconds. */
const OVERLAP = 10 * 60_000;

/**
 * How many of the newest ids are kept beyond the overlap: Airbyte can mark a failed job as failed once more, with a
 * later timestamp, when a step of its own is repeated.
 */
const LEAST_REMEMBERED = 500;

const VERSION = 1;

/** What a trigger remembers between two polls. Plain JSON, as n8n keeps it in its database. */
export interface Memory {
	/** Of this shape. */
	version: typeof VERSION;
	/** What it is a memory of, see `scope.ts`: for anything else the trigger starts afresh. */
	scope: string;
	/** The newest end seen, in milliseconds by Airbyte's clock; 0 when there was no finished job at all. */
	cursor: number;
	/** Where the last poll stopped reading, in milliseconds, if it did not get through the overlap; else null. */
	resumeAt: number | null;
	/** Ids of the jobs seen, each with its end in milliseconds. */
	seen: Array<[jobId: number, end: number]>;
}

export interface Filter {
	events: string[];
	jobTypes: string[];
	/** Empty: all. */
	connectionIds: string[];
}

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

/** What a poll read: all jobs in its lists that ended up to a moment. */
export interface Reading {
	jobs: Job[];
	/** Milliseconds, if the poll left something to the next one; else null. */
	stoppedAt: number | null;
}

/** The moment a job ended, by Airbyte's clock; undefined while it has not. */
export function endOf(job: Job): number | undefined {
	const end = isTerminal(job) ? Date.parse(job.lastUpdatedAt ?? '') : NaN;
	return Number.isNaN(end) ? undefined : end;
}

/**
 * Reads what n8n kept.
 *
 * @returns undefined when nothing is remembered of this scope, so that the trigger starts afresh
 */
export function readMemory(stored: unknown, scope: string): Memory | undefined {
	const kept = (stored ?? {}) as Partial<Memory>;
	const { version, cursor, resumeAt = null, seen } = kept;
	if (version !== VERSION || kept.scope !== scope) return undefined;
	if (typeof cursor !== 'number' || !Array.isArray(seen)) return undefined;
	return { version, scope, cursor, resumeAt, seen: seen.map(([jobId, end]) => [jobId, end]) };
}

/**
 * The memory of a trigger that starts: all that has ended by now is old.
 *
 * @param newest the newest end; undefined when no job has ended yet, so that none that will is old
 * @param jobs at least those that ended within the overlap before it
 */
export function beginMemory(scope: string, newest: number | undefined, jobs: Job[]): Memory {
	const empty: Memory = { version: VERSION, scope, cursor: newest ?? 0, resumeAt: null, seen: [] };
	if (newest === undefined) return empty;
	const old = jobs.filter((job) => (endOf(job) ?? Infinity) <= newest);
	return remember(empty, { jobs: old, stoppedAt: null });
}

/** Of two memories of one scope, what both know. */
export function merge(one: Memory, other: Memory): Memory {
	const [older, newer] = [one, other].sort((a, b) => a.cursor - b.cursor);
	return { ...newer, seen: prune(newer.cursor, [...older.seen, ...newer.seen]) };
}

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
	const start = memory.resumeAt ?? overlapOf(memory.cursor);
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
		// The next poll begins at the overlap again, or would read the same again if this one did not get on.
		const isEnoughNow = isEnough(page.jobs) && until > memory.cursor;
		const isOverNow = isOver() && until > (start ?? -Infinity);
		if (isEnoughNow || isOverNow || pages === mostPages) {
			return { jobs: jobs.filter((job) => (endOf(job) ?? 0) <= until), stoppedAt: until };
		}
	}
	return { jobs, stoppedAt: null };
}

/** Where the overlap before a cursor begins; undefined for the list's beginning. */
function overlapOf(cursor: number): number | undefined {
	return cursor === 0 ? undefined : cursor - OVERLAP;
}

/**
 * Where the page after this one begins: at the newest end on it, since rows move while pages are read and an offset
 * would skip some. Only when all of a page has one timestamp, or has not ended, is it left by an offset.
 */
function positionAfter({ since, offset }: Position, page: Job[], pageSize: number): Position {
	const newest = newestEnd(page);
	if (newest > (since ?? -Infinity)) return { since: newest, offset: 0 };
	return { since, offset: offset + pageSize };
}

/** The jobs that ended and were not seen yet, in the order of their ends. */
export function unseen(memory: Memory, jobs: Job[]): Job[] {
	const seen = new Set(memory.seen.map(([jobId]) => jobId));
	const since = overlapOf(memory.cursor) ?? 0;
	const fresh = jobs.filter((job) => (endOf(job) ?? -1) >= since && !seen.has(job.jobId));
	const byId = new Map(fresh.map((job) => [job.jobId, job]));
	return [...byId.values()].sort((a, b) => (endOf(a) ?? 0) - (endOf(b) ?? 0) || a.jobId - b.jobId);
}

/** The memory once this is seen. */
export function remember(memory: Memory, { jobs, stoppedAt }: Reading): Memory {
	const cursor = Math.max(memory.cursor, newestEnd(jobs));
	const read = jobs.flatMap((job): Memory['seen'] => {
		const end = endOf(job);
		return end === undefined ? [] : [[job.jobId, end]];
	});
	// Beyond the cursor, the overlap is read again, for jobs that appear late.
	const isInOverlap = stoppedAt !== null && stoppedAt > -Infinity && stoppedAt <= memory.cursor;
	const resumeAt = isInOverlap ? stoppedAt : null;
	return { ...memory, cursor, resumeAt, seen: prune(cursor, [...memory.seen, ...read]) };
}

/** All of the overlap and the newest beyond, each id once, newest first. */
function prune(cursor: number, seen: Memory['seen']): Memory['seen'] {
	const since = overlapOf(cursor) ?? 0;
	return [...new Map(seen)]
		.sort(([, a], [, b]) => b - a)
		.filter(([, end], index) => end >= since || index < LEAST_REMEMBERED);
}

/** Whether a job is one that the trigger is to tell of. */
export function isWatched({ events, jobTypes, connectionIds }: Filter, job: Job): boolean {
	return (
		events.includes(job.status) &&
		jobTypes.some((jobType) => isOfType(job, jobType)) &&
		(connectionIds.length === 0 || connectionIds.includes(job.connectionId?.toLowerCase() ?? ''))
	);
}

/** The newest end; before all others when none has ended. */
function newestEnd(jobs: Job[]): number {
	return Math.max(-Infinity, ...jobs.map((job) => endOf(job) ?? -Infinity));
}
