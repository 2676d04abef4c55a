import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks until something is so, or until there is an answer, and gives that; says what it was when it does not come.
 *
 * @param what in words; without it the question itself
 */
export async function until<T>(
	ask: () => T | Promise<T>,
	timeoutMs = 120_000,
	everyMs = 100,
	what: string | (() => string) = ask.toString(),
): Promise<NonNullable<T>> {
	const deadline = Date.now() + timeoutMs;
	for (;;) {
		const answer = await ask();
		if (answer) return answer;
		if (Date.now() > deadline) {
			const told = typeof what === 'string' ? what : what();
			throw new Error(`Waited ${timeoutMs / 1_000} s for ${told}`);
		}
		await pause(everyMs);
	}
}
