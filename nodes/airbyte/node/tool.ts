/** Being a tool of an AI agent. */
import type { IExecuteFunctions } from 'n8n-workflow';

import { invalid } from '../api/problem';

export type NodeContext = Pick<IExecuteFunctions, 'getNode'>;

/**
 * Whether the node is an agent's tool. n8n's `isToolExecution` does not know of agents that have n8n's engine run
 * their tools (version 3 and newer); but the type that n8n makes for tools always ends like this.
 */
export function isTool(context: NodeContext): boolean {
	return context.getNode().type.endsWith('Tool');
}

/**
 * Whether failures are given as items. To an agent they are, unless asked for otherwise, as n8n does it: but of an
 * error that is thrown, n8n hands on the message alone, and older agents end with it.
 */
export function shouldContinueOnFail(
	context: NodeContext & Pick<IExecuteFunctions, 'continueOnFail'>,
): boolean {
	if (context.continueOnFail()) return true;
	return isTool(context) && context.getNode().onError !== 'stopWorkflow';
}

/**
 * The editor does not offer an expression for such a field of a tool, but a workflow can be written without the editor.
 *
 * @param decides what the field decides, as in `whether data is cleared`
 * @throws {ProblemError} where a model may fill in the field
 */
export function requireFixed(
	context: NodeContext,
	field: string,
	parameter: string,
	decides: string,
): void {
	const stored = context.getNode().parameters[parameter];
	if (!isTool(context) || typeof stored !== 'string' || !stored.startsWith('=')) return;
	throw invalid(
		`'${field}' of a tool must be fixed, not an expression`,
		`Choose it in the node, so that no model decides ${decides}.`,
	);
}
