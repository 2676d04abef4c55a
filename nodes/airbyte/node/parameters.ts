/**
 * Reading and checking what the user entered. Expressions bypass the editor's own checks, so every field is
 * checked here, before anything is started.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import { JOB_TYPES, REFRESH_MODES } from '../api/job';
import { MOST_LOG_LINES } from '../api/logEnd';
import { invalid } from '../api/problem';
import type { Order, WaitOrder } from '../run/order';
import { ACTIVE_JOB_POLICIES, INACTIVE_POLICIES } from '../run/order';
import { isTool, requireFixed } from './tool';

const SYNC_MODES = ['synchronous', 'asynchronous', 'deferrable'] as const;
export const WAIT_MODES = ['synchronous', 'deferrable'] as const;

const DAY = 24 * 3_600;
const MONTH = 30 * DAY;

export type FieldContext = Pick<IExecuteFunctions, 'getNodeParameter'>;

/** What an item of Airbyte Trigger Sync asks for. @throws {ProblemError} naming the field that makes no sense */
export function readSyncOrder(
	context: FieldContext & Pick<IExecuteFunctions, 'getNode'>,
	item: number,
): Order {
	const field = fieldsOf(context, item);
	const connectionId = readConnectionId(context, item);
	const usualMode = isTool(context) ? 'asynchronous' : 'synchronous';
	const mode = oneOf('Mode', SYNC_MODES, field('mode', usualMode));
	return {
		kind: 'start',
		connectionId,
		...readJobFields(context, field),
		until: mode === 'asynchronous' ? 'started' : 'ended',
		parks: mode === 'deferrable',
		onActiveJob: oneOf(
			'If a Job Is Already Running',
			ACTIVE_JOB_POLICIES,
			field('options.onActiveJob', 'attach'),
		),
		onInactive: oneOf(
			'If the Connection Is Inactive',
			INACTIVE_POLICIES,
			field('options.onInactive', 'fail'),
		),
		maximumRunningJobs: wholeNumber(
			'Maximum Running Jobs',
			field('options.maximumRunningJobs', 0),
			0,
			1_000,
		),
		skipIfSyncedWithin: numberBetween(
			'Skip If Synced Within',
			field('options.skipIfSyncedWithin', 0),
			0,
			MONTH,
		),
		cancelOnStop: flag('Cancel On Stop', field('options.cancelOnStop', true)),
		cancelOnTimeout: flag('Cancel On Timeout', field('options.cancelOnTimeout', true)),
		retries: wholeNumber('Retries', field('options.retries', 0), 0, 10),
		retryDelay: numberBetween('Retry Delay', field('options.retryDelay', 300), 0, DAY),
		...readWaiting(field),
	};
}

/** What older versions of Airbyte call a clear, and of this node. */
const RESET = /^\s*reset\s*$/i;

function readJobFields(
	context: Pick<IExecuteFunctions, 'getNode'>,
	field: Field,
): Pick<Order & { kind: 'start' }, 'jobType' | 'refreshMode' | 'streams'> {
	requireFixed(context, 'Job Type', 'jobType', 'whether data is cleared');
	const word = field('jobType', 'sync');
	const jobType = RESET.test(String(word)) ? 'clear' : oneOf('Job Type', JOB_TYPES, word);
	if (jobType === 'sync') return { jobType };
	const streams = readNames('Streams', field('streams', ''));
	if (jobType === 'clear') return { jobType, streams };
	const mode = oneOf('Refresh Mode', REFRESH_MODES, field('refreshMode', 'merge'));
	return { jobType, streams, refreshMode: mode };
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

/** What an item of Airbyte Job Status asks for. @throws {ProblemError} naming the field that makes no sense */
export function readStatusOrder(context: FieldContext, item: number): Order {
	const field = fieldsOf(context, item);
	const operation = oneOf(
		'Operation',
		['get', 'wait', 'cancel'] as const,
		field('operation', 'get'),
	);
	const jobId = readJobId(field('jobId', ''));
	const mode = oneOf('Mode', WAIT_MODES, field('mode', 'synchronous'));
	const until = { get: 'seen', wait: 'ended', cancel: 'cancelled' } as const;
	const parks = operation === 'wait' && mode === 'deferrable';
	return { kind: 'follow', jobId, until: until[operation], parks, ...readWaiting(field) };
}

/** How many items' jobs run side by side; the first item's word counts for all. */
export function readBatchSize(context: FieldContext): number {
	const size = fieldsOf(context, 0)('options.batchSize', 10);
	return wholeNumber('Batch Size', size, 1, 100);
}

/** The path segment of the API's version; the first item's word counts for all. */
export function readApiVersion(context: FieldContext): string {
	const value = fieldsOf(context, 0)('options.apiVersion', 'v1');
	const version = String(value).trim();
	if (/^v\d+$/i.test(version)) return version.toLowerCase();
	throw invalid(
		`'API Version' is not a version of Airbyte's API: ${shown(value)}`,
		"It should look like v1, which is the only one that Airbyte has today. Remove the option if you don't need it.",
	);
}

export function readWaiting(field: Field): Omit<WaitOrder, 'parks'> {
	return {
		waitSeconds: numberBetween('Wait Seconds', field('waitSeconds', 3), 1, 3_600),
		timeout: numberBetween('Timeout', field('timeout', 3_600), 1, MONTH),
		adaptivePolling: flag('Adaptive Polling', field('options.adaptivePolling', true)),
		failureDetails: flag('Include Reason', field('options.failureDetails', true)),
		includeStreams: flag('Include Streams', field('options.includeStreams', false)),
		simplify: readSimplify(field),
		logLines: wholeNumber('Log Lines', field('options.logLines', 0), 0, MOST_LOG_LINES),
		maximumRejectedRows: readMaximumRejectedRows(field),
		minimumRows: wholeNumber('Minimum Rows', field('options.minimumRows', 0), 0, UNLIMITED),
		queueTimeout: numberBetween('Queue Timeout', field('options.queueTimeout', 0), 0, MONTH),
	};
}

/** Off unless the option is added, in which n8n wants it on. */
export function readSimplify(field: Field): boolean {
	return flag('Simplify', field('options.simplify', false));
}

/** 0 is a limit, too; only an empty field asks for none. */
function readMaximumRejectedRows(field: Field): number | undefined {
	const most = field('options.maximumRejectedRows', '');
	return most === '' ? undefined : wholeNumber('Maximum Rejected Rows', most, 0, UNLIMITED);
}

export type Field = (name: string, fallback: unknown) => unknown;

/** Hidden and unset fields read as their default; so do expressions that come out empty. */
export function fieldsOf(context: FieldContext, item: number): Field {
	return (name, fallback) => filled(context.getNodeParameter(name, item, fallback), fallback);
}

export function filled(value: unknown, fallback: unknown): unknown {
	return value === undefined || value === null || value === '' ? fallback : value;
}

/** Airbyte's IDs of all but jobs, as part of a regular expression that ignores case. */
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** An ID that stands alone, or in the address of one of its pages: after `connections`, for instance. */
export function idIn(value: unknown, pages: string): string | undefined {
	const pattern = new RegExp(`^(${UUID})$|^\\S*/${pages}/(${UUID})(?:[/?#].*)?$`, 'i');
	const [, alone, inAddress] = pattern.exec(String(value).trim()) ?? [];
	return (alone ?? inAddress)?.toLowerCase();
}

/**
 * n8n could check and extract this itself, but gives each such check a quarter of a second of wall-clock time, which
 * a busy machine misses: the run would fail.
 */
export function readConnectionId(context: FieldContext, item: number): string {
	const value = context.getNodeParameter('connectionId', item, '', { extractValue: true }) ?? '';
	const id = idIn(value, 'connections');
	if (id !== undefined) return id;
	throw invalid(
		String(value).trim() === ''
			? "'Connection' is empty"
			: `'Connection' is not a connection's ID: ${shown(value)}`,
		"A connection ID looks like 1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f. It is in the address of the connection's page in Airbyte, after /connections/.",
	);
}

function readJobId(value: unknown): number {
	const text = typeof value === 'number' ? String(value) : value;
	const digits = typeof text === 'string' && /^\s*(\d+)\s*$/.exec(text);
	const jobId = digits ? Number(digits[1]) : 0;
	if (Number.isSafeInteger(jobId) && jobId > 0) return jobId;
	throw invalid(
		value === '' ? "'Job ID' is empty" : `'Job ID' is not a job's number: ${shown(value)}`,
		"A job ID is a whole number. After an 'Airbyte Trigger Sync' node it is {{ $json.jobId }}.",
	);
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

/** Fields whose numbers are no seconds. */
const COUNTS = new Set([
	'Batch Size',
	'Limit',
	'Log Lines',
	'Maximum Running Jobs',
	'Maximum Rejected Rows',
	'Minimum Rows',
	'Retries',
]);

export function numberBetween(name: string, value: unknown, least: number, most: number): number {
	const number = typeof value === 'string' ? Number(value.trim() || NaN) : value;
	const isNumber = typeof number === 'number' && Number.isFinite(number);
	const limits = limitsOf(least, most);
	if (isNumber && number >= least && number <= most) return number;
	throw invalid(
		isNumber
			? `'${name}' ${limits}, not ${shown(value)}`
			: `'${name}' must be a number, not ${shown(value)}`,
		`It ${limits}${COUNTS.has(name) ? '' : ' seconds'}.`,
	);
}

export function wholeNumber(name: string, value: unknown, least: number, most: number): number {
	const number = numberBetween(name, value, least, most);
	if (Number.isInteger(number)) return number;
	throw invalid(
		`'${name}' must be a whole number, not ${shown(value)}`,
		`It ${limitsOf(least, most)}.`,
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

export function shown(value: unknown): string {
	const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
	return `"${text.length > 60 ? `${text.slice(0, 59)}…` : text}"`;
}
