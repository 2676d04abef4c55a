import type { Job } from '../../nodes/airbyte/api/job';
import type { Problem } from '../../nodes/airbyte/api/problem';
import type { Order } from '../../nodes/airbyte/run/order';
import type { Result } from '../../nodes/airbyte/run/result';
import type { SyncRun } from '../../nodes/airbyte/run/run';
import { plan, settle } from '../../nodes/airbyte/run/run';
import { outputOf } from '../../nodes/airbyte/node/output';
import { failureOf } from '../../nodes/airbyte/node/failure';
import { starting, waiting } from './run/orders.cts';

const CONNECTION = starting.connectionId;
const URL = `https://airbyte.acme.com/w/${CONNECTION}`;
const PAGE = `${URL}/timeline?jobId=7`;

const followed: Order = {
	...waiting,
	kind: 'follow',
	jobId: 7,
	until: 'ended',
};

const awaited: Order = {
	...waiting,
	kind: 'await',
	connectionId: CONNECTION,
	after: 0,
	failOnFailure: true,
	until: 'ended',
};

const job = (status: string, jobType = 'sync'): Job => ({
	jobId: 7,
	status,
	jobType,
	connectionId: CONNECTION,
});

const problem: Problem = {
	kind: 'forbidden',
	message: 'Airbyte refused access (403)',
	description: 'Airbyte says: "no".',
	httpStatus: 403,
	passing: false,
	mayHaveArrived: false,
};

function settled(result: Result, changes: Partial<SyncRun> = {}): SyncRun {
	return {
		...settle(plan(starting), result),
		submissions: 1,
		connection: { connectionId: CONNECTION, name: 'Shop → Lake', url: URL },
		ours: true,
		...changes,
	};
}

const timedOutUncancelled: Result = {
	is: 'timedOut',
	job: job('running'),
	cancelled: false,
	inQueue: false,
};

describe('what came of a run, in words', () => {
	test.each<[string, Result, Partial<SyncRun>, string, string]>([
		[
			'the job failed',
			{ is: 'jobFailed', job: job('failed') },
			{},
			'Airbyte job 7 failed',
			`The sync of connection 'Shop → Lake' ended with status 'failed'. See the log on the job's page in Airbyte. Job 7: ${PAGE}`,
		],
		[
			'the job failed, and Airbyte tells why',
			{
				is: 'jobFailed',
				job: {
					...job('failed'),
					failure: { origin: 'source', type: 'config_error', message: 'Wrong password.' },
				},
			},
			{},
			'Airbyte job 7 failed',
			`The sync of connection 'Shop → Lake' ended with status 'failed'. Airbyte says that it failed in the source (config_error): "Wrong password". Check the settings of the connector in Airbyte; running it again before that does not help. Job 7: ${PAGE}`,
		],
		[
			'a job failed after another one had',
			{ is: 'jobFailed', job: { ...job('failed'), failure: { type: 'transient_error' } } },
			{ attempt: 2, earlier: [{ ...job('failed'), jobId: 5, failure: { message: 'Too slow' } }] },
			'Airbyte job 7 failed',
			`The sync of connection 'Shop → Lake' ended with status 'failed'. Airbyte says that it failed (transient_error). It may pass: run it again later. Tried before: job 5 failed ("Too slow"). Job 7: ${PAGE}`,
		],
		[
			'the job moved too few rows',
			{ is: 'tooFewRows', job: { ...job('succeeded'), rowsSynced: 0 } },
			{ order: { ...starting, minimumRows: 1 } },
			'Airbyte job 7 succeeded with fewer than 1 rows',
			`It moved 0 rows, which does not meet 'Minimum Rows'. Check the job in Airbyte: an attempt may have ended early. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'Airbyte tells of no rows at all',
			{ is: 'tooFewRows', job: job('succeeded') },
			{ order: { ...starting, minimumRows: 5 } },
			'Airbyte job 7 succeeded with fewer than 5 rows',
			`Airbyte reported no row count, so it does not meet 'Minimum Rows'. Check the job in Airbyte: an attempt may have ended early. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'too many rows were rejected',
			{ is: 'tooManyRejected', job: { ...job('succeeded'), rowsRejected: 25 } },
			{ order: { ...starting, maximumRejectedRows: 10 } },
			'Airbyte job 7 succeeded with more than 10 rejected rows',
			`The destination did not take 25 rows, which does not meet 'Maximum Rejected Rows'. See in the job's log in Airbyte what is wrong with them. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'it is not known how many were',
			{ is: 'tooManyRejected', job: job('succeeded') },
			{
				order: { ...starting, maximumRejectedRows: 10 },
				unserved: [{ what: 'rejected', why: 'Airbyte refused access (403)' }],
			},
			'Airbyte job 7 succeeded, but its rejected rows are not known',
			`There may be more than 'Maximum Rejected Rows' allows. Airbyte tells since 1.8, by its configuration API: update Airbyte, or remove the option. 'Maximum Rejected Rows' was not served: Airbyte refused access (403). Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'the job failed, and its log was read',
			{ is: 'jobFailed', job: { ...job('failed'), failure: { log: '1\n2\n3\n4\n5\n6' } } },
			{},
			'Airbyte job 7 failed',
			`The sync of connection 'Shop → Lake' ended with status 'failed'. Airbyte says that it failed. See the log on the job's page in Airbyte. Job 7: ${PAGE} The log ends with:\n2\n3\n4\n5\n6`,
		],
		[
			'the job failed, and its log was not told',
			{ is: 'jobFailed', job: job('failed') },
			{ unserved: [{ what: 'log', why: 'Airbyte does not tell' }] },
			'Airbyte job 7 failed',
			`The sync of connection 'Shop → Lake' ended with status 'failed'. See the log on the job's page in Airbyte. 'Log Lines' was not served: Airbyte does not tell. Job 7: ${PAGE}`,
		],
		[
			'Airbyte had no capacity',
			{ is: 'timedOut', job: job('cancelled'), cancelled: true, inQueue: true },
			{ order: { ...starting, queueTimeout: 60 } },
			'Airbyte had no capacity for job 7 within 60 seconds, and it was cancelled',
			`It stayed in the queue: too many jobs run at the same time for Airbyte's workers or your plan. Raise 'Queue Timeout', run fewer side by side, or give Airbyte more capacity. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			"Airbyte had no capacity for somebody else's job",
			{ is: 'timedOut', job: job('queued'), cancelled: false, inQueue: true },
			{ order: { ...starting, queueTimeout: 60 }, ours: false },
			'Airbyte had no capacity for job 7 within 60 seconds, and it may still start',
			`It stayed 'queued': too many jobs run at the same time for Airbyte's workers or your plan. Raise 'Queue Timeout', run fewer side by side, or give Airbyte more capacity. This node did not start it, so it was left alone. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'the end of another job was waited for in vain',
			{ is: 'busy', job: job('running'), waited: true },
			{ order: { ...starting, onActiveJob: 'queue' } },
			"A sync (job 7) was still running on connection 'Shop → Lake' after 900 seconds",
			`Nothing was started. Raise 'Timeout' to wait longer for the end of another job before starting one. Job 7: ${PAGE}`,
		],
		[
			'the job was cancelled',
			{ is: 'jobFailed', job: job('cancelled') },
			{},
			'Airbyte job 7 was cancelled',
			`It was cancelled in Airbyte, by Airbyte itself, which does that to jobs that wait in its queue for too long or whose connection is changed meanwhile, by a reset or clear of connection 'Shop → Lake', or by another n8n execution. Run it again if that was not intended. Job 7: ${PAGE}`,
		],
		[
			'the time was over and the job cancelled',
			{ is: 'timedOut', job: job('cancelled'), cancelled: true, inQueue: false },
			{},
			'Airbyte job 7 did not end within 900 seconds and was cancelled',
			`Raise 'Timeout' if the job needs longer. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'the time was over for a job of somebody else',
			{ is: 'timedOut', job: job('running'), cancelled: false, inQueue: false },
			{ ours: false },
			'Airbyte job 7 did not end within 900 seconds and may still be running',
			`Its last status is 'running'. This node did not start it, so it was left alone. Raise 'Timeout' if the job needs longer. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'the time was over for a job that was followed',
			{ is: 'timedOut', job: job('running'), cancelled: false, inQueue: false },
			{ order: followed, ours: false },
			'Airbyte job 7 did not end within 900 seconds and may still be running',
			`Its last status is 'running'. This node did not start it, so it was left alone. Raise 'Timeout' if the job needs longer. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			"the time was over and 'Cancel On Timeout' off",
			{ is: 'timedOut', job: job('running'), cancelled: false, inQueue: false },
			{ order: { ...starting, cancelOnTimeout: false } },
			'Airbyte job 7 did not end within 900 seconds and may still be running',
			`Its last status is 'running'. It was left running because 'Cancel On Timeout' is off. Raise 'Timeout' if the job needs longer. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			"Airbyte was away as the time was over, and 'Cancel On Timeout' off",
			{ is: 'timedOut', job: job('running'), cancelled: false, inQueue: false, trouble: problem },
			{ order: { ...starting, cancelOnTimeout: false } },
			'Airbyte job 7 did not end within 900 seconds and may still be running',
			`Its last status is 'running'. Airbyte could not be asked at the end: Airbyte refused access (403). It was left running because 'Cancel On Timeout' is off. Raise 'Timeout' if the job needs longer. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'the time was over and the cancel refused',
			{ is: 'timedOut', job: job('running'), cancelled: false, inQueue: false, trouble: problem },
			{},
			'Airbyte job 7 did not end within 900 seconds and may still be running',
			`Its last status is 'running'. It could not be cancelled: Airbyte refused access (403). Airbyte says: "no". Raise 'Timeout' if the job needs longer. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'the time was over and the cancel slow',
			{ is: 'timedOut', job: job('running'), cancelled: false, inQueue: false },
			{},
			'Airbyte job 7 did not end within 900 seconds and may still be running',
			`Its last status is 'running'. Airbyte was asked to cancel it, but has not done so yet. Raise 'Timeout' if the job needs longer. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'a job of the same type was running',
			{ is: 'busy', job: job('running'), waited: false },
			{},
			"A sync (job 7) is running on connection 'Shop → Lake' already",
			`Nothing was started. To go on instead, set 'If a Job Is Already Running' to 'Attach to It', 'Queue Behind It' or 'Skip'. Job 7: ${PAGE}`,
		],
		[
			'a reset was running when a clear was asked for, which is the same',
			{ is: 'busy', job: job('running', 'reset'), waited: false },
			{ order: { ...starting, jobType: 'clear' } },
			"A reset (job 7) is running on connection 'Shop → Lake' already",
			`Nothing was started. To go on instead, set 'If a Job Is Already Running' to 'Attach to It', 'Queue Behind It' or 'Skip'. Job 7: ${PAGE}`,
		],
		[
			'a sync was running when a clear was asked for',
			{ is: 'busy', job: job('running'), waited: false },
			{ order: { ...starting, jobType: 'clear' } },
			"A sync (job 7) is running on connection 'Shop → Lake' already",
			`Nothing was started. A clear would cancel that sync. Run it again once the sync is over, or set 'If a Job Is Already Running' to 'Queue Behind It' or 'Skip'. Job 7: ${PAGE}`,
		],
		[
			'a reset was running when a sync was asked for',
			{ is: 'busy', job: job('running', 'reset'), waited: false },
			{},
			"A reset (job 7) is running on connection 'Shop → Lake' already",
			`Nothing was started. Airbyte cannot run a sync at the same time. Run it again once the reset is over, or set 'If a Job Is Already Running' to 'Queue Behind It' or 'Skip'. Job 7: ${PAGE}`,
		],
		[
			'a job that was to be cancelled goes on',
			{ is: 'notReplaced', job: job('running') },
			{ replacing: { jobId: 7, since: 0, jobs: 1, timesNotRunning: 0 } },
			"A sync (job 7) runs on connection 'Shop → Lake' and could not be cancelled",
			`Nothing was started. Airbyte was asked to cancel it, but its last status is 'running'. Cancel it in Airbyte, then run this again. Job 7: ${PAGE}`,
		],
		[
			'nobody could be asked to cancel it',
			{ is: 'notReplaced', job: job('running'), trouble: problem },
			{ replacing: { jobId: 7, since: 0, jobs: 1, timesNotRunning: 0 } },
			"A sync (job 7) runs on connection 'Shop → Lake' and could not be cancelled",
			`Nothing was started. ${problem.message}. ${problem.description} Cancel it in Airbyte, then run this again. Job 7: ${PAGE}`,
		],
		[
			'jobs of others came one after the other',
			{ is: 'notReplaced', job: job('running') },
			{ replacing: { jobId: 6, since: 0, jobs: 5, timesNotRunning: 0 } },
			"A sync (job 7) runs on connection 'Shop → Lake' after others have been cancelled",
			`Nothing was started. A new job came up each time. See in Airbyte who starts them, then run this again. Job 7: ${PAGE}`,
		],
		[
			'the connection is disabled',
			{ is: 'inactive', status: 'inactive' },
			{},
			"Connection 'Shop → Lake' is disabled in Airbyte",
			'Nothing was started. Enable it in Airbyte, then run this again.',
		],
		[
			'the connection was deleted',
			{ is: 'inactive', status: 'deprecated' },
			{},
			"Connection 'Shop → Lake' is deprecated in Airbyte",
			'Nothing was started. It was deleted in Airbyte. Choose another one.',
		],
		[
			'the connection is locked',
			{ is: 'inactive', status: 'locked' },
			{},
			"Connection 'Shop → Lake' is locked in Airbyte",
			'Nothing was started. Airbyte locked it, for instance because of your plan or billing. See its page in Airbyte.',
		],
		[
			'the connection is in a state not invented yet',
			{ is: 'inactive', status: 'hibernating' },
			{},
			"Connection 'Shop → Lake' is hibernating in Airbyte",
			'Nothing was started. Enable it in Airbyte, then run this again.',
		],
		[
			'something else went wrong before a job was known',
			{ is: 'failed', problem },
			{},
			'Airbyte refused access (403)',
			'Airbyte says: "no". It is about connection \'Shop → Lake\'.',
		],
		[
			'something went wrong and nobody knows whether a job runs',
			{ is: 'failed', problem },
			{ unclear: { since: 0, problem } },
			'Airbyte refused access (403)',
			'Airbyte says: "no". It is not known whether Airbyte started the sync: check connection \'Shop → Lake\' in Airbyte before running this again.',
		],
		[
			'no job came of several tries, and one may still come',
			{ is: 'failed', problem },
			{ lateJob: { above: 6 } },
			'Airbyte refused access (403)',
			'Airbyte says: "no". Airbyte may still start the sync that was asked for: check connection \'Shop → Lake\' in Airbyte before running this again.',
		],
		[
			'the looks at our job were refused, and it was cancelled',
			{ is: 'failed', problem, job: job('cancelled') },
			{},
			'Airbyte refused access (403)',
			`Airbyte says: "no". Job 7 was started and has been cancelled. Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'Airbyte ran resets instead',
			{ is: 'instead', job: { ...job('failed'), jobType: 'reset' } },
			{},
			'Airbyte keeps running a reset instead of the sync (last: job 7)',
			`Streams of connection 'Shop → Lake' are marked for a reset, which comes before any sync until one of them succeeds. See in Airbyte why it does not, and run this again after that. Job 7: ${PAGE}`,
		],
		[
			'the job turned out to be another one',
			{ is: 'wrongJob', job: { ...job('running'), connectionId: 'other' } },
			{},
			"Airbyte's job 7 is not the one that was waited for",
			`It is a sync of connection other: the credential may point to another Airbyte than when the job was started, or Airbyte's database was restored. Nothing was cancelled. Look for the job of connection 'Shop → Lake' in the Airbyte where it was started. Job 7: ${PAGE}`,
		],
		[
			'something went wrong while our job was running',
			{ is: 'failed', problem, job: job('running') },
			{},
			'Airbyte refused access (403)',
			`Airbyte says: "no". Job 7 was started and may still be running (last status 'running'). Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			"something went wrong while somebody else's job was running",
			{ is: 'failed', problem, job: job('running') },
			{ ours: false },
			'Airbyte refused access (403)',
			`Airbyte says: "no". Job 7 of connection 'Shop → Lake': ${PAGE}`,
		],
		[
			'the execution was stopped',
			{ is: 'stopped' },
			{},
			'The execution was stopped',
			"It is about connection 'Shop → Lake'.",
		],
		[
			'no sync of others came',
			{ is: 'noSync' },
			{ order: awaited },
			"No sync of connection 'Shop → Lake' succeeded within 900 seconds",
			"None was running at the last look. Raise 'Timeout' to wait longer, and check in Airbyte when the connection is to sync.",
		],
		[
			"somebody else's sync goes on",
			{ is: 'noSync', job: job('running') },
			{ order: awaited, ours: false },
			"No sync of connection 'Shop → Lake' succeeded within 900 seconds",
			`Job 7 is still 'running'; this node did not start it, so it was left alone. Raise 'Timeout' to wait longer, and check in Airbyte when the connection is to sync. Job 7: ${PAGE}`,
		],
		[
			'nobody could tell at the end whether a sync came',
			{ is: 'noSync', trouble: problem },
			{ order: awaited },
			"No sync of connection 'Shop → Lake' succeeded within 900 seconds",
			"Airbyte could not be asked at the end: Airbyte refused access (403). Raise 'Timeout' to wait longer, and check in Airbyte when the connection is to sync.",
		],
		[
			"somebody else's sync fails",
			{ is: 'jobFailed', job: job('failed') },
			{ order: awaited, ours: false },
			'Airbyte job 7 failed',
			`The sync of connection 'Shop → Lake' ended with status 'failed'. See the log on the job's page in Airbyte. To wait for the next success instead, turn off 'Fail With the Job'. Job 7: ${PAGE}`,
		],
		[
			'the connection of which a sync is waited for is switched off',
			{ is: 'inactive', status: 'inactive' },
			{ order: awaited },
			"Connection 'Shop → Lake' is disabled in Airbyte",
			'No sync of it can be waited for. Enable it in Airbyte, then run this again.',
		],
	])('%s', (_what, result, changes, message, description) => {
		expect(failureOf(settled(result, changes))).toMatchObject({ message, description });
	});

	test.each<[string, Result]>([
		['is running on', { is: 'busy', job: job('running'), waited: false }],
		['was still running on', { is: 'busy', job: job('running'), waited: true }],
		['could not be cancelled', { is: 'notReplaced', job: job('running') }],
		['were still running in the workspace', { is: 'crowded' }],
		['is disabled', { is: 'inactive', status: 'inactive' }],
		['and may still be running', timedOutUncancelled],
	])('a start that may still come is told of where another job %s', (message, result) => {
		const replacing = { jobId: 7, since: 0, jobs: 1, timesNotRunning: 0 };
		const run = settled(result, { ours: false, lateJob: { above: 6 }, replacing });
		const failure = failureOf(run);
		expect(failure?.message).toContain(message);
		expect(failure?.description).not.toContain('Nothing was started');
		expect(failure?.description).toContain(
			"Airbyte may still start the sync that was asked for: check connection 'Shop → Lake' in Airbyte before running this again.",
		);
	});

	test.each<[string, SyncRun]>([
		['a success', settled({ is: 'done', job: job('succeeded') })],
		['a job that was only started', settled({ is: 'done', job: job('pending') })],
		['a failed job that was only looked at', settled({ is: 'done', job: job('failed') })],
		['a run that goes on', { ...settled({ is: 'stopped' }), stage: 'watching', result: undefined }],
	])('%s is no failure', (_what, run) => {
		expect(failureOf(run)).toBeUndefined();
	});

	test('a connection whose name is not known is called just that', () => {
		const run = settled({ is: 'inactive', status: 'inactive' }, { connection: undefined });
		expect(failureOf(run)?.message).toBe('The connection is disabled in Airbyte');
	});
});

describe('the details of a failure', () => {
	test('have the shape of a normal output when a job is known', () => {
		const run = settled({ is: 'jobFailed', job: job('failed') });
		expect(failureOf(run)?.details).toEqual({
			jobId: 7,
			connectionId: CONNECTION,
			connectionName: 'Shop → Lake',
			jobType: 'sync',
			status: 'failed',
			jobUrl: PAGE,
			attached: false,
			attempt: 1,
		});
	});

	test.each([
		[
			'a start',
			starting,
			{ connectionId: CONNECTION, connectionName: 'Shop → Lake', jobType: 'sync' },
		],
		['a job that exists', followed, { jobId: 7 }],
		['a sync of others', awaited, { connectionId: CONNECTION, connectionName: 'Shop → Lake' }],
	])('hold what was asked for when none is: %s', (_what, order, details) => {
		const run = settled({ is: 'failed', problem }, { order, ours: false });
		expect(failureOf(run)?.details).toEqual(details);
	});

	test('the HTTP status is told where the problem came with one, and only there', () => {
		expect(failureOf(settled({ is: 'failed', problem }))?.httpStatus).toBe(403);
		const run = settled({ is: 'jobFailed', job: job('failed') });
		expect(failureOf(run)?.httpStatus).toBeUndefined();
	});
});

describe('the output', () => {
	test.each([
		['our own', starting, true, false],
		["somebody else's that was running", starting, false, true],
		['one that was followed', followed, false, false],
	])('of a job, %s, says whether it was attached to', (_what, order, ours, attached) => {
		const run = settled({ is: 'done', job: job('succeeded') }, { order, ours });
		expect(outputOf(run, job('succeeded'))).toMatchObject({ attached, attempt: 1 });
	});

	test('has no link where the workspace is not known', () => {
		const connection = { connectionId: CONNECTION };
		const run = settled({ is: 'done', job: job('succeeded') }, { connection });
		expect(outputOf(run, job('succeeded'))).not.toHaveProperty('jobUrl');
	});
});
