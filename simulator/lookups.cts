/**
 * Finding what a caller names. Reference: to an ordinary user an id that does not exist looks like
 * one of another tenant (403), so that nothing can be guessed; an instance admin gets the truth,
 * oddly told for jobs and for ids that are no UUID.
 */
import { refuse } from './answers.cts';
import type { Connection, Workspace } from './connection.cts';
import type { JobView } from './job.cts';
import { isUuid } from './parameters.cts';
import type { RoleName } from './problems.cts';
import { errorId, forbidden, resourceNotFound, stateConflict } from './problems.cts';
import type { Stage } from './routes.cts';

export const NOT_RUNNING = 'Job is not currently running';

export const findConnection = (stage: Stage, id: string, role?: RoleName): Connection =>
	find(stage, { type: 'STANDARD_SYNC', known: stage.airbyte.connections, id, role });

export const findWorkspace = (stage: Stage, id: string): Workspace =>
	find(stage, {
		type: 'STANDARD_WORKSPACE',
		known: stage.airbyte.workspaces,
		id,
		role: 'WORKSPACE_READER',
	});

/** Reference: to an instance admin a missing job is a 409, even on GET. */
export function findJob(
	{ airbyte, settings }: Stage,
	jobId: number,
	role: RoleName = 'WORKSPACE_READER',
): JobView {
	const job = airbyte.scheduler.get(jobId);
	if (job) return job;
	return refuse(isAdmin(settings) ? stateConflict(NOT_RUNNING) : forbidden(role));
}

/** Seen: workspaces that do not exist have nothing in them, as far as an instance admin is told. */
export function inWorkspaces(stage: Stage, ids: string[]): (workspaceId: string) => boolean {
	if (!isAdmin(stage.settings)) for (const id of ids) findWorkspace(stage, id);
	const named = new Set(ids.map((id) => id.toLowerCase()));
	return (workspaceId) => named.size === 0 || named.has(workspaceId);
}

export const isAdmin = ({ role }: Stage['settings']): boolean => role === 'instanceAdmin';

interface Wanted<T> {
	/** As a 404 names it. */
	type: string;
	known: Map<string, T>;
	id: string;
	/** As a 403 names it. */
	role?: RoleName;
}

function find<T>({ settings }: Stage, { type, known, id, role }: Wanted<T>): T {
	const found = known.get(id.toLowerCase());
	if (found) return found;
	if (!isAdmin(settings)) return refuse(forbidden(role));
	return refuse(isUuid(id) ? resourceNotFound(type, id) : errorId(500));
}
