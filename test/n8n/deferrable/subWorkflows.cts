/** Workflows that call one with a deferrable sync in it, and wait for its end. */
import { randomUUID } from 'node:crypto';

import type { IDataObject, INode } from 'n8n-workflow';

import type { ExecutionSummary } from '../../../scripts/n8n/execution.cts';
import { outputOf, runsOf } from '../../../scripts/n8n/execution.cts';
import { node, webhookTrigger, workflow } from '../../../scripts/n8n/workflow.cts';
import { until } from '../../../scripts/until.cts';
import type { Timeline } from '../../../simulator/index.cts';
import { timelines } from '../../../simulator/index.cts';
import type { Site, World } from '../harness/world.cts';

type Scenario = (name: string, play: (world: World) => Promise<void>) => void;

const LONG = 300_000;
/** Milliseconds in which a stop is noticed; the machine may be busy. */
const NOTICED = 30_000;

export function subWorkflows(scenario: Scenario): void {
	scenario(
		'a sub-workflow called once for each item gives what each of them gives',
		async (world) => {
			const { site, sub, nodes } = await callerOf(world, 'each', timelines.succeedsAfter(5));
			const id = await site.startInProduction(nodes);
			const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
			expect(byJob(outputOf(execution, 'After'))).toMatchObject([done(1), done(2)]);
			const hints = (await callsOf(world, sub)).map(async (call) => {
				const [run] = runsOf(await world.api.execution(call.id), 'Sync');
				return run.hints?.map(({ message }) => message).join();
			});
			const heldSo = expect.stringContaining('where a sub-workflow is called once for each item');
			expect(await Promise.all(hints)).toEqual([heldSo, heldSo]);
		},
	);

	scenario(
		'one called with all items at once waits in the database, as its caller does',
		async (world) => {
			const { site, sub, nodes } = await callerOf(world, 'once', timelines.runsForever());
			const id = await site.startInProduction(nodes);
			await untilAllWait(world, id, sub);
			for (const jobId of [1, 2]) site.airbyte.completeJob(jobId);
			const execution = await world.api.waitForExecution(id, { timeoutMs: LONG });
			expect(execution.status).toBe('success');
			expect(byJob(outputOf(execution, 'After'))).toMatchObject([done(1), done(2)]);
			expect(site.airbyte.audit.startedJobs()).toHaveLength(2);
		},
	);

	scenario('stopping the caller meanwhile cancels the jobs of the sub-workflow', async (world) => {
		const { site, sub, nodes } = await callerOf(world, 'once', timelines.runsForever());
		const id = await site.startInProduction(nodes);
		await untilAllWait(world, id, sub);
		await world.api.stopExecution(id);
		const stoppedAt = Date.now();
		await until(() => [1, 2].every((job) => site.airbyte.job(job)?.status === 'cancelled'), LONG);
		expect(Date.now() - stoppedAt).toBeLessThan(NOTICED);
		expect(site.airbyte.audit.cancels).toHaveLength(2);
	});

	scenario('a webhook that calls one is answered with its end', async (world) => {
		const { nodes } = await callerOf(world, 'once', timelines.succeedsAfter(15));
		const path = randomUUID();
		const all = [webhookTrigger(path, 'Webhook', 'lastNode'), ...nodes];
		await world.api.activate(await world.api.createWorkflow(workflow('Answers', all)));
		const { status, data } = await world.api.callWebhook(path, {}, { timeout: LONG });
		expect([status, data]).toMatchObject([200, { status: 'succeeded' }]);
	});
}

const done = (jobId: number) => ({ jobId, status: 'succeeded' });

/** Items that start side by side get their jobs in either order. */
const byJob = (items: IDataObject[]) =>
	[...items].sort((one, other) => Number(one.jobId) - Number(other.jobId));

type How = 'each' | 'once';

/** A sub-workflow that syncs, and the nodes of one that calls it with two connections whose jobs go so. */
async function callerOf(
	world: World,
	mode: How,
	jobs: Timeline,
): Promise<{ site: Site; sub: string; nodes: INode[] }> {
	const site = await world.airbyte();
	const trigger = node('Called', 'n8n-nodes-base.executeWorkflowTrigger', 1.1, {
		inputSource: 'passthrough',
	});
	const sync = site.syncNode('={{ $json.id }}', { mode: 'deferrable' });
	const sub = await world.api.createWorkflow(workflow('Sub-workflow', [trigger, sync]));
	await world.api.activate(sub);
	const items = site.items(site.connection(jobs), site.connection(jobs));
	const workflowId = { __rl: true, mode: 'id', value: sub };
	const call = node('Call', 'n8n-nodes-base.executeWorkflow', 1.3, {
		workflowId,
		workflowInputs: { mappingMode: 'defineBelow', value: {}, matchingColumns: [], schema: [] },
		mode,
		options: {},
	} as never);
	return { site, sub, nodes: [...items, call] };
}

/** Without those that look after the wait, which are children of theirs. */
async function callsOf(world: World, sub: string): Promise<ExecutionSummary[]> {
	const all = await Promise.all(
		(await world.api.executions(sub)).map(async ({ id }) => await world.api.execution(id)),
	);
	return all.filter((execution) => runsOf(execution, 'Called').length > 0);
}

async function untilAllWait(world: World, id: string, sub: string): Promise<void> {
	const isWaiting = ({ status }: ExecutionSummary) => status === 'waiting';
	const allWait = async () =>
		isWaiting(await world.api.execution(id)) && (await callsOf(world, sub)).every(isWaiting);
	await until(allWait, LONG, 500);
}
