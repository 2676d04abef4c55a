/** n8n's engine 2.0, which is known by the ids of its executions. test/n8n/engineV2.test.cts has the real one. */
import { randomUUID } from 'node:crypto';

import type { INodeParameters } from 'n8n-workflow';

import { timelines } from '../../simulator/index.cts';
import type { NodeRun } from './harness/engine.cts';
import { runNode } from './harness/engine.cts';
import { Fixture, byId } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

const tasks: Array<[NodeRun['node'], INodeParameters]> = [
	['airbyteTriggerSync', { mode: 'synchronous' }],
	['airbyteTriggerSync', { mode: 'asynchronous' }],
	['airbyteTriggerSync', { mode: 'deferrable', jobType: 'refresh' }],
	['airbyteConnection', { operation: 'getStatus' }],
	['airbyteConnection', { operation: 'setStatus', status: 'inactive' }],
	['airbyteConnection', { operation: 'waitForSync', mode: 'deferrable' }],
	['airbyteJobStatus', { operation: 'get' }],
	['airbyteJobStatus', { operation: 'cancel' }],
	['airbyteJobStatus', { operation: 'wait', mode: 'deferrable' }],
];

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

test.each(tasks)(
	'%s with %j is refused in words, and asks Airbyte for nothing',
	async (...what) => {
		const { status, error } = await run(...what);
		expect(status).toBe('error');
		expect(error?.message).toBe("n8n's engine 2.0 cannot run this node yet");
		expect(error?.description).toMatch(/^Nothing was started\. .*'engineType'/);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	},
);

test.each(tasks)(
	"%s with %j is an item that says so where 'On Error' is to go on",
	async (node, task) => {
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
