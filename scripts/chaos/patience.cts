/** n8n is away again and again in a chaos run; its users would try again. */
import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 1_000;
const PATIENCE_MS = 300_000;

/** Repeats what may be repeated until it works. */
export async function patiently<T>(action: () => Promise<T>): Promise<T> {
	const deadline = Date.now() + PATIENCE_MS;
	for (;;) {
		try {
			return await action();
		} catch (error) {
			if (Date.now() > deadline) throw error;
			await sleep(PAUSE_MS);
		}
	}
}
