/**
 * The watcher of a deferred execution killed while it rings: n8n is killed again just after its start, when the watcher,
 * overdue by then, waits for n8n's crash recovery to pass. The watchdog starts another one, some minutes later.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { outputOf } from '../../scripts/n8n/execution.cts';
import { queueModeLacks } from '../../scripts/n8n/queue.cts';
import { timelines } from '../../simulator/index.cts';
import { type Parked, parkSync } from '../n8n/deferrable/scenarios.cts';
import { sideBySide } from '../n8n/harness/sideBySide.cts';
import { until } from '../n8n/harness/until.cts';
import { World } from '../n8n/harness/world.cts';

const MINUTE = 60_000;

/** A start of n8n may take longer than the watcher's ring. */
const ATTEMPTS = 3;

/** A sync that waits, whose watcher was killed while it rang. */
async function withoutWatcher(world: World): Promise<Parked> {
	for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
		const parked = await parkSync(world, timelines.succeedsAfter(300));
		const { workflowId } = await world.api.execution(parked.id);
		const children = async (status: string) =>
			(await world.api.executions(workflowId)).filter(
				(execution) => execution.mode === 'integrated' && execution.status === status,
			).length;
		await until(async () => (await children('waiting')) === 2, MINUTE);
		await world.n8n.kill();
		// The watcher is overdue by more than a minute then, the watchdog is not.
		await pause(170_000);
		await world.n8n.restart();
		const isRinging = async () => (await children('running')) + (await children('crashed')) === 1;
		const isCaught = await until(isRinging, MINUTE / 2).then(
			() => true,
			() => false,
		);
		if (!isCaught) continue;
		await world.n8n.kill();
		await world.n8n.restart();
		return parked;
	}
	throw new Error(`No watcher could be killed while it rang, in ${ATTEMPTS} attempts`);
}

async function heals(world: World): Promise<void> {
	const { site, id } = await withoutWatcher(world);
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
