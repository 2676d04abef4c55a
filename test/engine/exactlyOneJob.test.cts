/**
 * Rule 1: one job an item. Whatever happens to the submission, Airbyte ends up with exactly one job,
 * and the node with its result.
 */
import type { INodeParameters } from 'n8n-workflow';

import { timeouts } from '../../nodes/airbyte/api/call';
import type { FaultEffect, NewConnection } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';
import { goesTo } from './harness/routes.cts';
import { axiosOfN8n } from './harness/virtualTime.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);
const { deadAs, failsAfter, queuedThen, runsForever, succeedsAfter } = timelines;
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
	['answers 408 before it took effect', { kind: 'empty', status: 408, when: 'before' }],
	['answers 408 after it took effect', { kind: 'empty', status: 408, when: 'after' }],
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

test('a connection that became unreachable after the submission was sent may have started a job', async () => {
	const { AxiosError, interceptors } = axiosOfN8n();
	let isBroken = false;
	const breaking = interceptors.response.use((answer) => {
		if (isBroken || !goesTo('POST /jobs', answer.config)) return answer;
		isBroken = true;
		const code = 'EHOSTUNREACH';
		const cause = Object.assign(new Error(`read ${code}`), { code, syscall: 'read' });
		throw Object.assign(AxiosError.from(cause, code, answer.config, answer.request), { cause });
	});
	const { connectionId } = fixture.airbyte.addConnection({ jobs: succeedsAfter(30) });
	const { items } = await fixture.sync(connectionId, { options: { onActiveJob: 'queue' } });
	interceptors.response.eject(breaking);
	expect(isBroken).toBe(true);
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	expect(items).toMatchObject([{ jobId: 1, attached: false }]);
});

test('a short job that is over before the search is found all the same', async () => {
	const { connectionId } = fixture.airbyte.addConnection({
		jobs: timelines.succeedsAfter(1, { rows: 4 }),
	});
	fixture.loseStart({ status: 502, times: 4 });
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
	fixture.loseStart({ status: 503, times: Infinity });
	const { error } = await fixture.sync(connectionId, { timeout: 600 });
	expect(error?.description).toContain('not known whether Airbyte started the sync');
	expect(fixture.airbyte.audit.count('POST /jobs')).toBe(1);
});

/** Airbyte may carry out later what it did not answer for in time; what runs meanwhile may be real, or dead. */
describe.each(['synchronous', 'deferrable'])(
	'another job is listed as the start is asked for, %s',
	(mode) => {
		const DAY = 24 * 3_600;

		/** A connection whose first job, of somebody else, began so many seconds ago. */
		function busy(age: number, connection: NewConnection): string {
			const { connectionId } = fixture.airbyte.addConnection(connection);
			fixture.airbyte.startJob(connectionId);
			fixture.time.shared.advance(age * 1_000);
			return connectionId;
		}

		const run = async (connectionId: string, parameters: INodeParameters) =>
			await deferred.syncIn(mode, connectionId, parameters);

		function othersStart(connectionId: string, seconds: number): void {
			fixture.time.at(fixture.time.shared.now() + seconds * 1_000, async () => {
				fixture.airbyte.startJob(connectionId);
			});
		}

		const cancelled = () =>
			fixture.airbyte.audit.cancels.map(({ cancelledJobId }) => cancelledJobId);

		/** Airbyte's workers are away for a while: it takes the request, and starts the job when they are back. */
		const late = { answer: 'conflict', takes: 100, jobAfter: 150 } as const;

		test.each(['attach', 'queue'])(
			'a dead one, %s: our late job is waited for',
			async (onActiveJob) => {
				const jobs = [deadAs('running'), succeedsAfter(30, { rows: 7 })];
				const connectionId = busy(DAY, { jobs, starts: [late] });
				const { items } = await run(connectionId, { options: { onActiveJob } });
				expect(items).toMatchObject([{ jobId: 2, rowsSynced: 7, attached: false }]);
				expect(fixture.airbyte.audit.count('POST /jobs')).toBe(1);
			},
		);

		test('a dead one: our late job is cancelled with the wait', async () => {
			const connectionId = busy(DAY, { jobs: [deadAs('running'), runsForever()], starts: [late] });
			const { error } = await run(connectionId, { timeout: 600 });
			expect(error?.message).toBe('Airbyte job 2 did not end within 600 seconds and was cancelled');
			expect(cancelled()).toEqual([2]);
		});

		test('a dead one that ends by itself is told of as it ended', async () => {
			const starts = [{ answer: 'conflict', takes: 100 }] as const;
			const jobs = [failsAfter(DAY + 400), runsForever()];
			const { error } = await run(busy(DAY, { jobs, starts: [...starts] }), {});
			expect(error?.message).toBe('Airbyte job 1 failed');
			expect(fixture.airbyte.jobs().length).toBe(1);
		});

		const mayCome = 'Airbyte may still start the sync that was asked for: check connection';

		test.each([
			['fail', 'is running on'],
			['attach', 'did not end within 300 seconds'],
			['queue', 'was still running on'],
			['replace', 'could not be cancelled'],
		])('%s: it is not said that nothing was started', async (onActiveJob, message) => {
			const jobs = [deadAs('running'), succeedsAfter(30)];
			const connectionId = busy(DAY, { jobs, starts: [{ ...late, jobAfter: DAY }] });
			const parameters = { timeout: 300, options: { onActiveJob } };
			const { error } = await run(connectionId, parameters);
			expect(error?.message).toContain(message);
			expect(error?.description).toContain(mayCome);
			expect(error?.description).not.toContain('Nothing was started');
		});

		test('nor where there is no room any more', async () => {
			const starts = [{ ...late, jobAfter: DAY }];
			const { connectionId } = fixture.airbyte.addConnection({ starts });
			fixture.time.at(fixture.time.shared.now() + 30_000, async () => {
				const elsewhere = fixture.airbyte.addConnection({ jobs: runsForever() });
				fixture.airbyte.startJob(elsewhere.connectionId);
			});
			const options = { maximumRunningJobs: 1 };
			const { error } = await run(connectionId, { timeout: 300, options });
			expect(error?.message).toContain('Other jobs were still running in the workspace');
			expect(error?.description).toContain(mayCome);
			expect(error?.description).not.toContain('Nothing was started');
		});

		test.each(['skip', 'fail'])(
			'%s: our job is waited for if it comes in a minute',
			async (onActiveJob) => {
				const jobs = [deadAs('running'), succeedsAfter(30)];
				const connectionId = busy(DAY, { jobs, starts: [late] });
				const { items } = await run(connectionId, { options: { onActiveJob } });
				expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', attached: false }]);
			},
		);

		test('queue: once it has ended, what the schedule starts is not ours', async () => {
			const jobs = [queuedThen(7_200, succeedsAfter(600)), succeedsAfter(900), succeedsAfter(30)];
			const connectionId = busy(70, { jobs });
			othersStart(connectionId, 7_200 + 600 - 70 + 1);
			const { items } = await run(connectionId, {
				timeout: 9_000,
				options: { onActiveJob: 'queue' },
			});
			expect(items).toMatchObject([{ jobId: 3, attached: false }]);
		});

		test('a retry attaches to what the schedule has started, and leaves it alone', async () => {
			const jobs = [queuedThen(7_200, failsAfter(600)), runsForever()];
			const connectionId = busy(70, { jobs });
			othersStart(connectionId, 7_200 + 600 + 200);
			const { error } = await run(connectionId, { timeout: 9_000, options: { retries: 1 } });
			expect(error?.description).toContain('This node did not start it');
			expect(cancelled()).toEqual([]);
		});

		test('behind a gateway that does not wait for the answer, it is believed in the end', async () => {
			const jobs = [queuedThen(1_200, succeedsAfter(100))];
			const connectionId = busy(70, { jobs });
			fixture.airbyte.faults.add({
				...{ route: 'POST /jobs', kind: 'status', status: 504, when: 'after', seconds: 1_100 },
			});
			const { items } = await run(connectionId, {});
			expect(items).toMatchObject([{ jobId: 1, attached: true, status: 'succeeded' }]);
		});

		test('a clear that came in between: our late job is known after it', async () => {
			const starts = [{ answer: 'conflict', takes: 60, jobAfter: 171 }] as const;
			const jobs = [succeedsAfter(100), succeedsAfter(100, { rows: 2 }), succeedsAfter(100)];
			const { connectionId } = fixture.airbyte.addConnection({ jobs, starts: [...starts] });
			fixture.time.at(fixture.time.shared.now() + 70_000, async () => {
				fixture.airbyte.startJob(connectionId, { jobType: 'reset' });
			});
			const { items } = await run(connectionId, { options: { onActiveJob: 'queue' } });
			expect(items).toMatchObject([{ jobId: 2, rowsSynced: 2 }]);
		});
	},
);

test('where another job had the item skipped, a hint says that ours may still come', async () => {
	const starts = [{ answer: 'conflict', takes: 100, jobAfter: 3_600 }] as const;
	const jobs = [deadAs('running'), succeedsAfter(30)];
	const { connectionId } = fixture.airbyte.addConnection({ jobs, starts: [...starts] });
	fixture.airbyte.startJob(connectionId);
	fixture.time.shared.advance(3_600_000);
	const { items, data } = await fixture.sync(connectionId, { options: { onActiveJob: 'skip' } });
	expect(items).toMatchObject([{ skipped: true, reason: 'running' }]);
	expect(JSON.stringify(data.resultData)).toContain(
		'Airbyte may still start what was asked for: check connection',
	);
});
