import type { INodeParameters } from 'n8n-workflow';

import { clock } from '../../nodes/airbyte/api/clock';
import { timelines } from '../../simulator/index.cts';
import { ActiveTrigger } from './harness/activeTrigger.cts';
import { Fixture } from './harness/fixture.cts';
import { captureLog } from './harness/log.cts';

const POLLERS = ['timers', 'scheduler', 'durableCursors'] as const;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const fixture = Fixture.forEachTest();

const newTrigger = (parameters = {}, using = fixture) =>
	new ActiveTrigger(using.credential(), parameters);

/** A trigger that is active and has polled once. */
async function activeTrigger(parameters = {}, using = fixture): Promise<ActiveTrigger> {
	const trigger = newTrigger(parameters, using);
	await trigger.activate();
	return trigger;
}

const connection = (using = fixture) => using.airbyte.addConnection().connectionId;

/** A job that ends so many seconds from now, or that ended in the past. */
function job(seconds: number, rest: object = {}, using = fixture): number {
	const end = timelines.succeedsAfter(Math.max(seconds, 0), { rows: 5 });
	const at = using.airbyte.clock.now() + Math.min(seconds, 0) * 1_000;
	return using.airbyte.startJob(connection(using), { timeline: end, at, ...rest }).jobId;
}

const pass = (ms: number) => fixture.time.shared.advance(ms);

async function minutes(count: number, trigger: ActiveTrigger): Promise<void> {
	for (let minute = 0; minute < count; minute++) {
		pass(MINUTE);
		await trigger.poll();
	}
}

/** Some pages of a list take longer than a poll may read. */
const answerSlowly = (ms = 15_000) => fixture.time.slowDown('GET /jobs', ms);

/** How many polls it takes until so many jobs have fired, none of which lasts longer than n8n lets it. */
async function pollsUntil(trigger: ActiveTrigger, count: number): Promise<number> {
	for (let polls = 1; polls < 20; polls++) {
		const began = fixture.time.shared.now();
		await trigger.poll();
		expect(fixture.time.shared.now() - began).toBeLessThanOrEqual(trigger.budget);
		if (trigger.jobIds.length >= count) return polls;
	}
	return Infinity;
}

const listings = () => fixture.airbyte.audit.count('GET /jobs');

describe('a job that finishes', () => {
	test('starts the workflow once, with the output of all nodes', async () => {
		job(-3_600);
		const trigger = await activeTrigger();
		const jobId = job(90);
		await minutes(30, trigger);
		const { connectionId, createdAt } = fixture.airbyte.job(jobId)!;
		expect(trigger.executions).toEqual([
			[
				{
					jobId,
					connectionId,
					connectionName: 'Source → Destination',
					jobType: 'sync',
					status: 'succeeded',
					startTime: new Date(createdAt).toISOString().replace('.000Z', 'Z'),
					lastUpdatedAt: expect.any(String),
					duration: 'PT1M30S',
					durationSeconds: 90,
					rowsSynced: 5,
					bytesSynced: 256_000,
					jobUrl: expect.stringContaining(`/connections/${connectionId}/timeline?jobId=${jobId}`),
					attached: false,
					attempt: 1,
				},
			],
		]);
	});

	test('with Simplify, has ten keys', async () => {
		const trigger = await activeTrigger({ options: { simplify: true } });
		job(90);
		await minutes(3, trigger);
		expect(Object.keys(trigger.executions[0][0])).toHaveLength(10);
	});

	test('a Simplify that an expression leaves empty is off', async () => {
		const trigger = await activeTrigger({ options: { simplify: '={{ "" }}' } });
		job(90);
		await minutes(3, trigger);
		expect(trigger.executions[0][0]).toMatchObject({ attempt: 1 });
	});

	test("tells the connection's name where the workspace is known from the field, too", async () => {
		const { workspaceId } = fixture.airbyte.defaultWorkspace;
		const trigger = await activeTrigger({ workspaceId });
		job(90);
		await minutes(5, trigger);
		expect(trigger.executions).toMatchObject([[{ connectionName: 'Source → Destination' }]]);
	});

	test('costs one call when nothing is new', async () => {
		job(-3_600);
		const trigger = await activeTrigger();
		fixture.airbyte.audit.reset();
		await minutes(5, trigger);
		expect(fixture.airbyte.audit.calls.map(({ route }) => route)).toEqual(
			Array(5).fill('GET /jobs'),
		);
	});

	test('is the first one of all', async () => {
		const trigger = await activeTrigger();
		await minutes(2, trigger);
		const jobId = job(30);
		await minutes(2, trigger);
		expect(trigger.jobIds).toEqual([jobId]);
	});

	test('tells why it failed', async () => {
		const trigger = await activeTrigger();
		job(0, {
			timeline: timelines.failsAfter(5, {
				origin: 'source',
				type: 'config_error',
				message: 'The password is wrong',
				retryable: false,
			}),
		});
		await minutes(1, trigger);
		expect(trigger.items).toMatchObject([
			{ status: 'failed', failure: { type: 'config_error', message: 'The password is wrong' } },
		]);
	});

	test('runs longer than others: the order of the ends counts, not that of the starts', async () => {
		const trigger = await activeTrigger();
		const long = job(3 * 3_600);
		const short = job(600);
		const between = job(3_600);
		await minutes(200, trigger);
		expect(trigger.jobIds).toEqual([short, between, long]);
	});

	test('in the same second as others that were seen', async () => {
		const trigger = await activeTrigger();
		const ids = [job(60), job(60)];
		pass(MINUTE);
		await trigger.poll();
		ids.push(job(0));
		await trigger.poll();
		expect(trigger.jobIds).toEqual(ids);
	});
});

describe('nothing is lost or doubled', () => {
	test('when 500 jobs finish between two polls', async () => {
		const trigger = await activeTrigger();
		const ids = Array.from({ length: 500 }, (_, index) => job(Math.floor(index / 9)));
		await minutes(15, trigger);
		expect(trigger.jobIds).toEqual(ids);
		expect(trigger.executions).toHaveLength(1);
		// The workspaces of the first connections only: links are nice to have.
		expect(fixture.airbyte.audit.count('GET /connections/{connectionId}')).toBe(100);
	});

	test('when 2,300 have piled up: all at once, and few of them are remembered', async () => {
		const trigger = await activeTrigger();
		const ids = Array.from({ length: 2_300 }, (_, index) => job(index));
		pass(HOUR);
		await trigger.poll();
		expect(trigger.jobIds).toEqual(ids);
		expect(trigger.staticData.length).toBeLessThan(20_000);
	});

	// Airbyte lists what ended at the same time in any order, and in another one on the next page.
	test.each([250, 350, 450, 550])('when all of %d end at the same time', async (count) => {
		const trigger = await activeTrigger();
		const ids = Array.from({ length: count }, () => job(30));
		await minutes(3, trigger);
		expect([...trigger.jobIds].sort((a, b) => a - b)).toEqual(ids);
	});

	test('when jobs finish while pages are read', async () => {
		const trigger = await activeTrigger();
		const ids = Array.from({ length: 230 }, (_, index) => job(60 + Math.floor(index / 10)));
		pass(MINUTE);
		// A few more end with each call.
		fixture.airbyte.audit.onCall(() => pass(2_000));
		await minutes(3, trigger);
		expect([...trigger.jobIds].sort((a, b) => a - b)).toEqual(ids);
	});

	test("when Airbyte's clock was a day ahead for a while", async () => {
		const trigger = await activeTrigger();
		pass(24 * HOUR);
		const ahead = [job(-1), job(-1)];
		await trigger.poll();
		pass(-24 * HOUR);
		await minutes(2, trigger);
		const later = job(30);
		await minutes(30, trigger);
		expect(trigger.jobIds).toEqual([...ahead, later]);
	});

	test('when Airbyte is away for a day', async () => {
		const trigger = await activeTrigger();
		const ids = [job(3_600), job(2 * 3_600)];
		await fixture.airbyte.goDown();
		const before = trigger.staticData;
		for (let hour = 0; hour < 24; hour++) {
			pass(HOUR);
			await expect(trigger.poll()).rejects.toThrow('The connection was refused');
		}
		expect(trigger.staticData).toBe(before);
		await fixture.airbyte.comeUp();
		await minutes(3, trigger);
		expect(trigger.jobIds).toEqual(ids);
	});

	test('when n8n restarts while a router answers for an Airbyte that is not back yet', async () => {
		const trigger = await activeTrigger();
		const jobId = job(60);
		pass(HOUR);
		const router = fixture.airbyte.faults.add({ route: '*', kind: 'router', times: Infinity });
		await trigger.activate('init');
		await expect(trigger.poll()).rejects.toThrow('instead of Airbyte');
		router.remove();
		await trigger.poll();
		expect(trigger.jobIds).toEqual([jobId]);
	});

	test('a router that answers for an Airbyte that starts again does not cost a day', async () => {
		const trigger = await activeTrigger();
		const jobId = job(60);
		pass(HOUR);
		fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'router', times: 2 });
		await trigger.activate('init');
		expect(trigger.jobIds).toEqual([jobId]);
	});

	// By itself, n8n activates workflows when it starts, and when it takes over from a main process that is gone.
	test.each([
		['restarts', 'init'],
		['changes its leader', 'leadershipChange'],
	] as const)(
		'when n8n %s while Airbyte is away: the workflow stays active',
		async (_what, mode) => {
			const trigger = await activeTrigger();
			const jobId = job(60);
			await fixture.airbyte.goDown();
			pass(HOUR);
			await trigger.activate(mode);
			await expect(trigger.poll()).rejects.toThrow('The connection was refused');
			await fixture.airbyte.comeUp();
			await trigger.poll();
			expect(trigger.jobIds).toEqual([jobId]);
		},
	);

	test('when Airbyte breaks off in the middle of a pile', async () => {
		const trigger = await activeTrigger();
		const ids = Array.from({ length: 350 }, (_, index) => job(index));
		pass(HOUR);
		fixture.airbyte.faults.add({
			route: 'GET /jobs',
			kind: 'status',
			status: 502,
			skip: 2,
			times: 3,
		});
		await expect(trigger.poll()).rejects.toThrow('(502)');
		await trigger.poll();
		expect(trigger.jobIds).toEqual(ids);
	});

	test('when Airbyte is slow: a poll hands on what it has after a minute, the next ones the rest', async () => {
		const trigger = await activeTrigger();
		const ids = Array.from({ length: 350 }, (_, index) => job(index));
		pass(HOUR);
		answerSlowly(25_000);
		const log = captureLog();
		await trigger.poll();
		const { lastUpdatedAt } = trigger.items[297];
		const moment = new Date(String(lastUpdatedAt)).toISOString();
		expect(log.join()).toContain(`Airbyte Trigger: a poll has got up to ${moment}.`);
		// Three pages, of which each begins with the last row of the one before.
		expect(trigger.jobIds).toEqual(ids.slice(0, 298));
		// What was seen is read again, which takes all the time of the second poll.
		await trigger.poll();
		await trigger.poll();
		expect(trigger.jobIds).toEqual(ids);
	});

	describe.each(POLLERS)('polled by %s, when Airbyte is slow', (poller) => {
		// What a poll without items remembers is kept by the process, or n8n would have each read the same again.
		test('and has much that is not watched: polls get through to what is, each in its time', async () => {
			const [watched, other] = [connection(), connection()];
			const watch = { connectionIds: `${watched},${other}` };
			const trigger = new ActiveTrigger(fixture.credential(), watch, poller);
			await trigger.activate();
			for (let index = 0; index < 350; index++) job(index);
			pass(10 * MINUTE);
			const timeline = timelines.succeedsAfter(1);
			const { jobId } = fixture.airbyte.startJob(watched, { timeline });
			pass(MINUTE);
			answerSlowly();
			expect(await pollsUntil(trigger, 1)).toBeLessThanOrEqual(5);
			expect(trigger.jobIds).toEqual([jobId]);
		});

		// Of two lists, what is new in one waits for what is old in the other.
		test('and has much that was seen, in two lists: polls get through both, each in its time', async () => {
			const failing = (at: number) => ({ timeline: timelines.failsAfter(Math.max(at, 0)) });
			for (let index = 0; index < 250; index++) {
				job(-index);
				job(-index, failing(-index));
			}
			const watch = { events: ['succeeded', 'failed'] };
			const trigger = new ActiveTrigger(fixture.credential(), watch, poller);
			await trigger.activate();
			const ids = [];
			for (let index = 1; index <= 60; index++) ids.push(job(index), job(index, failing(index)));
			pass(2 * MINUTE);
			answerSlowly();
			expect(await pollsUntil(trigger, 120)).toBeLessThanOrEqual(8);
			expect(trigger.jobIds).toEqual(ids);
		});
	});

	test.each([429, 503])(
		'when a %d puts a poll off for an hour: it waits for seconds',
		async (status) => {
			const trigger = await activeTrigger();
			const jobId = job(30);
			pass(MINUTE);
			const headers = { 'Retry-After': '3600' };
			fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'status', status, headers });
			const began = fixture.time.shared.now();
			await trigger.poll();
			expect(trigger.jobIds).toEqual([jobId]);
			expect(fixture.time.shared.now() - began).toBeLessThanOrEqual(15_000);
		},
	);

	// Such a row is missing from what could be read of a page, which must not pass for a short, and so the last, page.
	test('when each page has a row that is no job: those behind it are read', async () => {
		job(-60);
		const trigger = await activeTrigger();
		const ids = Array.from({ length: 250 }, (_, index) => job(index));
		fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'oddRow', times: Infinity });
		pass(5 * MINUTE);
		// The rows that are spoiled are that of the old job, and those that repeat the last row of the page before.
		await minutes(2, trigger);
		expect(trigger.jobIds).toEqual(ids);
	});

	test('when a poll takes longer than the time to the next one, which leaves it alone', async () => {
		const trigger = await activeTrigger();
		const ids = [job(10), job(20)];
		pass(MINUTE);
		fixture.airbyte.faults.add({
			route: 'GET /connections/{connectionId}',
			kind: 'delay',
			ms: 300,
		});
		fixture.airbyte.audit.reset();
		await Promise.all([trigger.poll(), trigger.poll(), trigger.poll()]);
		expect(trigger.executions).toHaveLength(1);
		expect(listings()).toBe(1);
		await trigger.poll();
		expect(trigger.jobIds).toEqual(ids);
		expect(listings()).toBe(2);
	});

	test('when a poll hangs, as where n8n cannot read the credential, and goes on after the next one', async () => {
		const credential = fixture.credential();
		const trigger = new ActiveTrigger(credential);
		await trigger.activate();
		const first = job(30);
		pass(MINUTE);
		const read = credential.getDecrypted.bind(credential);
		let mend = () => {};
		const mended = new Promise<void>((resolve) => (mend = resolve));
		let hanging: Promise<void> | undefined;
		await new Promise<void>((hangs) => {
			let reads = 0;
			// First it is read for the address, then for the call.
			credential.getDecrypted = async () => {
				reads += 1;
				if (reads === 2) hangs();
				if (reads === 2) await mended;
				return await read();
			};
			hanging = trigger.poll();
		});
		pass(MINUTE);
		await trigger.poll();
		expect(trigger.jobIds).toEqual([]);
		pass(5 * MINUTE);
		await trigger.poll();
		expect(trigger.jobIds).toEqual([first]);
		mend();
		await hanging;
		const second = job(30);
		pass(MINUTE);
		await trigger.poll();
		expect(trigger.jobIds).toEqual([first, second]);
	});

	test.each(POLLERS)(
		'polled by %s, when details take so long that n8n would give the poll up',
		async (poller) => {
			const trigger = new ActiveTrigger(fixture.credential(), {}, poller);
			await trigger.activate();
			const ids = Array.from({ length: 150 }, (_, index) => job(index));
			pass(HOUR);
			fixture.time.slowDown('GET /connections/{connectionId}', 3_000);
			expect(await pollsUntil(trigger, ids.length)).toBe(1);
			expect(trigger.jobIds).toEqual(ids);
			expect(trigger.items[0]).toHaveProperty('jobUrl');
			expect(trigger.items[149]).not.toHaveProperty('jobUrl');
		},
	);

	test('when a call would outlast the time that n8n gives a poll', async () => {
		const trigger = new ActiveTrigger(fixture.credential(), {}, 'scheduler');
		await trigger.activate();
		const jobId = job(10);
		pass(MINUTE);
		fixture.time.slowDown('GET /jobs', 20_000);
		fixture.time.slowDown('GET /connections/{connectionId}', 29_000);
		expect(await pollsUntil(trigger, 1)).toBe(1);
		expect(trigger.jobIds).toEqual([jobId]);
	});

	test.each(POLLERS)(
		'polled by %s, when it ends between publishing and the next poll',
		async (poller) => {
			job(-3_600);
			const trigger = new ActiveTrigger(fixture.credential(), {}, poller);
			await trigger.activate();
			const jobId = job(30);
			await minutes(2, trigger);
			expect(trigger.jobIds).toEqual([jobId]);
		},
	);

	test.each(POLLERS)('polled by %s, over kill -9 and restarts', async (poller) => {
		const trigger = new ActiveTrigger(fixture.credential(), {}, poller);
		await trigger.activate();
		await minutes(1, trigger);
		const ids = [];
		for (let round = 0; round < 5; round++) {
			ids.push(job(30), job(70));
			await minutes(2, trigger);
			ids.push(job(30));
			pass(HOUR);
			await trigger.killAndRestart();
		}
		await minutes(1, trigger);
		expect(trigger.jobIds).toEqual(ids);
	});

	test.each([
		['an hour behind', -HOUR],
		['a day ahead', DAY],
		['a year behind', -365 * DAY],
	])("when n8n's clock is %s", async (_what, skew) => {
		// The fixture puts the clock right again.
		clock.now = () => fixture.time.shared.now() + skew;
		job(-60);
		const trigger = await activeTrigger();
		const jobId = job(30);
		await minutes(15, trigger);
		expect(trigger.jobIds).toEqual([jobId]);
	});

	test('when a poll is answered badly once: it tries again', async () => {
		const trigger = await activeTrigger();
		const jobId = job(30);
		pass(MINUTE);
		fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'status', status: 503, times: 2 });
		await trigger.poll();
		expect(trigger.jobIds).toEqual([jobId]);
	});

	test('when what is nice to know cannot be had', async () => {
		const trigger = await activeTrigger();
		const jobId = job(30);
		pass(MINUTE);
		fixture.airbyte.faults.add({
			route: 'GET /connections/{connectionId}',
			kind: 'status',
			status: 403,
		});
		await trigger.poll();
		expect(trigger.items).toMatchObject([{ jobId, status: 'succeeded', rowsSynced: 5 }]);
		expect(trigger.items[0]).not.toHaveProperty('jobUrl');
	});

	// On Cloud it is at an address of its own, which a company's firewall may not know.
	test('when only the configuration API is away: names and links are there', async () => {
		const trigger = await activeTrigger();
		job(10, { timeline: timelines.failsAfter(10) });
		job(20, { timeline: timelines.failsAfter(20) });
		pass(MINUTE);
		const route = 'POST /api/v1/jobs/get_without_logs';
		fixture.airbyte.faults.add({ route, kind: 'reset', times: Infinity });
		await trigger.poll();
		expect(trigger.items).toMatchObject([
			{ jobUrl: expect.any(String) },
			{ jobUrl: expect.any(String) },
		]);
		expect(fixture.airbyte.audit.count(route)).toBe(1);
	});

	test('when Airbyte is too busy for what is nice to know, and is left alone with it', async () => {
		const trigger = await activeTrigger();
		const ids = [job(10), job(20), job(30)];
		pass(MINUTE);
		const route = 'GET /connections/{connectionId}';
		fixture.airbyte.faults.add({ route, kind: 'status', status: 503, times: 9 });
		await trigger.poll();
		expect(trigger.jobIds).toEqual(ids);
		expect(fixture.airbyte.audit.count(route)).toBe(1);
	});
});

describe('activation', () => {
	test('fires nothing old, however much there is', async () => {
		for (let index = 0; index < 130; index++) job(-index);
		const trigger = await activeTrigger();
		await minutes(15, trigger);
		expect(trigger.items).toEqual([]);
	});

	test('fires a job that ran already and finishes later', async () => {
		const jobId = job(600);
		const trigger = await activeTrigger();
		await minutes(12, trigger);
		expect(trigger.jobIds).toEqual([jobId]);
	});

	test('with an Airbyte that is away fails in plain words', async () => {
		await fixture.airbyte.goDown();
		await expect(newTrigger().activate()).rejects.toMatchObject({
			message: expect.stringContaining('The connection was refused: no connection to'),
			description: expect.stringContaining("Check the 'Server URL'"),
		});
	});

	test('with wrong secrets fails, and does not tell them', async () => {
		const credential = fixture.credential({ clientSecret: 'not-the-secret' });
		const fault = await new ActiveTrigger(credential).activate().then(String, (error) => error);
		expect(fault.message).toContain('client ID and secret');
		expect(JSON.stringify(fault) + fault.message + fault.stack).not.toContain('not-the-secret');
	});

	test.each<[string, (connectionId: string) => INodeParameters]>([
		['another connection', (id) => ({ connectionIds: id })],
		['other events', () => ({ events: ['failed', 'succeeded'] })],
		['other types', () => ({ events: ['failed'], jobTypes: ['sync', 'clear'] })],
	])('with %s starts afresh, also after weeks without a job', async (_what, parameters) => {
		const trigger = await activeTrigger({ events: ['failed'] });
		const watched = connection();
		fixture.airbyte.startJob(watched, { timeline: timelines.failsAfter(1) });
		job(20);
		pass(20 * DAY);
		trigger.parameters = parameters(watched);
		await trigger.activate('update');
		expect(trigger.items).toEqual([]);
		const { jobId } = fixture.airbyte.startJob(watched, { timeline: timelines.failsAfter(1) });
		await minutes(2, trigger);
		expect(trigger.jobIds).toEqual([jobId]);
	});

	test('after a time without goes on where it stopped', async () => {
		const trigger = await activeTrigger();
		const { jobId } = fixture.airbyte.startJob(connection(), { timeline: timelines.failsAfter(1) });
		pass(24 * HOUR);
		await trigger.activate();
		expect(trigger.jobIds).toEqual([jobId]);
	});

	test('with a type by its other name goes on where it was', async () => {
		const trigger = await activeTrigger({ jobTypes: '={{ ["reset", "sync"] }}' });
		const jobId = job(5);
		pass(HOUR);
		trigger.parameters = { jobTypes: ['clear', 'sync'] };
		await trigger.activate('update');
		expect(trigger.jobIds).toEqual([jobId]);
	});

	test('with fields that mean the same goes on where it was', async () => {
		const [a, b] = [connection(), connection()];
		const trigger = await activeTrigger({ connectionIds: `${a},${b}` });
		const { jobId } = fixture.airbyte.startJob(b, { timeline: timelines.failsAfter(1) });
		pass(HOUR);
		trigger.parameters = { connectionIds: `${b} ${a.toUpperCase()}` };
		await trigger.activate('update');
		expect(trigger.jobIds).toEqual([jobId]);
	});
});

describe('only what is asked for:', () => {
	const { succeedsAfter, failsAfter, cancelledAfter } = timelines;

	async function firedBy(parameters: (ids: string[]) => object): Promise<number[]> {
		const [a, b] = [connection(), connection()];
		const other = fixture.airbyte.addWorkspace().workspaceId;
		const c = fixture.airbyte.addConnection({ workspaceId: other }).connectionId;
		const trigger = await activeTrigger(parameters([a, b, c, other]));
		const run = (id: string, timeline = succeedsAfter(5), jobType = 'sync' as 'sync') => {
			fixture.airbyte.startJob(id, { timeline, jobType });
			pass(10_000);
		};
		run(a); // 1
		run(b); // 2
		run(c); // 3
		run(a, failsAfter(5)); // 4
		run(b, cancelledAfter(5)); // 5
		run(a, succeedsAfter(5), 'reset' as never); // 6
		run(b, succeedsAfter(5), 'clear' as never); // 7
		run(c, succeedsAfter(5), 'refresh' as never); // 8
		await minutes(2, trigger);
		return trigger.jobIds;
	}

	test.each<[string, (ids: string[]) => object, number[]]>([
		['by default syncs and refreshes, however they ended', () => ({}), [1, 2, 3, 4, 5, 8]],
		['failed', () => ({ events: ['failed'] }), [4]],
		['failed or cancelled', () => ({ events: ['failed', 'cancelled'] }), [4, 5]],
		['one connection', ([a]) => ({ connectionIds: a }), [1, 4]],
		['two connections', ([a, , c]) => ({ connectionIds: `${a}, ${c}` }), [1, 3, 4, 8]],
		['a list of them', ([a, , c]) => ({ connectionIds: [a, c] as never }), [1, 3, 4, 8]],
		[
			'text that an expression gives',
			([a, , c]) => ({ connectionIds: `={{ ["${a}", "http://x/connections/${c}"].join(", ") }}` }),
			[1, 3, 4, 8],
		],
		[
			'a list that an expression gives',
			([a, , c]) => ({ connectionIds: `={{ ["${a}", "http://x/connections/${c}"] }}` }),
			[1, 3, 4, 8],
		],
		['in capitals', ([a]) => ({ connectionIds: a.toUpperCase() }), [1, 4]],
		[
			'addresses of pages',
			([a, b]) => ({
				connectionIds: `https://x.io/workspaces/w/connections/${a}/status\nhttp://x/connections/${b}`,
			}),
			[1, 2, 4, 5],
		],
		['a workspace', ([, , , other]) => ({ workspaceId: other }), [3, 8]],
		[
			"a workspace's address and a connection of it",
			([, , c, other]) => ({
				workspaceId: `https://x.io/workspaces/${other}/connections`,
				connectionIds: c,
			}),
			[3, 8],
		],
		['clear, which is reset', () => ({ jobTypes: ['clear'] }), [6, 7]],
		['reset, which is clear', () => ({ jobTypes: '={{ "reset" }}' as never }), [6, 7]],
		['refresh', () => ({ jobTypes: ['refresh'] }), [8]],
		['an expression', () => ({ events: '={{ ["cancelled"] }}' as never }), [5]],
	])('%s', async (_what, parameters, expected) => {
		expect(await firedBy(parameters)).toEqual(expected);
	});

	test.each([
		[{ connectionIds: 'abc' }, `'Connection Names or IDs' has something that is not an ID: "abc"`],
		[{ workspaceId: 'abc' }, `'Workspace ID' has something that is not an ID`],
		[{ events: [] }, "'Events' is empty"],
		[{ events: ['done'] }, `'Events' has no choice "done"`],
		[{ jobTypes: [] }, "'Job Types' is empty"],
		[{ connectionIds: '={{ $vars.watched }}' }, "'Connection Names or IDs' comes out as nothing"],
		[{ connectionIds: '={{ [] }}' }, "'Connection Names or IDs' comes out as nothing"],
		[{ workspaceId: '={{ $vars.workspace }}' }, "'Workspace ID' comes out as nothing"],
	])('%j is refused before anything is sent', async (parameters, words) => {
		await expect(newTrigger(parameters).activate()).rejects.toThrow(words);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});

	describe.each([['user'], ['instanceAdmin']] as const)(
		'an ID that does not exist, as %s,',
		(role) => {
			const site = Fixture.forEachTest({ role });

			test.each([
				['connectionIds', 'Connection Names or IDs', 'connection'],
				['workspaceId', 'Workspace ID', 'workspace'],
			])('in %s is told when the workflow is published', async (parameter, field, what) => {
				// As Airbyte answers an instance admin, who may see all there is.
				const empty = { kind: 'status', status: 200, body: { data: [] } } as const;
				site.airbyte.faults.add({ route: 'GET /jobs', ...empty, times: Infinity });
				const id = '00000000-0000-4000-8000-000000000000';
				const trigger = newTrigger({ [parameter]: id }, site);
				const told = {
					message: expect.stringContaining(`while reading ${what} ${id}`),
					description: expect.stringContaining(`'${field}'`),
				};
				await expect(trigger.activate()).rejects.toMatchObject({
					...told,
					failure: { cause: 'configuration-invalid' },
				});
				await expect(trigger.test()).rejects.toMatchObject(told);
			});
		},
	);

	test('a connection that is not in the workspace is told, as no job of it would fire', async () => {
		const connectionIds = connection();
		const { workspaceId } = fixture.airbyte.addWorkspace();
		await expect(newTrigger({ connectionIds, workspaceId }).activate()).rejects.toMatchObject({
			message: `Connection ${connectionIds} is not in the workspace that 'Workspace ID' names`,
		});
	});

	test('a connection that takes Airbyte too long to show keeps nothing from being published', async () => {
		const connectionIds = connection();
		fixture.time.slowDown('GET /connections/{connectionId}', 40_000);
		await activeTrigger({ connectionIds });
	});

	test('a connection that is deleted later is no error', async () => {
		const connectionIds = connection();
		const trigger = await activeTrigger({ connectionIds });
		fixture.airbyte.updateConnection(connectionIds, { status: 'deprecated' });
		await minutes(2, trigger);
		expect(trigger.items).toEqual([]);
	});
});

describe("a failed poll tells n8n's durable poller whether it may pass by itself:", () => {
	test.each([
		[{ status: 503 }, { cause: 'temporarily-unavailable' }],
		[{ status: 502, body: 'Bad gateway' }, { cause: 'temporarily-unavailable' }],
		[
			{ status: 429, headers: { 'Retry-After': '90' } },
			{ cause: 'rate-limited', retryAfterMs: 90_000 },
		],
		[{ status: 403 }, { cause: 'configuration-invalid' }],
	])('%j', async (answer, failure) => {
		const trigger = await activeTrigger();
		fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'status', ...answer, times: Infinity });
		await expect(trigger.poll()).rejects.toMatchObject({ failure });
	});

	test('an Airbyte that is away', async () => {
		const trigger = await activeTrigger();
		await fixture.airbyte.goDown();
		await expect(trigger.poll()).rejects.toMatchObject({
			failure: { cause: 'temporarily-unavailable' },
		});
	});

	test('a wrong secret', async () => {
		const credential = fixture.credential({ clientSecret: 'not-the-secret' });
		await expect(new ActiveTrigger(credential).activate()).rejects.toMatchObject({
			failure: { cause: 'credential-invalid' },
		});
	});
});

describe('an installation whose lists tell no rows and bytes', () => {
	const frugal = Fixture.forEachTest({ listsTellStatistics: false, version: '2.0.0' });

	test('is asked for each job', async () => {
		const trigger = await activeTrigger({}, frugal);
		job(10, {}, frugal);
		frugal.time.shared.advance(MINUTE);
		await trigger.poll();
		expect(trigger.items).toMatchObject([{ status: 'succeeded', rowsSynced: 5 }]);
	});
});

describe('events that are rare', () => {
	const rare = { events: ['failed', 'cancelled'] };

	/** The only failure is a month ago, and there have been that many successes since. */
	function aMonthOfSuccesses(): void {
		job(-30 * 86_400, { timeline: timelines.failsAfter(0) });
		for (let index = 1; index <= 1_000; index++) job(-index * 2_592);
	}

	test('cost few calls, whatever else happened since the last one', async () => {
		aMonthOfSuccesses();
		const trigger = await activeTrigger(rare);
		expect(listings()).toBeLessThanOrEqual(5);
		await minutes(3, trigger);
		expect(listings()).toBeLessThanOrEqual(11);
		expect(trigger.items).toEqual([]);
	});

	test('are told once, also when n8n remembers nothing but the one before', async () => {
		const trigger = await activeTrigger(rare);
		const first = job(10, { timeline: timelines.failsAfter(10) });
		await minutes(1, trigger);
		for (let day = 0; day < 30; day++) {
			pass(DAY);
			for (let index = 0; index < 20; index++) job(-index * 60);
		}
		const second = job(20, { timeline: timelines.cancelledAfter(20) });
		pass(MINUTE);
		fixture.airbyte.audit.reset();
		await trigger.killAndRestart();
		expect(trigger.jobIds).toEqual([first, second]);
		expect(listings()).toBeLessThanOrEqual(3);
	});
});

test('an Airbyte that is overloaded is told with what makes the trigger ask less often', async () => {
	fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'status', status: 429, times: Infinity });
	await expect(activeTrigger()).rejects.toMatchObject({
		description: expect.stringContaining("Poll less often ('Poll Times')"),
	});
});

test('what answers in place of Airbyte is told with no field that the trigger lacks', async () => {
	fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'router', times: Infinity });
	const fault = await activeTrigger().then(String, (error) => error);
	expect(fault.description).toContain("Check 'Server URL' in the credential");
	expect(fault.description).not.toContain("'API Version'");
});

describe('a test run', () => {
	test('shows the newest job that would have fired, and leaves the trigger as it is', async () => {
		const trigger = await activeTrigger({ events: ['failed', 'succeeded'] });
		job(1);
		const newest = job(2, { timeline: timelines.failsAfter(2) });
		job(3, { timeline: timelines.cancelledAfter(3) });
		job(DAY);
		pass(MINUTE);
		const before = trigger.staticData;
		expect(await trigger.test()).toMatchObject([{ jobId: newest, status: 'failed' }]);
		expect(trigger.staticData).toBe(before);
		await trigger.activate();
		expect(trigger.executions).toMatchObject([[{ status: 'succeeded' }, { jobId: newest }]]);
	});

	describe('behind more than a page of others', () => {
		const daysAgo = (days: number, rest: object = {}) => job(-days * 86_400, rest);
		beforeEach(() => {
			for (let index = 0; index < 110; index++) job(-index);
		});

		test('shows the newest of several connections', async () => {
			const ids = [daysAgo(3), daysAgo(2), daysAgo(4)];
			const connectionIds = ids.map((id) => fixture.airbyte.job(id)!.connectionId) as never;
			expect(await newTrigger({ connectionIds }).test()).toMatchObject([{ jobId: ids[1] }]);
		});

		test.each(['clear', 'reset'] as const)('shows a %s', async (jobType) => {
			const jobId = daysAgo(1, { jobType });
			expect(await newTrigger({ jobTypes: ['clear'] }).test()).toMatchObject([{ jobId }]);
		});

		test('says in time that there is none, however slow Airbyte is', async () => {
			const connectionIds = [connection(), connection()] as never;
			answerSlowly();
			const began = fixture.time.shared.now();
			await expect(newTrigger({ connectionIds }).test()).rejects.toThrow('No finished job');
			expect(fixture.time.shared.now() - began).toBeLessThan(2 * MINUTE);
		});
	});

	test('says so when there is none', async () => {
		job(DAY);
		await expect(newTrigger().test()).rejects.toMatchObject({
			message: 'No finished job was found to show as a sample',
			description: expect.stringContaining("'Events'"),
		});
		expect(listings()).toBe(3);
	});
});

test.each([
	[['failed', 'cancelled'], 'failed, cancelled'],
	['={{ "failed" }}', 'failed'],
	['={{ ["failed"] }}', 'failed'],
])('the subtitle tells the events %j', async (events, subtitle) => {
	const trigger = newTrigger({ events: events as never });
	expect(await trigger.subtitle()).toBe(subtitle);
});
