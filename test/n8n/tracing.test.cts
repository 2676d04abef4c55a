/** What a real n8n exports and stores of the jobs besides the items: spans, tracing metadata, custom data. */
import type { INode } from 'n8n-workflow';

import type { Execution } from '../../scripts/n8n/execution.cts';
import { hasEnded, runsOf } from '../../scripts/n8n/execution.cts';
import { startTestN8n } from '../../scripts/n8n/forTests.cts';
import type { N8n } from '../../scripts/n8n/server.cts';
import { UNUSED_MODULES } from '../../scripts/n8n/settings.cts';
import { timelines } from '../../simulator/index.cts';
import type { Span } from './harness/spanReceiver.cts';
import { SpanReceiver } from './harness/spanReceiver.cts';
import { until } from '../../scripts/until.cts';
import { World } from './harness/world.cts';

let receiver: SpanReceiver;
let world: World<N8n>;

beforeAll(async () => {
	receiver = await SpanReceiver.start();
	const env = {
		N8N_DISABLED_MODULES: UNUSED_MODULES.filter((name) => name !== 'otel').join(','),
		N8N_OTEL_ENABLED: 'true',
		N8N_OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
		OTEL_BSP_SCHEDULE_DELAY: '200',
	};
	world = World.of(await startTestN8n({ env }));
}, 300_000);
afterAll(async () => {
	await receiver.stop();
	await World.tearDown(world);
}, 60_000);

test('what each mode tells of its job is in the execution and in its spans', async () => {
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
		const span = await spanOf(last, execution);
		expect(span.attributes).toMatchObject({ 'n8n.node.items.output': 1 });
		expect(airbyteIn(span)).toEqual((await exportsThem()) ? asText(told) : {});
	}
}, 240_000);

/** n8n stores the custom data of an execution just after its end. */
function isAllStored(execution: Execution): boolean {
	return hasEnded(execution) && Object.keys(execution.customData ?? {}).length > 0;
}

/** The last span of a node in an execution: one that waits in n8n's database has one more for its start. */
async function spanOf(node: INode, { id }: Execution): Promise<Span> {
	const found = () => {
		const traces = receiver.spans
			.filter(({ attributes }) => attributes['n8n.execution.id'] === id)
			.map(({ traceId }) => traceId);
		return receiver.spans.filter(
			({ attributes, traceId }) =>
				traces.includes(traceId) && attributes['n8n.node.id'] === node.id,
		);
	};
	await until(() => found().some(({ attributes }) => attributes['n8n.node.items.output'] === 1));
	return found()[found().length - 1];
}

/** n8n exports what nodes tell only with a license for that, which the community edition has not. */
async function exportsThem(): Promise<boolean> {
	const { enterprise } = await world.api.get<{ enterprise: Record<string, boolean> }>('/settings');
	return enterprise.otelCustomSpanAttributes;
}

function airbyteIn({ attributes }: Span): Record<string, unknown> {
	const entries = Object.entries(attributes).filter(([name]) => name.includes('airbyte.'));
	return Object.fromEntries(entries.filter(([name]) => name.startsWith('n8n.node.custom.')));
}

/** As n8n exports them. */
function asText(told: Record<string, unknown>): Record<string, string> {
	return Object.fromEntries(
		Object.entries(told).map(([name, value]) => [`n8n.node.custom.${name}`, String(value)]),
	);
}
