import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { INode, INodeParameters } from 'n8n-workflow';

import type { SavedCredential } from '../n8n/api.cts';
import { connectionById, type WorkflowDefinition } from '../n8n/workflow.cts';
import type { DemoApi } from './remote.cts';

const FOLDER = resolve(__dirname, '..', '..', 'examples');

/** Imports the example workflows, ready to run: with our credential and a connection that exists. */
export async function importExamples(
	api: DemoApi,
	credential: SavedCredential,
	connectionId: string,
): Promise<string[]> {
	const examples = await readExamples();
	const connection = connectionById(connectionId);
	for (const example of examples) {
		const nodes = example.nodes.map((node) => pointedAt(node, credential, connection));
		await api.createWorkflow({ ...example, nodes });
	}
	return examples.map(({ name }) => name);
}

export async function readExamples(): Promise<WorkflowDefinition[]> {
	const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.json')).sort();
	return await Promise.all(
		files.map(async (file) => {
			const content = await readFile(join(FOLDER, file), 'utf8');
			const { name, nodes, connections, settings } = JSON.parse(content) as WorkflowDefinition;
			return { name, nodes, connections, settings };
		}),
	);
}

/** Connections that an expression finds at run time stay as they are. */
export function pointedAt(
	node: INode,
	{ id, name }: SavedCredential,
	connectionId: INodeParameters,
): INode {
	// n8n's HTTP Request node can use the credential, too.
	const isAirbytes = node.type.startsWith('n8n-nodes-airbyte.');
	if (!isAirbytes && node.parameters.nodeCredentialType !== 'airbyteApi') return node;
	const { connectionId: chosen } = node.parameters;
	const isFixed = chosen !== undefined && !JSON.stringify(chosen).includes('={{');
	return {
		...node,
		credentials: { airbyteApi: { id, name } },
		parameters: {
			...node.parameters,
			...(isFixed && { connectionId }),
		},
	};
}
