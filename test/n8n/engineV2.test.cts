/** n8n's engine 2.0, which a workflow's settings choose: the nodes refuse it before anything is started. */
import type { INode, INodeParameters } from 'n8n-workflow';

import { errorOf } from '../../scripts/n8n/execution.cts';
import { freePort } from '../../scripts/n8n/ports.cts';
import { Postgres, postgresLacks } from '../../scripts/n8n/postgres.cts';
import { N8N_HOST } from '../../scripts/n8n/settings.cts';
import {
	airbyteNode,
	connectionById,
	manualTrigger,
	workflow,
} from '../../scripts/n8n/workflow.cts';
import { timelines } from '../../simulator/index.cts';
import { testUnless } from './harness/testUnless.cts';
import type { Site } from './harness/world.cts';
import { World } from './harness/world.cts';

const lacking = postgresLacks();
const testWhereItRuns = testUnless(lacking);

let postgres: Postgres | undefined;
let world: World | undefined;

beforeAll(async () => {
	if (lacking) return;
	postgres = await Postgres.create();
	world = await World.setUp({ env: await engineV2(postgres) });
}, 300_000);

afterAll(async () => {
	if (world) await World.tearDown(world);
	await postgres?.discard();
}, 60_000);

/** It is off by default, and wants a database and two ports of its own. */
async function engineV2({ url }: Postgres): Promise<Record<string, string>> {
	return {
		N8N_ENABLED_MODULES: 'engine-v2',
		N8N_ENGINE_DATABASE_URL: url,
		N8N_ENGINE_HOST: N8N_HOST,
		N8N_ENGINE_PORT: String(await freePort()),
		N8N_ENGINE_CONTROL_PLANE_HOST: N8N_HOST,
		N8N_ENGINE_CONTROL_PLANE_PORT: String(await freePort()),
	};
}

const MODES = ['synchronous', 'asynchronous', 'deferrable'];

/** Each node as it may be asked to do something. */
function nodesOf(site: Site, connectionId: string): INode[] {
	const connection = { connectionId: connectionById(connectionId) };
	const ofConnection = (parameters: INodeParameters) =>
		airbyteNode('airbyteConnection', 'Connection', parameters, site.credential);
	return [
		...MODES.map((mode) => site.syncNode(connectionId, { mode })),
		site.statusNode({ operation: 'get', jobId: 1 }),
		site.statusNode({ operation: 'wait', jobId: 1, mode: 'deferrable' }),
		ofConnection({ operation: 'getMany' }),
		ofConnection({ operation: 'getStatus', ...connection }),
		ofConnection({ operation: 'waitForSync', ...connection }),
	];
}

testWhereItRuns(
	'each node refuses engine 2.0 in words, whatever it is to do, and asks Airbyte for nothing',
	async () => {
		const { api } = world!;
		const site = await world!.airbyte();
		const connectionId = site.connection(timelines.succeedsAfter(3));
		for (const node of nodesOf(site, connectionId)) {
			const definition = workflow('Engine 2.0', [manualTrigger(), node]);
			const settings = { ...definition.settings, engineType: 'v2' as const };
			const id = await api.runWorkflow({ ...definition, settings });
			const execution = await api.waitForExecution(id, { timeoutMs: 60_000 });
			expect(execution.status).toBe('error');
			expect(errorOf(execution)?.message).toBe("n8n's engine 2.0 cannot run this node yet");
		}
		expect(site.airbyte.audit.calls).toEqual([]);
	},
	120_000,
);
