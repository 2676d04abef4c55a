/**
 * Failures in n8n's words: the errors that its editor knows how to show.
 */
import type { INode } from 'n8n-workflow';
import { NodeApiError, NodeOperationError } from 'n8n-workflow';

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
