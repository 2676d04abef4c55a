/**
 * The watcher of a deferred execution killed while it rings: n8n is killed again just after its start, when the watcher,
 * overdue by then, waits for n8n's crash recovery to pass. The watchdog starts another one, some minutes later, whose
 * lookout looks at the job again.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { outputOf } from '../../scripts/n8n/execution.cts';
import { queueModeLacks } from '../../scripts/n8n/queue.cts';
import { timelines } from '../../simulator/index.cts';
import { longestGap } from '../support/gaps.cts';
import { LATE, parkSync } from '../n8n/deferrable/scenarios.cts';
import { sideBySide } from '../n8n/harness/sideBySide.cts';
import { until } from '../../scripts/until.cts';
import { World } from '../n8n/harness/world.cts';

const MINUTE = 60_000;
const JOB_SECONDS = 600;

/** Milliseconds between two looks at a job of that age, and some more for a busy machine; without a lookout it is 30 s. */
const GAP = 20_000;

/** Starts n8n, and is done while the watcher rings: it then waits for some seconds. */
async function startUntilRing({ n8n }: World): Promise<void> {
	const before = n8n.log().length;
	// It may be killed before it is ready.
	void n8n.restart().catch(() => undefined);
	await until(() => n8n.log().slice(before).includes('Running node "Ring" started'), 2 * MINUTE);
}

async function heals(world: World): Promise<void> {
	const { api } = world;
	const { site, id } = await parkSync(world, timelines.succeedsAfter(JOB_SECONDS));
	const { workflowId } = await api.execution(id);
	const waiting = async () =>
		(await api.executions(workflowId)).filter(
			({ mode, status }) => mode === 'integrated' && status === 'waiting',
		);
	await until(async () => (await waiting()).length === 2, MINUTE);
	const due = Math.min(...(await waiting()).map(({ waitTill }) => Date.parse(waitTill!)));
	await world.n8n.kill();
	// The watcher is overdue then, the watchdog is not.
	await pause(due + LATE - Date.now());
	await startUntilRing(world);
	await world.n8n.kill();
	await world.n8n.restart();
	// The watchdog.
	await until(async () => (await waiting()).length === 1, MINUTE);

	const execution = await api.waitForExecution(id, { timeoutMs: 12 * MINUTE });
	expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
	const { updatedAt } = site.airbyte.job(1)!;
	const looks = site.airbyte.audit.calls
		.filter(({ route, at }) => route === 'GET /jobs/{jobId}' && at > updatedAt - MINUTE)
		.map(({ at }) => at);
	expect(longestGap(looks)).toBeLessThan(GAP);
}

/** The start of each node is logged. */
const env = { N8N_LOG_LEVEL: 'debug' };

const nothing = async () => {};
const scenario = sideBySide(nothing, nothing, 60 * MINUTE);

scenario('in one process', async () => {
	const world = await World.setUp({ env });
	await heals(world).finally(async () => await World.tearDown(world));
});

const lacking = queueModeLacks();
if (lacking) test.skip(`in queue mode: ${lacking}`, nothing);
else {
	scenario('in queue mode', async () => {
		const world = await World.setUpQueue({ env });
		await heals(world).finally(async () => await World.tearDown(world));
	});
}
