/** The alarm clocks of a parked execution, in virtual time on n8n's engine. */
import { stringify } from 'flatted';

import type { IRunExecutionData, WorkflowExecuteMode } from 'n8n-workflow';
import { WAIT_INDEFINITELY, createRunExecutionData } from 'n8n-workflow';

import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';

jest.setTimeout(60_000);

const HOUR = 3_600_000;
const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

/** Execution ids: of the one that waits, and of the clocks that it has set. */
let parent: string;
let first: string[];
let parkedAt: number;

const now = () => fixture.time.shared.now();

async function park(
	parameters = {},
	jobs = timelines.runsForever(),
	mode: WorkflowExecuteMode = 'webhook',
) {
	const { connectionId } = fixture.airbyte.addConnection({ jobs });
	parkedAt = now();
	parent = deferred.start([connectionId], { timeout: 172_800, ...parameters }, { mode });
	await passTime(1_000);
	first = [...deferred.n8n.executions.keys()].filter((id) => id !== parent);
	// One was to see whether the URL can be called at all.
	calls().length = 0;
	fixture.airbyte.audit.reset();
}

/** When the resume URL was called since the execution was parked. */
const calls = () => deferred.n8n.callTimes;

/** The moments of the looks at the job since then. */
const looks = () =>
	fixture.airbyte.audit.calls
		.filter(({ route, status }) => route === 'GET /jobs/{jobId}' && status === 200)
		.map(({ at }) => at);

/** A proxy, or n8n itself, answers calls of the resume URL like this; the node does not hear of them. */
function answerCalls(status: number, body: unknown): void {
	deferred.n8n.proxy = () => ({ status, body });
}

function letLooksFail(): void {
	fixture.airbyte.faults.add({
		route: 'GET /jobs/{jobId}',
		kind: 'status',
		status: 502,
		times: Infinity,
	});
}

/** Lets n8n wake what is due, late by so many milliseconds, until then. */
async function passTime(milliseconds: number, late = 0): Promise<void> {
	const end = now() + milliseconds;
	deferred.n8n.lateness = late;
	await deferred.n8n.comesToRest(end);
	fixture.time.shared.set(end);
}

/** What n8n's database has of the execution from now on, whatever has become of it. */
function keep(data: IRunExecutionData): void {
	deferred.n8n.get(parent).data = stringify(data);
}

/** Those that n8n will wake again. */
const clocks = () =>
	[...deferred.n8n.executions].filter(([id, { waitTill }]) => id !== parent && waitTill);

test('the execution parks without a date that could wake it', async () => {
	await park();
	const { status, waitTill } = deferred.n8n.get(parent);
	expect(status).toBe('waiting');
	expect(waitTill).toEqual(WAIT_INDEFINITELY);
	expect(clocks()).toHaveLength(3);
});

test('in the first half hour it is looked about twice a minute, by the two clocks in turns', async () => {
	await park();
	await passTime(HOUR / 2);
	expect(looks().length).toBeGreaterThan(50);
	expect(looks()[0] - parkedAt).toBe(62_000);
	const gaps = looks()
		.slice(1)
		.map((at, index) => at - looks()[index]);
	expect(Math.min(...gaps)).toBeGreaterThanOrEqual(31_000);
	expect(Math.max(...gaps)).toBeLessThan(33_000);
});

test('the resume URL is called for news only, and then at once', async () => {
	await park({}, timelines.succeedsAfter(600));
	const endsAt = parkedAt + 600_000;
	await passTime(endsAt - now() - 5_000);
	expect(calls()).toEqual([]);
	expect(looks().length).toBeGreaterThan(15);
	await passTime(40_000);
	expect(calls()[0] - endsAt).toBeLessThan(34_000);
	expect(deferred.n8n.get(parent).status).toBe('success');
});

test.each([
	['manual', 'news'],
	['webhook', 'none'],
] as const)('started by %s, a change of status is %s', async (mode, news) => {
	const jobs = timelines.pendingThen(600, timelines.runsForever());
	await park({}, jobs, mode);
	await passTime(HOUR / 8);
	expect(calls()).toEqual([]);
	await passTime(HOUR / 8);
	expect(calls().length > 0).toBe(news === 'news');
});

test('where one look after the other fails, the webhook sees to it', async () => {
	await park();
	letLooksFail();
	await passTime(HOUR / 4);
	expect(calls().length).toBeGreaterThan(20);
	expect(clocks()).toHaveLength(3);
});

test('clocks that n8n wakes late let n8n rest, for a while after it wakes them in time again', async () => {
	await park();
	const looksIn = async (milliseconds: number, late = 0) => {
		const before = looks().length;
		await passTime(milliseconds, late);
		return looks().length - before;
	};
	await passTime(HOUR / 8);
	// Every 31 s in turns, when n8n is in time.
	expect(await looksIn(310_000)).toBe(10);
	const whenLate = await looksIn(310_000, 1_600);
	expect(whenLate).toBeGreaterThan(3);
	expect(whenLate).toBeLessThan(8);
	expect(await looksIn(62_000)).toBeLessThan(2);
	await passTime(HOUR / 10);
	// Of an older job, looks come more seldom.
	expect(await looksIn(310_000)).toBeGreaterThan(8);
});

test('24 hours cost fewer than 400 looks, and what the clocks store stays under 200 kB', async () => {
	await park();
	await passTime(24 * HOUR);
	expect(looks().length).toBeGreaterThan(200);
	expect(looks().length).toBeLessThan(400);
	const stored = clocks().reduce((sum, [, { data }]) => sum + data.length, 0);
	expect(stored).toBeLessThan(200_000);
}, 120_000);

test('a clock that was killed is started anew by the other one', async () => {
	await park();
	await passTime(HOUR);
	deferred.n8n.crash(first[0]);
	await passTime(HOUR / 2);
	expect(clocks()).toHaveLength(3);
	const before = looks().length;
	await passTime(HOUR);
	// Every 97 to 160 s at this age; one clock alone would manage half of that.
	expect(looks().length - before).toBeGreaterThan(25);
});

test('a kill of both clocks at the same moment is healed within half an hour by the spare one', async () => {
	await park();
	await passTime(HOUR / 4);
	deferred.n8n.crash(first[0]);
	deferred.n8n.crash(first[1]);
	expect(clocks()).toHaveLength(1);
	const killedAt = now();
	const before = looks().length;
	await passTime(HOUR / 2);
	expect(looks()[before] - killedAt).toBeLessThan(HOUR / 2);
	expect(clocks()).toHaveLength(3);
	await passTime(HOUR);
	expect(clocks()).toHaveLength(3);
});

test.each([1, 2, 3])(
	'clock %i is started anew once, whoever of the others sees it',
	async (rank) => {
		await park();
		await passTime(HOUR / 4);
		deferred.n8n.crash(first[rank - 1]);
		await passTime(2 * HOUR);
		expect(clocks()).toHaveLength(3);
		expect(deferred.n8n.executions.size).toBe(5);
	},
);

test('after an outage, at which all are late, none takes another one for dead', async () => {
	await park();
	await passTime(HOUR / 4);
	fixture.time.shared.advance(HOUR);
	await passTime(HOUR);
	expect(deferred.n8n.executions.size).toBe(4);
	expect(clocks()).toHaveLength(3);
});

test('the clocks end when the wait is over', async () => {
	await park({}, timelines.succeedsAfter(3_600));
	await passTime(HOUR - 1_000);
	answerCalls(200, { resumed: true, done: true, jobs: [], cancelOnStop: [] });
	// n8n may have failed to resume the execution: they go on until its record says that it waits no longer.
	await passTime(HOUR / 4);
	expect(clocks()).toHaveLength(3);
	keep(createRunExecutionData());
	await passTime(HOUR);
	expect(clocks()).toEqual([]);
});

test('the clocks of a wait that ends with its first look end, too', async () => {
	await park({}, timelines.succeedsAfter(10));
	answerCalls(200, { resumed: true, done: true, jobs: [], cancelOnStop: [] });
	await passTime(HOUR / 30);
	expect(calls()).toHaveLength(2);
	keep(createRunExecutionData());
	await passTime(HOUR / 2);
	expect(clocks()).toEqual([]);
});

test('while the resumed execution goes on for long, no result is brought another way', async () => {
	await park({}, timelines.succeedsAfter(10));
	answerCalls(409, { code: 409, message: `The execution "${parent}" is running already.` });
	await passTime(HOUR);
	expect(calls().length).toBeGreaterThan(10);
	// It is told so ever more seldom: it may have crashed, and never will.
	expect(calls().length).toBeLessThan(40);
	expect(deferred.n8n.executions.size).toBe(4);
});

test('a clock that n8n wakes a second late takes its turns all the same', async () => {
	await park();
	await passTime(HOUR / 4, 1_000);
	expect(looks().length).toBeGreaterThan(24);
});

test("a wait's clocks end when another node of the execution waits, and leave that one alone", async () => {
	await park();
	await passTime(HOUR / 4);
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const other = deferred.start([connectionId]);
	await passTime(1_000);
	keep(deferred.n8n.data(other));
	// It was only for what n8n stores of such a wait.
	const { executions } = deferred.n8n;
	for (const id of executions.keys()) if (![parent, ...first].includes(id)) executions.delete(id);
	const before = looks().length;
	await passTime(HOUR / 2);
	expect(looks().length).toBe(before);
	expect(clocks()).toEqual([]);
	expect(fixture.airbyte.audit.cancels).toEqual([]);
});

test("n8n's start page is not taken for the end, nor for a result", async () => {
	await park();
	letLooksFail();
	answerCalls(404, '<!DOCTYPE html><title>n8n</title>Cannot POST');
	await passTime(HOUR);
	expect(calls().length).toBeGreaterThan(50);
	expect(clocks()).toHaveLength(3);
	expect(fixture.airbyte.audit.cancels).toEqual([]);
});

test('an execution that was deleted: its job is cancelled, the clocks end', async () => {
	await park();
	deferred.n8n.delete(parent);
	await passTime(HOUR);
	expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	expect(clocks()).toEqual([]);
});

test('the signature of the resume URL is in nothing that a clock stores', async () => {
	await park();
	await passTime(HOUR);
	const { resumeToken } = deferred.n8n.data(parent) as { resumeToken?: string };
	expect(resumeToken).toMatch(/^.{16,}$/);
	for (const [, { data }] of clocks()) expect(data).not.toContain(resumeToken);
});

describe('an n8n whose database does not take the wait', () => {
	const start = (jobs: Timeline) =>
		deferred.start([fixture.airbyte.addConnection({ jobs }).connectionId]);

	test('waits in the execution, and gives the same', async () => {
		deferred.n8n.room = 0;
		const { items } = await deferred.endOf(start(timelines.succeedsAfter(600, { rows: 7 })));
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', rowsSynced: 7 }]);
	});

	test('does so, too, where one clock was stored and the others were not; that one ends', async () => {
		deferred.n8n.room = 1;
		const { status } = await deferred.endOf(start(timelines.succeedsAfter(600)));
		expect(status).toBe('success');
		expect(deferred.n8n.executions.size).toBe(2);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});

	test('does so, too, where a clock was started but not stored', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.failsAfter(600) });
		const { status, error } = await fixture.sync(
			connectionId,
			{ mode: 'deferrable' },
			{
				additionalData: {
					executeWorkflow: async () => ({ executionId: 'child', data: [null] }),
					getRunExecutionData: async () => createRunExecutionData(),
				},
			},
		);
		expect(status).toBe('error');
		expect(error?.message).toBe('Airbyte job 1 failed');
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});
});

describe('an n8n that lacks what the mode needs', () => {
	test('is told before anything is started, with the version and the modes that work', async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		// Before resume URLs were signed they had no token.
		const { error } = await fixture.sync(connectionId, { mode: 'deferrable' }, { resumeToken: '' });
		expect(error?.message).toBe('The deferrable mode needs a newer n8n');
		expect(error?.description).toMatch(/n8n 2\.41 .*'Synchronous' or 'Asynchronous'/);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});
});
