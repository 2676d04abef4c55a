import { ExecutionLifecycleHooks, WorkflowExecute } from 'n8n-core';
import type {
	ExecutionError,
	IDataObject,
	INode,
	INodeExecutionData,
	INodeParameters,
	INodeType,
	INodeTypes,
	IRun,
	IRunExecutionData,
	IWorkflowExecuteAdditionalData,
	OnError,
	WorkflowExecuteMode,
} from 'n8n-workflow';
import { Workflow, createRunExecutionData } from 'n8n-workflow';

import { AirbyteConnection } from '../../../nodes/AirbyteConnection/AirbyteConnection.node';
import { AirbyteJobStatus } from '../../../nodes/AirbyteJobStatus/AirbyteJobStatus.node';
import { AirbyteTrigger } from '../../../nodes/AirbyteTrigger/AirbyteTrigger.node';
import { AirbyteTriggerSync } from '../../../nodes/AirbyteTriggerSync/AirbyteTriggerSync.node';
import { StoredCredential } from './credentials.cts';
import type { NodeOfN8n } from './nodesOfN8n.cts';
import { chain, nodeOfN8n, typesOfN8n } from './nodesOfN8n.cts';

export interface NodeRun {
	node: 'airbyteTriggerSync' | 'airbyteJobStatus' | 'airbyteConnection';
	parameters: INodeParameters;
	/** The node's input; one empty item by default. */
	items?: IDataObject[];
	/** The execution's first node, which gives the items; without it one that nobody calls. */
	start?: NodeOfN8n;
	/** Nodes between the first one and ours, and after ours. */
	before?: NodeOfN8n[];
	after?: NodeOfN8n[];
	credential: StoredCredential;
	onError?: OnError;
	retryOnFail?: { maxTries: number };
	alwaysOutputData?: boolean;
	/** What the execution has of n8n's server besides the credential. */
	additionalData?: Partial<IWorkflowExecuteAdditionalData>;
	/** By hand in the editor, if nothing else is said. */
	mode?: WorkflowExecuteMode;
	/** The workflow's. */
	timezone?: string;
	/** The signature in the execution's resume URL; n8n makes one up. */
	resumeToken?: string;
	/** Gives the test a way to stop the execution, as n8n's Stop button does. */
	onStart?: (stop: () => void) => void;
}

export interface NodeResult {
	status: IRun['status'];
	/** The node's outputs: the first is the normal one, the second the error output. */
	outputs: INodeExecutionData[][];
	/** The first output's JSON. */
	items: IDataObject[];
	error?: ExecutionError & { description?: string | null };
	/** All that n8n would store of the execution. */
	data: IRunExecutionData;
}

/** Runs one of our nodes on n8n's own engine, and gives what n8n would store. */
export async function runNode(run: NodeRun): Promise<NodeResult> {
	const workflow = workflowFor(run);
	const additionalData = { ...additionalDataFor(run.credential), ...run.additionalData };
	const before = createRunExecutionData({ resumeToken: run.resumeToken });
	const execution = new WorkflowExecute(additionalData, run.mode ?? 'manual', before).run({
		workflow,
		startNode: workflow.getNode('Start') ?? undefined,
	});
	run.onStart?.(() => execution.cancel());
	await workflow.expression.acquireIsolate();
	const { data, status } = await execution.finally(
		async () => await workflow.expression.releaseIsolate(),
	);
	const runs = data.resultData.runData.Airbyte ?? [];
	const last = runs[runs.length - 1];
	const outputs = (last?.data?.main ?? []).map((items) => items ?? []);
	return {
		status,
		outputs,
		items: (outputs[0] ?? []).map((item) => item.json),
		error: data.resultData.error,
		data,
	};
}

export function workflowFor({
	node,
	parameters,
	items = [{}],
	start = { type: 'scheduleTrigger' },
	before = [],
	after = [],
	onError,
	retryOnFail,
	alwaysOutputData,
	timezone,
}: Omit<NodeRun, 'credential'>): Workflow {
	const airbyte: INode = {
		id: 'airbyte',
		name: 'Airbyte',
		type: `n8n-nodes-airbyte.${node}`,
		typeVersion: 1,
		position: [200, 0],
		parameters,
		credentials: { airbyteApi: { id: '1', name: 'Airbyte' } },
		onError,
		alwaysOutputData,
		// n8n waits in real time, and takes 0 for a second.
		...(retryOnFail && { retryOnFail: true, waitBetweenTries: 1, ...retryOnFail }),
	};
	const numbered = (nodes: NodeOfN8n[], name: string) =>
		nodes.map((one, index) => nodeOfN8n(`${name} ${index + 1}`, one));
	const nodes = [
		nodeOfN8n('Start', start),
		...numbered(before, 'Before'),
		airbyte,
		...numbered(after, 'After'),
	];
	return new Workflow({
		id: 'workflow',
		nodes,
		connections: chain(nodes),
		active: false,
		nodeTypes: nodeTypesWith(items),
		settings: { executionOrder: 'v1', timezone },
	});
}

/** @param items what the execution begins with */
export function nodeTypesWith(items: IDataObject[]): INodeTypes {
	const types: Record<string, INodeType> = {
		...typesOfN8n(items),
		'n8n-nodes-airbyte.airbyteTriggerSync': new AirbyteTriggerSync(),
		'n8n-nodes-airbyte.airbyteJobStatus': new AirbyteJobStatus(),
		'n8n-nodes-airbyte.airbyteConnection': new AirbyteConnection(),
		'n8n-nodes-airbyte.airbyteTrigger': new AirbyteTrigger(),
	};
	return {
		getByName: (name) => types[name],
		getByNameAndVersion: (name) => types[name],
		getKnownTypes: () => ({}),
	};
}

export function additionalDataFor(
	credentialsHelper: StoredCredential,
): IWorkflowExecuteAdditionalData {
	const base = 'http://127.0.0.1:5678';
	return {
		credentialsHelper,
		executionId: '1',
		hooks: new ExecutionLifecycleHooks('manual', '1', {} as never),
		currentNodeExecutionIndex: 0,
		variables: {},
		restApiUrl: `${base}/rest`,
		instanceBaseUrl: base,
		webhookBaseUrl: `${base}/webhook`,
		webhookWaitingBaseUrl: `${base}/webhook-waiting`,
		webhookTestBaseUrl: `${base}/webhook-test`,
		formBaseUrl: `${base}/form`,
		formWaitingBaseUrl: `${base}/form-waiting`,
		formTestBaseUrl: `${base}/form-test`,
		logAiEvent: () => {},
	} as unknown as IWorkflowExecuteAdditionalData;
}
