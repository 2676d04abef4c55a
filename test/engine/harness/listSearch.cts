/** Asks for what fields offer, in the context that n8n's server gives to the editor's calls. */
import { LoadOptionsContext } from 'n8n-core';
import type {
	INode,
	INodeListSearchResult,
	INodeParameters,
	INodePropertyOptions,
} from 'n8n-workflow';
import { Workflow } from 'n8n-workflow';

import { AirbyteTrigger } from '../../../nodes/AirbyteTrigger/AirbyteTrigger.node';
import { AirbyteTriggerSync } from '../../../nodes/AirbyteTriggerSync/AirbyteTriggerSync.node';
import type { StoredCredential } from './credentials.cts';
import { additionalDataFor, nodeTypesWith } from './engine.cts';

export interface EditorCall {
	credential: StoredCredential;
	/** n8n's id of the credential; another one for each test, since what was read is kept for a while. */
	credentialId: string;
	parameters?: INodeParameters;
}

export interface ListSearch extends EditorCall {
	filter?: string;
	paginationToken?: string;
}

/** Searches the list of the field Connection of Airbyte Trigger Sync. */
export async function searchList(search: ListSearch): Promise<INodeListSearchResult> {
	const { filter, paginationToken } = search;
	const { searchConnections } = new AirbyteTriggerSync().methods.listSearch;
	return await inContext(
		search,
		'airbyteTriggerSync',
		'connectionId',
		async (context) => await searchConnections.call(context, filter, paginationToken),
	);
}

/** Loads the list of the field Connection Names or IDs of Airbyte Trigger. */
export async function loadList(call: EditorCall): Promise<INodePropertyOptions[]> {
	const { getConnections } = new AirbyteTrigger().methods.loadOptions;
	return await inContext(
		call,
		'airbyteTrigger',
		'connectionIds',
		async (context) => await getConnections.call(context),
	);
}

async function inContext<T>(
	{ parameters = {}, credential, credentialId }: EditorCall,
	type: string,
	field: string,
	ask: (context: LoadOptionsContext) => Promise<T>,
): Promise<T> {
	const node: INode = {
		id: 'temp',
		name: 'Temp-Node',
		type: `n8n-nodes-airbyte.${type}`,
		typeVersion: 1,
		position: [0, 0],
		parameters,
		credentials: { airbyteApi: { id: credentialId, name: 'Airbyte' } },
	};
	const nodeTypes = nodeTypesWith([]);
	const workflow = new Workflow({ nodes: [node], connections: {}, active: false, nodeTypes });
	const additionalData = { ...additionalDataFor(credential), currentNodeParameters: parameters };
	const context = new LoadOptionsContext(workflow, node, additionalData, `parameters.${field}`);
	await workflow.expression.acquireIsolate();
	return await ask(context).finally(async () => await workflow.expression.releaseIsolate());
}
