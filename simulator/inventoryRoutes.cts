/** The public API's calls about what exists: connections, workspaces, sources, destinations. */
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import type { Actor, Connection } from './connection.cts';
import { findConnection, findWorkspace, inWorkspaces } from './lookups.cts';
import { pageOf } from './pages.cts';
import type { Page } from './parameters.cts';
import { readBody, readIds, readPage } from './parameters.cts';
import { badRequest, connectionLocked, forbidden } from './problems.cts';
import type { Call, Route, Stage } from './routes.cts';
import { actorResponse, connectionResponse, workspaceResponse } from './wire.cts';

export const inventoryRoutes: Route[] = [
	{ key: 'GET /connections', serve: listConnections },
	{ key: 'GET /connections/{connectionId}', serve: showConnection },
	{ key: 'PATCH /connections/{connectionId}', serve: patchConnection },
	{ key: 'GET /workspaces', serve: listWorkspaces },
	{
		key: 'GET /workspaces/{workspaceId}',
		serve: (call, stage) => json(workspaceResponse(findWorkspace(stage, call.params.workspaceId))),
	},
	{ key: 'GET /sources', serve: (call, stage) => listActors('source', call, stage) },
	{ key: 'GET /destinations', serve: (call, stage) => listActors('destination', call, stage) },
];

/** Reference: deleted connections are the `deprecated` ones, left out. */
function listConnections(call: Call, stage: Stage): Answer {
	const workspaceIds = readIds(call, 'workspaceIds');
	const inScope = inWorkspaces(stage, workspaceIds);
	const listed = [...stage.airbyte.connections.values()].filter(
		({ status, workspaceId }) => status !== 'deprecated' && inScope(workspaceId),
	);
	const rows = movedBack(listed, readPage(call), stage);
	const show = (connection: Connection) => connectionResponse(connection, stage.settings.version);
	return listing('/connections', workspaceIds, call, stage, rows, show);
}

function movedBack(rows: Connection[], { limit, offset }: Page, { settings }: Stage): Connection[] {
	const by = settings.pagesOverlapBy * Math.floor(offset / Math.max(limit, 1));
	return by === 0 ? rows : [...rows.slice(-by), ...rows.slice(0, -by)];
}

function showConnection(call: Call, stage: Stage): Answer {
	const connection = findConnection(stage, call.params.connectionId, 'WORKSPACE_READER');
	return json(connectionResponse(connection, stage.settings.version));
}

/**
 * Takes no more than the status. Reference: a locked connection refuses; a run goes on, a queued
 * job is cancelled. Seen: a run in its first seconds is cancelled.
 */
function patchConnection(call: Call, stage: Stage): Answer {
	const { airbyte, settings } = stage;
	const connection = findConnection(stage, call.params.connectionId, 'WORKSPACE_EDITOR');
	const { connectionId, status: before } = connection;
	if (settings.role === 'reader') refuse(forbidden('WORKSPACE_EDITOR'));
	if (before === 'locked') refuse(connectionLocked());
	const { status } = readBody(call);
	if (status !== 'active' && status !== 'inactive') {
		return refuse(badRequest(`Unexpected status: ${String(status)}`));
	}
	stopQueued(connectionId, status, stage);
	connection.status = status;
	if (status !== before) airbyte.addSwitchEvent(connectionId, status);
	return json(connectionResponse(connection, settings.version));
}

/** In seconds. */
const FIRST_OF_A_RUN = 3;

function stopQueued(connectionId: string, status: string, { airbyte }: Stage): void {
	const active = airbyte.scheduler.active(connectionId);
	if (!active) return;
	const isYoung = airbyte.clock.now() - active.createdAt < FIRST_OF_A_RUN * 1000;
	if (active.status === 'queued' || (status === 'inactive' && isYoung)) {
		airbyte.scheduler.cancel(active.jobId);
	}
}

function listWorkspaces(call: Call, stage: Stage): Answer {
	const workspaceIds = readIds(call, 'workspaceIds');
	const inScope = inWorkspaces(stage, workspaceIds);
	const rows = [...stage.airbyte.workspaces.values()].filter((one) => inScope(one.workspaceId));
	return listing('/workspaces', workspaceIds, call, stage, rows, workspaceResponse);
}

function listActors(kind: Actor['kind'], call: Call, stage: Stage): Answer {
	const workspaceIds = readIds(call, 'workspaceIds');
	const inScope = inWorkspaces(stage, workspaceIds);
	const rows = [...stage.airbyte.actors.values()].filter(
		(actor) => actor.kind === kind && inScope(actor.workspaceId),
	);
	return listing(`/${kind}s`, workspaceIds, call, stage, rows, actorResponse);
}

function listing<T>(
	path: string,
	workspaceIds: string[],
	call: Call,
	stage: Stage,
	rows: T[],
	show: (row: T) => object,
): Answer {
	const kept = workspaceIds.map((id): [string, string] => ['workspaceIds', id]);
	return pageOf(stage, { path, kept, page: readPage(call), rows, show });
}
