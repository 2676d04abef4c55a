/**
 * n8n's own nodes, as far as ours have to do with them: with the parameters that say whom n8n answers, and when; Wait, where
 * it resumes on a call, waits for that.
 */
import type {
	IConnections,
	IDataObject,
	IExecuteFunctions,
	INode,
	INodeParameters,
	INodeProperties,
	INodeType,
	IWebhookDescription,
} from 'n8n-workflow';
import { NodeConnectionTypes, WAIT_INDEFINITELY } from 'n8n-workflow';

export interface NodeOfN8n {
	/** Without the package's name. */
	type: keyof typeof KINDS;
	parameters?: INodeParameters;
}

interface Kind {
	inPackage: string;
	typeVersion: number;
	/** Whether it gives the items of the test, as if somebody had called it with them. */
	gives: boolean;
	properties: INodeProperties[];
}

const responseMode: INodeProperties = {
	displayName: 'Respond',
	name: 'responseMode',
	type: 'string',
	default: 'onReceived',
};

/** Of the Wait node, which is called only where it resumes so. */
const resumedResponseMode: INodeProperties = {
	...responseMode,
	displayOptions: { show: { resume: ['webhook', 'form'] } },
};

const resume: INodeProperties = {
	displayName: 'Resume',
	name: 'resume',
	type: 'string',
	default: 'timeInterval',
};

const operation: INodeProperties = {
	displayName: 'Page Type',
	name: 'operation',
	type: 'string',
	default: 'page',
};

/** In the Chat Trigger an option, which is absent unless it was added. */
const chatOptions: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	default: {},
	options: [{ ...responseMode, default: 'lastNode' }],
};

const kind = (
	inPackage: string,
	typeVersion: number,
	gives: boolean,
	...properties: INodeProperties[]
): Kind => ({ inPackage, typeVersion, gives, properties });

const KINDS = {
	scheduleTrigger: kind('n8n-nodes-base', 1.2, true),
	webhook: kind('n8n-nodes-base', 2.1, true, responseMode),
	formTrigger: kind('n8n-nodes-base', 2.5, true, responseMode),
	chatTrigger: kind('@n8n/n8n-nodes-langchain', 1.5, true, chatOptions),
	executeWorkflowTrigger: kind('n8n-nodes-base', 1.1, false),
	respondToWebhook: kind('n8n-nodes-base', 1.5, false),
	form: kind('n8n-nodes-base', 2.5, false, operation),
	wait: kind('n8n-nodes-base', 1.1, false, resume, resumedResponseMode),
};

/** As a workflow has it. */
export function nodeOfN8n(name: string, { type, parameters = {} }: NodeOfN8n): INode {
	const { inPackage, typeVersion } = KINDS[type];
	const id = name.toLowerCase();
	return { id, name, type: `${inPackage}.${type}`, typeVersion, position: [0, 0], parameters };
}

/** Each node to the next one. */
export function chain(nodes: INode[]): IConnections {
	const connections: IConnections = {};
	nodes.slice(1).forEach(({ name }, index) => {
		const next = { node: name, type: NodeConnectionTypes.Main, index: 0 };
		connections[nodes[index].name] = { main: [[next]] };
	});
	return connections;
}

/** @param items what triggers give, and Wait once it is called */
export function typesOfN8n(items: IDataObject[]): Record<string, INodeType> {
	const types = Object.entries(KINDS).map(([type, { inPackage, gives, properties }]) => [
		`${inPackage}.${type}`,
		gives ? giving(items, properties) : passingOn(properties),
	]);
	return {
		...(Object.fromEntries(types) as Record<string, INodeType>),
		'n8n-nodes-base.wait': waiting(items, KINDS.wait.properties),
	};
}

function giving(items: IDataObject[], properties: INodeProperties[]): INodeType {
	const paired = items.map((json, item) => ({ json, pairedItem: { item } }));
	return { description: descriptionWith(properties), execute: async () => [paired] };
}

function passingOn(properties: INodeProperties[]): INodeType {
	return {
		description: descriptionWith(properties),
		async execute(this: IExecuteFunctions) {
			return [this.getInputData()];
		},
	};
}

/** Of the addresses that such a node can be called at, the one that it has unless told otherwise: the resume URL itself. */
const resumeWebhook: IWebhookDescription = {
	name: 'default',
	httpMethod: 'POST',
	path: '',
	restartWebhook: true,
};

function waiting(items: IDataObject[], properties: INodeProperties[]): INodeType {
	return {
		description: { ...descriptionWith(properties), webhooks: [resumeWebhook] },
		async execute(this: IExecuteFunctions) {
			const isForCall = this.getNodeParameter('resume', 0) === 'webhook';
			if (isForCall) await this.putExecutionToWait(WAIT_INDEFINITELY);
			return [this.getInputData()];
		},
		webhook: async () => ({ workflowData: [items.map((json) => ({ json }))] }),
	};
}

const descriptionWith = (properties: INodeProperties[]): INodeType['description'] => ({
	displayName: 'A node',
	name: 'node',
	group: ['input'],
	version: 1,
	description: '',
	defaults: { name: 'A node' },
	inputs: [NodeConnectionTypes.Main],
	outputs: [NodeConnectionTypes.Main],
	properties,
});
