/**
 * `kill -9` of an n8n of one process, twice some minutes apart, while deferred executions are at different moments.
 * Each must end with the right result, and no job be started twice.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { errorOf } from '../../../scripts/n8n/execution.cts';
import { timelines } from '../../../simulator/index.cts';
import { World } from '../harness/world.cts';
import { endsWell, parkSync, resumeUrl, untilALookHangs } from './scenarios.cts';

let world: World;
beforeAll(async () => void (world = await World.setUp()), 300_000);
afterAll(async () => await World.tearDown(world), 60_000);

const parked = async (seconds: number) => await parkSync(world, timelines.succeedsAfter(seconds));

test('deferred executions survive', async () => {
	// Some are over between the two kills. A kill just while n8n resumes one is its own gap, so none ends at a kill.
	const [waiting, looking, called, late, failing] = await Promise.all([
		parked(120),
		parked(120),
		parked(120),
		parked(330),
		parkSync(world, timelines.failsAfter(330)),
	]);
	// One look by the lookout, one by a call of the resume URL.
	const url = resumeUrl(world, await world.api.execution(called.id));
	await untilALookHangs(looking.site);
	const hangs = untilALookHangs(called.site);
	const lost = world.api.call(url).catch(() => undefined);
	await hangs;
	const justStarted = await parked(120);
	await world.n8n.kill();
	await lost;
	await world.n8n.restart();

	const killedOnce = [waiting, looking, called, justStarted];
	await Promise.all(killedOnce.map(endsWell));
	await untilALookHangs(late.site);
	await world.n8n.kill();
	// So long that the watcher of each is overdue when n8n starts, which is when its recovery runs.
	await pause(140_000);
	await world.n8n.restart();

	await endsWell(late);
	const failed = await world.api.waitForExecution(failing.id, { timeoutMs: 600_000 });
	expect(errorOf(failed)?.message).toBe('Airbyte job 1 failed');
	expect(failing.site.airbyte.audit.startedJobs()).toHaveLength(1);
}, 1_200_000);
