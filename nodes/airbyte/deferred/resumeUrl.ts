/**
 * The address that n8n resumes a waiting execution by.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

/** The execution's resume URL, with its signature. */
export function resumeUrl(context: IExecuteFunctions): string {
	return String(context.evaluateExpression('{{ $execution.resumeUrl }}', 0));
}

export function unsigned(url: string): string {
	return url.split('?')[0];
}

/** What n8n, or whoever sits at its address, answered. */
interface Answer {
	statusCode: number;
	body: unknown;
}

/**
 * Calls a resume URL as anybody could.
 *
 * @param timeout milliseconds
 * @returns undefined when there was no answer
 */
export async function callResumeUrl(
	context: IExecuteFunctions,
	url: string,
	timeout: number,
): Promise<Answer | undefined> {
	const request = {
		method: 'POST' as const,
		url,
		body: {},
		json: true,
		timeout,
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
	};
	return await context.helpers.httpRequest(request).then(
		(answer) => answer as Answer,
		() => undefined,
	);
}
