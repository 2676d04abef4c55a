import { ExecutionLifecycleHooks, WorkflowExecute } from 'n8n-core';
import type {
	IConnections,
	INode,
	INodeExecutionData,
	IRunExecutionData,
	IWorkflowExecuteAdditionalData,
} from 'n8n-workflow';
import { Workflow, createRunExecutionData } from 'n8n-workflow';
import { parse, stringify } from 'flatted';

import { additionalDataFor, nodeTypesWith } from './engine.cts';
import type { StoredCredential } from './credentials.cts';

interface Stored {
	workflow: { nodes: INode[]; connections: IConnections };
	/** As n8n's database has it. */
	data: string;
	waitTill?: Date;
}

/**
 * Child executions as n8n keeps them: run on the real engine, stored as text when they park, and taken up from the
 * text when their time has come. What n8n's server does in between is no more than that.
 */
export class StoredExecutions {
	readonly byId = new Map<string, Stored>();
	private children = 0;

	constructor(private readonly credential: StoredCredential) {}

	/** The hooks that a node's context reaches these executions by. */
	get additionalData(): Partial<IWorkflowExecuteAdditionalData> {
		return {
			executeWorkflow: async ({ code }, _parent, { inputData }) => {
				const id = `child-${(this.children += 1)}`;
				const { nodes, connections } = code as unknown as Stored['workflow'];
				await this.start(id, { nodes, connections }, inputData ?? []);
				return { executionId: id, data: [null] };
			},
			getRunExecutionData: async (id) => {
				const stored = this.byId.get(id);
				return stored && (parse(stored.data) as IRunExecutionData);
			},
		};
	}

	/** Keeps the execution that waits, for its children to read. */
	keep(id: string, data: IRunExecutionData): void {
		this.byId.set(id, { workflow: { nodes: [], connections: {} }, data: stringify(data) });
	}

	/** The execution that is due first. */
	next(): { id: string; at: number } | undefined {
		const due = [...this.byId].flatMap(([id, { waitTill }]) =>
			waitTill ? [{ id, at: waitTill.getTime() }] : [],
		);
		return due.sort((a, b) => a.at - b.at)[0];
	}

	/** What n8n's wait tracker does at that time. */
	async wake(id: string): Promise<void> {
		const stored = this.byId.get(id);
		if (!stored) throw new Error(`There is no execution ${id}`);
		await this.proceed(id, stored.workflow, parse(stored.data) as IRunExecutionData);
	}

	private async start(
		id: string,
		workflow: Stored['workflow'],
		items: INodeExecutionData[],
	): Promise<void> {
		const stack = [{ node: workflow.nodes[0], data: { main: [items] }, source: null }];
		await this.proceed(
			id,
			workflow,
			createRunExecutionData({ executionData: { nodeExecutionStack: stack } }),
		);
	}

	private async proceed(
		id: string,
		definition: Stored['workflow'],
		data: IRunExecutionData,
	): Promise<void> {
		const workflow = new Workflow({
			id: 'workflow',
			...definition,
			active: false,
			nodeTypes: nodeTypesWith([]),
			settings: { executionOrder: 'v1' },
		});
		const hooks = new ExecutionLifecycleHooks('integrated', id, {} as never);
		const additionalData = {
			...additionalDataFor(this.credential),
			...this.additionalData,
			executionId: id,
			hooks,
		};
		await workflow.expression.acquireIsolate();
		const run = await new WorkflowExecute(
			additionalData,
			'integrated',
			data,
		).processRunExecutionData(workflow);
		await workflow.expression.releaseIsolate();
		this.byId.set(id, {
			workflow: definition,
			data: stringify(run.data),
			waitTill: run.waitTill ?? undefined,
		});
	}
}
