import { LoadOptionsContext } from 'n8n-core';
import type { INode, INodeListSearchResult, INodeParameters } from 'n8n-workflow';
import { Workflow } from 'n8n-workflow';

import { AirbyteTriggerSync } from '../../../nodes/AirbyteTriggerSync/AirbyteTriggerSync.node';
import type { StoredCredential } from './credentials.cts';
import { additionalDataFor, nodeTypesWith } from './engine.cts';

export interface ListSearch {
	credential: StoredCredential;
	/** n8n's id of the credential; another one for each test, since what was read is kept for a while. */
	credentialId: string;
	parameters?: INodeParameters;
	filter?: string;
	paginationToken?: string;
}

/** Searches the Connection field's list in the context that n8n's server gives to the editor's calls. */
export async function searchList(search: ListSearch): Promise<INodeListSearchResult> {
	const { parameters = {}, credentialId } = search;
	const node: INode = {
		id: 'temp',
		name: 'Temp-Node',
		type: 'n8n-nodes-airbyte.airbyteTriggerSync',
		typeVersion: 1,
		position: [0, 0],
		parameters,
		credentials: { airbyteApi: { id: credentialId, name: 'Airbyte' } },
	};
	const nodeTypes = nodeTypesWith([]);
	const workflow = new Workflow({ nodes: [node], connections: {}, active: false, nodeTypes });
	const additionalData = {
		...additionalDataFor(search.credential),
		currentNodeParameters: parameters,
	};
	const path = 'parameters.connectionId';
	const context = new LoadOptionsContext(workflow, node, additionalData, path);
	const { searchConnections } = new AirbyteTriggerSync().methods.listSearch;
	await workflow.expression.acquireIsolate();
	return await searchConnections
		.call(context, search.filter, search.paginationToken)
		.finally(async () => await workflow.expression.releaseIsolate());
}
