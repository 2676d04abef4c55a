/** What may be asked for beside a sync, in a real n8n and in both waiting modes. */
import type { INodeParameters } from 'n8n-workflow';

import type { Execution } from '../../scripts/n8n/execution.cts';
import { outputOf } from '../../scripts/n8n/execution.cts';
import { airbyteNode, connectionById } from '../../scripts/n8n/workflow.cts';
import { timelines } from '../../simulator/index.cts';
import { sideBySide } from './harness/sideBySide.cts';
import { World } from './harness/world.cts';
import type { Site } from './harness/world.cts';

const { runsForever, succeedsAfter } = timelines;

const scenario = sideBySide(World.setUp, World.tearDown);

const PATIENCE = 280_000;

for (const mode of ['synchronous', 'deferrable']) {
	const sync = async (
		site: Site,
		connectionId: string,
		parameters: INodeParameters,
	): Promise<Execution> =>
		await site.run([site.syncNode(connectionId, { mode, ...parameters })], PATIENCE);

	scenario(`${mode}: a job that runs is replaced`, async (world) => {
		const site = await world.airbyte();
		const { connectionId } = site.airbyte.addConnection({
			jobs: [runsForever(), succeedsAfter(20, { rows: 7 })],
		});
		site.airbyte.startJob(connectionId);
		const execution = await sync(site, connectionId, { options: { onActiveJob: 'replace' } });
		expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 2, rowsSynced: 7 }]);
		expect(site.airbyte.job(1)?.status).toBe('cancelled');
	});

	scenario(`${mode}: some streams are refreshed`, async (world) => {
		const site = await world.airbyte();
		const { connectionId } = site.airbyte.addConnection({
			jobs: succeedsAfter(20, { rows: 7 }),
			streams: ['public.users', 'public.orders'],
		});
		const execution = await sync(site, connectionId, { jobType: 'refresh', streams: 'users' });
		expect(outputOf(execution, 'After')).toMatchObject([
			{ jobId: 1, jobType: 'refresh', status: 'succeeded', attached: false },
		]);
	});

	scenario(`${mode}: a job waits for room in the workspace`, async (world) => {
		const site = await world.airbyte();
		site.airbyte.startJob(site.connection(succeedsAfter(30)));
		const connectionId = site.connection(succeedsAfter(10));
		const execution = await sync(site, connectionId, { options: { maximumRunningJobs: 1 } });
		expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 2, status: 'succeeded' }]);
		const [first, second] = site.airbyte.jobs();
		expect(second.createdAt).toBeGreaterThanOrEqual(first.updatedAt);
	});

	scenario(`${mode}: streams and the end of a log are told`, async (world) => {
		const site = await world.airbyte();
		const connectionId = site.connection({
			...succeedsAfter(20, { rows: 7 }),
			moved: [{ name: 'users', rows: 7, bytes: 70, rejected: 1 }],
		});
		const options = { includeStreams: true, maximumRejectedRows: 1 };
		const execution = await sync(site, connectionId, { options });
		expect(outputOf(execution, 'After')).toMatchObject([
			{ rowsRejected: 1, streams: [{ name: 'users', rows: 7, bytes: 70, rejected: 1 }] },
		]);
		const failing = site.connection(timelines.failsAfter(10));
		const failed = await site.run(
			[
				site.syncNode(
					failing,
					{ mode, options: { logLines: 5 } },
					{ onError: 'continueRegularOutput' },
				),
			],
			PATIENCE,
		);
		expect(outputOf(failed, 'After')).toMatchObject([
			{ details: { failure: { log: expect.stringMatching(/\n/) } } },
		]);
	});

	scenario(`${mode}: somebody else's sync is waited for`, async (world) => {
		const site = await world.airbyte();
		const connectionId = site.connection(succeedsAfter(10, { rows: 7 }));
		site.airbyte.startJobIn(15, connectionId);
		const parameters = {
			operation: 'waitForSync',
			connectionId: connectionById(connectionId),
			mode,
		};
		const node = airbyteNode('airbyteConnection', 'Await', parameters, site.credential);
		const execution = await site.run([node], PATIENCE);
		expect(outputOf(execution, 'After')).toMatchObject([{ jobId: 1, rowsSynced: 7 }]);
		expect(site.airbyte.audit.cancels).toEqual([]);
	});

	scenario(`${mode}: nothing is started where it is not needed`, async (world) => {
		const site = await world.airbyte();
		const connectionId = site.connection(succeedsAfter(1));
		await sync(site, connectionId, {});
		const fresh = await sync(site, connectionId, { options: { skipIfSyncedWithin: 600 } });
		expect(outputOf(fresh, 'After')).toMatchObject([{ jobId: 1, skipped: true, reason: 'fresh' }]);
		site.airbyte.updateConnection(connectionId, { status: 'inactive' });
		const inactive = await sync(site, connectionId, { options: { onInactive: 'skip' } });
		expect(outputOf(inactive, 'After')).toMatchObject([{ skipped: true, reason: 'inactive' }]);
		expect(site.airbyte.jobs()).toHaveLength(1);
	});
}
