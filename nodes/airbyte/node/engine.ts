/** n8n's engine 2.0, which a workflow's settings may choose. */
import type { IExecuteFunctions } from 'n8n-workflow';

import { invalid } from '../api/problem';

/** n8n's engine 2.0 gives executions such ids, which are UUIDs. */
const ENGINE_2_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * n8n's engine 2.0 cuts each call of a node that signs in through n8n, and does not put executions to wait.
 *
 * @throws {ProblemError} under engine 2.0
 */
export function requireEngine(context: IExecuteFunctions): void {
	if (!ENGINE_2_ID.test(context.getExecutionId() ?? '')) return;
	throw invalid(
		"n8n's engine 2.0 cannot run this node yet",
		"Nothing was started. Set the workflow's engine back to 1 in its settings ('engineType').",
	);
}
