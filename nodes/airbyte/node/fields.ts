/**
 * Readers of the kinds of fields that nodes have. Expressions bypass the editor's own checks, so each value is checked
 * here; a reader throws a ProblemError that names the field, as the editor calls it, where the value makes no sense.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import { invalid } from '../api/problem';
import { UUID, fieldsIn } from '../api/read';
import type { NodeContext } from './tool';

export type FieldContext = Pick<IExecuteFunctions, 'getNodeParameter'>;

export type Field = (name: string, fallback: unknown) => unknown;

/** Hidden and unset fields read as their default; so do expressions that come out empty. */
export function fieldsOf(context: FieldContext, item: number): Field {
	return (name, fallback) => filled(context.getNodeParameter(name, item, fallback), fallback);
}

export function filled(value: unknown, fallback: unknown): unknown {
	return value === undefined || value === null || value === '' ? fallback : value;
}

/** What n8n's editor offers as the last operation of every node whose credential its HTTP Request node can use. */
const CUSTOM_API_CALL = '__CUSTOM_API_CALL__';

export function oneOf<T extends string>(name: string, allowed: readonly T[], value: unknown): T {
	if (value === CUSTOM_API_CALL) {
		throw invalid(
			"'Custom API Call' is for n8n's HTTP Request node",
			"Add an HTTP Request node instead of this one: set its 'Authentication' to 'Predefined Credential Type', 'Credential Type' to 'Airbyte API', and choose the same credential.",
		);
	}
	const word = String(value).trim();
	const found = allowed.find((candidate) => candidate.toLowerCase() === word.toLowerCase());
	if (found !== undefined) return found;
	throw invalid(`'${name}' cannot be ${shown(value)}`, `Use one of: ${allowed.join(', ')}.`);
}

/** More than any number that makes sense. */
export const UNLIMITED = 1e15;

/** A number of seconds. */
export function seconds(name: string, value: unknown, least: number, most: number): number {
	return numberBetween(name, value, least, most, ' seconds');
}

export function wholeNumber(name: string, value: unknown, least: number, most: number): number {
	const number = numberBetween(name, value, least, most, '');
	if (Number.isInteger(number)) return number;
	throw invalid(
		`'${name}' must be a whole number, not ${shown(value)}`,
		`It ${limitsOf(least, most)}.`,
	);
}

function numberBetween(
	name: string,
	value: unknown,
	least: number,
	most: number,
	unit: string,
): number {
	const number = typeof value === 'string' ? Number(value.trim() || NaN) : value;
	const isNumber = typeof number === 'number' && Number.isFinite(number);
	const limits = limitsOf(least, most);
	if (isNumber && number >= least && number <= most) return number;
	throw invalid(
		isNumber
			? `'${name}' ${limits}, not ${shown(value)}`
			: `'${name}' must be a number, not ${shown(value)}`,
		`It ${limits}${unit}.`,
	);
}

function limitsOf(least: number, most: number): string {
	return most === UNLIMITED ? `must be ${least} or more` : `must be between ${least} and ${most}`;
}

/** A text, or a number as one. */
export function plainText(name: string, value: unknown): string {
	if (typeof value !== 'object') return String(value);
	throw invalid(`'${name}' must be text, not ${shown(value)}`, 'Check its expression.');
}

export function flag(name: string, value: unknown): boolean {
	if (typeof value === 'boolean') return value;
	if (value === 'true' || value === 'false') return value === 'true';
	throw invalid(`'${name}' must be true or false, not ${shown(value)}`, 'Turn it on or off.');
}

/** A text with commas, or a list by an expression; each name once. */
export function readNames(field: string, value: unknown): string[] {
	const names: unknown[] = typeof value === 'object' ? [value].flat() : String(value).split(',');
	const wrong = names.findIndex((name) => typeof name !== 'string');
	if (wrong >= 0) {
		throw invalid(
			`'${field}' must be names, not ${shown(names[wrong])}`,
			'Write them with commas between them, or give a list of texts by an expression.',
		);
	}
	return [...new Set(names.map((name) => String(name).trim()).filter(Boolean))];
}

/**
 * For a field without a value. Only one that was left empty means all: an expression that comes out as nothing, by a slip
 * in it or for lack of data, must not widen what the node works on.
 *
 * @param parameter its path in the node's parameters, such as `filters.tags`
 * @throws {ProblemError} where the field itself is not empty
 */
export function requireLeftEmpty(context: NodeContext, name: string, parameter: string): void {
	const { parameters } = context.getNode();
	const stored = parameter
		.split('.')
		.reduce<unknown>((value, key) => fieldsIn(value)?.[key], parameters);
	if ([stored ?? ''].flat().every((value) => String(value).trim() === '')) return;
	throw invalid(
		`'${name}' comes out as nothing`,
		'Check what its expression gives. For all, leave the field itself empty.',
	);
}

/** An ID that stands alone, or in the address of one of its pages: after `connections`, for instance. */
export function idIn(value: unknown, pages: string): string | undefined {
	const pattern = new RegExp(`^(${UUID})$|^\\S*/${pages}/(${UUID})(?:[/?#].*)?$`, 'i');
	const [, alone, inAddress] = pattern.exec(String(value).trim()) ?? [];
	return (alone ?? inAddress)?.toLowerCase();
}

/** A value as a message repeats it. */
export function shown(value: unknown): string {
	const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
	return `"${text.length > 60 ? `${text.slice(0, 59)}…` : text}"`;
}
