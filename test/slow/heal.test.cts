/**
 * The watcher of a deferred execution killed while it rings: n8n is killed again just after its start, when the watcher,
 * overdue by then, waits for n8n's crash recovery to pass. The watchdog starts another one, some minutes later.
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
	const children = async (status: string) =>
		(await world.api.executions(workflowId)).filter(
			(execution) => execution.mode === 'integrated' && execution.status === status,
		).length;
	await until(async () => (await children('waiting')) === 2, MINUTE);
	await world.n8n.kill();
	// The watcher is overdue by more than a minute then, the watchdog is not.
	await pause(170_000);
	await world.n8n.restart();
	await until(async () => (await children('running')) + (await children('crashed')) === 1, MINUTE);
	await world.n8n.kill();
	await world.n8n.restart();

	const execution = await world.api.waitForExecution(id, { timeoutMs: 12 * MINUTE });
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
