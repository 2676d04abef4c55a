/** Syncs that outlast what is measured, where that is about looks. */
import { setTimeout as sleep } from 'node:timers/promises';

import { connectionId } from './database.cts';
import type { Instance } from './instance.cts';
import { type WayName, workflowOf } from './workflows.cts';

export interface LongSyncs {
	way: WayName;
	executions: number;
	/** Seconds between two looks; as the way has it, if nothing is said. */
	waitSeconds?: number;
	/** Milliseconds from one start to the next, as the moments of the looks will be apart. */
	apart?: number;
}

const PATH = 'long';
const JOB_SECONDS = 7_200;

/** Starts them, each an execution of its own. */
export async function startLongSyncs(
	n8n: Instance,
	{ way, executions, waitSeconds, apart = 0 }: LongSyncs,
): Promise<void> {
	const { airbyte, credential } = n8n;
	await n8n.publish(
		workflowOf(way, { access: airbyte.access, credential, path: PATH, waitSeconds }),
	);
	const ids = Array.from({ length: executions }, (_, at) => connectionId(at));
	await airbyte.add(ids.map((id) => ({ connectionId: id, seconds: JOB_SECONDS })));
	for (const id of ids) {
		await n8n.begin(PATH, { connectionId: id });
		await sleep(apart);
	}
}
