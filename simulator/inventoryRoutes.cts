/** The public API's calls about what exists: connections, workspaces, sources, destinations. */
import type { Actor } from './airbyte.cts';
import type { Answer } from './answers.cts';
import { json } from './answers.cts';
import { findConnection, findWorkspace } from './lookups.cts';
import { pageOf } from './pages.cts';
import { readIds, readPage, readText } from './parameters.cts';
import type { Call, Route, Stage } from './routes.cts';
import { actorResponse, connectionResponse, workspaceResponse } from './wire.cts';

export const inventoryRoutes: Route[] = [
	{ key: 'GET /connections', serve: listConnections },
	{
		key: 'GET /connections/{connectionId}',
		serve: (call, stage) =>
			json(connectionResponse(findConnection(stage, call.params.connectionId))),
	},
	{ key: 'GET /workspaces', serve: listWorkspaces },
	{
		key: 'GET /workspaces/{workspaceId}',
		serve: (call, stage) => json(workspaceResponse(findWorkspace(stage, call.params.workspaceId))),
	},
	{ key: 'GET /sources', serve: (call, stage) => listActors('source', call, stage) },
	{ key: 'GET /destinations', serve: (call, stage) => listActors('destination', call, stage) },
];

/** Reference: deleted connections are the `deprecated` ones, left out unless asked for. */
function listConnections(call: Call, stage: Stage): Answer {
	const deleted = readText(call, 'includeDeleted') === 'true';
	const inScope = readWorkspaces(call, stage);
	const rows = [...stage.airbyte.connections.values()].filter(
		({ status, workspaceId }) => (deleted || status !== 'deprecated') && inScope(workspaceId),
	);
	const show = connectionResponse;
	return pageOf(stage, {
		path: '/connections',
		kept: keptIds(call),
		page: readPage(call),
		rows,
		show,
	});
}

function listWorkspaces(call: Call, stage: Stage): Answer {
	const inScope = readWorkspaces(call, stage);
	const rows = [...stage.airbyte.workspaces.values()].filter((one) => inScope(one.workspaceId));
	const show = workspaceResponse;
	return pageOf(stage, {
		path: '/workspaces',
		kept: keptIds(call),
		page: readPage(call),
		rows,
		show,
	});
}

function listActors(kind: Actor['kind'], call: Call, stage: Stage): Answer {
	const inScope = readWorkspaces(call, stage);
	const rows = [...stage.airbyte.actors.values()].filter(
		(actor) => actor.kind === kind && inScope(actor.workspaceId),
	);
	const show = actorResponse;
	return pageOf(stage, {
		path: `/${kind}s`,
		kept: keptIds(call),
		page: readPage(call),
		rows,
		show,
	});
}

function readWorkspaces(call: Call, stage: Stage): (workspaceId: string) => boolean {
	const named = readIds(call, 'workspaceIds').map((id) => findWorkspace(stage, id).workspaceId);
	return (workspaceId) => !named.length || named.includes(workspaceId);
}

const keptIds = (call: Call): Array<[string, string]> =>
	readIds(call, 'workspaceIds').map((id) => ['workspaceIds', id]);
