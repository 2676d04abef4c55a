/** The chaos run (`scripts/chaos`): its judge, who has to notice what is wrong. */
import type { Claim } from '../../../scripts/chaos/claims.cts';
import { planRuns } from '../../../scripts/chaos/plan.cts';
import { isGood, tableOf } from '../../../scripts/chaos/report.cts';
import type { ExecutionRecord, JobRecord, RunRecord } from '../../../scripts/chaos/verdict.cts';
import { judge, judgeSync } from '../../../scripts/chaos/verdict.cts';

const options = {
	onActiveJob: 'attach',
	cancelOnTimeout: true,
	cancelOnStop: true,
	batchSize: 10,
	retries: 0,
};
const run = { ...planRuns(1, 1)[0], timeout: 10, options } as RunRecord['run'];

function execution(claim: Claim, changes: Partial<ExecutionRecord> = {}): ExecutionRecord {
	return {
		...{ id: '1', askedAt: 0, endedAt: 60_000, status: 'success' },
		...{ lost: false, stopped: false, parked: false, claims: [claim] },
		...changes,
	};
}

const crashed = (changes: Partial<ExecutionRecord> = {}) =>
	execution({ is: 'nothing' }, { status: 'crashed', lost: true, ...changes });

function job(jobId: number, changes: Partial<JobRecord> = {}): JobRecord {
	return {
		...{ jobId, origin: 'api', status: 'succeeded', createdAt: 1_000, endedAt: 50_000 },
		...{ rows: 5, cancelled: false },
		...changes,
	} as JobRecord;
}

const record = (executions: ExecutionRecord[], jobs: JobRecord[]): RunRecord => ({
	run,
	executions,
	jobs: [jobs],
});

function faults(
	executions: ExecutionRecord[],
	jobs: JobRecord[],
	changes: object = {},
	mainRestarts: number[] = [],
): string[] {
	const one = { ...record(executions, jobs), run: { ...run, ...changes } };
	return judgeSync(one, 0, mainRestarts).map(({ fault, what }) => `${fault}: ${what}`);
}

const succeeded: Claim = { is: 'succeeded', jobId: 1, rows: 5 };

test('a sync that ended as reported is all right', () => {
	expect(faults([execution(succeeded)], [job(1)])).toEqual([]);
});

describe('doubled', () => {
	test('two jobs for one sync', () => {
		const jobs = [job(1), job(2, { createdAt: 51_000, endedAt: 55_000 })];
		expect(faults([execution(succeeded)], jobs)).toEqual([
			'doubled: job 2 is number 2, asked for 1 times',
		]);
	});

	test('not a retry, but one more than those', () => {
		const jobs = [1, 2, 3].map((id) =>
			job(id, { createdAt: id * 1_000, endedAt: id * 1_000 + 500 }),
		);
		const found = faults([execution({ ...succeeded, jobId: 3 })], jobs, {
			options: { ...options, retries: 1 },
		});
		expect(found).toEqual(['doubled: job 3 is number 3, asked for 2 times']);
	});

	test("not somebody else's job", () => {
		const others = job(2, { origin: 'schedule', createdAt: 0, endedAt: 500 });
		expect(faults([execution(succeeded)], [others, job(1)])).toEqual([]);
	});

	test('not the job of a workflow that is run again after the first job has ended', () => {
		const again = execution({ ...succeeded, jobId: 2 }, { id: '2', askedAt: 70_000 });
		const jobs = [job(1), job(2, { createdAt: 71_000, endedAt: 80_000 })];
		expect(faults([crashed(), { ...again, endedAt: 81_000 }], jobs)).toEqual([]);
	});

	test('two jobs before the workflow is run again', () => {
		const again = execution({ ...succeeded, jobId: 2 }, { id: '2', askedAt: 70_000 });
		const jobs = [job(1), job(2, { createdAt: 51_000, endedAt: 65_000 })];
		expect(faults([crashed(), again], jobs)).toEqual([
			'doubled: job 2 is number 2, asked for 1 times',
		]);
	});
});

describe('lost', () => {
	test.each([
		['never taken on', [], 'lost: n8n never took it on'],
		[
			'never ended',
			[execution(succeeded, { endedAt: undefined, status: 'waiting' })],
			"lost: execution 1 is 'waiting' for ever",
		],
		['crashed again and again', [crashed()], "lost: execution 1 is 'crashed', as all before it"],
		[
			'without a word',
			[execution({ is: 'nothing' })],
			"lost: execution 1 is 'success' and says nothing of it",
		],
	])('%s', (_, executions, fault) => {
		expect(faults(executions, [])).toEqual([fault]);
	});

	test('not if the error says why there is no job', () => {
		const said = execution({ is: 'gave up', text: 'no', jobIds: [] }, { status: 'error' });
		expect(faults([said], [])).toEqual([]);
	});
});

describe('orphaned', () => {
	const running = job(1, { status: 'running', endedAt: undefined });
	const stopped = execution({ is: 'nothing' }, { status: 'canceled', stopped: true });

	test('a job that runs on after a stop', () => {
		expect(faults([stopped], [running])).toEqual([
			"orphaned: job 1 is 'running' after execution 1 ended",
		]);
	});

	test('a job that ended by itself, much later', () => {
		expect(faults([stopped], [job(1, { endedAt: 261_000 })])).toHaveLength(1);
	});

	test("not one that was cancelled in time, nor one that 'Cancel On Stop' leaves alone", () => {
		expect(faults([stopped], [job(1, { status: 'cancelled', endedAt: 180_000 })])).toEqual([]);
		const leaving = { options: { ...options, cancelOnStop: false } };
		expect(faults([stopped], [running], leaving)).toEqual([]);
	});

	test('not one that the error names', () => {
		const late: Claim = { is: 'timed out', jobId: 1, cancelled: false };
		expect(faults([execution(late, { status: 'error' })], [running])).toEqual([]);
	});

	test('the job of an execution that n8n lost and that nobody mentions', () => {
		const said = execution({ is: 'gave up', text: 'no', jobIds: [] }, { id: '2', askedAt: 70_000 });
		expect(faults([crashed(), said], [running])).toEqual([
			"orphaned: job 1 is 'running' after execution 2 ended",
		]);
	});
});

describe('a stop that n8n does not pass on', () => {
	const looking = job(1, { status: 'running', endedAt: undefined, lookedAt: 200_000 });
	const stopped = execution({ is: 'nothing' }, { status: 'canceled', stopped: true });

	test('is none of the node, and told apart', () => {
		expect(faults([stopped], [looking], {}, [30_000])).toEqual([]);
		expect(judge([record([stopped], [looking])], [30_000]).unheard).toEqual([
			{ run: run.name, way: run.way, execution: '1' },
		]);
	});

	test.each<[string, ExecutionRecord, JobRecord, number[]]>([
		['main was not started again meanwhile', stopped, looking, [-1, 60_001]],
		['the node has stopped looking', stopped, { ...looking, lookedAt: 61_000 }, [30_000]],
		['the execution had been parked', { ...stopped, parked: true }, looking, [30_000]],
	])('is no excuse if %s', (_, ended, running, mainRestarts) => {
		expect(faults([ended], [running], {}, mainRestarts)).toHaveLength(1);
	});
});

describe('wrongly reported', () => {
	test.each<[string, Claim, JobRecord, string]>([
		['success for a failure', succeeded, job(1, { status: 'failed' }), "it is 'failed'"],
		['failure for a success', { is: 'failed', jobId: 1 }, job(1), "it is 'succeeded'"],
		['success of a job that runs', succeeded, job(1, { status: 'running' }), "it is 'running'"],
		['wrong rows', succeeded, job(1, { rows: 6 }), 'it moved 6 rows'],
		['no rows', { ...succeeded, rows: null }, job(1, { rows: 6 }), 'it moved 6 rows'],
		['a foreign job', { ...succeeded, jobId: 9 }, job(1), 'that is no job of its connection'],
		[
			'a timeout too early',
			{ is: 'timed out', jobId: 1, cancelled: true },
			job(1, { status: 'cancelled', endedAt: 6_000 }),
			'it ended after 5 s',
		],
		[
			'a cancel that was none',
			{ is: 'timed out', jobId: 1, cancelled: true },
			job(1, { status: 'failed' }),
			"it is 'failed'",
		],
		['its own job in the way', { is: 'busy', jobId: 1 }, job(1), 'that is its own'],
		[
			'a job that had ended in the way',
			{ is: 'busy', jobId: 1 },
			job(1, { origin: 'schedule', createdAt: -9, endedAt: -5 }),
			'it had ended before',
		],
		['nothing started', { is: 'not started' }, job(1), 'job 1 was started'],
		['giving up', { is: 'gave up', text: 'no', jobIds: [1] }, job(1), 'job 1 was started'],
	])('%s', (_, claim, truth, but) => {
		const found = faults([execution(claim)], [truth]);
		expect(found).toEqual([expect.stringMatching(/^wrongly reported: execution 1 says '/)]);
		expect(found[0]).toContain(`, but ${but}`);
	});

	test('not a list of other items, which has no rows', () => {
		expect(faults([execution({ is: 'succeeded', jobId: 1 })], [job(1)])).toEqual([]);
	});

	test("a cancel of somebody else's job", () => {
		const others = job(1, { origin: 'schedule', status: 'cancelled', cancelled: true });
		const said = execution({ is: 'cancelled', jobId: 1 });
		expect(faults([said], [others])).toEqual([
			'wrongly reported: job 1 of somebody else was cancelled',
		]);
	});

	test('an execution that is stopped although nobody asked for it', () => {
		expect(faults([execution(succeeded, { status: 'canceled' })], [job(1)])).toHaveLength(1);
	});
});

test('the table counts each kind, and all has to have been started', () => {
	const bad = record([crashed(), execution({ is: 'failed', jobId: 1 }, { id: '2' })], [job(1)]);
	const good = record([execution(succeeded)], [job(1)]);
	const verdict = judge([good, bad], []);
	expect(tableOf(verdict)).toBe(
		[
			'| started | doubled | lost | orphaned | wrongly reported | crashed and run again | stops unheard |',
			'| ------: | ------: | ---: | -------: | ---------------: | --------------------: | ------------: |',
			'|       2 |       0 |    0 |        0 |                1 |                     1 |             0 |',
		].join('\n'),
	);
	expect(verdict.ends).toEqual(
		new Map([
			['succeeded', 1],
			['failed', 1],
		]),
	);
	expect(isGood(verdict, { syncs: 2, seed: 1 })).toBe(false);
	expect(isGood(judge([good], []), { syncs: 1, seed: 1 })).toBe(true);
	expect(isGood(judge([good], []), { syncs: 2, seed: 1 })).toBe(false);
});
