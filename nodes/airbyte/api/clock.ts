import { sleep } from 'n8n-workflow';

/** The time that waits go by. One object, so that tests can put a clock of their own in its place. */
export const clock = {
	/** Milliseconds since the epoch. */
	now: (): number => Date.now(),

	/** Waits for so many milliseconds, or until the signal is aborted; never rejects. */
	async sleep(ms: number, signal?: AbortSignal): Promise<void> {
		if (signal?.aborted) return;
		let stopListening = () => {};
		const aborted = new Promise<void>((resolve) => {
			const listener = () => resolve();
			signal?.addEventListener('abort', listener);
			stopListening = () => signal?.removeEventListener('abort', listener);
		});
		// n8n before 2.34 ignores the signal that sleep is given, hence the race.
		await Promise.race([sleep(ms, signal).catch(() => undefined), aborted]);
		stopListening();
	},
};
