/**
 * An n8n that ends whatever takes longer than a minute (EXECUTIONS_TIMEOUT), where to wait is not to run, and lets no
 * workflow be called by another one, which is not for what the node itself starts.
 */
import { outputOf } from '../../../scripts/n8n/execution.cts';
import { startTestN8n } from '../../../scripts/n8n/forTests.cts';
import { timelines } from '../../../simulator/index.cts';
import { sideBySide } from '../harness/sideBySide.cts';
import { until } from '../harness/until.cts';
import { World } from '../harness/world.cts';
import { parkSync } from './scenarios.cts';

const LIMIT_SECONDS = 60;
const PATIENCE = 280_000;

const scenario = sideBySide(async () => {
	const env = {
		EXECUTIONS_TIMEOUT: String(LIMIT_SECONDS),
		N8N_WORKFLOW_CALLER_POLICY_DEFAULT_OPTION: 'none',
	};
	return World.of(await startTestN8n({ env }));
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
