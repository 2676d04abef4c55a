/**
 * Failures in n8n's words: the errors that its editor knows how to show, and those that it throws itself.
 */
import type { INode } from 'n8n-workflow';
import { NodeApiError, NodeOperationError } from 'n8n-workflow';

import type { Problem } from '../api/problem';
import { ProblemError, invalid } from '../api/problem';

/** What went wrong, and why, with what to do next. */
export interface Words {
	message: string;
	description: string;
	/** Status of the HTTP answer that it comes from, if it does. */
	httpStatus?: number;
}

/** @param itemIndex the input item that failed, where there are items */
export function toNodeError(node: INode, words: Words, itemIndex?: number) {
	const { message, description, httpStatus } = words;
	if (httpStatus === undefined) {
		return new NodeOperationError(node, message, { description, itemIndex });
	}
	const httpCode = String(httpStatus);
	return new NodeApiError(node, { message }, { message, description, httpCode, itemIndex });
}

/**
 * The problem in a fault. What is no ProblemError is n8n's own (a missing credential, an expression that fails) and stays
 * as it is; but where the node is to go on, n8n would hand on all items as if they had been synced.
 */
export function problemIn(fault: unknown, continueOnFail: boolean): Problem {
	if (fault instanceof ProblemError) return fault.problem;
	if (!continueOnFail || !(fault instanceof Error)) throw fault;
	const { message, description } = fault as NodeOperationError;
	return invalid(message, description ?? '').problem;
}

/** What came of a call. */
export type Tried<T> = { value: T } | { problem: Problem };

export async function tryTo<T>(
	call: () => T | Promise<T>,
	continueOnFail: boolean,
): Promise<Tried<T>> {
	try {
		return { value: await call() };
	} catch (fault) {
		return { problem: problemIn(fault, continueOnFail) };
	}
}
