/**
 * `kill -9` in queue mode, of each kind of process and of all, at moments that matter. The processes are supervised
 * as in production: whatever is down is started again.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { outputOf } from '../../../scripts/n8n/execution.cts';
import type { QueueN8n } from '../../../scripts/n8n/queue.cts';
import { queueModeLacks } from '../../../scripts/n8n/queue.cts';
import { World } from '../harness/world.cts';
import { parkSync, untilALookHangs } from './scenarios.cts';

const lacking = queueModeLacks();
const testWhereItRuns = lacking ? test.skip : test;

let world: World<QueueN8n>;
beforeAll(async () => {
	if (!lacking) world = await World.setUpQueue();
}, 300_000);
afterAll(async () => {
	if (!lacking) await World.tearDown(world);
}, 60_000);

const parked = async (seconds: number) => await parkSync(world, seconds);

testWhereItRuns(
	'deferred executions survive kills of a worker, of main and of all',
	async () => {
		const waits = await Promise.all([parked(260), parked(260), parked(400), parked(600)]);
		// The worker that started it, just after the job was started.
		const started = await parked(200);
		await world.n8n.killWorker(world.n8n.workerOf(started.id) ?? 0);
		await world.n8n.startAll();

		// Main, in the middle of a look: looks run in main.
		await untilALookHangs(waits[0].site);
		await world.n8n.killMain();
		await world.n8n.startAll();

		// All of n8n, in the middle of a look, some minutes later.
		await pause(60_000);
		await untilALookHangs(waits[1].site);
		await world.n8n.killAll();
		// So long that both alarm clocks of each are overdue when n8n starts, which is when its recovery runs.
		await pause(140_000);
		await world.n8n.startAll();

		for (const { site, id } of [...waits, started]) {
			const execution = await world.api.waitForExecution(id, { timeoutMs: 900_000 });
			expect({ id, status: execution.status }).toEqual({ id, status: 'success' });
			expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
			expect(site.airbyte.audit.startedJobs()).toHaveLength(1);
		}
	},
	1_500_000,
);
