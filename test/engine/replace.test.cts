/** If a Job Is Already Running: Replace It. Another job is cancelled, then a new one started. */
import type { INodeParameters } from 'n8n-workflow';

import type { CancelOutcome, Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const { failsAfter, runsForever, statusThen, succeedsAfter } = timelines;

interface Busy {
	running?: Timeline;
	jobType?: 'sync' | 'reset';
	cancels?: CancelOutcome[];
	/** Seconds for which the job has been running. */
	age?: number;
}

/** A connection on which somebody else's job runs; the one after it moves seven rows. */
function busyConnection({ running = runsForever(), jobType, cancels, age = 100 }: Busy = {}) {
	const { connectionId } = fixture.airbyte.addConnection({
		name: 'Shop → Lake',
		jobs: [running, succeedsAfter(30, { rows: 7 })],
		cancels,
	});
	fixture.airbyte.startJob(connectionId, { jobType });
	fixture.time.shared.advance(age * 1_000);
	return connectionId;
}

const options = { onActiveJob: 'replace' };
const replacing: INodeParameters = { options };
const cancelled = () => fixture.airbyte.audit.cancels.map(({ cancelledJobId }) => cancelledJobId);

describe('what was cancelled is told', () => {
	test('where Airbyte then refuses the start', async () => {
		const connectionId = busyConnection();
		fixture.airbyte.faults.add({
			route: 'POST /jobs',
			kind: 'status',
			status: 403,
			times: Infinity,
		});
		const { error } = await fixture.sync(connectionId, { jobType: 'clear', options });
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		expect(error?.description).toContain('Cancelled another job that was running: job 1.');
	});

	test('and where Airbyte ran another one first', async () => {
		const jobs = [succeedsAfter(5), failsAfter(5)];
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		fixture.airbyte.leavePending(connectionId, 'reset');
		const { error } = await fixture.sync(connectionId);
		expect(error?.description).toContain('Airbyte ran another job first: job 1');
	});
});

test('nothing is cancelled where there is no room to start', async () => {
	const connectionId = busyConnection();
	const other = fixture.airbyte.addConnection({ jobs: runsForever() });
	fixture.airbyte.startJob(other.connectionId);
	const { error } = await fixture.sync(connectionId, {
		timeout: 100,
		options: { ...options, maximumRunningJobs: 1 },
	});
	expect(error?.description).toContain('Nothing was started');
	expect(cancelled()).toEqual([]);
});

describe.each(['synchronous', 'deferrable'])('%s', (mode) => {
	const run = async (connectionId: string, parameters: INodeParameters = {}) =>
		await deferred.syncIn(mode, connectionId, { ...replacing, ...parameters });

	test('cancels what runs, then starts its own', async () => {
		const { items } = await run(busyConnection());
		expect(items).toMatchObject([
			{ jobId: 2, status: 'succeeded', rowsSynced: 7, attached: false, attempt: 1 },
		]);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		expect(cancelled()).toEqual([1]);
		// The record's word is enough: nothing is started to find out whether it truly runs.
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(1);
	});

	test('a clear that runs gives way to a sync', async () => {
		const { items } = await run(busyConnection({ jobType: 'reset' }));
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', jobType: 'sync' }]);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	});

	test('a sync that runs gives way to a clear', async () => {
		const { items } = await run(busyConnection(), { jobType: 'clear' });
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', jobType: 'reset' }]);
		expect(cancelled()).toEqual([1]);
	});

	// With the milliseconds between two cancels: few where Airbyte's answer says that the first one did nothing.
	test.each<[string, CancelOutcome[], number[]]>([
		['was lost', ['lost'], [3_000]],
		['was lost twice', ['lost', 'lost'], [3_000, 3_000]],
		['was ignored', ['ignored'], [12_000]],
		['was said to be for no running job', ['notRunning'], [3_000]],
		['makes it fail', ['fails'], []],
	])('a cancel that %s is read back, and sent again if need be', async (_how, cancels, pauses) => {
		const { items } = await run(busyConnection({ cancels: [...cancels, 'works'] }));
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', attached: false }]);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
		const sent = fixture.airbyte.audit.cancels.map(({ at }) => at);
		expect(sent.slice(1).map((at, index) => at - sent[index])).toEqual(pauses);
	});

	test('a cancel that Airbyte has no job for is sent again once a start shows that there is one', async () => {
		const cancels: CancelOutcome[] = ['notRunning', 'notRunning', 'notRunning', 'works'];
		const { items } = await run(busyConnection({ cancels }));
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', attached: false }]);
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(2);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
	});

	test('a record with nothing behind it is in nobody’s way', async () => {
		const connectionId = busyConnection({ running: timelines.deadAs('running') });
		const { items } = await run(connectionId);
		expect(items).toMatchObject([{ jobId: 2, status: 'succeeded', attached: false }]);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
	});
});

test('a hint says which job was cancelled', async () => {
	const { data } = await fixture.sync(busyConnection(), replacing);
	expect(JSON.stringify(data.resultData)).toContain(
		"Cancelled another job that was running: job 1 of connection 'Shop → Lake'.",
	);
});

test('a job that succeeds in spite of it is not told as cancelled', async () => {
	const connectionId = busyConnection({ running: succeedsAfter(105), cancels: ['ignored'] });
	const { items, data } = await fixture.sync(connectionId, replacing);
	expect(items).toMatchObject([{ jobId: 2, status: 'succeeded' }]);
	expect(JSON.stringify(data.resultData)).not.toContain('Cancelled another job');
});

test('a job that cannot be cancelled is asked for two minutes, then named', async () => {
	const connectionId = busyConnection({ cancels: Array<CancelOutcome>(100).fill('ignored') });
	const began = fixture.time.shared.now();
	const { error } = await fixture.sync(connectionId, replacing);
	expect(error?.message).toBe(
		"A sync (job 1) runs on connection 'Shop → Lake' and could not be cancelled",
	);
	expect(error?.description).toContain("its last status is 'running'");
	expect(error?.description).toContain('timeline?jobId=1');
	const waited = fixture.time.shared.now() - began;
	expect(waited).toBeGreaterThanOrEqual(120_000);
	expect(waited).toBeLessThan(140_000);
	expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
});

test('a job that still waits is cancelled once it runs', async () => {
	const pending = statusThen('pending', 130, runsForever());
	const { items } = await fixture.sync(busyConnection({ running: pending }), replacing);
	expect(items).toMatchObject([{ jobId: 2, status: 'succeeded' }]);
	expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
});

test('jobs that others start one after the other give way, but not for ever', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: runsForever() });
	fixture.airbyte.startJob(connectionId);
	fixture.airbyte.audit.onCall(({ route }) => {
		const { length } = fixture.airbyte.jobs();
		const isFree = fixture.airbyte.job(length)?.terminal;
		if (route === 'GET /jobs/{jobId}' && isFree) fixture.airbyte.startJob(connectionId);
	});
	const { error } = await fixture.sync(connectionId, replacing);
	expect(error?.message).toMatch(/^A sync \(job 6\) runs on .* after others have been cancelled$/);
	expect(cancelled()).toEqual([1, 2, 3, 4, 5]);
	expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
});

test('a retry replaces what others have started during the pause', async () => {
	const jobs = [failsAfter(10), runsForever(), succeedsAfter(10, { rows: 9 })];
	const { connectionId } = fixture.airbyte.addConnection({ jobs });
	const during = fixture.time.shared.now() + 60_000;
	fixture.time.at(during, async () => void fixture.airbyte.startJob(connectionId));
	const parameters = { options: { ...options, retries: 1, retryDelay: 100 } };
	const { items } = await fixture.sync(connectionId, parameters);
	expect(items).toMatchObject([{ jobId: 3, attempt: 2, rowsSynced: 9 }]);
	expect(cancelled()).toEqual([2]);
});

test('a stop meanwhile starts nothing', async () => {
	const running = { ...runsForever(), cancelTakes: 60 };
	const connectionId = busyConnection({ running });
	let stop = () => {};
	fixture.airbyte.audit.onArrival(({ route }) => {
		if (route === 'DELETE /jobs/{jobId}') setImmediate(() => stop());
	});
	await fixture.sync(connectionId, replacing, { onStart: (stopping) => (stop = stopping) });
	fixture.time.shared.advance(300_000);
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	expect(cancelled()).toEqual([1]);
});

test('who may not cancel is told so, and starts nothing', async () => {
	const connectionId = busyConnection();
	fixture.airbyte.settings.role = 'reader';
	const { error } = await fixture.sync(connectionId, replacing);
	expect(error?.message).toBe('Airbyte refused access while cancelling job 1 (403)');
	expect(error?.description).toContain('Runner role');
	expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
});

test('in asynchronous mode, too', async () => {
	const { items } = await fixture.sync(busyConnection(), { mode: 'asynchronous', ...replacing });
	expect(items).toMatchObject([{ jobId: 2, status: 'pending', attached: false }]);
	expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
});
