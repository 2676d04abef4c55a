/** n8n's engine 2.0, which a workflow's settings may choose. */
import type { IExecuteFunctions } from 'n8n-workflow';

import { invalid } from '../api/problem';
import { isUuid } from '../api/read';

/**
 * n8n's engine 2.0 cuts each call of a node that signs in through n8n, and does not put executions to wait. The ids of its
 * executions are UUIDs.
 *
 * @throws {ProblemError} under engine 2.0
 */
export function requireEngine(context: IExecuteFunctions): void {
	if (!isUuid(context.getExecutionId())) return;
	throw invalid(
		"n8n's engine 2.0 cannot run this node yet",
		"Nothing was started. Set the workflow's engine back to 1 in its settings ('engineType').",
	);
}
