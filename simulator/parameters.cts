/** Reading what callers send, with the refusals that Airbyte's framework gives. */
import { badRequest, errorId, hateoas, notConvertible, unexpectedProblem } from './problems.cts';
import { refuse } from './answers.cts';
import type { Call } from './routes.cts';

export interface Page {
	limit: number;
	offset: number;
}

/** Seen: neither is checked; what PostgreSQL does not take comes back as its words. */
export function readPage(call: Call): Page {
	const limit = readInteger(call, 'limit', 20);
	const offset = readInteger(call, 'offset', 0);
	if (limit < 0) refuse(unexpectedProblem(sqlWords('LIMIT')));
	if (offset < 0) refuse(unexpectedProblem(sqlWords('OFFSET')));
	return { limit, offset };
}

const sqlWords = (clause: string): string =>
	`SQL [select "jobs"."id", "jobs"."scope" from "jobs" offset ? rows fetch next ? rows only]; ERROR: ${clause} must not be negative`;

/** The first value of a query parameter; an empty one counts as none. */
function readText(call: Call, name: string): string | undefined {
	const value = call.query[name];
	return (Array.isArray(value) ? value[0] : value) || undefined;
}

/** `a=1&a=2` and `a=1,2`. */
function readTexts(call: Call, name: string): string[] {
	return [call.query[name] ?? []].flat().flatMap((value) => value.split(','));
}

/** Seen: case does not matter, and one that is given twice is refused. */
export function readWord(call: Call, name: string, words: readonly string[]): string | undefined {
	const value = call.query[name];
	if (value === undefined || value === '') return undefined;
	const word = String(value).toLowerCase();
	if (!words.includes(word)) refuse(notConvertible(call.url, name, String(value)));
	return word;
}

export function readIds(call: Call, name: string): string[] {
	const ids = readTexts(call, name);
	for (const id of ids) if (!isUuid(id)) refuse(notConvertible(call.url, name, id));
	return ids;
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** Reference: ISO with an offset; the epoch milliseconds of the specification's example are wrong. */
export function readDate(call: Call, name: string): number | undefined {
	const value = readText(call, name);
	if (value === undefined) return undefined;
	const time = Date.parse(value);
	if (!DATE_TIME.test(value) || Number.isNaN(time)) refuse(notConvertible(call.url, name, value));
	return time;
}

export type SortOrder = { field: 'createdAt' | 'updatedAt'; descending: boolean };

/** Reference: oldest first unless asked otherwise. */
export function readOrder(call: Call): SortOrder {
	const value = [call.query.orderBy ?? 'createdAt|ASC'].flat()[0];
	const [, field, direction] = /^(createdAt|updatedAt)\|(ASC|DESC)$/.exec(value) ?? [];
	if (!field) refuse(badRequest(`Invalid order by clause provided: ${value}`));
	return { field: field as SortOrder['field'], descending: direction === 'DESC' };
}

function readInteger(call: Call, name: string, fallback: number): number {
	const value = readText(call, name);
	if (value === undefined) return fallback;
	if (!/^-?\d+$/.test(value)) refuse(notConvertible(call.url, name, value));
	return Number(value);
}

export function readJobId(call: Call): number {
	const { jobId } = call.params;
	if (!/^-?\d+$/.test(jobId)) refuse(notConvertible(call.url, 'jobId', jobId));
	return Number(jobId);
}

export const isUuid = (text: unknown): text is string =>
	typeof text === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);

export const contentTypeIs = (call: Call, type: string): boolean =>
	(call.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase() === type;

/** Seen: a body that is not JSON is 400, an empty one and `null` 500 without a word. */
export function readBody(call: Call): Record<string, unknown> {
	const body = call.body === '' ? null : parsed(call);
	if (body === null) refuse(errorId(500));
	if (typeof body !== 'object' || Array.isArray(body)) refuse(notConvertible(call.url, 'body'));
	return body as Record<string, unknown>;
}

function parsed(call: Call): unknown {
	try {
		return JSON.parse(call.body);
	} catch {
		return refuse(hateoas(400, call.url, 'Invalid JSON'));
	}
}
