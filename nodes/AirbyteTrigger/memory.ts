/**
 * Which finished jobs are new: each of them once, whatever happens between two looks.
 *
 * Only Airbyte's own timestamps count, so n8n's clock may be wrong. A job's last change is its end, and Airbyte lists
 * by that. Each look begins some time before the newest end seen so far, because an end can appear late: Airbyte's
 * servers have clocks of their own, databases commit and replicate with a delay, and the seconds are cut off. What was
 * seen already in that overlap is known by its id.
 */
import type { Job } from '../airbyte/api/job';
import { isOfType, isTerminal } from '../airbyte/api/job';

/** How late an end may appear behind the newest one that was seen. */
const OVERLAP = 10 * 60_000;

/**
 * How many of the newest ids are kept beyond the overlap: Airbyte can mark a failed job as failed once more, with a
 * later timestamp, when a step of its own is repeated.
 */
const LEAST_REMEMBERED = 500;

/** What a trigger remembers between two looks. Plain JSON: n8n keeps it in its database. */
export interface Memory {
	/**
	 * What it is a memory of: which Airbyte, and what is watched in it. n8n keeps a memory for certain only when items
	 * were found, so that for anything else watched this one may be of long ago.
	 */
	scope: string;
	/** The newest end seen, in milliseconds by Airbyte's clock; 0 when there was no finished job at all. */
	newest: number;
	/** Ids of the jobs seen, each with its end. */
	seen: Array<[jobId: number, end: number]>;
}

export interface Filter {
	events: string[];
	jobTypes: string[];
	/** Empty: all. */
	connectionIds: string[];
}

/** Where in the list of jobs, oldest change first, a page begins. */
export interface Place {
	/** Milliseconds; undefined for the list's beginning. */
	since?: number;
	/** Rows to skip from there on. */
	offset: number;
}

/** The moment a job ended, by Airbyte's clock; undefined while it has not. */
export function endOf(job: Job): number | undefined {
	const end = isTerminal(job) ? Date.parse(job.lastUpdatedAt ?? '') : NaN;
	return Number.isNaN(end) ? undefined : end;
}

/** @returns undefined when nothing is remembered of this scope, so that the trigger starts afresh */
export function readMemory(stored: unknown, scope: string): Memory | undefined {
	const { newest, seen, ...rest } = (stored ?? {}) as Partial<Memory>;
	if (rest.scope !== scope || typeof newest !== 'number' || !Array.isArray(seen)) return undefined;
	return { scope, newest, seen: seen.map(([jobId, end]) => [jobId, end]) };
}

/**
 * The memory of a trigger that starts: all that has ended by now is old.
 *
 * @param newest the newest end; undefined when no job has ended yet, so that none that will is old
 * @param jobs at least those that ended within the overlap before it
 */
export function beginMemory(scope: string, newest: number | undefined, jobs: Job[]): Memory {
	if (newest === undefined) return { scope, newest: 0, seen: [] };
	const old = jobs.filter((job) => (endOf(job) ?? Infinity) <= newest);
	return remember({ scope, newest, seen: [] }, old);
}

/** Gives a page of jobs, the oldest change first. */
export type List = (place: Place) => Promise<{ jobs: Job[]; isLast: boolean }>;

/**
 * Reads what the next look has to see, list by list and page by page.
 *
 * @param isEnough asked after each page, whether to leave the rest to the look after it
 */
export async function readOn(
	lists: List[],
	pageSize: number,
	memory: Pick<Memory, 'newest'>,
	isEnough: (page: Job[]) => boolean,
): Promise<Job[]> {
	const reads: Read[] = [];
	for (const list of lists) reads.push(await readList(list, pageSize, memory, isEnough));
	// The rest of a list that was left comes later, and so does all of the others that ended after what was read of it.
	const last = Math.min(...reads.map(({ jobs, isLeft }) => (isLeft ? newestIn(jobs) : Infinity)));
	return reads.flatMap(({ jobs }) => jobs).filter((job) => (endOf(job) ?? 0) <= last);
}

interface Read {
	jobs: Job[];
	isLeft: boolean;
}

async function readList(
	list: List,
	pageSize: number,
	memory: Pick<Memory, 'newest'>,
	isEnough: (page: Job[]) => boolean,
): Promise<Read> {
	const jobs: Job[] = [];
	for (let place = startOf(memory); ;) {
		const page = await list(place);
		jobs.push(...page.jobs);
		if (page.isLast) return { jobs, isLeft: false };
		// Never before there is something new, or the next look would read the same again.
		const isEnoughNow = isEnough(page.jobs) && newestIn(jobs) > memory.newest;
		if (isEnoughNow) return { jobs, isLeft: true };
		place = placeAfter(place, page.jobs, pageSize);
	}
}

/** Where the next look begins. */
function startOf({ newest }: Pick<Memory, 'newest'>): Place {
	return newest === 0 ? { offset: 0 } : { since: newest - OVERLAP, offset: 0 };
}

/**
 * Where the page after this one begins: at the newest end on it, since rows move while pages are read and an offset
 * would skip some. Only when all of a page has one timestamp, or has not ended, is it left by an offset.
 */
function placeAfter({ since, offset }: Place, page: Job[], pageSize: number): Place {
	const newest = newestIn(page);
	if (newest > (since ?? -Infinity)) return { since: newest, offset: 0 };
	return { since, offset: offset + pageSize };
}

/** The jobs that ended and were not seen yet, in the order of their ends. */
export function unseen(memory: Memory, jobs: Job[]): Job[] {
	const seen = new Set(memory.seen.map(([jobId]) => jobId));
	const { since = 0 } = startOf(memory);
	const fresh = jobs.filter((job) => (endOf(job) ?? -1) >= since && !seen.has(job.jobId));
	const byId = new Map(fresh.map((job) => [job.jobId, job]));
	return [...byId.values()].sort((a, b) => (endOf(a) ?? 0) - (endOf(b) ?? 0) || a.jobId - b.jobId);
}

/** The memory once these jobs are seen. */
export function remember(memory: Memory, jobs: Job[]): Memory {
	const newest = Math.max(memory.newest, newestIn(jobs));
	const { since = 0 } = startOf({ newest });
	const ends = new Map(memory.seen);
	for (const job of jobs) {
		const end = endOf(job);
		if (end !== undefined) ends.set(job.jobId, end);
	}
	const seen = [...ends]
		.sort(([, a], [, b]) => b - a)
		.filter(([, end], index) => end >= since || index < LEAST_REMEMBERED);
	return { scope: memory.scope, newest, seen };
}

export function matches({ events, jobTypes, connectionIds }: Filter, job: Job): boolean {
	return (
		events.includes(job.status) &&
		jobTypes.some((jobType) => isOfType(job, jobType)) &&
		(connectionIds.length === 0 || connectionIds.includes(job.connectionId?.toLowerCase() ?? ''))
	);
}

/** The newest end; before all others when none has ended. */
function newestIn(jobs: Job[]): number {
	return Math.max(-Infinity, ...jobs.map((job) => endOf(job) ?? -Infinity));
}
