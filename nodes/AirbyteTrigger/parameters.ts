/** Reading and checking what the user entered in an Airbyte Trigger. */
import type { IPollFunctions } from 'n8n-workflow';

import { cleanText } from '../airbyte/api/clean';
import { invalid } from '../airbyte/api/problem';
import { filled, idIn, requireLeftEmpty } from '../airbyte/node/fields';
import { readSimplify } from '../airbyte/node/parameters';

export const EVENTS = ['succeeded', 'failed', 'cancelled'] as const;
const WATCHED_JOB_TYPES = ['sync', 'refresh', 'clear', 'reset'] as const;

/** What a trigger watches; equal for fields that mean the same. */
export interface Watch {
	events: string[];
	jobTypes: string[];
	/** Empty: all. */
	connectionIds: string[];
	workspaceId?: string;
}

type PollContext = Pick<IPollFunctions, 'getNode' | 'getNodeParameter'>;

/** @throws {ProblemError} naming the field that makes no sense */
export function readWatch(context: PollContext): Watch {
	const [workspaceId, ...more] = readIds('Workspace ID', 'workspaces', context, 'workspaceId');
	if (more.length > 0) {
		throw invalid(
			"'Workspace ID' holds more than one ID",
			'Enter one workspace, or leave the field empty for all that the credential sees.',
		);
	}
	return {
		events: someOf('Events', EVENTS, context.getNodeParameter('events', [...EVENTS])),
		jobTypes: readJobTypes(context),
		connectionIds: readIds('Connection Names or IDs', 'connections', context, 'connectionIds'),
		workspaceId,
	};
}

/** Airbyte calls a clear a reset, too. */
function readJobTypes(context: PollContext): string[] {
	const value = context.getNodeParameter('jobTypes', ['refresh', 'sync']);
	const jobTypes = someOf('Job Types', WATCHED_JOB_TYPES, value);
	return [...new Set(jobTypes.map((jobType) => (jobType === 'reset' ? 'clear' : jobType)))];
}

/** Whether items are to have few keys. */
export function isSimplified(context: PollContext): boolean {
	return readSimplify((name, fallback) =>
		filled(context.getNodeParameter(name, fallback), fallback),
	);
}

function someOf<T extends string>(field: string, choices: readonly T[], value: unknown): T[] {
	const words = entriesOf(value).map((word) => word.toLowerCase());
	const choose = `Use at least one of: ${choices.join(', ')}.`;
	if (words.length === 0) throw invalid(`'${field}' is empty`, choose);
	const unknown = words.find((word) => !choices.includes(word as T));
	if (unknown !== undefined) {
		throw invalid(`'${field}' has no choice "${cleanText(unknown)}"`, choose);
	}
	return choices.filter((choice) => words.includes(choice));
}

/** IDs, or addresses of pages that hold them; in a list, or in one text. */
function readIds(field: string, pages: string, context: PollContext, parameter: string): string[] {
	const ids = entriesOf(context.getNodeParameter(parameter, '')).map((entry) => {
		const id = idIn(entry, pages);
		if (id !== undefined) return id;
		throw invalid(
			`'${field}' has something that is not an ID: "${cleanText(entry)}"`,
			`An ID looks like 1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f. It is in the page's address in Airbyte, after /${pages}/.`,
		);
	});
	if (ids.length === 0) requireLeftEmpty(context, field, parameter);
	return [...new Set(ids)].sort();
}

/** The editor gives text or a list, an expression may give either or nothing. */
function entriesOf(value: unknown): string[] {
	if (Array.isArray(value)) return value.flatMap(entriesOf);
	if (value === undefined || value === null) return [];
	const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
	return text.split(/[\s,;]+/).filter((entry) => entry !== '');
}
