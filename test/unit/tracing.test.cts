import type { IExecuteFunctions } from 'n8n-workflow';

import type { Job } from '../../nodes/airbyte/api/job';
import { spanAttributes, traceJobs } from '../../nodes/airbyte/node/tracing';
import type { Order } from '../../nodes/airbyte/run/order';
import type { Result } from '../../nodes/airbyte/run/result';
import type { SyncRun } from '../../nodes/airbyte/run/run';
import { begin, plan, failInput, settle } from '../../nodes/airbyte/run/run';

const started = (connectionId: string) =>
	({ kind: 'start', connectionId, jobType: 'sync', until: 'ended' }) as Order;

const job = (jobId: number, status: string, rest: Partial<Job> = {}): Job => ({
	jobId,
	status,
	jobType: 'sync',
	...rest,
});

const underWay = (connectionId: string, name: string, known?: Job, attempt = 1): SyncRun => ({
	...begin(started(connectionId), 0),
	connection: { connectionId, name },
	job: known,
	attempt,
});

const ended = (run: SyncRun, result: Result): SyncRun => settle(run, result);

const orders = job(7, 'succeeded', { rowsSynced: 40, bytesSynced: 400, duration: 'PT1M10S' });
const ads = job(9, 'failed', { rowsSynced: 2, duration: 'PT1H' });

const synced = ended(underWay('c-1', 'Orders', orders), { is: 'done', job: orders });
const broken = ended(underWay('c-2', 'Ads', ads, 3), { is: 'jobFailed', job: ads });

describe("the attributes of the node's span", () => {
	test('are lists, totals and the longest duration, where there are several', () => {
		expect(spanAttributes([synced, broken, synced])).toEqual({
			'airbyte.job.id': '7, 9',
			'airbyte.job.status': 'succeeded, failed',
			'airbyte.connection.id': 'c-1, c-2',
			'airbyte.connection.name': 'Orders, Ads',
			'airbyte.rows': 82,
			'airbyte.bytes': 800,
			'airbyte.duration_seconds': 3_600,
			'airbyte.attempts': 5,
		});
	});

	test.each<[string, Result]>([
		['for which it was skipped', { is: 'skipped', reason: 'fresh', job: orders }],
		['that was in its way', { is: 'busy', job: orders, waited: false }],
	])("count nothing of a job that is not the item's own, but one %s", (_name, result) => {
		const attributes = spanAttributes([ended(underWay('c-1', 'Orders'), result)]);
		expect(attributes).toMatchObject({ 'airbyte.job.id': '7', 'airbyte.connection.id': 'c-1' });
		expect(Object.keys(attributes)).toHaveLength(4);
	});

	test('tell nothing of items that were not begun, or had no order', () => {
		const problem = { message: 'No', description: '' } as never;
		expect(spanAttributes([plan(started('c-1')), failInput(problem)])).toEqual({});
	});

	test('cut a long list between two values', () => {
		const many = Array.from({ length: 200 }, (_, index) => underWay(`c-${index}`, 'Orders'));
		const ids = String(spanAttributes(many)['airbyte.connection.id']);
		expect(ids.length).toBeLessThanOrEqual(255);
		expect(ids).toMatch(/^(c-\d+, )+c-\d+$/);
		expect(ids.length).toBeGreaterThan(245);
	});
});

describe("the execution's custom data", () => {
	function customDataAfter(before: Record<string, string>, ...calls: SyncRun[][]) {
		const data = new Map(Object.entries(before));
		const customData = {
			get: (key: string) => data.get(key),
			set: (key: string, value: string) => void data.set(key, value),
		};
		const context = { customData, setMetadata: () => {} } as unknown as IExecuteFunctions;
		for (const runs of calls) traceJobs(context, runs);
		return Object.fromEntries(data);
	}

	test('names jobs and connections, and the statuses that are the end', () => {
		const waiting = underWay('c-3', 'Ads', job(8, 'running'));
		expect(customDataAfter({ team: 'data' }, [synced, waiting])).toEqual({
			team: 'data',
			airbyteJobId: '7, 8',
			airbyteStatus: 'succeeded',
			airbyteConnectionId: 'c-1, c-3',
			airbyteConnectionName: 'Orders, Ads',
		});
	});

	test('keeps what it held before', () => {
		expect(customDataAfter({ airbyteStatus: 'mine' }, [synced], [broken], [synced])).toEqual({
			airbyteJobId: '7, 9',
			airbyteStatus: 'mine, succeeded, failed',
			airbyteConnectionId: 'c-1, c-2',
			airbyteConnectionName: 'Orders, Ads',
		});
	});

	test('keeps names with a comma whole', () => {
		const [eu, us] = ['Orders, EU', 'Orders, US'].map((name) =>
			underWay(name, name, job(8, 'running')),
		);
		expect(customDataAfter({}, [eu], [us, eu])).toMatchObject({
			airbyteConnectionName: 'Orders, EU, Orders, US',
		});
	});

	test('gets no key without a value', () => {
		expect(customDataAfter({}, [plan(started('c-1'))])).toEqual({});
	});
});

test('an n8n that has no place for either is left alone', () => {
	expect(() => traceJobs({} as IExecuteFunctions, [synced])).not.toThrow();
});
