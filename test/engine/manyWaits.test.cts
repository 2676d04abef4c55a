/** Many deferred waits of a process: what one list of Airbyte's tells, and what comes of it where it does not. */
import type { INodeParameters, WorkflowExecuteMode } from 'n8n-workflow';

import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';

const { failsAfter, runsForever, succeedsAfter } = timelines;

const MINUTE = 60_000;

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const passTime = async (milliseconds: number) => await deferred.passTime(milliseconds);

/** An execution for each job; gives their ids, once all wait. */
async function wait(
	jobs: Timeline[],
	parameters: INodeParameters = {},
	mode: WorkflowExecuteMode = 'webhook',
): Promise<string[]> {
	const credential = fixture.credential();
	const ids = jobs.map((one) => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: one });
		return deferred.start([connectionId], parameters, { credential, mode });
	});
	await passTime(2_000);
	return ids;
}

const many = (count: number, job: (at: number) => Timeline) =>
	Array.from({ length: count }, (_, at) => job(at));

function calls(): { looks: number; lists: number } {
	const { audit } = fixture.airbyte;
	return { looks: audit.count('GET /jobs/{jobId}'), lists: audit.count('GET /jobs') };
}

/** How often jobs were looked at, and lists read, within a time from now on. */
async function callsWithin(milliseconds: number): Promise<{ looks: number; lists: number }> {
	const before = calls();
	await passTime(milliseconds);
	const { looks, lists } = calls();
	return { looks: looks - before.looks, lists: lists - before.lists };
}

/** By how much each execution ended later than its job, in their order. */
async function delays(ids: string[]): Promise<number[]> {
	const found: number[] = [];
	for (const id of ids) {
		const { items, at } = await deferred.endOf(id);
		found.push(at - fixture.airbyte.job(Number(items[0].jobId))!.updatedAt);
	}
	return found;
}

const refuseLists = () =>
	fixture.airbyte.faults.add({ route: 'GET /jobs', kind: 'status', status: 403, times: 1e9 });

test('one list every few seconds tells of all, and each job is looked at by itself once a minute', async () => {
	await wait(many(30, () => runsForever()));
	await passTime(MINUTE);
	const { looks, lists } = await callsWithin(2 * MINUTE);
	expect(lists).toBeGreaterThanOrEqual(120 / 6);
	expect(lists).toBeLessThanOrEqual(120 / 3);
	expect(looks).toBeGreaterThanOrEqual(60);
	expect(looks).toBeLessThanOrEqual(80);
});

test('the end of each is noticed as soon as the list tells of it', async () => {
	const ids = await wait(many(30, (at) => succeedsAfter(100 + 3 * at)));
	expect(Math.max(...(await delays(ids)))).toBeLessThan(6_000);
});

test('a failure is, too', async () => {
	const jobs = [...many(12, () => runsForever()), failsAfter(100)];
	const failing = (await wait(jobs, { timeout: 300 })).at(-1)!;
	await passTime(106_000);
	expect(deferred.n8n.get(failing).status).toBe('error');
});

test('old jobs are looked at as soon as the list tells of them, and it is read as for a young one', async () => {
	const old = [...many(11, () => runsForever()), succeedsAfter(1_300)];
	const ids = await wait(old, { timeout: 10_000 });
	await passTime(1_200_000);
	const young = await wait([succeedsAfter(150)]);
	expect(Math.max(...(await delays([ids.at(-1)!, ...young])))).toBeLessThan(6_000);
});

test.each([
	['fewer than ten', 9, 'webhook'],
	['those that somebody watches in the editor', 12, 'manual'],
] as const)('%s are looked at as before', async (_, count, mode) => {
	await wait(
		many(count, () => runsForever()),
		{},
		mode,
	);
	await passTime(MINUTE);
	const { looks, lists } = await callsWithin(MINUTE);
	expect(lists).toBe(0);
	expect(looks).toBeGreaterThan(count * 10);
});

test('the list is read no more often than the one with the shortest pause is to be looked at', async () => {
	await wait(
		many(12, () => runsForever()),
		{ waitSeconds: 30 },
	);
	await passTime(MINUTE);
	expect((await callsWithin(2 * MINUTE)).lists).toBeLessThanOrEqual(4);
});

test('a list that takes Airbyte long is read in a tenth of the time', async () => {
	await wait(many(12, () => runsForever()));
	fixture.time.slowDown('GET /jobs', 2_000);
	await passTime(MINUTE);
	expect((await callsWithin(5 * MINUTE)).lists).toBeLessThanOrEqual(300 / 20);
});

test('where Airbyte refuses the list, each job is looked at as before', async () => {
	const ids = await wait(many(30, (at) => succeedsAfter(100 + 3 * at)));
	refuseLists();
	await passTime(MINUTE);
	const { looks, lists } = await callsWithin(30_000);
	expect(lists).toBeLessThanOrEqual(1);
	expect(looks).toBeGreaterThan(30 * 5);
	expect(Math.max(...(await delays(ids)))).toBeLessThan(10_000);
});

test('where Airbyte refuses the list, each of four hundred jobs is looked at every 18 seconds', async () => {
	const credential = fixture.credential();
	for (let execution = 0; execution < 4; execution += 1) {
		const ids = many(100, () => runsForever()).map(
			(jobs) => fixture.airbyte.addConnection({ jobs }).connectionId,
		);
		const options = { batchSize: 100, adaptivePolling: false };
		deferred.start(ids, { waitSeconds: 1, options }, { credential });
	}
	await passTime(5_000);
	refuseLists();
	await passTime(MINUTE);
	const { calls } = fixture.airbyte.audit;
	const before = calls.length;
	await passTime(50_000);
	const looks = calls.slice(before).filter(({ route }) => route === 'GET /jobs/{jobId}');
	const pauses = fixture.airbyte.jobs().map(({ jobId }) => {
		const [first, second] = looks.filter(({ path }) => path.endsWith(`/jobs/${jobId}`));
		return second.at - first.at;
	});
	expect(pauses).toHaveLength(400);
	expect(Math.min(...pauses)).toBeGreaterThanOrEqual(18_000);
	expect(Math.max(...pauses)).toBeLessThan(19_000);
});

test('where the list tells nothing, as with a wrong clock, each end is noticed within a minute or so', async () => {
	const ids = await wait(many(12, (at) => succeedsAfter(100 + 3 * at)));
	const nothing = { kind: 'status' as const, status: 200, body: { data: [] } };
	fixture.airbyte.faults.add({ route: 'GET /jobs', times: 1e9, ...nothing });
	expect(Math.max(...(await delays(ids)))).toBeLessThan(65_000);
});

test("a list of another connection's jobs, or of an older state of these, ends nothing", async () => {
	const ids = await wait(many(12, () => runsForever()));
	const rows = fixture.airbyte.jobs().map(({ jobId, connectionId }) => {
		const times = { startTime: '2026-01-05T03:00:00Z', lastUpdatedAt: '2026-01-05T03:01:00Z' };
		return { jobId, connectionId, jobType: 'sync', status: 'failed', ...times };
	});
	const lie = { kind: 'status' as const, status: 200, body: { data: rows } };
	fixture.airbyte.faults.add({ route: 'GET /jobs', times: 1e9, ...lie });
	const { looks } = await callsWithin(MINUTE);
	expect(ids.map((id) => deferred.n8n.get(id).status)).toEqual(ids.map(() => 'waiting'));
	expect(looks).toBeLessThanOrEqual(12 * 21);
});

test.each([
	['', () => {}],
	[', where no list tells', refuseLists],
])('a Timeout is noticed within five seconds%s', async (_, refuse) => {
	// So many that looks at one job are six seconds apart.
	await wait(many(100, () => runsForever()));
	const first = fixture.airbyte.jobs().length;
	for (const timeout of [100, 102, 104, 106, 108]) await wait([runsForever()], { timeout });
	refuse();
	await passTime(120_000);
	const ended = fixture.airbyte.jobs().slice(first);
	expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 'cancelled'));
	const lengths = ended.map(({ createdAt, updatedAt }) => updatedAt - createdAt);
	for (const [at, length] of lengths.entries()) expect(length).toBeLessThan(105_000 + 2_000 * at);
});

test('after a crash of n8n what has ended meanwhile is noticed as before', async () => {
	const ids = await wait(many(30, (at) => succeedsAfter(100 + 3 * at)));
	await passTime(90_000);
	await deferred.n8n.kill(20);
	expect(Math.max(...(await delays(ids)))).toBeLessThan(150_000);
});
