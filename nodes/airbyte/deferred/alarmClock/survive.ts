import type { IExecuteFunctions } from 'n8n-workflow';

/** A clock that fails is gone, and its execution would wait for ever: it logs what went wrong and rings on. */
export async function survive<T>(
	context: IExecuteFunctions,
	action: () => Promise<T>,
): Promise<T | undefined> {
	return await action().catch((fault) => {
		context.logger.warn('An Airbyte alarm clock goes on after a fault', { reason: String(fault) });
		return undefined;
	});
}
