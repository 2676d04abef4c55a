/**
 * In which of n8n's threads the CPU time of a look is spent while executions wait in its database; as n8n comes, and
 * with isolates for expressions only where there are any. The profiles see n8n's main thread alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Airbytes } from './airbytes.cts';
import { Instance, type Package } from './instance.cts';
import { startLongSyncs } from './longSyncs.cts';
import { WAIT_SECONDS, type WayName } from './workflows.cts';

export interface ThreadsOptions {
	executions: number;
	/** How long is measured. */
	seconds: number;
	/** Of the loop's Wait, so that n8n parks it. */
	parkedSeconds: number;
}

export interface ThreadsResult {
	way: WayName;
	/** Seconds between two looks, as far as the way can. */
	waitSeconds: number;
	/** Whether n8n makes an isolate only for executions that have an expression. */
	lazy: boolean;
	looks: number;
	/** Milliseconds of CPU for one look, by thread. */
	threads: Record<string, number>;
}

export const LAZY = 'N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE';

/** Until all have been started and have looked once. */
const STARTING_SECONDS = 90;
const APART_MS = 1_000;

export async function runThreads(
	parts: Package,
	airbytes: Airbytes,
	options: ThreadsOptions,
): Promise<ThreadsResult[]> {
	const ways: WayName[] = ['deferrable', 'hand-built loop'];
	const variants = [false, true].flatMap((lazy) => ways.map((way) => ({ way, lazy })));
	return await Promise.all(
		variants.map(async (variant) => await measure(parts, airbytes, variant, options)),
	);
}

async function measure(
	parts: Package,
	airbytes: Airbytes,
	{ way, lazy }: Pick<ThreadsResult, 'way' | 'lazy'>,
	{ executions, seconds, parkedSeconds }: ThreadsOptions,
): Promise<ThreadsResult> {
	const airbyte = await airbytes.open();
	const n8n = await Instance.start(parts, airbyte, { [LAZY]: String(lazy) });
	try {
		const waitSeconds = way === 'deferrable' ? WAIT_SECONDS : parkedSeconds;
		await startLongSyncs(n8n, { way, executions, waitSeconds, apart: APART_MS });
		await sleep(STARTING_SECONDS * 1_000);
		const before = { looks: await airbyte.looks(), threads: n8n.cpuByThread() };
		await sleep(seconds * 1_000);
		const after = n8n.cpuByThread();
		const seen = (await airbyte.looks()) - before.looks;
		const threads = Object.entries(after).map(([name, cpu]) => [
			name,
			((cpu - (before.threads[name] ?? 0)) * 1_000) / seen,
		]);
		return { way, waitSeconds, lazy, looks: seen, threads: Object.fromEntries(threads) };
	} finally {
		await n8n.stop();
	}
}
