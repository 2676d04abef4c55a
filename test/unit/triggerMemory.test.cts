/**
 * Which finished jobs are new, in random worlds. `SEED=1 RUNS=10 npx jest --selectProjects unit --testPathPatterns
 * triggerMemory` explores other worlds, ten times as many.
 */
import fc from 'fast-check';

import type { Memory, Reading } from '../../nodes/AirbyteTrigger/memory';
import {
	beginMemory,
	endOf,
	merge,
	readMemory,
	remember,
	unseen,
} from '../../nodes/AirbyteTrigger/memory';
import type { JobList } from '../../nodes/AirbyteTrigger/reading';
import { readPages } from '../../nodes/AirbyteTrigger/reading';
import { WatchedJobs } from '../../nodes/AirbyteTrigger/watchedJobs';
import { scopeOf } from '../../nodes/AirbyteTrigger/scope';
import { openClient } from '../../nodes/airbyte/api/client';
import type { Job } from '../../nodes/airbyte/api/job';
import { timestamp } from '../../simulator/wire.cts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 5, 3);
const PAGE = 5;
const from = { cursor: 0, resumeAt: null, seen: [] };
const limits = { mostPages: 50, isEnough: () => false, isOver: () => false };

const finished = (jobId: number, end: number, rest: Partial<Job> = {}): Job => ({
	jobId,
	status: 'succeeded',
	jobType: 'sync',
	lastUpdatedAt: timestamp(end),
	...rest,
});

const whole = (...jobs: Job[]): Reading => ({ jobs, stoppedAt: null });
const ids = (jobs: Job[]) => jobs.map(({ jobId }) => jobId);

describe('an end', () => {
	test('is read with and without seconds', () => {
		expect(endOf(finished(1, 0, { lastUpdatedAt: '2026-01-05T03:00Z' }))).toBe(START);
		expect(endOf(finished(1, 0, { lastUpdatedAt: '2026-01-05T03:00:07Z' }))).toBe(START + 7_000);
	});
});

describe('a memory', () => {
	const memory = beginMemory('here', [finished(1, START)], []);

	test.each([undefined, {}, { version: 1, scope: 'here' }, { ...memory, scope: 'elsewhere' }])(
		'of %j is none',
		(stored) => expect(readMemory(stored, 'here')).toBeUndefined(),
	);

	test('knows a failed job that Airbyte marks as failed once more, much later', () => {
		const later = remember(memory, whole(finished(2, START + MINUTE, { status: 'failed' })));
		const again = finished(2, START + 300 * MINUTE, { status: 'failed' });
		expect(unseen(remember(later, whole(finished(3, START + 299 * MINUTE))), [again])).toEqual([]);
	});

	// Airbyte counts on from the last job that the backup has.
	test("tells a job from the one that had its number before Airbyte's database was restored", () => {
		const begun = (time: number) => ({ startTime: timestamp(time) });
		const lost = finished(2, START + 2 * MINUTE, begun(START + MINUTE));
		const before = remember(memory, whole(lost));
		const next = finished(2, START + 90 * MINUTE, begun(START + 80 * MINUTE));
		expect(ids(unseen(before, [next]))).toEqual([2]);
		expect(unseen(remember(before, whole(next)), [next])).toEqual([]);
	});

	test('of two, the later end of a number counts', () => {
		const begun = (time: number) => ({ startTime: timestamp(time) });
		const lost = finished(2, START + 2 * MINUTE, begun(START + MINUTE));
		const next = finished(2, START + 90 * MINUTE, begun(START + 80 * MINUTE));
		const [stale, present] = [lost, next].map((job) => remember(memory, whole(job)));
		expect(unseen(merge(present, stale), [next])).toEqual([]);
		expect(unseen(merge(stale, present), [next])).toEqual([]);
	});

	test('knows a job that ended before it began, by clocks that differ', () => {
		const odd = finished(2, START + MINUTE, { startTime: timestamp(START + 60 * MINUTE) });
		expect(unseen(remember(memory, whole(odd)), [odd])).toEqual([]);
	});

	test('keeps all of the overlap before the tenth newest, and only the newest 500 beyond', () => {
		const old = Array.from({ length: 2_000 }, (_, id) => finished(id, START + id * 1_000));
		const { seen } = remember(memory, whole(...old));
		expect(seen).toHaveLength(601 + 9);
		const later = Array.from({ length: 10 }, (_, id) =>
			finished(9_990 + id, START + (600 + id) * MINUTE),
		);
		const grown = remember({ ...memory, seen }, whole(...later));
		expect(grown.seen).toHaveLength(500);
		expect(grown.seen[0][0]).toBe(9_999);
	});

	test('misses nothing behind nine jobs that are stamped far ahead', () => {
		const ahead = Array.from({ length: 9 }, (_, id) => finished(100 + id, START + 1e9));
		const then = remember(memory, whole(...ahead));
		const next = finished(200, START + MINUTE);
		expect(ids(unseen(then, [...ahead, next]))).toEqual([200]);
		const begun = beginMemory('here', [...ahead, finished(1, START)], []);
		expect(ids(unseen(begun, [...ahead, next]))).toEqual([200]);
	});

	test('of a trigger that starts knows what had ended, and not what ends while it reads that', () => {
		const ended = Array.from({ length: 10 }, (_, id) => finished(id, START + id * 1_000));
		const meanwhile = finished(20, START + 9_500);
		const before = finished(21, START - MINUTE);
		const begun = beginMemory('here', ended, [before, ...ended, meanwhile]);
		expect(ids(unseen(begun, [before, ...ended, meanwhile]))).toEqual([20]);
	});
});

describe('what one poll reads', () => {
	/** Every second job of 40, a second apart, is in each of two lists. */
	const rows = Array.from({ length: 40 }, (_, id) => finished(id, START + id * 1_000));
	let pages = 0;
	const listOf =
		(half: number): JobList =>
		async ({ since = 0, offset }) => {
			pages += 1;
			const mine = rows.filter((job) => job.jobId % 2 === half && (endOf(job) ?? 0) >= since);
			const jobs = mine.slice(offset, offset + PAGE);
			return { jobs, isLast: jobs.length < PAGE };
		};
	beforeEach(() => void (pages = 0));

	test.each([1, 2, 3, 8])(
		'is at most %d pages, and the next one goes on from there',
		async (most) => {
			let memory = beginMemory('here', [], []);
			const found: number[] = [];
			for (let poll = 0; poll < 30; poll++) {
				pages = 0;
				const reading = await readPages([listOf(0), listOf(1)], PAGE, memory, {
					...limits,
					mostPages: most,
				});
				expect(pages).toBeLessThanOrEqual(most);
				found.push(...ids(unseen(memory, reading.jobs)));
				memory = remember(memory, reading);
				if (most === 1) break;
			}
			// Of two lists, one page tells nothing yet of the other one.
			expect(found).toEqual(most === 1 ? [] : ids(rows));
		},
	);

	test('is bounded when a list never ends', async () => {
		const page = rows.slice(0, PAGE);
		const endless: JobList = async () => ((pages += 1), { jobs: page, isLast: false });
		const reading = await readPages([endless], PAGE, from, limits);
		expect(pages).toBe(50);
		expect(ids(unseen(beginMemory('here', [], []), reading.jobs))).toEqual(ids(page));
	});

	test('ends once it is enough, also behind a job that is stamped far ahead', async () => {
		const memory = remember(beginMemory('here', [], []), whole(finished(99, START + 1e9)));
		const reading = await readPages([listOf(0)], PAGE, memory, { ...limits, isEnough: () => true });
		expect(pages).toBe(1);
		expect(ids(unseen(memory, reading.jobs))).toEqual([0, 2, 4, 6, 8]);
		expect(remember(memory, reading).resumeAt).toBe(reading.stoppedAt);
	});

	test('gets through an overlap for which the time of one poll is too short', async () => {
		const late = finished(99, START + 60_000);
		const lists = [listOf(0), listOf(1)];
		let memory = remember(beginMemory('here', [rows[0]], []), whole(...rows));
		rows.push(late);
		let polls = 0;
		for (let found: Job[] = []; found.length === 0; polls += 1) {
			const reading = await readPages(lists, PAGE, memory, { ...limits, isOver: () => true });
			found = unseen(memory, reading.jobs);
			memory = remember(memory, reading);
			if (found.length === 0) expect(memory.resumeAt).toBe(reading.stoppedAt);
		}
		rows.pop();
		expect(polls).toBeGreaterThan(2);
		expect(polls).toBeLessThan(10);
		expect(memory).toMatchObject({ resumeAt: null });
		expect(memory.seen[0]).toEqual([99, endOf(late)]);
	});
});

describe('a scope', () => {
	const watch = {
		events: ['succeeded', 'failed'],
		jobTypes: ['sync', 'refresh'],
		connectionIds: [],
	};
	const host = 'https://api.airbyte.com/v1';
	const identityOf = async (authentication: string) => {
		const getCredentials = async () => ({
			host,
			authentication,
			clientId: '1a2b',
			username: 'ana',
		});
		const helpers = { httpRequestWithAuthentication: jest.fn() };
		return (await openClient({ getCredentials, helpers }, 'v1')).identity;
	};

	// Whoever has to change these starts all triggers afresh.
	test('is stored as this text', async () => {
		const identity = await identityOf('clientCredentials');
		expect(scopeOf(identity, watch)).toBe(
			'airbyte=https://api.airbyte.com/v1 clientCredentials 1a2b&events=failed,succeeded&jobTypes=refresh,sync',
		);
		expect(scopeOf(identity, { ...watch, connectionIds: ['b', 'a'], workspaceId: 'w' })).toMatch(
			/&connections=a,b&workspace=w$/,
		);
	});

	test.each([
		['clientCredentials', `${host} clientCredentials 1a2b`],
		['basicAuth', `${host} basicAuth ana`],
		['none', `${host} none`],
	])('of %s has who signs in', async (authentication, text) => {
		expect(await identityOf(authentication)).toBe(text);
	});
});

test('a job that names no connection is none of those that are watched', () => {
	const watch = { events: ['failed'], jobTypes: ['sync'], connectionIds: ['a'] };
	const watched = new WatchedJobs(undefined as never, watch, 0);
	const job = finished(1, START, { status: 'failed' });
	expect(watched.isWatched({ ...job, connectionId: 'A' })).toBe(true);
	expect(watched.isWatched(job)).toBe(false);
});

/** A job as it happens; moments in seconds since the world began. */
interface Life {
	start: number;
	end: number;
	/** What the clock of the Airbyte server that ended it is wrong by. */
	skew: number;
	/** How long its end takes to appear in lists. */
	lag: number;
	status: string;
}

interface Poll {
	at: number;
	/** Between two pages. */
	pace: number;
	/** From the last page to the moment that n8n has the items. */
	handover: number;
	/** What happens instead of it, or after it. */
	fate: 'fine' | 'away' | 'breaksOff' | 'restart' | 'kill';
}

interface World {
	lives: Life[];
	polls: Poll[];
	activation: number;
	/** How many new jobs are enough for one poll. */
	most: number;
	/** How many of the jobs, the first ones, are stamped far in the future. */
	ahead: number;
	/** What is asked for: one list of all jobs, or one of each status. */
	statuses: Array<string | undefined>;
}

const DAY = 86_400;
const MONTH = 30 * DAY;
const worlds: fc.Arbitrary<World> = fc.record({
	ahead: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 9 })),
	activation: fc.integer({ min: 0, max: DAY }),
	most: fc.integer({ min: 1, max: 12 }),
	statuses: fc.constantFrom([undefined], ['succeeded', 'failed', 'cancelled']),
	lives: fc.array(
		fc
			.record({
				// Some worlds are crowded, so that many end in the same second.
				start: fc.oneof(
					fc.integer({ min: 0, max: 2 * DAY }),
					fc.integer({ min: DAY, max: DAY + 9 }),
				),
				lasts: fc.oneof(fc.integer({ min: 0, max: DAY }), fc.integer({ min: 0, max: 5 })),
				skew: fc.integer({ min: -100, max: 100 }),
				lag: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 150 })),
				status: fc.constantFrom('succeeded', 'failed', 'cancelled'),
			})
			.map(({ lasts, ...life }) => ({ ...life, end: life.start + lasts })),
		{ maxLength: 60 },
	),
	polls: fc.array(
		fc.record({
			at: fc.oneof(
				fc.integer({ min: 0, max: 3 * DAY }),
				fc.integer({ min: DAY - 60, max: DAY + 300 }),
			),
			pace: fc.integer({ min: 0, max: 20 }),
			handover: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 })),
			fate: fc.constantFrom('fine', 'fine', 'fine', 'away', 'breaksOff', 'restart', 'kill'),
		}),
		{ maxLength: 40 },
	),
});

/** Airbyte's list at a moment, which pages are read from while it changes. */
function rowsAt({ lives, ahead }: World, now: number) {
	return lives
		.map((life, jobId) => ({ life, jobId }))
		.filter(({ life }) => life.start <= now)
		.map(({ life, jobId }) => {
			const isOver = life.end + life.lag <= now;
			const end = life.end + life.skew + (jobId < ahead ? MONTH : 0);
			const changed = START + (isOver ? end : life.start) * 1_000;
			const job = isOver
				? finished(jobId, changed, { status: life.status })
				: { jobId, status: 'running' };
			return { changed, job };
		})
		.sort((a, b) => a.changed - b.changed);
}

/** n8n and a trigger in it: polls that take long, fail, and are ended by restarts. */
class Instance {
	readonly fired: number[] = [];
	/** What has ended visibly when the trigger was activated. */
	readonly old: Set<number>;
	private memory: Memory;
	private saved: string;
	private underWay?: { due: number; reading: Reading; found: Job[] };

	constructor(private readonly world: World) {
		const rows = rowsAt(world, world.activation).map(({ job }) => job);
		this.old = new Set(ids(rows.filter((job) => endOf(job) !== undefined)));
		this.memory = beginMemory('here', rows, rows);
		this.saved = JSON.stringify(this.memory);
	}

	async poll(poll: Poll): Promise<void> {
		this.handOver(poll.at);
		if (poll.fate === 'restart' || poll.fate === 'kill') return this.restart(poll.fate);
		if (poll.fate === 'away' || this.underWay) return;
		let now = poll.at;
		let found = 0;
		let pages = 0;
		const listOf =
			(status?: string): JobList =>
			async ({ since = -Infinity, offset }) => {
				if (poll.fate === 'breaksOff' && pages === 1) throw new Error('Airbyte is away');
				const rows = rowsAt(this.world, (now += poll.pace)).filter(
					({ changed, job }) => changed >= since && (!status || job.status === status),
				);
				pages += 1;
				const jobs = rows.slice(offset, offset + PAGE).map(({ job }) => job);
				return { jobs, isLast: jobs.length < PAGE };
			};
		const memory = this.memory;
		const lists = this.world.statuses.map(listOf);
		const reading = await readPages(lists, PAGE, memory, {
			...limits,
			isEnough: (page) => {
				found += unseen(memory, page).length;
				return found >= this.world.most;
			},
		}).catch(() => undefined);
		if (!reading) return;
		const due = now + poll.handover;
		this.underWay = { due, reading, found: unseen(memory, reading.jobs) };
	}

	/** What n8n does with a poll that has come to its end. */
	handOver(now: number): void {
		if (!this.underWay || this.underWay.due > now) return;
		const { reading, found } = this.underWay;
		this.underWay = undefined;
		this.memory = remember(this.memory, reading);
		this.fired.push(...ids(found));
		if (found.length > 0) this.saved = JSON.stringify(this.memory);
	}

	/** n8n saves when items are handed over; a kill loses what came after that. A poll under way is lost in both. */
	private restart(fate: 'restart' | 'kill'): void {
		this.underWay = undefined;
		const stored = fate === 'kill' ? this.saved : JSON.stringify(this.memory);
		const memory = readMemory(JSON.parse(stored), 'here');
		if (!memory) throw new Error('The memory is lost');
		// The process that goes on may know more than n8n has stored.
		this.memory = fate === 'kill' ? memory : merge(JSON.parse(this.saved) as Memory, memory);
	}
}

test('each job is told once, and nothing old, in every world', async () => {
	const seen = { fired: 0, old: 0, cutShort: 0 };
	await fc.assert(
		fc.asyncProperty(worlds, async (world) => {
			const n8n = new Instance(world);
			const polls = world.polls.filter(({ at }) => at >= world.activation);
			for (const poll of polls.sort((a, b) => a.at - b.at)) await n8n.poll(poll);
			const quiet: Poll = { at: 4 * DAY, pace: 0, handover: 0, fate: 'fine' };
			for (let at = quiet.at; at < quiet.at + 100; at += 1) await n8n.poll({ ...quiet, at });
			n8n.handOver(quiet.at + 100);

			const all = world.lives.map((_, jobId) => jobId);
			expect([...n8n.fired].sort((a, b) => a - b)).toEqual(all.filter((id) => !n8n.old.has(id)));
			seen.fired += n8n.fired.length;
			seen.old += n8n.old.size;
			if (n8n.fired.length > world.most) seen.cutShort += 1;
		}),
		{ seed: Number(process.env.SEED ?? 4_711), numRuns: 3_000 * Number(process.env.RUNS ?? 1) },
	);
	// A property of worlds in which nothing happens would prove nothing.
	expect(Math.min(seen.fired, seen.old, seen.cutShort)).toBeGreaterThan(500);
}, 300_000);
