/**
 * Both alarm clocks of a deferred execution killed at the same moment: n8n is killed again just after its start, while
 * both, overdue by then, ring. The spare clock has to heal the wait within half an hour, which is what takes so long.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { outputOf } from '../../scripts/n8n/execution.cts';
import { queueModeLacks } from '../../scripts/n8n/queue.cts';
import { timelines } from '../../simulator/index.cts';
import { parkSync } from '../n8n/deferrable/scenarios.cts';
import { sideBySide } from '../n8n/harness/sideBySide.cts';
import { until } from '../n8n/harness/until.cts';
import { World } from '../n8n/harness/world.cts';

const MINUTE = 60_000;

async function heals(world: World): Promise<void> {
	const { site, id } = await parkSync(world, timelines.succeedsAfter(300));
	const { workflowId } = await world.api.execution(id);
	const clocks = async (status: string) =>
		(await world.api.executions(workflowId)).filter(
			(execution) => execution.mode === 'integrated' && execution.status === status,
		).length;
	await until(async () => (await clocks('waiting')) === 3, MINUTE);
	await world.n8n.kill();
	await pause(4 * MINUTE);
	// Both ask for a look at the same time, and while it hangs, both run.
	site.airbyte.faults.add({ route: 'GET /jobs/{jobId}', kind: 'hang', times: Infinity });
	await world.n8n.restart();
	// Not told by their status: n8n calls what runs when it looks for crashed executions 'crashed', and lets it run on.
	const hanging = () =>
		site.airbyte.audit.calls.filter(({ status }) => status === 'open' || status === 'hang');
	await until(() => hanging().length === 2, 3 * MINUTE);
	await world.n8n.kill();
	site.airbyte.faults.clear();
	await world.n8n.restart();
	const restartedAt = Date.now();
	// Whatever n8n calls the other two now, it does not wake them any more.
	await until(async () => (await clocks('waiting')) === 1, MINUTE);

	const execution = await world.api.waitForExecution(id, { timeoutMs: 31 * MINUTE });
	expect(Date.now() - restartedAt).toBeLessThan(30 * MINUTE);
	expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
}

const nothing = async () => {};
const scenario = sideBySide(nothing, nothing, 60 * MINUTE);

scenario('in one process', async () => {
	const world = await World.setUp();
	await heals(world).finally(async () => await World.tearDown(world));
});

const lacking = queueModeLacks();
if (lacking) test.skip(`in queue mode: ${lacking}`, nothing);
else {
	scenario('in queue mode', async () => {
		const world = await World.setUpQueue();
		await heals(world).finally(async () => await World.tearDown(world));
	});
}
