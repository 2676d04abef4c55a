import { setTimeout as pause } from 'node:timers/promises';

/** Waits until something is so; says what it was when it does not come. */
export async function until(
	condition: () => boolean | Promise<boolean>,
	timeoutMs = 120_000,
	everyMs = 100,
): Promise<void> {
	const deadline = Date.now() + timeoutMs;
	while (!(await condition())) {
		if (Date.now() > deadline) {
			throw new Error(`Waited ${timeoutMs / 1_000} s for ${condition.toString()}`);
		}
		await pause(everyMs);
	}
}
