import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ChaosRecord } from './run.cts';
import type { Site } from './site.cts';

/** Keeps what it takes to find out what went wrong; gives the folder. */
export async function keepEvidence({ n8n, airbyte }: Site, record: ChaosRecord): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-chaos-'));
	const keep = async (file: string, content: string) =>
		await writeFile(join(folder, file), content);
	const asJson = (value: unknown) => JSON.stringify(value, null, '\t');
	await Promise.all([
		keep('n8n.log', n8n.log()),
		keep('syncs.json', asJson(record.records)),
		keep('airbyte.json', asJson(airbyte.audit.calls)),
	]);
	return folder;
}
