/** Builds workflows for tests and the demo, in the JSON that n8n imports and exports. */
import { randomUUID } from 'node:crypto';

import type {
	IConnections,
	IDataObject,
	INode,
	INodeParameters,
	IWorkflowSettings,
} from 'n8n-workflow';

import type { SavedCredential } from './api.cts';

export interface WorkflowDefinition {
	name: string;
	nodes: INode[];
	connections: IConnections;
	settings?: IWorkflowSettings;
}

/** An edge between two nodes, by name. */
interface Edge {
	from: string;
	to: string;
	/** Which output of `from`: 1 is the error output of a node with one regular output. */
	output?: number;
}

/** How a node reacts to errors, retries and so on: what its Settings tab offers. */
export type NodeSettings = Partial<
	Pick<INode, 'onError' | 'retryOnFail' | 'maxTries' | 'waitBetweenTries' | 'disabled'>
>;

/** A workflow of those nodes; without edges each one is connected to the next. */
export function workflow(
	name: string,
	nodes: INode[],
	edges: Edge[] = chain(...nodes.map((one) => one.name)),
): WorkflowDefinition {
	return {
		name,
		nodes: nodes.map((one, index) => ({ ...one, position: [index * 220, 0] })),
		connections: connect(edges),
		settings: { executionOrder: 'v1' },
	};
}

function chain(...names: string[]): Edge[] {
	return names.slice(1).map((to, index) => ({ from: names[index], to }));
}

function connect(edges: Edge[]): IConnections {
	const connections: IConnections = {};
	for (const { from, to, output = 0 } of edges) {
		const outputs = ((connections[from] ??= {}).main ??= []);
		while (outputs.length <= output) outputs.push([]);
		(outputs[output] ??= []).push({ node: to, type: 'main', index: 0 });
	}
	return connections;
}

export function node(
	name: string,
	type: string,
	typeVersion: number,
	parameters: INodeParameters = {},
	rest: Partial<INode> = {},
): INode {
	return { id: randomUUID(), name, type, typeVersion, position: [0, 0], parameters, ...rest };
}

export const manualTrigger = (): INode => node('Start', 'n8n-nodes-base.manualTrigger', 1);

/** Answers at once, unless said otherwise; the body it got is in the item's `body`. */
export const webhookTrigger = (
	path: string,
	name = 'Webhook',
	responseMode: 'onReceived' | 'lastNode' | 'responseNode' = 'onReceived',
): INode =>
	node(
		name,
		'n8n-nodes-base.webhook',
		2,
		{ httpMethod: 'POST', path, responseMode, options: {} },
		// Without an id n8n would put the workflow's and the node's name before the path.
		{ webhookId: randomUUID() },
	);

/** Hands on the items it gets. */
export const noOperation = (name: string): INode => node(name, 'n8n-nodes-base.noOp', 1);

/** Replaces each item it gets by this one. */
const setNode = (name: string, json: IDataObject): INode =>
	node(name, 'n8n-nodes-base.set', 3.4, {
		mode: 'raw',
		jsonOutput: JSON.stringify(json),
		options: {},
	});

/** Two nodes that turn one item into these; put them into a list of nodes with `...`. */
export const emitItems = (items: IDataObject[]): INode[] => [
	setNode('Items as list', { items }),
	node('Items', 'n8n-nodes-base.splitOut', 1, { fieldToSplitOut: 'items', options: {} }),
];

type AirbyteNode =
	'airbyteTriggerSync' | 'airbyteJobStatus' | 'airbyteConnection' | 'airbyteTrigger';

/** One of this package's nodes. */
export function airbyteNode(
	type: AirbyteNode,
	name: string,
	parameters: INodeParameters,
	{ id, name: credentialName }: SavedCredential,
	settings: NodeSettings = {},
): INode {
	const credentials = { airbyteApi: { id, name: credentialName } };
	return node(name, `n8n-nodes-airbyte.${type}`, 1, parameters, { credentials, ...settings });
}

/** A value of the Connection field, as its By ID mode stores it; may be an expression. */
export const connectionById = (value: string): INodeParameters =>
	({ __rl: true, mode: 'id', value }) as unknown as INodeParameters;
