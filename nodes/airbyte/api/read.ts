/** Reading others' JSON, in which anything may be missing or of another type. */

/** The fields of an object; undefined for anything else. */
export function fieldsIn(value: unknown): Record<string, unknown> | undefined {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
		? (value as Record<string, unknown>)
		: undefined;
}

/** The rows of one of the public API's lists; undefined where the answer is none. */
export function rowsIn(body: unknown): unknown[] | undefined {
	const rows = fieldsIn(body)?.data;
	return Array.isArray(rows) ? rows : undefined;
}

/** As part of a regular expression that ignores case. */
export const UUID = '[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}';

export function isUuid(value: unknown): boolean {
	return typeof value === 'string' && new RegExp(`^${UUID}$`, 'i').test(value);
}

export function readText(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A text of Airbyte's, made fit to show by `clean`; undefined if nothing is left of it. */
export function readWords(value: unknown, clean: (text: string) => string): string | undefined {
	const text = readText(value);
	return (text && clean(text)) || undefined;
}

/** A whole number from 0; Airbyte's int64 arrive as JSON numbers, from some proxies as text. */
export function readCount(value: unknown): number | undefined {
	const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
	return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

/** Seconds since the epoch as ISO 8601; undefined for anything else. */
export function isoFromSeconds(value: unknown): string | undefined {
	const time = new Date(typeof value === 'number' ? value * 1_000 : NaN);
	return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** The record without its keys that have no value. */
export function dropUndefined<T extends object>(record: T): T {
	return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;
}
