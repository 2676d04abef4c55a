/**
 * `kill -9` in queue mode, of each kind of process and of all, at moments that matter. The processes are supervised
 * as in production: whatever is down is started again.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { resumeUrlOf } from '../../../scripts/n8n/execution.cts';
import type { QueueN8n } from '../../../scripts/n8n/queue.cts';
import { queueModeLacks } from '../../../scripts/n8n/queue.cts';
import { timelines } from '../../../simulator/index.cts';
import { testUnless } from '../harness/testUnless.cts';
import { World } from '../harness/world.cts';
import { LATE, endsWell, parkSync, untilALookHangs, watcherIsDue } from './scenarios.cts';

const lacking = queueModeLacks();
const testWhereItRuns = testUnless(lacking);

let world: World<QueueN8n>;
beforeAll(async () => {
	if (!lacking) world = await World.setUpQueue();
}, 300_000);
afterAll(async () => {
	if (!lacking) await World.tearDown(world);
}, 60_000);

const parked = async () => await parkSync(world, timelines.runsForever());

testWhereItRuns(
	'deferred executions survive kills of a worker, of main and of all',
	async () => {
		const waits = await Promise.all([parked(), parked(), parked()]);
		// The worker that started it, just after the job was started.
		const started = await parked();
		await world.n8n.workers[world.n8n.workerOf(started.id) ?? 0].kill();
		await world.n8n.startAll();

		// Main, in the middle of a look: one by a call of the resume URL runs there.
		const url = resumeUrlOf(world.n8n, await world.api.execution(waits[0].id));
		const hangs = untilALookHangs(waits[0].site);
		const lost = world.api.call(url).catch(() => undefined);
		await hangs;
		await world.n8n.main.kill();
		await lost;
		await world.n8n.startAll();
		// A kill just while n8n resumes an execution is its own gap, so none ends at a kill.
		started.site.airbyte.completeJob(1);
		await endsWell(started);

		// All of n8n, in the middle of a worker's look.
		await untilALookHangs(waits[1].site);
		const due = await Promise.all(waits.map(watcherIsDue));
		await world.n8n.kill();
		// So long that the watcher of each is late when n8n starts, which is when its recovery runs.
		await pause(Math.max(...due) + LATE - Date.now());
		await world.n8n.startAll();
		for (const { site } of waits) site.airbyte.completeJob(1);
		await Promise.all(waits.map(endsWell));
	},
	1_500_000,
);
