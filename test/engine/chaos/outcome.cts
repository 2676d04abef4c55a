/** What the node told of each item, from n8n's items and error. */
import type { IDataObject } from 'n8n-workflow';

import type { Life, NodeEnd } from './live.cts';

export type Outcome =
	| { is: 'output'; json: IDataObject }
	| { is: 'failure'; words: string; jobId?: number }
	/** Another item failed before, and the node stops then. */
	| { is: 'notStarted' };

/** What was told of each item; undefined if the node was stopped and told nothing. */
export function outcomesOf({ end, connectionIds, stoppedAt }: Life): Outcome[] | undefined {
	if (!end || stoppedAt !== undefined) return undefined;
	if (end.error) return connectionIds.map((_, item) => fromError(end.error!, item));
	const told = [...end.outputs[0], ...(end.outputs[1] ?? [])];
	return connectionIds.map((_, item) => {
		const json = told.find(({ pairedItem }) => pairedOf(pairedItem) === item)?.json;
		if (!json) throw new Error(`Nothing is told of item ${item}`);
		return fromJson(json);
	});
}

function pairedOf(paired: unknown): number | undefined {
	return (paired as { item?: number } | undefined)?.item;
}

function fromJson(json: IDataObject): Outcome {
	if (json.error === undefined) return { is: 'output', json };
	const { jobId } = json.details as { jobId?: number };
	return fromWords(`${String(json.error)}. ${String(json.message)}`, jobId);
}

const OTHERS = / ?Of the other items: (.*)\.$/;

function fromError(error: NonNullable<NodeEnd['error']>, item: number): Outcome {
	const { message, description, itemIndex } = error;
	const [, others = ''] = OTHERS.exec(description) ?? [];
	if (item === itemIndex) return fromWords(`${message}. ${description.replace(OTHERS, '')}`);
	const words = new RegExp(`(?:^|; )item ${item}: (.*?)(?:; item \\d+: |$)`).exec(others)?.[1];
	if (words === undefined) throw new Error(`Nothing is told of item ${item}: ${description}`);
	const [, jobId, status] = /^job (\d+) (\w+)$/.exec(words) ?? [];
	return jobId ? { is: 'output', json: { jobId: Number(jobId), status } } : fromWords(words);
}

function fromWords(words: string, jobId?: number): Outcome {
	return /^Not started, as another/.test(words)
		? { is: 'notStarted' }
		: { is: 'failure', words, jobId };
}
