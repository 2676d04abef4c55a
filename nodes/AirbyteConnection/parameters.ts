/** Reading and checking what the user entered in an Airbyte Connection. */
import type { IExecuteFunctions } from 'n8n-workflow';
import { tryToParseDateTime } from 'n8n-workflow';

import { clock } from '../airbyte/api/clock';
import type { SettableStatus } from '../airbyte/api/connection';
import { SETTABLE_STATUSES } from '../airbyte/api/connection';
import { invalid } from '../airbyte/api/problem';
import type { Field, FieldContext } from '../airbyte/node/fields';
import {
	UNLIMITED,
	fieldsOf,
	flag,
	idIn,
	oneOf,
	plainText,
	readNames,
	requireLeftEmpty,
	seconds,
	shown,
	wholeNumber,
} from '../airbyte/node/fields';
import {
	WAIT_MODES,
	readConnectionId,
	readSimplify,
	readWaiting,
} from '../airbyte/node/parameters';
import type { NodeContext } from '../airbyte/node/tool';
import { isTool, requireFixed } from '../airbyte/node/tool';
import type { Order } from '../airbyte/run/order';

const OPERATIONS = ['getMany', 'getStatus', 'setStatus'] as const;

/** The operation that is carried out as a run, as those of the other nodes are, since it may wait in n8n's database. */
export const WAIT_FOR_SYNC = 'waitForSync';

/** Which connections to list. */
export interface Filters {
	workspaceId?: string;
	status?: SettableStatus;
	/** Connections that have any of these; empty: all. */
	tags: string[];
	/** As it was entered; see `wordsIn`. */
	nameContains: string;
}

/** What an item asks for at once. */
export type ConnectionOrder =
	| { operation: 'getMany'; limit: number; filters: Filters }
	/** `maximumAge` in seconds; 0: any age will do. */
	| { operation: 'getStatus'; connectionId: string; maximumAge: number; simplify: boolean }
	| { operation: 'setStatus'; connectionId: string; status: SettableStatus };

/** @throws {ProblemError} naming the field that makes no sense */
export function readConnectionOrder(
	context: FieldContext & NodeContext,
	item: number,
): ConnectionOrder {
	const field = fieldsOf(context, item);
	const operation = oneOf('Operation', OPERATIONS, field('operation', 'getStatus'));
	if (operation === 'getMany') return { operation, ...readListing(context, field) };
	const connectionId = readConnectionId(context, item);
	if (operation === 'getStatus') {
		const maximumAge = seconds('Maximum Age', field('maximumAge', 0), 0, UNLIMITED);
		return { operation, connectionId, maximumAge, simplify: readSimplify(field) };
	}
	requireFixed(context, 'Status', 'status', 'whether a connection is switched on or off');
	// An expression that comes out as nothing, by a slip in it, must not switch anything on.
	const status = oneOf('Status', SETTABLE_STATUSES, field('status', ''));
	return { operation, connectionId, status };
}

type AwaitContext = FieldContext & Pick<IExecuteFunctions, 'getTimezone'>;

/** What an item of the operation Wait for Sync asks for. @throws {ProblemError} naming the field that makes no sense */
export function readAwaitOrder(context: AwaitContext, item: number): Order {
	const field = fieldsOf(context, item);
	oneOf('Operation', [WAIT_FOR_SYNC], field('operation', ''));
	const after = field('after', undefined);
	return {
		kind: 'await',
		connectionId: readConnectionId(context, item),
		...(after === undefined
			? { after: clock.now(), sinceStart: true }
			: { after: readTime('After', after, context.getTimezone()) }),
		failOnFailure: flag('Fail With the Job', field('options.failOnFailure', true)),
		until: 'ended',
		parks: oneOf('Mode', WAIT_MODES, field('mode', 'synchronous')) === 'deferrable',
		...readWaiting(field),
	};
}

/** Milliseconds since 1970 of which a number is taken for a time; below, it most likely means seconds, above microseconds. */
const MILLISECONDS = { least: 1e12, most: 1e13 };

/**
 * How a text begins that n8n reads as a time by a format; of all else it takes whatever JavaScript makes of it, which finds
 * a year in `Orders 2`, and reads `1/5/2026` in the zone of the process.
 */
const BEGINS_AS_TIME =
	/^\s*(\d{4}|\d\d:\d\d|(mon|tue|wed|thu|fri|sat|sun)[a-z]*,|\d{1,2} [a-z]{3} \d{4})(?!\/)/i;

/** The only number as text that is a date and not a number: `3600` would be a year, and is meant as seconds. */
const COMPACT_DATE = /^\s*\d{8}\s*$/;

/**
 * Milliseconds since the epoch of a time as people, the editor and expressions write it: text, a DateTime, or such a number.
 *
 * @param zone the workflow's, for texts that name none
 */
function readTime(name: string, value: unknown, zone: string): number {
	const isNumber = typeof value === 'number' || isNumeric(value);
	const time = isNumber ? inMilliseconds(Number(value)) : tryToParseTime(value, zone);
	if (Number.isFinite(time)) return time;
	throw invalid(
		`'${name}' is not a time: ${shown(value)}`,
		'Enter a time such as 2026-01-05T03:00:00Z, an expression such as {{ $now.minus({ hours: 1 }) }}, or milliseconds since 1970. Leave it empty for the start of this node.',
	);
}

function isNumeric(value: unknown): boolean {
	return typeof value === 'string' && !COMPACT_DATE.test(value) && Number.isFinite(Number(value));
}

function inMilliseconds(value: number): number {
	return value >= MILLISECONDS.least && value <= MILLISECONDS.most ? value : NaN;
}

function tryToParseTime(value: unknown, zone: string): number {
	if (typeof value === 'string' && !BEGINS_AS_TIME.test(value)) return NaN;
	try {
		return tryToParseDateTime(value, zone).toMillis();
	} catch {
		return NaN;
	}
}

function readListing(context: NodeContext, field: Field): { limit: number; filters: Filters } {
	const returnAll = flag('Return All', field('returnAll', false));
	const status = field('filters.status', '');
	const workspace = field('filters.workspaceId', '');
	const tags = readNames('Tags', field('filters.tags', ''));
	const nameContains = plainText('Name Contains', field('filters.nameContains', '')).trim();
	// An agent may fill in none of them.
	const requireEmpty = isTool(context) ? () => {} : requireLeftEmpty;
	if (workspace === '') requireEmpty(context, 'Workspace ID', 'filters.workspaceId');
	if (status === '') requireEmpty(context, 'Status', 'filters.status');
	if (tags.length === 0) requireEmpty(context, 'Tags', 'filters.tags');
	if (nameContains === '') requireEmpty(context, 'Name Contains', 'filters.nameContains');
	return {
		limit: returnAll ? Infinity : wholeNumber('Limit', field('limit', 50), 1, UNLIMITED),
		filters: {
			workspaceId: workspace === '' ? undefined : readWorkspaceId(workspace),
			status: status === '' ? undefined : oneOf('Status', SETTABLE_STATUSES, status),
			tags,
			nameContains,
		},
	};
}

function readWorkspaceId(value: unknown): string {
	const id = idIn(value, 'workspaces');
	if (id !== undefined) return id;
	throw invalid(
		`'Workspace ID' is not a workspace's ID: ${shown(value)}`,
		"An ID looks like 1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f. It is in the address of the workspace's pages in Airbyte, after /workspaces/.",
	);
}
