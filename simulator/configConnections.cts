/** The configuration API's calls about connections. */
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import {
	findConnectionById,
	findConnectionRead,
	passEditor,
	readRows,
	readTime,
	readWords,
} from './configLookups.cts';
import { attemptsWithLogs } from './configJobs.cts';
import {
	configTypeOf,
	failureReason,
	jobRead,
	scheduleRead,
	streamTotals,
	totals,
} from './configWire.cts';
import type { Connection, Stream } from './connection.cts';
import { eventsOf } from './events.cts';
import type { JobView } from './job.cts';
import { sumOf } from './moved.cts';
import { readBody } from './parameters.cts';
import { pass, untilStarted } from './pauses.cts';
import { hateoas, notConvertible } from './problems.cts';
import type { Call, Route, Stage } from './routes.cts';
import { epochSeconds } from './wire.cts';

export const configConnectionRoutes: Route[] = [
	{ key: 'POST /api/v1/connections/status', serve: showStatuses },
	{ key: 'POST /api/v1/connections/refresh', serve: refresh },
	{ key: 'POST /api/v1/connections/clear/stream', serve: clearStreams },
	{ key: 'POST /api/v1/connections/sync_progress', serve: showProgress },
	{ key: 'POST /api/v1/connections/events/list', serve: listEvents },
	{ key: 'POST /api/v1/web_backend/connections/list', serve: listConnections },
];

const newestFirst = ({ connectionId }: Connection, { airbyte }: Stage): JobView[] =>
	airbyte.jobs.list(connectionId).reverse();

function showStatuses(call: Call, stage: Stage): Answer {
	const ids = readWords(call, 'connectionIds');
	const connections = ids.map((id) => findConnectionById(id, call, stage));
	return json(connections.map((connection) => statusRead(connection, stage)));
}

function statusRead(connection: Connection, stage: Stage): object {
	const jobs = newestFirst(connection, stage);
	const active = jobs.find((job) => !job.terminal);
	const last = jobs.find(({ status }) => status === 'succeeded' || status === 'failed');
	const success = jobs.find((job) => job.jobType === 'sync' && job.status === 'succeeded');
	const attempt = last?.attempts[last.attempts.length - 1];
	return {
		connectionId: connection.connectionId,
		connectionSyncStatus: syncStatus(connection, jobs[0], active),
		lastSuccessfulSync: success && epochSeconds(success.updatedAt),
		lastSyncJobId: last?.jobId,
		lastSyncAttemptNumber: last && last.attempts.length - 1,
		lastSyncJobCreatedAt: last && epochSeconds(last.createdAt),
		activeJob: active && jobRead(active, { statistics: false }),
		failureReason: last?.status === 'failed' && attempt ? failureReason(attempt) : undefined,
		...scheduleRead(connection),
	};
}

/** Reference: what is between two attempts is `pending`; only what nobody can mend by waiting has `failed`. */
function syncStatus(
	{ status }: Connection,
	last: JobView | undefined,
	active: JobView | undefined,
): string {
	if (active) return ['running', 'queued'].includes(active.status) ? active.status : 'pending';
	if (status !== 'active') return 'paused';
	if (!last) return 'pending';
	if (last.status === 'succeeded') return 'synced';
	const isConfigError = last.attempts.some(({ failure }) => failure?.type === 'config_error');
	return isConfigError ? 'failed' : 'incomplete';
}

/**
 * Reference: 200 without a job where the destination cannot refresh, and where a job runs, in which
 * case the refresh comes next; else it blocks until the job runs.
 */
async function refresh(call: Call, stage: Stage): Promise<Answer> {
	const connection = findConnectionRead(call, stage);
	passEditor(call, stage, ['reader']);
	const { connectionId, refreshable } = connection;
	const { jobs } = stage.airbyte;
	if (!['Truncate', 'Merge'].includes(String(readBody(call).refreshMode))) {
		refuse(notConvertible(call.url, 'refreshMode'));
	}
	if (!refreshable) return json({});
	const streams = readStreams(call, connection);
	if (jobs.active(connectionId)) {
		jobs.leavePending(connectionId, { jobType: 'refresh', streams });
		return json({});
	}
	await pass(takesToStart(connection), call, stage);
	const { jobId } = jobs.start(connectionId, { jobType: 'refresh', streams });
	return json({ job: jobRead(await untilStarted(jobId, call, stage), { statistics: false }) });
}

/** Reference: cancels what runs, and blocks until the job runs; no streams are all of them. */
async function clearStreams(call: Call, stage: Stage): Promise<Answer> {
	const connection = findConnectionRead(call, stage);
	passEditor(call, stage, ['reader', 'runner']);
	const { connectionId } = connection;
	const { jobs } = stage.airbyte;
	const streams = readStreams(call, connection);
	jobs.leavePending(connectionId, { jobType: 'reset', streams });
	const active = jobs.active(connectionId);
	if (active) jobs.cancel(active.jobId);
	await pass(takesToStart(connection), call, stage);
	const { jobId } = jobs.start(connectionId, { jobType: 'reset', streams });
	const job = await untilStarted(jobId, call, stage);
	return json({ job: jobRead(job, { statistics: false }), attempts: attemptsWithLogs(job, stage) });
}

function readStreams(call: Call, { streams: all }: Connection): Stream[] {
	const { streams = [] } = readBody(call);
	if (!Array.isArray(streams)) return refuse(notConvertible(call.url, 'streams'));
	const named = streams.map(({ streamName, streamNamespace }) => ({
		name: String(streamName),
		namespace: streamNamespace as string | undefined,
	}));
	const known = named.map(({ name, namespace }) =>
		all.find((stream) => stream.name === name && stream.namespace === namespace),
	);
	if (known.includes(undefined)) refuse(hateoas(400, call.url, 'Streams not found in the catalog'));
	return named.length > 0 ? named : all;
}

/** Seconds, as the connection's `starts` say for the next one. */
const takesToStart = ({ starts }: Connection): number => starts.shift()?.takes ?? 0;

/** Reference: of an idle connection nothing but its id and no streams. */
function showProgress(call: Call, stage: Stage): Answer {
	const { connectionId } = findConnectionRead(call, stage);
	const job = stage.airbyte.jobs.active(connectionId);
	if (!job) return json({ connectionId, streams: [] });
	const configType = configTypeOf(job.jobType);
	return json({
		connectionId,
		jobId: job.jobId,
		configType,
		syncStartedAt: epochSeconds(job.createdAt),
		...totals(sumOf(job.moved)),
		streams: job.moved.map((moved) => ({ ...streamTotals(moved), configType })),
	});
}

/** Reference: newest first. */
function listEvents(call: Call, stage: Stage): Answer {
	const connection = findConnectionRead(call, stage);
	const types = readWords(call, 'eventTypes');
	const from = readTime(call, 'createdAtStart', -Infinity);
	const to = readTime(call, 'createdAtEnd', Infinity);
	const events = eventsOf(connection, stage.airbyte.jobs.list(connection.connectionId))
		.filter(({ eventType }) => types.length === 0 || types.includes(eventType))
		.filter(({ at }) => from <= at && at <= to);
	const rows = readRows(call, events).map(({ at, ...event }) => ({
		...event,
		createdAt: epochSeconds(at),
	}));
	return json({ events: rows });
}

interface ListRequest {
	workspaceId?: string;
	pageSize?: number;
	cursor?: string;
	filters?: { searchTerm?: string; states?: string[]; tagIds?: string[] };
}

/** Reference: by name, one workspace, and after the connection that `cursor` names. */
function listConnections(call: Call, stage: Stage): Answer {
	const { workspaceId, pageSize = 20, cursor, filters = {} } = readBody(call) as ListRequest;
	if (!workspaceId || !stage.airbyte.workspaces.has(workspaceId)) refuse(hateoas(403, call.url));
	const { searchTerm = '', states, tagIds } = filters;
	const all = [...stage.airbyte.connections.values()]
		.filter((one) => one.workspaceId === workspaceId && one.status !== 'deprecated')
		.filter(({ name, source, destination }) =>
			[name, source.name, destination.name].some((text) =>
				text.toLowerCase().includes(searchTerm.toLowerCase()),
			),
		)
		.filter(({ status }) => !states || states.includes(status))
		.filter(({ tags }) => !tagIds || tags.some(({ tagId }) => tagIds.includes(tagId)))
		.sort((a, b) => a.name.localeCompare(b.name));
	const after = all.findIndex(({ connectionId }) => connectionId === cursor) + 1;
	const connections = all.slice(after, after + pageSize).map((one) => listItem(one, stage));
	return json({ connections, num_connections: all.length });
}

function listItem(connection: Connection, stage: Stage): object {
	const { connectionId, name, status, source, destination, tags } = connection;
	const [latest] = newestFirst(connection, stage);
	return {
		...{ connectionId, name, status, tags },
		isSyncing: latest !== undefined && !latest.terminal,
		latestSyncJobCreatedAt: latest && epochSeconds(latest.createdAt),
		latestSyncJobStatus: latest?.status,
		...scheduleRead(connection),
		source: { sourceId: source.actorId, name: source.name, sourceName: source.name },
		destination: {
			destinationId: destination.actorId,
			name: destination.name,
			destinationName: destination.name,
		},
		schemaChange: 'no_change',
	};
}
