/** The ways that are compared, each as a workflow that a call of its webhook starts. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import type { IDataObject, INode, INodeParameters } from 'n8n-workflow';

import type { SavedCredential } from '../n8n/api.cts';
import {
	type WorkflowDefinition,
	airbyteNode,
	connectionById,
	noOperation,
	webhookTrigger,
	workflow,
} from '../n8n/workflow.cts';
import type { OpenedAirbyte } from './airbyteProcess.cts';

export type WayName = 'synchronous' | 'asynchronous' | 'deferrable' | 'hand-built loop';

/** The seconds between two looks that all ways are set to, where they can. */
export const WAIT_SECONDS = 3;

const LOOP = resolve(__dirname, '..', '..', 'bench', 'hand-built-loop.json');

interface Place {
	access: OpenedAirbyte;
	credential: SavedCredential;
	/** Of the webhook that starts it; what is called has the connection's ID in `connectionId`. */
	path: string;
	waitSeconds?: number;
}

export function workflowOf(way: WayName, place: Place): WorkflowDefinition {
	return way === 'hand-built loop' ? handBuilt(place) : ours(way, place);
}

function ours(
	way: Exclude<WayName, 'hand-built loop'>,
	{ credential, path, waitSeconds = WAIT_SECONDS }: Place,
): WorkflowDefinition {
	const sync = airbyteNode(
		'airbyteTriggerSync',
		'Sync',
		{ mode: way, waitSeconds, connectionId: connectionById('={{ $json.body.connectionId }}') },
		credential,
	);
	const wait = airbyteNode(
		'airbyteJobStatus',
		'Status',
		{ operation: 'wait', waitSeconds },
		credential,
	);
	const nodes = way === 'asynchronous' ? [sync, wait] : [sync];
	return workflow(way, [webhookTrigger(path), ...nodes, noOperation('Done')]);
}

/** The workflow in `bench/`, pointed at the Airbyte. */
function handBuilt({ access, path, waitSeconds = WAIT_SECONDS }: Place): WorkflowDefinition {
	const { name, nodes, connections, settings } = JSON.parse(
		readFileSync(LOOP, 'utf8'),
	) as WorkflowDefinition;
	const { host, clientId, clientSecret } = access;
	const values: IDataObject = { host, clientId, clientSecret, waitSeconds };
	return { name, connections, settings, nodes: nodes.map((one) => filledIn(one, path, values)) };
}

function filledIn(node: INode, path: string, values: IDataObject): INode {
	const { parameters } = node;
	if (node.name === 'Webhook') return { ...node, parameters: { ...parameters, path } };
	if (node.name !== 'Settings') return node;
	const { assignments } = parameters.assignments as { assignments: IDataObject[] };
	const filled = assignments.map((one) => ({
		...one,
		value: values[String(one.name)] ?? one.value,
	}));
	return {
		...node,
		parameters: { ...parameters, assignments: { assignments: filled } } as INodeParameters,
	};
}
