/**
 * The watcher of a deferred execution killed while it rings: n8n is killed again just after its start, when the watcher,
 * overdue by then, waits for n8n's crash recovery to pass. The watchdog starts another one, some minutes later, whose
 * lookout looks at the job again.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { outputOf } from '../../scripts/n8n/execution.cts';
import { startTestN8n } from '../../scripts/n8n/forTests.cts';
import { queueModeLacks } from '../../scripts/n8n/queue.cts';
import { timelines } from '../../simulator/index.cts';
import { parkSync } from '../n8n/deferrable/scenarios.cts';
import { sideBySide } from '../n8n/harness/sideBySide.cts';
import { until } from '../../scripts/until.cts';
import { World } from '../n8n/harness/world.cts';

const MINUTE = 60_000;
const JOB_SECONDS = 600;

/** Milliseconds between two looks at a job of that age, and some more for a busy machine; without a lookout it is 30 s. */
const GAP = 20_000;

/** How many children of a parked sync have this status. */
type Children = (status: string) => Promise<number>;

/** Starts n8n, and is done while the watcher rings: it then waits for some seconds. */
type StartUntilRing = (world: World, children: Children) => Promise<void>;

/** The API answers only after that, so n8n's log tells. */
async function untilLogged(world: World): Promise<void> {
	const before = world.n8n.log().length;
	// It is killed before it is ready.
	void world.n8n.restart().catch(() => undefined);
	await until(() => world.n8n.log().slice(before).includes('Resuming execution'), 2 * MINUTE);
	await pause(3_000);
}

async function untilRunning(world: World, children: Children): Promise<void> {
	await world.n8n.restart();
	await until(async () => (await children('running')) === 1, MINUTE);
}

async function heals(world: World, startUntilRing: StartUntilRing): Promise<void> {
	const { site, id } = await parkSync(world, timelines.succeedsAfter(JOB_SECONDS));
	const { workflowId } = await world.api.execution(id);
	const children = async (status: string) =>
		(await world.api.executions(workflowId)).filter(
			(execution) => execution.mode === 'integrated' && execution.status === status,
		).length;
	await until(async () => (await children('waiting')) === 2, MINUTE);
	await world.n8n.kill();
	// The watcher is overdue by more than a minute then, the watchdog is not.
	await pause(170_000);
	await startUntilRing(world, children);
	await world.n8n.kill();
	await world.n8n.restart();
	// The watchdog.
	await until(async () => (await children('waiting')) === 1, MINUTE);

	const execution = await world.api.waitForExecution(id, { timeoutMs: 12 * MINUTE });
	expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
	const { updatedAt } = site.airbyte.job(1)!;
	const looks = site.airbyte.audit.calls
		.filter(({ route, at }) => route === 'GET /jobs/{jobId}' && at > updatedAt - MINUTE)
		.map(({ at }) => at);
	const gaps = looks.slice(1).map((at, index) => at - looks[index]);
	expect(Math.max(...gaps)).toBeLessThan(GAP);
}

const nothing = async () => {};
const scenario = sideBySide(nothing, nothing, 60 * MINUTE);

scenario('in one process', async () => {
	const world = World.of(await startTestN8n({ env: { N8N_LOG_LEVEL: 'debug' } }));
	await heals(world, untilLogged).finally(async () => await World.tearDown(world));
});

const lacking = queueModeLacks();
if (lacking) test.skip(`in queue mode: ${lacking}`, nothing);
else {
	scenario('in queue mode', async () => {
		const world = await World.setUpQueue();
		await heals(world, untilRunning).finally(async () => await World.tearDown(world));
	});
}
