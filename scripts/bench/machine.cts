/** What the machine is on which something is measured, and what else it does. */
import { cpus, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { N8N_VERSION } from '../n8n/install.cts';

export function machine(): string {
	return [
		`${cpus().length} cores (${cpus()[0]?.model.trim()})`,
		`${Math.round(totalmem() / 2 ** 30)} GB`,
		`n8n ${N8N_VERSION} in one process with SQLite`,
	].join(', ');
}

/**
 * Cores that work on something in the next seconds, while the benchmark does nothing: the load average would not do,
 * since it still holds what the benchmark itself did a minute ago.
 */
export async function busyCores(seconds = 10): Promise<number> {
	const before = busyMilliseconds();
	const start = performance.now();
	await sleep(seconds * 1_000);
	return (busyMilliseconds() - before) / (performance.now() - start);
}

function busyMilliseconds(): number {
	return cpus().reduce(
		(sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
		0,
	);
}
