/** The alarm clocks of a parked execution, in virtual time on n8n's engine. */
import Fastify, { type FastifyInstance } from 'fastify';
import { parse, stringify } from 'flatted';

import type { WorkflowExecuteMode } from 'n8n-workflow';
import { createRunExecutionData } from 'n8n-workflow';

import { timelines } from '../../simulator/index.cts';
import type { StoredCredential } from './harness/credentials.cts';
import { Fixture } from './harness/fixture.cts';
import { StoredExecutions } from './harness/storedExecutions.cts';

jest.setTimeout(60_000);

const HOUR = 3_600_000;
/** The execution id that the engine harness gives. */
const PARENT = '1';
const fixture = Fixture.forEachTest();

/** Stands in for n8n's resume URL: tells what a look at a running job tells, and counts. */
let n8n: FastifyInstance;
let calls: number[];
let answer: { status: number; body: unknown };
let credential: StoredCredential;
let clocks: StoredExecutions;

beforeEach(async () => {
	calls = [];
	answer = { status: 200, body: { resumed: false, done: false, jobs: [], cancelOnStop: [1] } };
	n8n = Fastify();
	n8n.post('/webhook-waiting/:id', async (_request, reply) => {
		calls.push(fixture.time.shared.now());
		return await reply.status(answer.status).send(answer.body);
	});
	await n8n.listen({ host: '127.0.0.1', port: 0 });
	credential = fixture.credential();
	clocks = new StoredExecutions(credential);
});

afterEach(async () => await n8n.close());

async function park(
	parameters = {},
	jobs = timelines.runsForever(),
	mode: WorkflowExecuteMode = 'webhook',
) {
	const { connectionId } = fixture.airbyte.addConnection({ jobs });
	const address = n8n.server.address();
	const port = typeof address === 'object' ? address?.port : undefined;
	const result = await fixture.sync(
		connectionId,
		{ mode: 'deferrable', timeout: 172_800, ...parameters },
		{
			credential,
			mode,
			additionalData: {
				...clocks.additionalData,
				webhookWaitingBaseUrl: `http://127.0.0.1:${port}/webhook-waiting`,
			},
		},
	);
	clocks.keep(PARENT, result.data);
	// One was to see whether the URL can be called at all.
	calls = [];
	fixture.airbyte.audit.reset();
	return result;
}

/** The moments of the looks at the job since the execution was parked. */
const looks = () =>
	fixture.airbyte.audit.calls
		.filter(({ route, status }) => route === 'GET /jobs/{jobId}' && status === 200)
		.map(({ at }) => at);

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
	const end = fixture.time.shared.now() + milliseconds;
	for (let due = clocks.next(); due && due.at + late <= end; due = clocks.next()) {
		fixture.time.shared.set(Math.max(due.at + late, fixture.time.shared.now()));
		await clocks.wake(due.id);
	}
	fixture.time.shared.set(end);
}

/** Killed while they ring: n8n marks them as crashed and never wakes them again. */
function kill(...ids: string[]): void {
	for (const id of ids) {
		const stored = clocks.byId.get(id);
		if (!stored) throw new Error(`There is no clock ${id}`);
		stored.waitTill = undefined;
		const data = parse(stored.data) as object;
		stored.data = stringify({ ...data, waitTill: undefined });
	}
}

const alive = () => [...clocks.byId.values()].filter(({ waitTill }) => waitTill);

test('the execution parks without a date that could wake it', async () => {
	const { status } = await park();
	expect(status).toBe('waiting');
	expect(clocks.byId.size).toBe(4);
});

test('in the first half hour it is looked about twice a minute, by the two clocks in turns', async () => {
	await park();
	const parkedAt = fixture.time.shared.now();
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
	const endsAt = fixture.time.shared.now() + 600_000;
	await passTime(endsAt - fixture.time.shared.now() - 5_000);
	expect(calls).toEqual([]);
	expect(looks().length).toBeGreaterThan(15);
	await passTime(40_000);
	expect(calls[0] - endsAt).toBeLessThan(34_000);
});

test.each([
	['manual', 'news'],
	['webhook', 'none'],
] as const)('started by %s, a change of status is %s', async (mode, news) => {
	const jobs = timelines.pendingThen(600, timelines.runsForever());
	await park({}, jobs, mode);
	await passTime(HOUR / 8);
	expect(calls).toEqual([]);
	await passTime(HOUR / 8);
	expect(calls.length > 0).toBe(news === 'news');
});

test('where one look after the other fails, the webhook sees to it', async () => {
	await park();
	letLooksFail();
	await passTime(HOUR / 4);
	expect(calls.length).toBeGreaterThan(20);
	expect(alive()).toHaveLength(3);
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
	const stored = [...clocks.byId.values()].reduce((sum, { data }) => sum + data.length, 0);
	expect(stored).toBeLessThan(200_000);
}, 120_000);

test('a clock that was killed is started anew by the other one', async () => {
	await park();
	await passTime(HOUR);
	kill('child-1');
	await passTime(HOUR / 2);
	expect(alive()).toHaveLength(3);
	const before = looks().length;
	await passTime(HOUR);
	// Every 97 to 160 s at this age; one clock alone would manage half of that.
	expect(looks().length - before).toBeGreaterThan(25);
});

test('a kill of both clocks at the same moment is healed within half an hour by the spare one', async () => {
	await park();
	await passTime(HOUR / 4);
	kill('child-1', 'child-2');
	expect(alive()).toHaveLength(1);
	const killedAt = fixture.time.shared.now();
	const before = looks().length;
	await passTime(HOUR / 2);
	expect(looks()[before] - killedAt).toBeLessThan(HOUR / 2);
	expect(alive()).toHaveLength(3);
	await passTime(HOUR);
	expect(alive()).toHaveLength(3);
});

test.each([1, 2, 3])(
	'clock %i is started anew once, whoever of the others sees it',
	async (rank) => {
		await park();
		await passTime(HOUR / 4);
		kill(`child-${rank}`);
		await passTime(2 * HOUR);
		expect(alive()).toHaveLength(3);
		expect(clocks.byId.size).toBe(5);
	},
);

test('after an outage, at which all are late, none takes another one for dead', async () => {
	await park();
	await passTime(HOUR / 4);
	fixture.time.shared.advance(HOUR);
	await passTime(HOUR);
	expect(clocks.byId.size).toBe(4);
	expect(alive()).toHaveLength(3);
});

test('the clocks end when the wait is over', async () => {
	await park({}, timelines.succeedsAfter(3_600));
	await passTime(HOUR);
	answer = { status: 200, body: { resumed: true, done: true, jobs: [], cancelOnStop: [] } };
	// n8n may have failed to resume the execution: they go on until its record says that it waits no longer.
	await passTime(HOUR / 4);
	expect(alive()).toHaveLength(3);
	clocks.keep(PARENT, createRunExecutionData());
	await passTime(HOUR);
	expect(clocks.next()).toBeUndefined();
});

test('the clocks of a wait that ends with its first look end, too', async () => {
	await park({}, timelines.succeedsAfter(10));
	answer = { status: 200, body: { resumed: true, done: true, jobs: [], cancelOnStop: [] } };
	await passTime(HOUR / 30);
	expect(calls).toHaveLength(2);
	clocks.keep(PARENT, createRunExecutionData());
	await passTime(HOUR / 2);
	expect(clocks.next()).toBeUndefined();
});

test('while the resumed execution goes on for long, no result is brought another way', async () => {
	await park({}, timelines.succeedsAfter(10));
	answer = { status: 409, body: { code: 409, message: 'The execution "1" is running already.' } };
	await passTime(HOUR);
	expect(calls.length).toBeGreaterThan(10);
	expect(clocks.byId.size).toBe(4);
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
	const other = new StoredExecutions(credential);
	const next = await fixture.sync(
		connectionId,
		{ mode: 'deferrable' },
		{ credential, additionalData: other.additionalData },
	);
	clocks.keep(PARENT, next.data);
	const before = looks().length;
	await passTime(HOUR / 2);
	expect(looks().length).toBe(before);
	expect(clocks.next()).toBeUndefined();
	expect(fixture.airbyte.audit.cancels).toEqual([]);
});

test("n8n's start page is not taken for the end, nor for a result", async () => {
	await park();
	letLooksFail();
	answer = { status: 404, body: '<!DOCTYPE html><title>n8n</title>Cannot POST' };
	await passTime(HOUR);
	expect(calls.length).toBeGreaterThan(50);
	expect(alive()).toHaveLength(3);
	expect(fixture.airbyte.audit.cancels).toEqual([]);
});

test('an execution that was deleted: its job is cancelled, the clocks end', async () => {
	await park();
	clocks.byId.delete(PARENT);
	answer = { status: 404, body: { code: 404, message: 'The execution "1" does not exist.' } };
	await passTime(HOUR);
	expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	expect(clocks.next()).toBeUndefined();
});

test('the signature of the resume URL is in nothing that a clock stores', async () => {
	const { data } = await park();
	await passTime(HOUR);
	const { resumeToken } = data as { resumeToken?: string };
	expect(resumeToken).toMatch(/^.{16,}$/);
	clocks.byId.delete(PARENT);
	for (const { data: stored } of clocks.byId.values()) expect(stored).not.toContain(resumeToken);
});

describe('an n8n that cannot call its own resume URL', () => {
	const unreachable = { status: 502, body: '<html>Bad gateway</html>' };

	test('is told what to set; the clocks look themselves and send the result when the job has ended', async () => {
		answer = unreachable;
		const { data } = await park({}, timelines.succeedsAfter(600, { rows: 7 }));
		expect(JSON.stringify(data.resultData.runData)).toContain('Set WEBHOOK_URL');
		await passTime(HOUR / 4);
		expect(alive()).toHaveLength(1);
		// Nobody resumes the parent here, so that each clock sends the result, and ends.
		const messengers = [...clocks.byId.values()].filter(({ data: stored }) =>
			stored.includes('Deliver'),
		);
		expect(messengers).toHaveLength(2);
		for (const messenger of messengers) expect(messenger.data).toContain('"rowsSynced":7');
	});
});

describe('an n8n whose database does not take the wait', () => {
	const options = { mode: 'deferrable' };

	test('waits in the execution, and gives the same', async () => {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: timelines.succeedsAfter(600, { rows: 7 }),
		});
		const executeWorkflow = async () => {
			throw new Error('Connection terminated unexpectedly');
		};
		const { status, items } = await fixture.sync(connectionId, options, {
			additionalData: { executeWorkflow },
		});
		expect(status).toBe('success');
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', rowsSynced: 7 }]);
	});

	test('does so, too, where one clock was stored and the others were not; that one ends', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(600) });
		const { executeWorkflow } = clocks.additionalData;
		let started = 0;
		const { status } = await fixture.sync(connectionId, options, {
			credential,
			additionalData: {
				...clocks.additionalData,
				executeWorkflow: async (...call) => {
					started += 1;
					if (started > 1) throw new Error('Connection terminated unexpectedly');
					return await executeWorkflow!(...call);
				},
			},
		});
		expect(status).toBe('success');
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		expect(alive()).toHaveLength(1);
		clocks.keep(PARENT, createRunExecutionData());
		await passTime(HOUR / 30);
		expect(clocks.next()).toBeUndefined();
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});

	test('does so, too, where a clock was started but not stored', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.failsAfter(600) });
		const { status, error } = await fixture.sync(connectionId, options, {
			additionalData: {
				executeWorkflow: async () => ({ executionId: 'child', data: [null] }),
				getRunExecutionData: async () => createRunExecutionData(),
			},
		});
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
