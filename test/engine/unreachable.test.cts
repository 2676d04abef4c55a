/**
 * An n8n that cannot call its own resume URL, so that nothing can let a parked execution go on but its result: what the
 * user asked for is done all the same, or he is told what was not and why.
 */
import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';
import { badGateway } from './harness/n8nServer.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const { failsAfter, incompleteThen, queuedThen, succeedsAfter } = timelines;

/** Each with its jobs, one after the other. */
function connectionsWith(...jobs: Array<Timeline | Timeline[]>): string[] {
	return jobs.map((timeline) => fixture.airbyte.addConnection({ jobs: timeline }).connectionId);
}

const messengers = () =>
	[...deferred.n8n.executions.values()].filter(({ workflow }) =>
		workflow.nodes.some(({ name }) => name === 'Deliver'),
	);

describe('from the beginning', () => {
	beforeEach(() => {
		deferred.n8n.proxy = badGateway;
	});

	test('more items than Batch Size are all begun at once, as none could be later, and all end', async () => {
		const connectionIds = connectionsWith(
			...Array.from({ length: 12 }, (_, rows) => succeedsAfter(100 + rows, { rows })),
		);
		const id = deferred.start(connectionIds, { options: { batchSize: 10 } });
		let hints = '';
		deferred.after(30, () => {
			hints = JSON.stringify(deferred.n8n.data(id).resultData.runData);
		});
		const { status, items } = await deferred.endOf(id);
		expect(hints).toContain('Set WEBHOOK_URL');
		expect(status).toBe('success');
		expect(items).toMatchObject(
			connectionIds.map((connectionId, rowsSynced) => ({
				connectionId,
				rowsSynced,
				status: 'succeeded',
			})),
		);
		expect(messengers()).toHaveLength(1);
	});

	describe('what needs more than looks waits in the execution:', () => {
		const waitHere = async (connectionId: string, options: Record<string, string | number>) => {
			const id = deferred.start([connectionId], { options });
			const { items } = await deferred.endOf(id);
			// No clock was set.
			expect([...deferred.n8n.executions.keys()]).toEqual([id]);
			return items;
		};

		test('a start once another job has ended', async () => {
			const [connectionId] = connectionsWith([succeedsAfter(300), succeedsAfter(60, { rows: 7 })]);
			fixture.airbyte.startJob(connectionId);
			const items = await waitHere(connectionId, { onActiveJob: 'queue' });
			expect(items).toMatchObject([{ jobId: 2, attached: false, rowsSynced: 7 }]);
		});

		test("a time in Airbyte's queue, which is over once the job has left it", async () => {
			const again = queuedThen(600, succeedsAfter(60, { rows: 7 }));
			const [connectionId] = connectionsWith(queuedThen(30, incompleteThen(30, 30, again)));
			const items = await waitHere(connectionId, { queueTimeout: 120 });
			expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', rowsSynced: 7 }]);
		});

		test('a new job after a failed one', async () => {
			const [connectionId] = connectionsWith([failsAfter(60), succeedsAfter(60, { rows: 7 })]);
			const items = await waitHere(connectionId, { retries: 1, retryDelay: 60 });
			expect(items).toMatchObject([{ jobId: 2, attempt: 2, rowsSynced: 7 }]);
		});
	});
});

describe('once the execution waits', () => {
	const message = 'No job could be started, because n8n cannot reach its own resume URL';
	const advice = 'Set WEBHOOK_URL to an address that works from inside n8n as well.';
	const givenUp = { error: message, message: advice, details: {} };
	const goesOn = { onError: 'continueRegularOutput' } as const;
	const oneByOne = { options: { batchSize: 1 } };
	const breakOff = () =>
		deferred.after(30, () => {
			deferred.n8n.proxy = badGateway;
		});

	test('items whose turn had not come are given up, and told so', async () => {
		const connectionIds = connectionsWith(succeedsAfter(100), succeedsAfter(9), succeedsAfter(9));
		breakOff();
		const { items } = await deferred.endOf(deferred.start(connectionIds, oneByOne, goesOn));
		expect(items).toEqual([
			expect.objectContaining({ jobId: 1, status: 'succeeded' }),
			givenUp,
			givenUp,
		]);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('without Continue On Fail that is the error, and what came of the others is told with it', async () => {
		const connectionIds = connectionsWith(succeedsAfter(100), succeedsAfter(9));
		breakOff();
		const { error } = await deferred.endOf(deferred.start(connectionIds, oneByOne));
		expect(error?.message).toBe(message);
		expect(error?.description).toBe(`${advice} Of the other items: item 0: job 1 succeeded.`);
	});

	test('items that are not begun after a failure are told just that', async () => {
		const connectionIds = connectionsWith(failsAfter(100), succeedsAfter(9));
		breakOff();
		const { error } = await deferred.endOf(deferred.start(connectionIds, oneByOne));
		expect(error?.message).toBe('Airbyte job 1 failed');
		expect(error?.description).toContain('item 1: Not started, as another item failed before');
	});

	test('a start once another job has ended is given up', async () => {
		const connectionIds = connectionsWith([succeedsAfter(100), succeedsAfter(9)]);
		fixture.airbyte.startJob(connectionIds[0]);
		breakOff();
		const queue = { options: { onActiveJob: 'queue' } };
		const { items } = await deferred.endOf(deferred.start(connectionIds, queue, goesOn));
		expect(items).toEqual([givenUp]);
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(0);
	});

	test('one call that fails is made again before the result is brought another way', async () => {
		const connectionIds = connectionsWith(succeedsAfter(50, { rows: 7 }));
		const answers = [badGateway()];
		deferred.after(30, () => {
			deferred.n8n.proxy = () => answers.pop();
		});
		const { items } = await deferred.endOf(deferred.start(connectionIds));
		expect(answers).toEqual([]);
		expect(items).toMatchObject([{ jobId: 1, rowsSynced: 7 }]);
		expect(messengers()).toEqual([]);
	});
});
