/**
 * Finding what a caller names. Reference: to an ordinary user an id that does not exist looks like
 * one of another tenant (403), so that nothing can be guessed; an instance admin gets the truth,
 * oddly told for jobs and for ids that are no UUID.
 */
import type { Connection, Workspace } from './airbyte.cts';
import { refuse } from './answers.cts';
import type { JobView } from './job.cts';
import { isUuid } from './parameters.cts';
import { errorId, forbidden, resourceNotFound, stateConflict } from './problems.cts';
import type { Stage } from './routes.cts';

export const NOT_RUNNING = 'Job is not currently running';

export function findConnection(stage: Stage, connectionId: string): Connection {
	return find(stage, 'connection', stage.airbyte.connections, connectionId);
}

export function findWorkspace(stage: Stage, workspaceId: string): Workspace {
	return find(stage, 'workspace', stage.airbyte.workspaces, workspaceId);
}

/** Reference: to an instance admin a missing job is a 409, even on GET. */
export function findJob({ airbyte, settings }: Stage, jobId: number): JobView {
	const job = airbyte.job(jobId);
	if (job) return job;
	return refuse(settings.role === 'user' ? forbidden() : stateConflict(NOT_RUNNING));
}

function find<T>({ settings }: Stage, type: string, known: Map<string, T>, id: string): T {
	const found = known.get(id.toLowerCase());
	if (found) return found;
	if (settings.role === 'user') return refuse(forbidden());
	return refuse(isUuid(id) ? resourceNotFound(type, id) : errorId(500));
}
