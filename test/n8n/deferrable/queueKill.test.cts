/**
 * `kill -9` in queue mode, of each kind of process and of all, at moments that matter. The processes are supervised
 * as in production: whatever is down is started again.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { outputOf } from '../../../scripts/n8n/execution.cts';
import type { QueueN8n } from '../../../scripts/n8n/queue.cts';
import { queueModeLacks } from '../../../scripts/n8n/queue.cts';
import { timelines } from '../../../simulator/index.cts';
import { until } from '../harness/until.cts';
import type { Site } from '../harness/world.cts';
import { World } from '../harness/world.cts';
import { untilParked } from './scenarios.cts';

const lacking = queueModeLacks();
const testWhereItRuns = lacking ? test.skip : test;

let world: World<QueueN8n>;
beforeAll(async () => {
	if (!lacking) world = await World.setUpQueue();
}, 300_000);
afterAll(async () => {
	if (!lacking) await World.tearDown(world);
}, 60_000);

async function parked(seconds: number): Promise<{ site: Site; id: string }> {
	const site = await world.airbyte();
	const connectionId = site.connection(timelines.succeedsAfter(seconds, { rows: seconds }));
	const id = await site.start([site.syncNode(connectionId, { mode: 'deferrable' })]);
	await untilParked(world, id);
	return { site, id };
}

/** Lets the next look hang, so that something can be killed in the middle of it. */
async function untilALookHangs({ airbyte }: Site): Promise<void> {
	airbyte.faults.add({ route: 'GET /jobs/{jobId}', kind: 'hang' });
	await until(() =>
		airbyte.audit.calls.some(
			({ route, status }) =>
				route === 'GET /jobs/{jobId}' && (status === 'open' || status === 'hang'),
		),
	);
}

testWhereItRuns(
	'deferred executions survive kills of a worker, of main and of all',
	async () => {
		const waits = await Promise.all([parked(260), parked(260), parked(320), parked(400)]);
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
		await pause(20_000);
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
