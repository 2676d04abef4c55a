/** Airbyte's words for what it has, as the public API writes them. */
import type { Actor, Connection, Workspace } from './airbyte.cts';
import type { JobView } from './job.cts';

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
 * and what is null is left out. POST and DELETE answer without the statistics.
 */
export function jobResponse(job: JobView, { statistics }: { statistics: boolean }): object {
	return {
		jobId: job.jobId,
		status: job.status,
		jobType: job.jobType,
		startTime: timestamp(job.createdAt),
		connectionId: job.connectionId,
		lastUpdatedAt: job.terminal ? timestamp(job.updatedAt) : undefined,
		duration: job.status === 'pending' ? undefined : duration(job.createdAt, job.updatedAt),
		bytesSynced: statistics ? job.bytes : undefined,
		rowsSynced: statistics ? job.rows : undefined,
	};
}

export function connectionResponse(connection: Connection): object {
	const { connectionId, name, workspaceId, status, source, destination, createdAt } = connection;
	return {
		...{ connectionId, name, workspaceId, status },
		sourceId: source.actorId,
		destinationId: destination.actorId,
		schedule: { scheduleType: 'manual' },
		configurations: { streams },
		createdAt: epochSeconds(createdAt),
		tags: [],
		nonBreakingSchemaUpdatesBehavior: 'ignore',
		namespaceDefinition: 'destination',
	};
}

export function actorResponse({ kind, actorId, name, workspaceId, createdAt }: Actor): object {
	return {
		[`${kind}Id`]: actorId,
		name,
		[`${kind}Type`]: name.toLowerCase().replace(/\W+/g, '-'),
		workspaceId,
		configuration: {},
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
const streams = Array.from({ length: 12 }, (_, stream) => ({
	name: `table_${stream + 1}`,
	syncMode: 'incremental_deduped_history',
	cursorField: ['updated_at'],
	primaryKey: [['id']],
	selectedFields: Array.from({ length: 15 }, (_, field) => ({
		fieldPath: [`column_${field + 1}`],
	})),
	mappers: [],
}));
