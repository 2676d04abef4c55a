/** Settings of n8n's that touch executions which wait, and those that wake them. */
import { outputOf } from '../../../scripts/n8n/execution.cts';
import type { Timeline } from '../../../simulator/index.cts';
import { timelines } from '../../../simulator/index.cts';
import { sideBySide } from '../harness/sideBySide.cts';
import { until } from '../../../scripts/until.cts';
import { World } from '../harness/world.cts';
import { parkSync } from './scenarios.cts';

const LIMIT_SECONDS = 60;
const PATIENCE = 280_000;

/**
 * It ends whatever takes longer than a minute, where to wait is not to run, and lets no workflow be called by another
 * one, which is not for what the node itself starts.
 */
const scenario = sideBySide(async () => {
	const env = {
		EXECUTIONS_TIMEOUT: String(LIMIT_SECONDS),
		N8N_WORKFLOW_CALLER_POLICY_DEFAULT_OPTION: 'none',
	};
	return await World.setUp({ env });
}, World.tearDown);

scenario('a sync that takes longer ends as it would without the limit', async (world) => {
	const { id } = await parkSync(world, timelines.succeedsAfter(3 * LIMIT_SECONDS, { rows: 6 }));
	const execution = await world.api.waitForExecution(id, { timeoutMs: PATIENCE });
	expect(execution.status).toBe('success');
	expect(outputOf(execution, 'After')).toMatchObject([
		{ jobId: 1, status: 'succeeded', rowsSynced: 6 },
	]);
});

scenario('stopping it after the limit cancels the job', async (world) => {
	const { site, id } = await parkSync(world, timelines.runsForever());
	const looks = () => site.airbyte.audit.count('GET /jobs/{jobId}');
	const parkedAt = Date.now();
	// By then the watcher has rung past the limit.
	await until(() => Date.now() - parkedAt > 3 * LIMIT_SECONDS * 1_000, PATIENCE);
	expect(looks()).toBeGreaterThan(3);
	await world.api.stopExecution(id);
	await until(() => site.airbyte.job(1)?.status === 'cancelled', PATIENCE);
	expect(site.airbyte.audit.cancels).toHaveLength(1);
});

/** The watchdog of a short wait rings for the last time after five minutes. */
const GONE = 420_000;

const forgetful = sideBySide(
	async () => {
		const env = { EXECUTIONS_DATA_SAVE_ON_SUCCESS: 'none', EXECUTIONS_DATA_SAVE_ON_ERROR: 'none' };
		return await World.setUp({ env });
	},
	World.tearDown,
	GONE + 60_000,
);

forgetful(
	'where n8n keeps no data of what has ended, waits end well and leave nothing',
	async (world) => {
		const site = await world.airbyte();
		const sync = (jobs: Timeline, name: string) => ({
			...site.syncNode(site.connection(jobs), { mode: 'deferrable' }),
			name,
		});
		await site.startInProduction([
			sync(timelines.succeedsAfter(30), 'First'),
			sync(timelines.failsAfter(30), 'Second'),
		]);
		// The second one starts when the first one has succeeded.
		await until(() => site.airbyte.job(2)?.status === 'failed', PATIENCE);
		const left = async () =>
			await world.api.get<{ results: unknown[] }>('/executions', { limit: 20 });
		await until(async () => (await left()).results.length === 0, GONE);
		expect(site.airbyte.audit.cancels).toEqual([]);
		expect(site.airbyte.audit.startedJobs()).toHaveLength(2);
	},
);
