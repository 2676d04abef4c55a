/** GET /jobs: what it filters by and in which order it answers. */
import type { Answer } from './answers.cts';
import type { JobView } from './job.cts';
import { findConnection, inWorkspaces, isAdmin } from './lookups.cts';
import { pageOf } from './pages.cts';
import type { SortOrder } from './parameters.cts';
import { isUuid, readDate, readIds, readOrder, readPage, readWord } from './parameters.cts';
import type { Call, Stage } from './routes.cts';
import { jobResponse } from './wire.cts';

const TYPES = ['sync', 'reset', 'refresh', 'clear'];
const STATUSES = ['pending', 'running', 'incomplete', 'failed', 'succeeded', 'cancelled'];

export function listJobs(call: Call, stage: Stage): Answer {
	const { settings } = stage;
	const { scope, kept } = readScope(call, stage);
	const jobType = readWord(call, 'jobType', TYPES);
	const filters = [typeFilter(jobType, settings.version), ...readFilters(call, settings.version)];
	const rows = scope.filter((job) => filters.every((accepts) => accepts(job)));
	const survivors: typeof kept = jobType ? [['jobType', jobType], ...kept] : kept;
	return pageOf(stage, {
		path: '/jobs',
		kept: survivors,
		page: readPage(call),
		rows: sorted(inNoOrder(rows, stage), readOrder(call)),
		show: (job) =>
			jobResponse(job, {
				statistics: settings.listsTellStatistics,
				version: settings.version,
			}),
	});
}

/** Reference: `workspaceIds` count for nothing once a connection is named. */
function readScope(call: Call, stage: Stage): { scope: JobView[]; kept: Array<[string, string]> } {
	const workspaceIds = readIds(call, 'workspaceIds');
	const connectionId = [call.query.connectionId].flat()[0];
	if (connectionId !== undefined) {
		return { scope: jobsOf(connectionId, stage), kept: [['connectionId', connectionId]] };
	}
	const kept = workspaceIds.map((id): [string, string] => ['workspaceIds', id]);
	return { scope: jobsOfWorkspaces(stage, workspaceIds), kept };
}

/** Seen: a connection that does not exist has no jobs, as far as an instance admin is told. */
function jobsOf(connectionId: string, stage: Stage): JobView[] {
	if (isAdmin(stage.settings) && isUuid(connectionId)) {
		return stage.airbyte.scheduler.list(connectionId.toLowerCase());
	}
	return stage.airbyte.scheduler.list(
		findConnection(stage, connectionId, 'WORKSPACE_READER').connectionId,
	);
}

function jobsOfWorkspaces(stage: Stage, workspaceIds: string[]): JobView[] {
	const { airbyte } = stage;
	const inScope = inWorkspaces(stage, workspaceIds);
	return airbyte.scheduler
		.list()
		.filter((job) => inScope(airbyte.connection(job.connectionId).workspaceId));
}

/** Reference: without a type, versions up to 2.0.0 list only these two. */
function typeFilter(jobType: string | undefined, version: string): (job: JobView) => boolean {
	const types = jobType ? [jobType] : version === 'head' ? TYPES : ['sync', 'reset'];
	return (job) => types.includes(job.jobType);
}

function readFilters(call: Call, version: string): Array<(job: JobView) => boolean> {
	const statuses = version === 'head' ? [...STATUSES, 'queued'] : STATUSES;
	const status = readWord(call, 'status', statuses);
	const changedSince = readDate(call, 'updatedAtStart');
	return [
		(job) => status === undefined || job.status === status,
		(job) => changedSince === undefined || changedSince <= job.updatedAt,
	];
}

/** Reference: jobs of the same microsecond come in any order, and in another one on the next page. */
function inNoOrder(jobs: JobView[], { audit }: Stage): JobView[] {
	return audit.count('GET /jobs') % 2 === 0 ? jobs : [...jobs].reverse();
}

function sorted(jobs: JobView[], { field, descending }: SortOrder): JobView[] {
	return [...jobs].sort((a, b) => (descending ? b[field] - a[field] : a[field] - b[field]));
}
