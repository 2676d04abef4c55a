/**
 * `kill -9` of an n8n of one process, twice some minutes apart, while deferred executions are at different moments.
 * Each must end with the right result, and no job be started twice.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { errorOf, outputOf } from '../../../scripts/n8n/execution.cts';
import { timelines } from '../../../simulator/index.cts';
import { World } from '../harness/world.cts';
import { call, parkSync, resumeUrl, untilALookHangs, untilParked } from './scenarios.cts';

let world: World;
beforeAll(async () => void (world = await World.setUp()), 300_000);
afterAll(async () => await World.tearDown(world), 60_000);

const deferrable = { mode: 'deferrable' };

const parked = async (seconds: number) => await parkSync(world, seconds);

test('deferred executions survive', async () => {
	const [waiting, looking, called, late, failing] = await Promise.all([
		parked(200),
		parked(200),
		parked(200),
		parked(400),
		(async () => {
			const site = await world.airbyte();
			const id = await site.start([
				site.syncNode(site.connection(timelines.failsAfter(150)), deferrable),
			]);
			await untilParked(world, id);
			return { site, id };
		})(),
	]);
	// One look by the alarm clock, one by a call of the resume URL.
	const url = resumeUrl(world, await world.api.execution(called.id));
	await untilALookHangs(looking.site);
	const hangs = untilALookHangs(called.site);
	const lost = call(url).catch(() => undefined);
	await hangs;
	const justStarted = await parked(150);
	await world.n8n.kill();
	await lost;
	await world.n8n.restart();

	await pause(100_000);
	const again = untilALookHangs(late.site).catch(() => undefined);
	await Promise.race([again, pause(70_000)]);
	await world.n8n.kill();
	// So long that both alarm clocks of each are overdue when n8n starts, which is when its recovery runs.
	await pause(140_000);
	await world.n8n.restart();

	for (const { site, id } of [waiting, looking, called, late, justStarted]) {
		const execution = await world.api.waitForExecution(id, { timeoutMs: 600_000 });
		expect({ id, status: execution.status }).toEqual({ id, status: 'success' });
		expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
	}
	const failed = await world.api.waitForExecution(failing.id, { timeoutMs: 600_000 });
	expect(errorOf(failed)?.message).toBe('Airbyte job 1 failed');
}, 1_200_000);
