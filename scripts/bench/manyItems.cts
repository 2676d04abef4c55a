/** Many items in one node against one: how much longer the execution takes when all jobs take the same. */
import { setTimeout as sleep } from 'node:timers/promises';

import { seeded } from '../../simulator/index.cts';
import {
	airbyteNode,
	connectionById,
	node,
	noOperation,
	webhookTrigger,
	workflow,
} from '../n8n/workflow.cts';
import type { Airbytes } from './airbytes.cts';
import { connectionId } from './database.cts';
import { Instance, type Package } from './instance.cts';
import { drawn } from './statistics.cts';
import { WAIT_SECONDS } from './workflows.cts';

export interface ManyItemsResult {
	items: number;
	/** Seconds that the executions took, in pairs with jobs of the same length. */
	pairs: Array<{ one: number; many: number }>;
}

const PATH = 'items';
const POLL_MS = 500;

export async function runManyItems(
	parts: Package,
	airbytes: Airbytes,
	{ items, pairs, seed }: { items: number; pairs: number; seed: number },
): Promise<ManyItemsResult> {
	const airbyte = await airbytes.open();
	const n8n = await Instance.start(parts, airbyte);
	try {
		await n8n.publish(itemsWorkflow(n8n, items));
		let begun = 0;
		const run = async (count: number, seconds: number) => {
			const connections = Array.from({ length: count }, () => ({
				connectionId: connectionId((begun += 1)),
				seconds,
			}));
			await airbyte.add(connections);
			return await timeOf(n8n, connections);
		};
		await run(1, 1);
		const results: ManyItemsResult['pairs'] = [];
		for (const seconds of drawn(30, 60, pairs, seeded(seed))) {
			results.push({ one: await run(1, seconds), many: await run(items, seconds) });
		}
		return { items, pairs: results };
	} finally {
		await n8n.stop();
	}
}

function itemsWorkflow({ credential }: Instance, batchSize: number) {
	const parameters = {
		mode: 'synchronous',
		waitSeconds: WAIT_SECONDS,
		connectionId: connectionById('={{ $json.connectionId }}'),
		options: { batchSize },
	};
	return workflow('Items', [
		webhookTrigger(PATH),
		node('Items', 'n8n-nodes-base.splitOut', 1, { fieldToSplitOut: 'body.items', options: {} }),
		airbyteNode('airbyteTriggerSync', 'Sync', parameters, credential),
		noOperation('Done'),
	]);
}

/** Seconds from the execution's start to its end, as n8n stored them. */
async function timeOf(n8n: Instance, items: object[]): Promise<number> {
	const [newest] = (await n8n.database.executions()).slice(-1);
	await n8n.begin(PATH, { items });
	for (;;) {
		await sleep(POLL_MS);
		const [execution] = await n8n.database.executions(newest?.id);
		if (!execution || ['new', 'running'].includes(execution.status)) continue;
		if (execution.status !== 'success') throw new Error(`It ended with '${execution.status}'`);
		return ((execution.stoppedAt ?? NaN) - execution.startedAt) / 1_000;
	}
}
