/** Airbyte's words for what it has, as the public API writes them. */
import { createHash } from 'node:crypto';
import type { Actor, Connection, Stream, Workspace } from './connection.cts';
import type { JobView } from './job.cts';
import type { Settings } from './settings.cts';

/** Reference: Java's OffsetDateTime, whole seconds, and no seconds at all when they are :00. */
export function timestamp(time: number): string {
	const iso = new Date(time).toISOString();
	return `${iso.slice(17, 19) === '00' ? iso.slice(0, 16) : iso.slice(0, 19)}Z`;
}

/** Reference: Java's Duration, in which hours never roll over into days (PT49H3M). */
function duration(from: number, to: number): string {
	const seconds = epochSeconds(to) - epochSeconds(from);
	const parts: Array<[number, string]> = [
		[Math.floor(seconds / 3600), 'H'],
		[Math.floor(seconds / 60) % 60, 'M'],
		[seconds % 60, 'S'],
	];
	const told = parts.filter(([value]) => value > 0).map((part) => part.join(''));
	return `PT${told.join('') || '0S'}`;
}

export const epochSeconds = (time: number): number => Math.floor(time / 1000);

/**
 * Reference: `lastUpdatedAt` is told of finished jobs only, `duration` of all but pending ones,
 * and what is null is left out. POST and DELETE answer without the statistics, all others always
 * with them at HEAD; older ones may lack them. 2.0.0 has no word for `queued`.
 */
export function jobResponse(
	job: JobView,
	{ statistics, version = 'head' }: { statistics: boolean; version?: Settings['version'] },
): object {
	const isOld = version !== 'head';
	const status = isOld && job.status === 'queued' ? 'pending' : job.status;
	const told = (value: number) => (!statistics || (isOld && value === 0) ? undefined : value);
	return {
		jobId: job.jobId,
		status,
		jobType: job.jobType,
		startTime: timestamp(job.createdAt),
		connectionId: job.connectionId,
		lastUpdatedAt: job.terminal ? timestamp(job.updatedAt) : undefined,
		duration: status === 'pending' ? undefined : duration(job.createdAt, job.updatedAt),
		bytesSynced: told(job.bytes),
		rowsSynced: told(job.rows),
	};
}

export function connectionResponse(connection: Connection, version: Settings['version']): object {
	const { connectionId, name, workspaceId, status, source, destination, createdAt } = connection;
	return {
		...{ connectionId, name, workspaceId },
		status: version === 'head' || status !== 'locked' ? status : 'inactive',
		sourceId: source.actorId,
		destinationId: destination.actorId,
		schedule: connection.schedule,
		configurations: { streams: connection.streams.map(configuredStream) },
		createdAt: epochSeconds(createdAt),
		tags: connection.tags,
		nonBreakingSchemaUpdatesBehavior: 'ignore',
		namespaceDefinition: 'destination',
	};
}

/** `configuration` holds the word by which typed clients tell connectors apart. */
export function actorResponse({ kind, actorId, name, workspaceId, createdAt }: Actor): object {
	const type = name.toLowerCase().replace(/\W+/g, '-');
	return {
		[`${kind}Id`]: actorId,
		name,
		[`${kind}Type`]: type,
		definitionId: uuidFor(`${kind} ${type}`),
		workspaceId,
		configuration: { [`${kind}Type`]: type },
		createdAt: epochSeconds(createdAt),
	};
}

export const workspaceResponse = ({ workspaceId, name }: Workspace): object => ({
	workspaceId,
	name,
	dataResidency: 'auto',
	notifications: {},
});

/** Real lists of connections are heavy with these; nobody who lists them wants to know. */
const configuredStream = ({ name, namespace }: Stream): object => ({
	name,
	namespace,
	syncMode: 'incremental_deduped_history',
	cursorField: ['updated_at'],
	primaryKey: [['id']],
	includeFiles: false,
	selectedFields: COLUMNS.map((column) => ({ fieldPath: [column] })),
	mappers: [],
});

const COLUMNS = Array.from({ length: 15 }, (_, field) => `column_${field + 1}`);

/** The same one for the same text. */
function uuidFor(text: string): string {
	const hex = createHash('sha256').update(text).digest('hex');
	return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
}
