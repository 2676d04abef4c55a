/**
 * `kill -9` of an n8n of one process, twice some minutes apart, while deferred executions are at different moments.
 * Each must end with the right result, and no job be started twice.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { errorOf, outputOf } from '../../../scripts/n8n/execution.cts';
import { timelines } from '../../../simulator/index.cts';
import { until } from '../harness/until.cts';
import type { Site } from '../harness/world.cts';
import { World } from '../harness/world.cts';
import { call, resumeUrl, untilParked } from './scenarios.cts';

let world: World;
beforeAll(async () => void (world = await World.setUp()), 300_000);
afterAll(async () => await World.tearDown(world), 60_000);

const deferrable = { mode: 'deferrable' };

/** Starts a deferred sync of a job that takes so long. */
async function parked(seconds: number): Promise<{ site: Site; id: string }> {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(seconds, { rows: seconds }));
	const id = await site.start([site.syncNode(connectionId, deferrable)]);
	await untilParked(world, id);
	return { site, id };
}

/** Lets the next look hang, so that n8n can be killed in the middle of it. */
async function untilALookHangs({ airbyte }: Site): Promise<void> {
	airbyte.faults.add({ route: 'GET /jobs/{jobId}', kind: 'hang' });
	await until(() =>
		airbyte.audit.calls.some(
			({ route, status }) =>
				route === 'GET /jobs/{jobId}' && (status === 'open' || status === 'hang'),
		),
	);
}

test('deferred executions survive', async () => {
	const [waiting, looking, called, late, failing] = await Promise.all([
		parked(200),
		parked(200),
		parked(200),
		parked(300),
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
	await world.n8n.restart();

	for (const { site, id } of [waiting, looking, called, late, justStarted]) {
		const execution = await world.api.waitForExecution(id, { timeoutMs: 600_000 });
		expect({ id, status: execution.status }).toEqual({ id, status: 'success' });
		expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
	}
	const failed = await world.api.waitForExecution(failing.id, { timeoutMs: 600_000 });
	expect(errorOf(failed)?.message).toBe('Airbyte job 1 failed');
}, 900_000);
