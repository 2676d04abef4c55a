/**
 * Rule 1: one job an item. Whatever happens to the submission, Airbyte ends up with exactly one job,
 * and the node with its result.
 */
import { timeouts } from '../../nodes/airbyte/api/call';
import type { FaultEffect } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const submitTimeout = timeouts.submit;

afterEach(() => {
	timeouts.submit = submitTimeout;
});

const conflict = {
	status: 409,
	type: 'https://reference.airbyte.com/reference/errors#409-state-conflict',
	title: 'state-conflict',
	data: { message: 'Could not fulfill request' },
};

/** Up to 2.0, of a job that has just been started, or is to be, or is not. */
const startRace = { ...conflict, data: { message: 'Job is not currently running' } };

const submissions: Array<[string, FaultEffect]> = [
	['times out before it took effect', { kind: 'hang', when: 'before' }],
	['times out after it took effect', { kind: 'hang', when: 'after' }],
	['answers 502 before it took effect', { kind: 'status', status: 502, when: 'before' }],
	['answers 502 after it took effect', { kind: 'html', status: 502, when: 'after' }],
	['answers 504 after it took effect', { kind: 'status', status: 504, when: 'after' }],
	['answers 500 after it took effect', { kind: 'status', status: 500, when: 'after' }],
	['is reset before it took effect', { kind: 'reset', when: 'before' }],
	['is reset after it took effect', { kind: 'reset', when: 'after' }],
	['is cut off in its answer', { kind: 'cut', when: 'after' }],
	['gets an empty answer after it took effect', { kind: 'empty', status: 200, when: 'after' }],
	['gets a web page after it took effect', { kind: 'html', status: 200, when: 'after' }],
	['answers 429', { kind: 'status', status: 429, when: 'before' }],
	['answers 503', { kind: 'status', status: 503, when: 'before' }],
	[
		'conflicts without a reason before it took effect',
		{ kind: 'status', status: 409, body: conflict, when: 'before' },
	],
	[
		'conflicts without a reason after it took effect',
		{ kind: 'status', status: 409, body: conflict, when: 'after' },
	],
	[
		'loses the start race of Airbyte 2.0 before it took effect',
		{ kind: 'status', status: 409, body: startRace, when: 'before' },
	],
	[
		'loses the start race of Airbyte 2.0 after it took effect',
		{ kind: 'status', status: 409, body: startRace, when: 'after' },
	],
	['meets an expired token', { kind: 'expireTokens', when: 'before' }],
];

describe.each([['synchronous'], ['asynchronous']])('%s', (mode) => {
	test.each(submissions)('a submission that %s gives exactly one job', async (_what, fault) => {
		timeouts.submit = 200;
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(300) });
		fixture.airbyte.faults.add({ route: 'POST /jobs', ...fault });
		const { items, error } = await fixture.sync(connectionId, { mode });
		expect(error).toBeUndefined();
		expect(items[0]).toMatchObject({ jobId: 1, attached: false });
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});
});

test.each<[string, FaultEffect]>([
	['of an unclear outcome', { kind: 'status', status: 500, when: 'before' }],
	['that lost the start race', { kind: 'status', status: 409, body: startRace, when: 'before' }],
])('a job that shows up late after a submission %s is found, not doubled', async (_what, fault) => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(300) });
	fixture.airbyte.faults.add({ route: 'POST /jobs', ...fault });
	const submittedAt = fixture.time.shared.now();
	fixture.airbyte.audit.onCall(({ route }) => {
		const late = fixture.time.shared.now() - submittedAt >= 40_000;
		if (route === 'GET /jobs' && late && fixture.airbyte.jobs(connectionId).length === 0) {
			fixture.airbyte.startJob(connectionId);
		}
	});
	const { items } = await fixture.sync(connectionId);
	expect(items[0]).toMatchObject({ jobId: 1, status: 'succeeded' });
	expect(fixture.airbyte.audit.count('POST /jobs')).toBe(1);
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
});

test('a short job that is over before the search is found all the same', async () => {
	const { connectionId } = fixture.airbyte.addConnection({
		jobs: timelines.succeedsAfter(1, { rows: 4 }),
	});
	fixture.airbyte.faults.add({ route: 'POST /jobs', kind: 'reset', when: 'after' });
	fixture.airbyte.faults.add({
		route: 'GET /jobs',
		kind: 'status',
		status: 502,
		skip: 1,
		times: 4,
	});
	const { items } = await fixture.sync(connectionId);
	expect(items[0]).toMatchObject({ jobId: 1, status: 'succeeded', rowsSynced: 4 });
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
});

test('old jobs of the connection are never taken for ours', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(10) });
	for (let day = 30; day > 0; day--) {
		const at = fixture.time.shared.now() - day * 86_400_000;
		fixture.airbyte.startJob(connectionId, { at });
	}
	fixture.airbyte.faults.add({ route: 'POST /jobs', kind: 'reset', when: 'before' });
	const { items } = await fixture.sync(connectionId);
	expect(items[0]).toMatchObject({ jobId: 31, status: 'succeeded' });
});

test('an Airbyte that fails every submission is given up on, in its words', async () => {
	const { connectionId } = fixture.airbyte.addConnection();
	fixture.airbyte.faults.add({
		route: 'POST /jobs',
		kind: 'status',
		status: 500,
		body: { message: 'disk full' },
		times: Infinity,
	});
	const { error } = await fixture.sync(connectionId);
	expect(error?.message).toContain('500');
	expect(error?.description).toContain('disk full');
	expect(fixture.airbyte.audit.count('POST /jobs')).toBe(3);
});

test('an Airbyte that is away when we look for the outcome: the error says that a job may be running', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.faults.add({ route: 'POST /jobs', kind: 'reset', when: 'after' });
	fixture.airbyte.faults.add({
		route: 'GET /jobs',
		kind: 'status',
		status: 503,
		skip: 1,
		times: Infinity,
	});
	const { error } = await fixture.sync(connectionId, { timeout: 600 });
	expect(error?.description).toContain('not known whether Airbyte started the job');
	expect(fixture.airbyte.audit.count('POST /jobs')).toBe(1);
});
