/** The nodes in a real n8n, judged by what n8n stored and by Airbyte's audit. */
import type { Execution } from '../../scripts/n8n/execution.cts';
import { hasEnded, outputOf, runsOf } from '../../scripts/n8n/execution.cts';
import { timelines } from '../../simulator/index.cts';
import { sideBySide } from './harness/sideBySide.cts';
import { until } from '../../scripts/until.cts';
import { World } from './harness/world.cts';

const scenario = sideBySide(World.setUp, World.tearDown);

scenario('synchronous: waits for the job and gives its result', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(8, { rows: 42, bytes: 4_200 }));
	const execution = await site.run([site.syncNode(connectionId, { waitSeconds: 1 })]);
	expect(execution.status).toBe('success');
	expect(outputOf(execution, 'After')).toEqual([
		{
			jobId: 1,
			connectionId,
			connectionName: 'Source → Destination',
			jobType: 'sync',
			status: 'succeeded',
			startTime: expect.any(String),
			lastUpdatedAt: expect.any(String),
			duration: 'PT8S',
			durationSeconds: 8,
			rowsSynced: 42,
			bytesSynced: 4_200,
			jobUrl: expect.stringContaining('/timeline?jobId=1'),
			attached: false,
			attempt: 1,
		},
	]);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
});

scenario('a token that expires in the middle of the wait is renewed', async (world) => {
	const site = await world.airbyte({ tokenLifetimeSeconds: 8 });
	const connectionId = site.connection(timelines.runsForever());
	const id = await site.start([site.syncNode(connectionId, { waitSeconds: 1 })]);
	const { audit } = site.airbyte;
	const tokens = () => audit.count('POST /applications/token');
	await until(() => tokens() >= 3);
	site.airbyte.completeJob(1);
	const execution = await world.api.waitForExecution(id);
	expect(outputOf(execution, 'After')).toMatchObject([{ status: 'succeeded' }]);
	// One to begin with, and another one for each that Airbyte did not take any more.
	expect(tokens()).toBe(1 + audit.calls.filter(({ status }) => status === 401).length);
});

scenario('n8n keeps the token for the next execution', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(1));
	await site.run([site.syncNode(connectionId, { waitSeconds: 1 })]);
	await site.run([site.syncNode(connectionId, { waitSeconds: 1 })]);
	expect(site.airbyte.audit.count('POST /applications/token')).toBe(1);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(2);
});

scenario('stopping the execution in n8n cancels the job', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.runsForever());
	const id = await site.start([site.syncNode(connectionId, { waitSeconds: 1 })]);
	await until(() => site.airbyte.audit.count('GET /jobs/{jobId}') >= 2);
	await world.api.stopExecution(id);
	await until(() => site.airbyte.job(1)?.status === 'cancelled');
	expect((await world.api.execution(id)).status).toBe('canceled');
	expect(site.airbyte.audit.cancels).toHaveLength(1);
});

scenario('stopping it while the submission is under way cancels the job, too', async (world) => {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.runsForever());
	site.airbyte.faults.add({ route: 'POST /jobs', kind: 'hang', when: 'after' });
	const id = await site.start([site.syncNode(connectionId)]);
	await until(() => site.airbyte.job(1) !== undefined);
	await world.api.stopExecution(id);
	await until(() => site.airbyte.job(1)?.status === 'cancelled');
	expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
});

/** Tracing metadata, which n8n may export as spans, and custom data. */
scenario('what each mode tells of its job is stored with the execution', async (world) => {
	const site = await world.airbyte();
	const syncs = ['synchronous', 'asynchronous', 'deferrable'].map((mode) => {
		const connectionId = site.connection(timelines.succeedsAfter(5, { rows: 42, bytes: 4_200 }));
		const sync = site.syncNode(connectionId, { mode, waitSeconds: 1 });
		const nodes = [sync];
		if (mode === 'asynchronous') nodes.push(site.statusNode({ operation: 'wait', waitSeconds: 1 }));
		return { connectionId, nodes };
	});
	const ended = await Promise.all(
		syncs.map(async ({ connectionId, nodes }) => {
			const id = await site.startInProduction(nodes);
			const execution = await world.api.waitForExecution(id, { until: isAllStored });
			return { connectionId, nodes, execution };
		}),
	);
	for (const { connectionId, nodes, execution } of ended) {
		expect(execution.status).toBe('success');
		const [jobId] = site.airbyte.audit
			.startedJobs()
			.filter((job) => job.connectionId === connectionId)
			.map((job) => String(job.jobId));
		const told = {
			'airbyte.job.id': jobId,
			'airbyte.job.status': 'succeeded',
			'airbyte.connection.id': connectionId,
			'airbyte.connection.name': 'Source → Destination',
			'airbyte.rows': 42,
			'airbyte.bytes': 4_200,
			'airbyte.duration_seconds': 5,
			'airbyte.attempts': 1,
		};
		const last = nodes[nodes.length - 1];
		expect(runsOf(execution, last.name).at(-1)?.metadata?.tracing).toEqual(told);
		expect(execution.customData).toEqual({
			airbyteJobId: jobId,
			airbyteStatus: 'succeeded',
			airbyteConnectionId: connectionId,
			airbyteConnectionName: 'Source → Destination',
		});
	}
});

/** n8n stores the custom data of an execution just after its end. */
function isAllStored(execution: Execution): boolean {
	return hasEnded(execution) && Object.keys(execution.customData ?? {}).length > 0;
}
