/** n8n's engine 2.0, which is known by the ids of its executions. test/n8n/engineV2.test.cts has the real one. */
import { randomUUID } from 'node:crypto';

import type { INodeParameters, INodeType } from 'n8n-workflow';

import { AirbyteConnection } from '../../nodes/AirbyteConnection/AirbyteConnection.node';
import { AirbyteJobStatus } from '../../nodes/AirbyteJobStatus/AirbyteJobStatus.node';
import { AirbyteTriggerSync } from '../../nodes/AirbyteTriggerSync/AirbyteTriggerSync.node';
import { timelines } from '../../simulator/index.cts';
import type { NodeRun } from './harness/engine.cts';
import { runNode } from './harness/engine.cts';
import { Fixture, byId } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

/** By which a node is told what to do. */
const CHOICES = ['operation', 'jobType', 'mode', 'status'];

/** Every combination of what a node can be told to do. */
function tasksOf({ description }: INodeType): INodeParameters[] {
	const options = (field: string) =>
		description.properties
			.filter(({ name }) => name === field)
			.flatMap((property) => property.options as Array<{ value: string }>)
			.map(({ value }) => value);
	const fields = CHOICES.filter((field) => options(field).length > 0);
	return fields.reduce<INodeParameters[]>(
		(tasks, field) =>
			[...new Set(options(field))].flatMap((value) =>
				tasks.map((task) => ({ ...task, [field]: value })),
			),
		[{}],
	);
}

const tasks = [new AirbyteTriggerSync(), new AirbyteConnection(), new AirbyteJobStatus()].flatMap(
	(node) =>
		tasksOf(node).map((task): [string, NodeRun['node'], INodeParameters] => [
			Object.values(task).join(', '),
			node.description.name as NodeRun['node'],
			task,
		]),
);

const run = async (node: NodeRun['node'], task: INodeParameters, rest: Partial<NodeRun> = {}) => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const { jobId } = fixture.airbyte.startJob(connectionId);
	return await runNode({
		node,
		parameters: { ...task, connectionId: byId(connectionId), jobId },
		credential: fixture.credential(),
		additionalData: { executionId: randomUUID() },
		...rest,
	});
};

test('what is tried is all that the nodes can be told to do', () => {
	expect(tasks.map(([what]) => what)).toEqual(
		expect.arrayContaining([
			'sync, synchronous',
			'sync, asynchronous',
			'refresh, deferrable',
			'getMany, synchronous, active',
			'getStatus, synchronous, active',
			'setStatus, synchronous, inactive',
			'waitForSync, deferrable, active',
			'get, synchronous',
			'wait, deferrable',
			'cancel, synchronous',
		]),
	);
});

test.each(tasks)(
	'"%s" of %s is refused in words, and asks Airbyte for nothing',
	async (_, ...what) => {
		const { status, error } = await run(...what);
		expect(status).toBe('error');
		expect(error?.message).toBe("n8n's engine 2.0 cannot run this node yet");
		expect(error?.description).toMatch(/^Nothing was started\. .*'engineType'/);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	},
);

test.each(tasks)(
	'"%s" of %s is an item that says so where \'On Error\' is to go on',
	async (_, node, task) => {
		const { items } = await run(node, task, { onError: 'continueRegularOutput' });
		expect(items).toMatchObject([
			{
				error: "n8n's engine 2.0 cannot run this node yet",
				message: expect.stringContaining("'engineType'"),
			},
		]);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	},
);
