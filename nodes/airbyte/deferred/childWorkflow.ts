/**
 * The small workflows that a parked execution starts: alarm clocks, and the messenger that brings a result where
 * n8n cannot be called. Their nodes are our own, in a role that users never see.
 */
import type {
	IDataObject,
	IExecuteFunctions,
	INode,
	INodeCredentials,
	IWorkflowBase,
} from 'n8n-workflow';

/** What a node of a child workflow is there for. */
export type Role = 'ring' | 'hold' | 'deliver';

/** The hidden parameter that gives a node its role; empty in users' workflows. */
export const ROLE_PARAMETER = 'role';

export function roleOf(context: IExecuteFunctions): Role | undefined {
	const role = context.getNodeParameter(ROLE_PARAMETER, 0, '');
	return role === 'ring' || role === 'hold' || role === 'deliver' ? role : undefined;
}

interface Parent {
	executionId: string;
	/** Whether n8n is to resume the parent with what the child ends with. */
	resumes: boolean;
}

/**
 * Starts a child workflow and does not wait for it.
 *
 * @param role `ring`: one node wired back to itself. `hold`: that node, and a `deliver` behind it.
 * @param credentials those of the ringing node, if it needs any
 * @returns the child's execution id
 */
export async function startChild(
	context: IExecuteFunctions,
	role: 'ring' | 'hold',
	json: IDataObject,
	{ executionId, resumes }: Parent,
	credentials?: INodeCredentials,
): Promise<string> {
	const code = role === 'ring' ? clockWorkflow(context, credentials) : messengerWorkflow(context);
	const child = await context.executeWorkflow({ code }, [{ json }], undefined, {
		doNotWaitToFinish: true,
		parentExecution: {
			executionId,
			workflowId: context.getWorkflow().id ?? '',
			shouldResume: resumes,
		},
		executionMode: context.getMode(),
	});
	return child.executionId;
}

function clockWorkflow(
	context: IExecuteFunctions,
	credentials: INodeCredentials | undefined,
): IWorkflowBase {
	const ring = { ...roleNode(context, 'ring', 'Ring'), credentials };
	return workflowOf('Airbyte alarm clock', [ring], { Start: to('Ring'), Ring: to('Ring') });
}

function messengerWorkflow(context: IExecuteFunctions): IWorkflowBase {
	const nodes = [roleNode(context, 'hold', 'Hold'), roleNode(context, 'deliver', 'Deliver')];
	return workflowOf('Airbyte messenger', nodes, { Start: to('Hold'), Hold: to('Deliver') });
}

function workflowOf(name: string, nodes: INode[], connections: object): IWorkflowBase {
	// n8n counts the time that an execution has waited, too: with its own limit (EXECUTIONS_TIMEOUT) it would end every
	// clock of a longer sync at its next ring. The sync has the node's timeout.
	const settings = { executionOrder: 'v1', executionTimeout: -1 };
	return { name, nodes: [start, ...nodes], connections, settings } as unknown as IWorkflowBase;
}

const start: INode = {
	id: 'start',
	name: 'Start',
	type: 'n8n-nodes-base.executeWorkflowTrigger',
	typeVersion: 1.1,
	position: [0, 0],
	parameters: { inputSource: 'passthrough' },
};

function roleNode(context: IExecuteFunctions, role: Role, name: string): INode {
	const { type } = context.getNode();
	return {
		id: role,
		name,
		// The prefix depends on how the package was loaded (community package or custom folder).
		type: type.replace(/\.[^.]+$/, '.airbyteTriggerSync'),
		typeVersion: 1,
		position: [200, 0],
		parameters: { [ROLE_PARAMETER]: role },
	};
}

function to(node: string) {
	return { main: [[{ node, type: 'main', index: 0 }]] };
}
