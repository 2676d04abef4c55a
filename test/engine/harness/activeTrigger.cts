import { PollContext } from 'n8n-core';
import type {
	IDataObject,
	INode,
	INodeExecutionData,
	INodeParameters,
	INodeTypes,
	WorkflowActivateMode,
	WorkflowExecuteMode,
} from 'n8n-workflow';
import { Workflow } from 'n8n-workflow';

import { AirbyteTrigger } from '../../../nodes/AirbyteTrigger/AirbyteTrigger.node';
import type { StoredCredential } from './credentials.cts';
import { additionalDataFor } from './engine.cts';

const type = new AirbyteTrigger();
const nodeTypes = {
	getByName: () => type,
	getByNameAndVersion: () => type,
	getKnownTypes: () => ({}),
} as INodeTypes;

/**
 * An activated workflow that begins with an Airbyte Trigger. It keeps what n8n keeps, when n8n keeps it: the static data
 * after activation and whenever a look gives items. That n8n does so is shown by the tests on a real n8n.
 */
export class ActiveTrigger {
	/** The items of each execution that was started, oldest first. */
	readonly executions: IDataObject[][] = [];
	private stored = '{}';
	private workflow!: Workflow;
	private context!: PollContext;

	constructor(
		private readonly credential: StoredCredential,
		public parameters: INodeParameters = {},
	) {}

	get items(): IDataObject[] {
		return this.executions.flat();
	}

	get jobIds(): number[] {
		return this.items.map(({ jobId }) => jobId as number);
	}

	/** n8n looks once when it activates a workflow; by itself (`init`) when it starts. */
	async activate(mode: WorkflowActivateMode = 'activate'): Promise<void> {
		this.load('trigger', mode);
		await this.look();
		this.save();
	}

	/** What is not stored yet is lost. */
	async killAndRestart(): Promise<void> {
		await this.activate('init');
	}

	async look(): Promise<void> {
		const data = await this.poll();
		if (data === null) return;
		this.executions.push((data[0] ?? []).map(({ json }) => json));
		this.save();
	}

	/** The editor's test run. */
	async test(): Promise<IDataObject[]> {
		this.load('manual', 'manual');
		const data = await this.poll();
		return (data?.[0] ?? []).map(({ json }) => json);
	}

	/** As n8n's database has it. */
	get staticData(): string {
		return JSON.stringify(this.workflow.staticData);
	}

	private async poll(): Promise<INodeExecutionData[][] | null> {
		const { expression } = this.workflow;
		await expression.acquireIsolate();
		try {
			return await type.poll.call(this.context);
		} finally {
			await expression.releaseIsolate();
		}
	}

	private save(): void {
		this.stored = this.staticData;
	}

	private load(mode: WorkflowExecuteMode, activation: WorkflowActivateMode): void {
		const node: INode = {
			id: 'trigger',
			name: 'Airbyte Trigger',
			type: 'n8n-nodes-airbyte.airbyteTrigger',
			typeVersion: 1,
			position: [0, 0],
			parameters: this.parameters,
			credentials: { airbyteApi: { id: '1', name: 'Airbyte' } },
		};
		this.workflow = new Workflow({
			id: 'workflow',
			nodes: [node],
			connections: {},
			active: true,
			nodeTypes,
			staticData: JSON.parse(this.stored) as IDataObject,
			settings: { executionOrder: 'v1' },
		});
		const loaded = this.workflow.getNode('Airbyte Trigger');
		if (!loaded) throw new Error('The workflow has no trigger');
		const data = additionalDataFor(this.credential);
		this.context = new PollContext(this.workflow, loaded, data, mode, activation);
	}
}
