/** What n8n stores of the jobs besides the items, for its traces and for its search. */
import { timelines } from '../../simulator/index.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';
import type { NodeResult } from './harness/engine.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const { failsAfter, succeedsAfter } = timelines;

const connectionWith = (jobs: Parameters<typeof fixture.airbyte.addConnection>[0]) =>
	fixture.airbyte.addConnection(jobs).connectionId;

function tracedIn({ resultData }: NodeResult['data']) {
	const attributes = resultData.runData.Airbyte.at(-1)?.metadata?.tracing;
	return { attributes, customData: resultData.metadata };
}

/** Of job 1, which succeeded with these numbers. */
const succeeded = (connectionId: string) => ({
	attributes: {
		'airbyte.job.id': '1',
		'airbyte.job.status': 'succeeded',
		'airbyte.connection.id': connectionId,
		'airbyte.connection.name': 'Source → Destination',
		'airbyte.rows': 42,
		'airbyte.bytes': 4_200,
		'airbyte.duration_seconds': 300,
		'airbyte.attempts': 1,
	},
	customData: {
		airbyteJobId: '1',
		airbyteStatus: 'succeeded',
		airbyteConnectionId: connectionId,
		airbyteConnectionName: 'Source → Destination',
	},
});

const jobs = succeedsAfter(300, { rows: 42, bytes: 4_200 });

test('synchronous', async () => {
	const connectionId = connectionWith({ jobs });
	const { data } = await fixture.sync(connectionId, { waitSeconds: 10 });
	expect(tracedIn(data)).toEqual(succeeded(connectionId));
});

test('asynchronous: what is known of the job at its start', async () => {
	const connectionId = connectionWith({ jobs });
	const { data } = await fixture.sync(connectionId, { mode: 'asynchronous' });
	const { attributes, customData } = tracedIn(data);
	expect(attributes).toEqual({
		'airbyte.job.id': '1',
		'airbyte.job.status': expect.stringMatching(/^(pending|running)$/),
		'airbyte.connection.id': connectionId,
		'airbyte.connection.name': 'Source → Destination',
		'airbyte.attempts': 1,
	});
	expect(customData).toEqual({
		airbyteJobId: '1',
		airbyteConnectionId: connectionId,
		airbyteConnectionName: 'Source → Destination',
	});
});

describe('deferrable: the job while it waits, and all of it in the end', () => {
	test.each([
		['airbyteTriggerSync', {}],
		['airbyteJobStatus', { operation: 'wait', jobId: 1 }],
		['airbyteConnection', { operation: 'waitForSync' }],
	] as const)('%s', async (node, parameters) => {
		const connectionId = connectionWith({ jobs });
		if (node !== 'airbyteTriggerSync') fixture.airbyte.startJob(connectionId);
		const id = deferred.start([connectionId], parameters, { node });
		let waiting: ReturnType<typeof tracedIn> | undefined;
		deferred.after(100, () => (waiting = tracedIn(deferred.n8n.data(id))));
		const { status } = await deferred.endOf(id);
		expect(status).toBe('success');
		const known = { 'airbyte.job.id': '1', 'airbyte.connection.id': connectionId };
		expect(waiting?.attributes).toMatchObject(known);
		expect(waiting?.customData).toMatchObject({ airbyteJobId: '1' });
		expect(waiting?.customData).not.toHaveProperty('airbyteStatus');
		expect(tracedIn(deferred.n8n.data(id))).toEqual(succeeded(connectionId));
	});
});

test.each(['get', 'wait'])('Airbyte Job Status, operation %s', async (operation) => {
	const connectionId = connectionWith({ jobs });
	const { jobId } = fixture.airbyte.startJob(connectionId);
	fixture.time.shared.advance(400_000);
	const { data } = await fixture.jobStatus({ operation, jobId });
	expect(tracedIn(data)).toEqual(succeeded(connectionId));
});

test('a node that fails has told of its job all the same', async () => {
	const connectionId = connectionWith({ jobs: [failsAfter(10), failsAfter(10)] });
	const options = { retries: 1, retryDelay: 1 };
	const { data, error } = await fixture.sync(connectionId, { options });
	expect(error?.message).toBe('Airbyte job 2 failed');
	const { attributes, customData } = tracedIn(data);
	expect(attributes).toMatchObject({
		'airbyte.job.id': '2',
		'airbyte.job.status': 'failed',
		'airbyte.attempts': 2,
	});
	expect(customData).toMatchObject({ airbyteJobId: '2', airbyteStatus: 'failed' });
});
