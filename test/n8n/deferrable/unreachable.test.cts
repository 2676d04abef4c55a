/** A wrong WEBHOOK_URL: n8n cannot call the resume URL that it hands out. The node then waits in the execution. */
import { outputOf } from '../../../scripts/n8n/execution.cts';
import { queueModeLacks } from '../../../scripts/n8n/queue.cts';
import { timelines } from '../../../simulator/index.cts';
import { sideBySide } from '../harness/sideBySide.cts';
import { until } from '../../../scripts/until.cts';
import { World } from '../harness/world.cts';

const WRONG = 'http://n8n.invalid/';
const deferrable = { mode: 'deferrable' };
const TIMEOUT = 120_000;

function scenarios(kind: string, scenario: ReturnType<typeof sideBySide<World>>): void {
	scenario(
		`${kind}: the wait is held in the execution, and a hint says what to set`,
		async (world) => {
			const site = await world.airbyte();
			const connectionId = site.connection({ ...timelines.runsForever(), rows: 6 });
			const id = await site.startInProduction([site.syncNode(connectionId, deferrable)]);
			await until(() => site.airbyte.job(1)?.status === 'running', TIMEOUT);
			expect((await world.api.execution(id)).status).toBe('running');
			site.airbyte.completeJob(1);
			const execution = await world.api.waitForExecution(id, { timeoutMs: TIMEOUT });
			expect(outputOf(execution, 'After')).toMatchObject([
				{ jobId: 1, status: 'succeeded', rowsSynced: 6 },
			]);
			expect(JSON.stringify(execution.data.resultData.runData.Sync)).toContain('Set WEBHOOK_URL');
		},
	);

	scenario(`${kind}: stopping it cancels the job`, async (world) => {
		const site = await world.airbyte();
		const id = await site.startInProduction([
			site.syncNode(site.connection(timelines.runsForever()), deferrable),
		]);
		await until(() => site.airbyte.job(1)?.status === 'running', TIMEOUT);
		await world.api.stopExecution(id);
		await until(() => site.airbyte.job(1)?.status === 'cancelled', TIMEOUT);
		expect(site.airbyte.audit.cancels).toHaveLength(1);
	});
}

const env = { WEBHOOK_URL: WRONG };
scenarios(
	'one process',
	sideBySide(async () => await World.setUp({ env }), World.tearDown),
);

const lacking = queueModeLacks();
if (lacking) test.skip(`queue mode is not run here: ${lacking}`, () => {});
else {
	const setUp = async () => await World.setUpQueue({ env });
	scenarios('queue mode', sideBySide<World>(setUp, World.tearDown));
}
