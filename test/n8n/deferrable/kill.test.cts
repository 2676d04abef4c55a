/**
 * `kill -9` of an n8n of one process, twice some minutes apart, while deferred executions are at different moments.
 * Each must end with the right result, and no job be started twice.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { errorOf, resumeUrlOf } from '../../../scripts/n8n/execution.cts';
import { timelines } from '../../../simulator/index.cts';
import { World } from '../harness/world.cts';
import { until } from '../../../scripts/until.cts';
import { LATE, endsWell, looksAt, parkSync, untilALookHangs, watcherIsDue } from './scenarios.cts';

let world: World;
beforeAll(async () => void (world = await World.setUp()), 300_000);
afterAll(async () => await World.tearDown(world), 60_000);

const parked = async () => await parkSync(world, timelines.runsForever());

test('deferred executions survive', async () => {
	const [waiting, looking, called, late, failing] = await Promise.all([
		parked(),
		parked(),
		parked(),
		parked(),
		parked(),
	]);
	// One look by the lookout, one by a call of the resume URL.
	const url = resumeUrlOf(world.n8n, await world.api.execution(called.id));
	await untilALookHangs(looking.site);
	const hangs = untilALookHangs(called.site);
	const lost = world.api.call(url).catch(() => undefined);
	await hangs;
	const justStarted = await parked();
	await world.n8n.kill();
	await lost;
	await world.n8n.restart();

	// Some are over between the two kills. A kill just while n8n resumes one is its own gap, so none ends at a kill.
	const killedOnce = [waiting, looking, called, justStarted];
	for (const { site } of killedOnce) site.airbyte.completeJob(1);
	await Promise.all(killedOnce.map(endsWell));
	const before = looksAt(failing.site);
	await until(() => looksAt(failing.site) > before, 300_000);
	await untilALookHangs(late.site);
	const due = await Promise.all([late, failing].map(watcherIsDue));
	await world.n8n.kill();
	// So long that the watcher of each is late when n8n starts, which is when its recovery runs.
	await pause(Math.max(...due) + LATE - Date.now());
	await world.n8n.restart();

	late.site.airbyte.completeJob(1);
	failing.site.airbyte.completeJob(1, 'failed');
	await endsWell(late);
	const failed = await world.api.waitForExecution(failing.id, { timeoutMs: 600_000 });
	expect(errorOf(failed)?.message).toBe('Airbyte job 1 failed');
	expect(failing.site.airbyte.audit.startedJobs()).toHaveLength(1);
}, 1_500_000);
