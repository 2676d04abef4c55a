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

/**
 * What makes n8n 2.41 poll: its own timers (the default); its scheduler (N8N_SCHEDULER_POLL_TRIGGERS_ENABLED); that
 * with cursors (N8N_POLLER_DURABLE_CURSORS_ENABLED).
 */
type Poller = 'timers' | 'scheduler' | 'durableCursors';

/** Milliseconds that the scheduler gives a poll, less what it keeps for itself, and those that the timers give. */
const BUDGET: Record<Poller, number> = {
	timers: 300_000,
	scheduler: 36_000,
	durableCursors: 36_000,
};

/**
 * An activated workflow that begins with an Airbyte Trigger. It keeps what n8n keeps, when n8n keeps it: static data
 * after activation and whenever a poll gives items; a cursor after each poll, but not after that of the activation.
 * That n8n does so is shown by the tests on a real n8n.
 */
export class ActiveTrigger {
	/** The items of each execution that was started, oldest first. */
	readonly executions: IDataObject[][] = [];
	private type = new AirbyteTrigger();
	private stored = '{}';
	private cursor?: string;
	private workflow!: Workflow;
	private context!: PollContext;

	constructor(
		private readonly credential: StoredCredential,
		public parameters: INodeParameters = {},
		private readonly poller: Poller = 'timers',
	) {}

	/** Milliseconds that a poll may take. */
	get budget(): number {
		return BUDGET[this.poller];
	}

	get items(): IDataObject[] {
		return this.executions.flat();
	}

	get jobIds(): number[] {
		return this.items.map(({ jobId }) => jobId as number);
	}

	/** n8n polls once when it activates a workflow; by itself (`init`) when it starts. */
	async activate(mode: WorkflowActivateMode = 'activate'): Promise<void> {
		this.load('trigger', mode);
		const hasItems = await this.pollOnce();
		this.stored = this.staticData;
		if (hasItems) this.commitCursor();
	}

	/** What is not stored yet is lost. */
	async killAndRestart(): Promise<void> {
		this.type = new AirbyteTrigger();
		// The scheduler knows its jobs from before, and does not poll to activate.
		if (this.poller === 'timers') await this.activate('init');
	}

	async poll(): Promise<void> {
		if (this.poller !== 'timers') this.load('trigger', 'update');
		const hasItems = await this.pollOnce();
		if (hasItems) this.stored = this.staticData;
		this.commitCursor();
	}

	/** The editor's test run. */
	async test(): Promise<IDataObject[]> {
		this.load('manual', 'manual');
		const data = await this.run();
		return (data?.[0] ?? []).map(({ json }) => json);
	}

	/** What the editor shows below the node's name. */
	async subtitle(): Promise<unknown> {
		this.load('manual', 'manual');
		const { workflow } = this;
		const node = workflow.getNode('Airbyte Trigger')!;
		await workflow.expression.acquireIsolate();
		try {
			return workflow.expression.getSimpleParameterValue(
				node,
				this.type.description.subtitle,
				'internal',
				{},
			);
		} finally {
			await workflow.expression.releaseIsolate();
		}
	}

	/** As n8n's database has it. */
	get staticData(): string {
		return JSON.stringify(this.workflow.staticData);
	}

	private async pollOnce(): Promise<boolean> {
		const data = await this.run();
		if (data === null) return false;
		this.executions.push((data[0] ?? []).map(({ json }) => json));
		return true;
	}

	private async run(): Promise<INodeExecutionData[][] | null> {
		const { expression } = this.workflow;
		await expression.acquireIsolate();
		try {
			return await this.type.poll.call(this.context);
		} finally {
			await expression.releaseIsolate();
		}
	}

	private commitCursor(): void {
		this.cursor = JSON.stringify(this.context.getWorkflowStaticData('node'));
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
		const type = this.type;
		const nodeTypes = {
			getByName: () => type,
			getByNameAndVersion: () => type,
			getKnownTypes: () => ({}),
		} as INodeTypes;
		const workflow = new Workflow({
			id: 'workflow',
			nodes: [node],
			connections: {},
			active: true,
			nodeTypes,
			staticData: JSON.parse(this.stored) as IDataObject,
			settings: { executionOrder: 'v1' },
		});
		this.workflow = workflow;
		const loaded = workflow.getNode('Airbyte Trigger');
		if (!loaded) throw new Error('The workflow has no trigger');
		const data = additionalDataFor(this.credential);
		const inWorkflow = workflow.getStaticData('node', loaded);
		const snapshot = JSON.parse(this.cursor ?? JSON.stringify(inWorkflow)) as IDataObject;
		this.context = new PollContext(
			workflow,
			loaded,
			data,
			mode,
			activation,
			undefined,
			undefined,
			undefined,
			undefined,
			() => (this.poller === 'durableCursors' ? snapshot : inWorkflow),
			() => this.budget,
		);
	}
}
