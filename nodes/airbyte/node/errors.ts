/**
 * Failures in n8n's words: the errors that its editor knows how to show.
 */
import type { INode } from 'n8n-workflow';
import { NodeApiError, NodeOperationError } from 'n8n-workflow';

interface Told {
	message: string;
	description: string;
	/** What Airbyte answered with, if that is what failed. */
	httpStatus?: number;
}

/** @param itemIndex the input item that failed, where there are items */
export function toNodeError(node: INode, told: Told, itemIndex?: number) {
	const { message, description, httpStatus } = told;
	if (httpStatus === undefined) {
		return new NodeOperationError(node, message, { description, itemIndex });
	}
	const httpCode = String(httpStatus);
	return new NodeApiError(node, { message }, { message, description, httpCode, itemIndex });
}
