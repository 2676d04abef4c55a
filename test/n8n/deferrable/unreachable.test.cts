/** A wrong WEBHOOK_URL: n8n cannot call the resume URL that it hands out. The sync still ends right. */
import { errorOf, outputOf } from '../../../scripts/n8n/execution.cts';
import { startTestN8n, startTestQueueN8n } from '../../../scripts/n8n/forTests.cts';
import { queueModeLacks } from '../../../scripts/n8n/queue.cts';
import { timelines } from '../../../simulator/index.cts';
import { sideBySide } from '../harness/sideBySide.cts';
import { until } from '../harness/until.cts';
import { World } from '../harness/world.cts';
import { untilParked } from './scenarios.cts';

const WRONG = 'http://n8n.invalid/';
const deferrable = { mode: 'deferrable' };
const TIMEOUT = 600_000;

function scenarios(kind: string, scenario: ReturnType<typeof sideBySide<World>>): void {
	scenario(
		`${kind}: a succeeded job resumes the execution with its result, and a hint says what to set`,
		async (world) => {
			const site = await world.airbyte();
			const connectionId = site.connection(timelines.succeedsAfter(60, { rows: 6 }));
			const id = await site.startInProduction([site.syncNode(connectionId, deferrable)]);
			const parked = await untilParked(world, id);
			expect(JSON.stringify(parked.data.resultData.runData.Sync)).toContain('Set WEBHOOK_URL');
			const execution = await world.api.waitForExecution(id, { timeoutMs: TIMEOUT });
			expect(outputOf(execution, 'After')).toMatchObject([
				{ jobId: 1, status: 'succeeded', rowsSynced: 6 },
			]);
		},
	);

	scenario(`${kind}: a failed job fails the node, in the same words`, async (world) => {
		const site = await world.airbyte();
		const execution = await site.run(
			[site.syncNode(site.connection(timelines.failsAfter(60)), deferrable)],
			TIMEOUT,
		);
		expect(execution.status).toBe('error');
		expect(errorOf(execution)?.message).toBe('Airbyte job 1 failed');
		expect(errorOf(execution)?.description).toContain('/timeline?jobId=1');
	});

	scenario(`${kind}: stopping the waiting execution cancels the job`, async (world) => {
		const site = await world.airbyte();
		const id = await site.startInProduction([
			site.syncNode(site.connection(timelines.runsForever()), deferrable),
		]);
		await untilParked(world, id);
		await world.api.stopExecution(id);
		await until(() => site.airbyte.job(1)?.status === 'cancelled', TIMEOUT);
		expect(site.airbyte.audit.cancels).toHaveLength(1);
	});

	scenario(`${kind}: what would need more than looks waits in the execution`, async (world) => {
		const site = await world.airbyte();
		const { connectionId } = site.airbyte.addConnection({
			jobs: [timelines.failsAfter(5), timelines.succeedsAfter(5, { rows: 6 })],
		});
		const options = { retries: 1, retryDelay: 1 };
		const execution = await site.run(
			[site.syncNode(connectionId, { ...deferrable, options })],
			120_000,
		);
		expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 2, attempt: 2, rowsSynced: 6 }]);
	});
}

const env = { WEBHOOK_URL: WRONG };
scenarios(
	'one process',
	sideBySide(async () => World.of(await startTestN8n({ env })), World.tearDown),
);

const lacking = queueModeLacks();
if (lacking) test.skip(`queue mode is not run here: ${lacking}`, () => {});
else {
	const setUp = async () => World.of(await startTestQueueN8n({ env }));
	scenarios('queue mode', sideBySide<World>(setUp, World.tearDown));
}
