/**
 * A wait that nothing looks after any more, as when n8n has lost both its watcher and its watchdog, and the lookout went
 * with its process: n8n itself lets it go on ten minutes after its Timeout, and the node looks.
 */
import { outputOf } from '../../scripts/n8n/execution.cts';
import { queueModeLacks } from '../../scripts/n8n/queue.cts';
import { timelines } from '../../simulator/index.cts';
import { parkSync } from '../n8n/deferrable/scenarios.cts';
import { sideBySide } from '../n8n/harness/sideBySide.cts';
import { World } from '../n8n/harness/world.cts';

const MINUTE = 60_000;

async function isFoundAtTheEnd(world: World): Promise<void> {
	const parameters = { mode: 'deferrable', timeout: 120 };
	const { site, id } = await parkSync(world, timelines.succeedsAfter(60), parameters);
	const { workflowId } = await world.api.execution(id);
	const children = (await world.api.executions(workflowId)).filter(
		({ mode }) => mode === 'integrated',
	);
	expect(children).toHaveLength(2);
	for (const child of children) await world.api.stopExecution(child.id);
	await world.n8n.kill();
	await world.n8n.restart();

	const execution = await world.api.waitForExecution(id, { timeoutMs: 15 * MINUTE });
	expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
	expect(Date.parse(execution.stoppedAt!) - site.airbyte.job(1)!.updatedAt).toBeGreaterThan(
		10 * MINUTE,
	);
}

const nothing = async () => {};
const scenario = sideBySide(nothing, nothing, 30 * MINUTE);

scenario('in one process', async () => {
	const world = await World.setUp();
	await isFoundAtTheEnd(world).finally(async () => await World.tearDown(world));
});

const lacking = queueModeLacks();
if (lacking) test.skip(`in queue mode: ${lacking}`, nothing);
else {
	scenario('in queue mode', async () => {
		const world = await World.setUpQueue();
		await isFoundAtTheEnd(world).finally(async () => await World.tearDown(world));
	});
}
