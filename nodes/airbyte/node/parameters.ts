/** What the user entered in the nodes that run jobs, read and checked before anything is started. */
import { JOB_TYPES, REFRESH_MODES } from '../api/job';
import { MOST_LOG_LINES } from '../api/logEnd';
import { invalid } from '../api/problem';
import type { Order, WaitOrder } from '../run/order';
import { ACTIVE_JOB_POLICIES, INACTIVE_POLICIES } from '../run/order';
import type { Field, FieldContext } from './fields';
import {
	UNLIMITED,
	fieldsOf,
	flag,
	idIn,
	oneOf,
	readNames,
	seconds,
	shown,
	wholeNumber,
	requireLeftEmpty,
} from './fields';
import type { NodeContext } from './tool';
import { isTool, requireFixed } from './tool';

const SYNC_MODES = ['synchronous', 'asynchronous', 'deferrable'] as const;
export const WAIT_MODES = ['synchronous', 'deferrable'] as const;

const DAY = 24 * 3_600;
const MONTH = 30 * DAY;

/** What an item of Airbyte Trigger Sync asks for. @throws {ProblemError} naming the field that makes no sense */
export function readSyncOrder(context: FieldContext & NodeContext, item: number): Order {
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
		...readStartOptions(field),
		...readWaiting(field),
	};
}

/** The options that only a start has. */
function readStartOptions(field: Field) {
	return {
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
		skipIfSyncedWithin: seconds(
			'Skip If Synced Within',
			field('options.skipIfSyncedWithin', 0),
			0,
			MONTH,
		),
		cancelOnStop: flag('Cancel On Stop', field('options.cancelOnStop', true)),
		cancelOnTimeout: flag('Cancel On Timeout', field('options.cancelOnTimeout', true)),
		retries: wholeNumber('Retries', field('options.retries', 0), 0, 10),
		retryDelay: seconds('Retry Delay', field('options.retryDelay', 300), 0, DAY),
	};
}

/** What a clear is called by older versions of Airbyte, and was by this node. */
const RESET = /^\s*reset\s*$/i;

function readJobFields(
	context: NodeContext,
	field: Field,
): Pick<Order & { kind: 'start' }, 'jobType' | 'refreshMode' | 'streams'> {
	requireFixed(context, 'Job Type', 'jobType', 'whether data is cleared');
	const word = field('jobType', 'sync');
	const jobType = RESET.test(String(word)) ? 'clear' : oneOf('Job Type', JOB_TYPES, word);
	if (jobType === 'sync') return { jobType };
	const streams = readNames('Streams', field('streams', ''));
	if (streams.length === 0) requireLeftEmpty(context, 'Streams', 'streams');
	if (jobType === 'clear') return { jobType, streams };
	const mode = oneOf('Refresh Mode', REFRESH_MODES, field('refreshMode', 'merge'));
	return { jobType, streams, refreshMode: mode };
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
		waitSeconds: seconds('Wait Seconds', field('waitSeconds', 3), 1, 3_600),
		timeout: seconds('Timeout', field('timeout', 3_600), 1, MONTH),
		adaptivePolling: flag('Adaptive Polling', field('options.adaptivePolling', true)),
		failureDetails: flag('Include Reason', field('options.failureDetails', true)),
		includeStreams: flag('Include Streams', field('options.includeStreams', false)),
		simplify: readSimplify(field),
		logLines: wholeNumber('Log Lines', field('options.logLines', 0), 0, MOST_LOG_LINES),
		maximumRejectedRows: readMaximumRejectedRows(field),
		minimumRows: wholeNumber('Minimum Rows', field('options.minimumRows', 0), 0, UNLIMITED),
		queueTimeout: seconds('Queue Timeout', field('options.queueTimeout', 0), 0, MONTH),
	};
}

/** Off unless the option is added, which shows it as on, as n8n's rules want. */
export function readSimplify(field: Field): boolean {
	return flag('Simplify', field('options.simplify', false));
}

/** 0 is a limit, too; only an empty field asks for none. */
function readMaximumRejectedRows(field: Field): number | undefined {
	const most = field('options.maximumRejectedRows', '');
	return most === '' ? undefined : wholeNumber('Maximum Rejected Rows', most, 0, UNLIMITED);
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
		"A job ID is a whole number. After an 'Airbyte Trigger Sync' node it is {{ $json.jobId }}; items that were skipped or failed may have none: filter them out.",
	);
}
