/**
 * Reading what callers of the configuration API send and finding what they name. Reference: an id
 * that does not exist is 403 to all but an instance admin, and to that one a fault of the server's.
 */
import { refuse } from './answers.cts';
import type { Connection } from './connection.cts';
import type { JobView } from './job.cts';
import { isAdmin } from './lookups.cts';
import { readBody } from './parameters.cts';
import { errorId, hateoas, notConvertible } from './problems.cts';
import type { Call, Stage } from './routes.cts';

export function findJobRead(id: number, call: Call, stage: Stage): JobView {
	const job = stage.airbyte.scheduler.get(id);
	if (job) return job;
	return refuse(isAdmin(stage.settings) ? errorId(500) : hateoas(403, call.url));
}

export function findConnectionRead(call: Call, stage: Stage): Connection {
	const { connectionId } = readBody(call);
	const connection = stage.airbyte.connections.get(String(connectionId).toLowerCase());
	if (connection) return connection;
	return refuse(isAdmin(stage.settings) ? errorId(404) : hateoas(403, call.url));
}

/** Those who start something need more than a reader's rights. */
export function passEditor(call: Call, { settings }: Stage): void {
	if (settings.role === 'reader') refuse(hateoas(403, call.url));
}

export function readNumber(call: Call, name: string): number {
	const value = readBody(call)[name];
	return typeof value === 'number' ? value : refuse(notConvertible(call.url, name));
}

export function readWords(call: Call, name: string): string[] {
	const value = readBody(call)[name] ?? [];
	return Array.isArray(value) ? value.map(String) : refuse(notConvertible(call.url, name));
}

export function readRows<T>(call: Call, rows: T[]): T[] {
	const { pagination = {} } = readBody(call) as { pagination?: { pageSize?: number } };
	return rows.slice(0, pagination.pageSize ?? 20);
}
