/** Which job ends the wait for a sync of others, where Airbyte's clock is not n8n's. */
import type { Job } from '../../../nodes/airbyte/api/job';
import { boundTo } from '../../../nodes/airbyte/run/credentialChange';
import { apply } from '../../../nodes/airbyte/run/machine';
import type { Order } from '../../../nodes/airbyte/run/order';
import type { SyncRun } from '../../../nodes/airbyte/run/run';
import { begin } from '../../../nodes/airbyte/run/run';
import { waiting } from './orders.cts';

const START = Date.UTC(2026, 0, 5, 3, 0, 0);
const SECOND = 1_000;

const order: Order = {
	...waiting,
	kind: 'await',
	connectionId: 'c',
	after: START,
	failOnFailure: true,
	until: 'ended',
	timeout: 3_600,
};

const job = (jobId: number, status: string, endedAt?: number): Job => ({
	jobId,
	status,
	jobType: 'sync',
	startTime: new Date(START - 600 * SECOND).toISOString(),
	...(endedAt !== undefined && { lastUpdatedAt: new Date(endedAt).toISOString() }),
});

/**
 * The run after looks that show these jobs, each three seconds after the one before.
 *
 * @param late milliseconds from the start to the first of them
 */
function after(looks: Job[][], parts: Partial<typeof order> = {}, late = 0): SyncRun {
	return looks.reduce(
		(run, jobs, index) => {
			const now = START + late + index * 3 * SECOND;
			return apply({ ...run, nextAt: now }, { is: 'jobs', jobs, askedAt: now }, now);
		},
		begin({ ...order, ...parts } as Order, START),
	);
}

const slow = START - 60 * SECOND;

test('what ran at the first look counts once it has ended, although its clock says that this was before', () => {
	const run = after([[job(7, 'running')], [job(7, 'succeeded', slow)]]);
	expect(run).toMatchObject({ stage: 'watching', job: { jobId: 7 } });
});

test('what came after the first look counts, too', () => {
	const run = after([[job(7, 'succeeded', slow)], [job(8, 'succeeded', slow)]]);
	expect(run).toMatchObject({ stage: 'watching', job: { jobId: 8 } });
});

test('what had ended at the first look counts by its time only', () => {
	expect(after([[job(7, 'succeeded', START)]]).stage).toBe('awaiting');
	expect(after([[job(7, 'succeeded', START + 1)]]).job).toMatchObject({ jobId: 7 });
});

describe('from the start of the node', () => {
	const sinceStart = { sinceStart: true };
	const ahead = START + 120 * SECOND;

	test("what had ended at the first look never counts, however far Airbyte's clock is ahead", () => {
		const old = job(7, 'succeeded', ahead);
		const later = job(8, 'succeeded', ahead + SECOND);
		expect(after([[old], [old]], sinceStart).stage).toBe('awaiting');
		expect(after([[old], [later, old]], sinceStart).job).toMatchObject({ jobId: 8 });
	});

	test('what ran at the first look, or came later, counts', () => {
		const ended = job(7, 'succeeded', slow);
		expect(after([[job(7, 'running')], [ended]], sinceStart).job).toMatchObject({ jobId: 7 });
		expect(after([[], [ended]], sinceStart).job).toMatchObject({ jobId: 7 });
	});

	test('at a first look that comes late, what has ended meanwhile counts by its time', () => {
		const minute = 60 * SECOND;
		const between = job(7, 'succeeded', START + 30 * SECOND);
		expect(after([[between]], sinceStart, minute).job).toMatchObject({ jobId: 7 });
		expect(after([[job(7, 'succeeded', slow)]], sinceStart, minute).stage).toBe('awaiting');
	});
});

test('a look before the time that counts tells nothing of what ends after it', () => {
	const later = { after: START + 10 * SECOND };
	const ended = job(7, 'succeeded', START + 5 * SECOND);
	expect(after([[job(7, 'running')], [ended]], later).stage).toBe('awaiting');
});

test('a record below the newest is over, whatever it says', () => {
	const run = after([[job(7, 'succeeded', slow), job(6, 'running')]]);
	expect(run).toMatchObject({ stage: 'awaiting', job: undefined, newestBefore: 7 });
});

test('the time between two looks grows with the wait, and is short again for a job that begins', () => {
	const nextOf = (jobs: Job[], hours: number) => {
		const now = START + hours * 3_600 * SECOND;
		const run = { ...after([[]], { timeout: 86_400 }), nextAt: now };
		return apply(run, { is: 'jobs', jobs, askedAt: now }, now).nextAt - now;
	};
	expect(nextOf([], 5)).toBe(324 * SECOND);
	const began = new Date(START + 5 * 3_600 * SECOND - 10 * SECOND).toISOString();
	expect(nextOf([{ ...job(7, 'running'), startTime: began }], 5)).toBe(3 * SECOND);
});

test('at another Airbyte the wait ends in words that speak of no job of its own', () => {
	const address = 'https://airbyte.test/api/public/v1';
	const [{ result }] = boundTo(address, 'https://other.test/api/public/v1', [after([[]])]);
	expect(result).toMatchObject({
		is: 'failed',
		problem: {
			description: expect.stringMatching(/^A sync was waited for at https:\/\/airbyte.test/),
		},
	});
});
