/** What a real n8n stores of the jobs besides the items: tracing metadata, which it may export as spans, and custom data. */
import type { INode } from 'n8n-workflow';

import type { Execution } from '../../scripts/n8n/execution.cts';
import { hasEnded, runsOf } from '../../scripts/n8n/execution.cts';
import type { N8n } from '../../scripts/n8n/server.cts';
import { timelines } from '../../simulator/index.cts';
import { World } from './harness/world.cts';

let world: World<N8n>;
beforeAll(async () => void (world = await World.setUp()), 300_000);
afterAll(async () => await World.tearDown(world), 60_000);

test('what each mode tells of its job is stored with the execution', async () => {
	const site = await world.airbyte();
	const syncs = ['synchronous', 'asynchronous', 'deferrable'].map((mode) => {
		const connectionId = site.connection(timelines.succeedsAfter(5, { rows: 42, bytes: 4_200 }));
		const sync = site.syncNode(connectionId, { mode, waitSeconds: 1 });
		const nodes: INode[] = [sync];
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
}, 240_000);

/** n8n stores the custom data of an execution just after its end. */
function isAllStored(execution: Execution): boolean {
	return hasEnded(execution) && Object.keys(execution.customData ?? {}).length > 0;
}
