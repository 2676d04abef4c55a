/**
 * Which finished jobs are new: each of them once, whatever happens between two polls. Pure.
 *
 * Only Airbyte's timestamps count, so n8n's clock may be wrong. A job's last change is its end, and Airbyte lists by
 * that. A poll begins to read some time before the cursor, because an end can appear late: Airbyte's servers have
 * clocks of their own, databases replicate with a delay, and fractions of seconds are cut off. Jobs in that overlap
 * are told apart by their ids.
 */
import type { Job } from '../airbyte/api/job';
import { isTerminal } from '../airbyte/api/job';

/** How late an end may appear behind the cursor, in milliseconds. */
const OVERLAP = 10 * 60_000;

/**
 * How many of the newest ids are kept beyond the overlap: Airbyte can mark a failed job as failed once more, with a
 * later timestamp, when a step of its own is repeated.
 */
const LEAST_REMEMBERED = 500;

/**
 * The cursor is the end of the job of this rank, counted from the newest. With the newest itself, one job that a wrong
 * clock has stamped in the future would hide all that end until then.
 */
export const CURSOR_RANK = 10;

const VERSION = 1;

/** What a trigger remembers between two polls. Plain JSON, as n8n keeps it in its database. */
export interface Memory {
	/** Of this shape. */
	version: typeof VERSION;
	/** What it is a memory of, see `scope.ts`: for anything else the trigger starts afresh. */
	scope: string;
	/**
	 * From where on, less the overlap, all is read anew, in milliseconds by Airbyte's clock: one of the newest ends seen, see
	 * `CURSOR_RANK`; 0 while there are fewer.
	 */
	cursor: number;
	/** Where the last poll stopped reading, in milliseconds, if it did not get through what was seen before; else null. */
	resumeAt: number | null;
	/** Ids of the jobs seen, each with its end in milliseconds. */
	seen: Array<[jobId: number, end: number]>;
}

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

/** Where a trigger that starts begins to read, if these are the newest jobs. */
export function firstCursor(newest: Job[]): number {
	return nthNewest(endsIn(newest)) ?? 0;
}

/**
 * The memory of a trigger that starts: all that has ended by now is old.
 *
 * @param newest the newest jobs: `CURSOR_RANK` of them, unless there are fewer
 * @param jobs at least those that ended within the overlap before `firstCursor`
 */
export function beginMemory(scope: string, newest: Job[], jobs: Job[]): Memory {
	const cursor = firstCursor(newest);
	const empty: Memory = { version: VERSION, scope, cursor, resumeAt: null, seen: [] };
	const old = jobs.filter((job) => (endOf(job) ?? Infinity) <= cursor);
	return remember(empty, { jobs: [...newest, ...old], stoppedAt: null });
}

/** Two memories of one scope as one. */
export function merge(one: Memory, other: Memory): Memory {
	const newer = one.cursor > other.cursor ? one : other;
	const seen = [...one.seen, ...other.seen].sort(([, end], [, otherEnd]) => end - otherEnd);
	return { ...newer, seen: prune(newer.cursor, seen) };
}

/** From where on a poll reads, in milliseconds; undefined for the list's beginning. */
export function readsFrom({ cursor, resumeAt }: Pick<Memory, 'cursor' | 'resumeAt'>) {
	return resumeAt ?? overlapOf(cursor);
}

/** Where the overlap before a cursor begins; undefined for the list's beginning. */
function overlapOf(cursor: number): number | undefined {
	return cursor === 0 ? undefined : cursor - OVERLAP;
}

/** The jobs that ended and were not seen yet, in the order of their ends. */
export function unseen(memory: Memory, jobs: Job[]): Job[] {
	const seen = new Map(memory.seen);
	const since = overlapOf(memory.cursor) ?? 0;
	const fresh = jobs.filter(
		(job) => (endOf(job) ?? -1) >= since && !isSeen(job, seen.get(job.jobId)),
	);
	const byId = new Map(fresh.map((job) => [job.jobId, job]));
	return [...byId.values()].sort((a, b) => (endOf(a) ?? 0) - (endOf(b) ?? 0) || a.jobId - b.jobId);
}

/**
 * Whether it is the job of that number whose end was seen. One that began later is another: where Airbyte's database was
 * restored, numbers come again.
 */
function isSeen(job: Job, end: number | undefined): boolean {
	if (end === undefined) return false;
	return !(Date.parse(job.startTime ?? '') > end && (endOf(job) ?? 0) > end);
}

/** The memory once this is seen. */
export function remember(memory: Memory, { jobs, stoppedAt }: Reading): Memory {
	const seen = [...new Map([...memory.seen, ...endsIn(jobs)])];
	const cursor = Math.max(memory.cursor, nthNewest(seen) ?? 0);
	// Beyond what was seen, the overlap is read again, for jobs that appear late.
	const isAmongSeen =
		stoppedAt !== null && stoppedAt > -Infinity && stoppedAt <= newestOf(memory.seen);
	const resumeAt = isAmongSeen ? stoppedAt : null;
	return { ...memory, cursor, resumeAt, seen: prune(cursor, seen) };
}

/** Those that have ended, each with its end. */
function endsIn(jobs: Job[]): Memory['seen'] {
	return jobs.flatMap((job): Memory['seen'] => {
		const end = endOf(job);
		return end === undefined ? [] : [[job.jobId, end]];
	});
}

/** The end of the job of rank `CURSOR_RANK`; undefined where there are fewer. */
function nthNewest(seen: Memory['seen']): number | undefined {
	return seen.map(([, end]) => end).sort((a, b) => b - a)[CURSOR_RANK - 1];
}

function newestOf(seen: Memory['seen']): number {
	return Math.max(-Infinity, ...seen.map(([, end]) => end));
}

/** All of the overlap and the newest beyond, each id once, newest first. */
function prune(cursor: number, seen: Memory['seen']): Memory['seen'] {
	const since = overlapOf(cursor) ?? 0;
	return [...new Map(seen)]
		.sort(([, a], [, b]) => b - a)
		.filter(([, end], index) => end >= since || index < LEAST_REMEMBERED);
}
