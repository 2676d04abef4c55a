/** Whose code an n8n spends its time in while it looks at syncs. */
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Airbytes } from './airbytes.cts';
import { Instance, type Package } from './instance.cts';
import { startLongSyncs } from './longSyncs.cts';
import { type Profile, sharesOf } from './profile.cts';
import type { WayName } from './workflows.cts';

export interface ProfiledResult {
	/** Milliseconds by whose code it is, for one look. */
	shares: Record<string, number>;
	looks: number;
}

/** Until all have been started and have looked once. */
const STARTING_SECONDS = 70;
/** Writing a profile of some minutes takes n8n a moment. */
const STOP_GRACE_MS = 60_000;

export async function runProfiled(
	parts: Package,
	airbytes: Airbytes,
	{ way, executions, seconds }: { way: WayName; executions: number; seconds: number },
): Promise<ProfiledResult> {
	const folder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-profile-'));
	try {
		const airbyte = await airbytes.open();
		const env = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
		const n8n = await Instance.start(parts, airbyte, env);
		let before = 0;
		try {
			await startLongSyncs(n8n, { way, executions });
			await sleep(STARTING_SECONDS * 1_000);
			before = await airbyte.looks();
			await sleep(seconds * 1_000);
		} finally {
			await n8n.stop(STOP_GRACE_MS);
		}
		const seen = (await airbyte.looks()) - before;
		const shares = sharesOf(last(await readProfile(folder), seconds));
		return { looks: seen, shares: perLook(shares, seen) };
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

const perLook = (shares: Map<string, number>, looks: number): Record<string, number> =>
	Object.fromEntries([...shares].map(([owner, ms]) => [owner, ms / looks]));

/** n8n's main thread has the largest; the others are of its helpers. */
async function readProfile(folder: string): Promise<Profile> {
	const files = (await readdir(folder)).map((file) => join(folder, file));
	const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
	const largest = files[sizes.indexOf(Math.max(...sizes))];
	return JSON.parse(await readFile(largest, 'utf8')) as Profile;
}

/** Its last seconds. */
function last(profile: Profile, seconds: number): Profile {
	const { samples = [], timeDeltas = [] } = profile;
	let left = seconds * 1_000_000;
	let first = samples.length;
	while (first > 0 && left > 0) left -= timeDeltas[(first -= 1)];
	return { ...profile, samples: samples.slice(first), timeDeltas: timeDeltas.slice(first) };
}
