/** Reading others' JSON, in which anything may be missing or of another type. */

export function readText(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Others' words, made fit to show by `clean`; undefined where nothing of them is left. */
export function readWords(value: unknown, clean: (text: string) => string): string | undefined {
	const text = readText(value);
	return (text && clean(text)) || undefined;
}

/** A whole number from 0; Airbyte's int64 arrive as JSON numbers, from some proxies as text. */
export function readCount(value: unknown): number | undefined {
	const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
	return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

/** The record without its keys that have no value. */
export function dropUndefined<T extends object>(record: T): T {
	return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;
}
