import { randomUUID } from 'node:crypto';

import type { IDataObject, INode, INodeParameters } from 'n8n-workflow';

import type { N8nApi, SavedCredential } from '../../../scripts/n8n/api.cts';
import { airbyteCredential } from '../../../scripts/n8n/api.cts';
import type { Execution } from '../../../scripts/n8n/execution.cts';
import { startTestN8n } from '../../../scripts/n8n/forTests.cts';
import { QueueN8n } from '../../../scripts/n8n/queue.cts';
import { N8n, type N8nOptions } from '../../../scripts/n8n/server.cts';
import type { NodeSettings } from '../../../scripts/n8n/workflow.cts';
import {
	airbyteNode,
	connectionById,
	emitItems,
	manualTrigger,
	noOperation,
	webhookTrigger,
	workflow,
} from '../../../scripts/n8n/workflow.cts';
import type { Options, Timeline } from '../../../simulator/index.cts';
import { AirbyteSimulator } from '../../../simulator/index.cts';
import { until } from '../../../scripts/until.cts';

/** A real n8n with the package in it, and as many Airbytes as the scenarios want. */
export class World<Kind extends N8n = N8n> {
	private readonly airbytes: AirbyteSimulator[] = [];

	private constructor(
		readonly n8n: Kind,
		readonly api: N8nApi,
	) {}

	/** One process, SQLite. */
	static async setUp(options: Partial<N8nOptions> = {}): Promise<World<N8n>> {
		const { n8n, api } = await startTestN8n(N8n, options);
		return new World(n8n, api);
	}

	/** Queue mode: a main process, two workers, PostgreSQL, Redis. */
	static async setUpQueue(options: Partial<N8nOptions> = {}): Promise<World<QueueN8n>> {
		const { n8n, api } = await startTestN8n(QueueN8n, options);
		return new World(n8n, api);
	}

	static async tearDown(world: World): Promise<void> {
		await world.n8n.stop();
		await Promise.all(world.airbytes.map(async (airbyte) => await airbyte.stop()));
	}

	/** An Airbyte of its own, with a credential for it. */
	async airbyte(options: Options = {}): Promise<Site> {
		const simulator = await this.simulator(options);
		const credential = await this.credentialFor(simulator.url);
		return new Site(this, simulator, credential);
	}

	/** An Airbyte that n8n does not know of yet. */
	async simulator(options: Options = {}): Promise<AirbyteSimulator> {
		const simulator = new AirbyteSimulator(options);
		await simulator.start();
		this.airbytes.push(simulator);
		return simulator;
	}

	async credentialFor(host: string, data: IDataObject = {}): Promise<SavedCredential> {
		const credential = airbyteCredential({ host, ...data }, `Airbyte at ${host}`);
		return await this.api.createCredential(credential);
	}
}

/** One Airbyte and what runs against it. */
export class Site {
	constructor(
		readonly world: World,
		readonly airbyte: AirbyteSimulator,
		readonly credential: SavedCredential,
	) {}

	connection(jobs: Timeline | Timeline[]): string {
		return this.airbyte.addConnection({ jobs }).connectionId;
	}

	syncNode(
		connectionId: string,
		parameters: INodeParameters = {},
		settings: NodeSettings = {},
	): INode {
		const all = { connectionId: connectionById(connectionId), ...parameters };
		return airbyteNode('airbyteTriggerSync', 'Sync', all, this.credential, settings);
	}

	statusNode(parameters: INodeParameters = {}): INode {
		return airbyteNode('airbyteJobStatus', 'Status', parameters, this.credential);
	}

	/** Starts a workflow of these nodes by hand, behind a trigger; gives its execution's id. */
	async start(nodes: INode[]): Promise<string> {
		const definition = workflow('Scenario', [manualTrigger(), ...nodes, noOperation('After')]);
		return await this.world.api.runWorkflow(definition);
	}

	/** Starts a workflow of these nodes in production, by a webhook; gives its execution's id. */
	async startInProduction(nodes: INode[]): Promise<string> {
		const { api } = this.world;
		const path = randomUUID();
		const id = await api.createWorkflow(
			workflow('Scenario', [webhookTrigger(path), ...nodes, noOperation('After')]),
		);
		await api.activate(id);
		await api.callWebhook(path);
		// The executions that wake it are listed, too.
		return await until(
			async () => (await api.executions(id)).find(({ mode }) => mode === 'webhook')?.id,
		);
	}

	/** Runs a workflow of these nodes by hand to its end. */
	async run(nodes: INode[], timeoutMs = 180_000): Promise<Execution> {
		const id = await this.start(nodes);
		return await this.world.api.waitForExecution(id, { timeoutMs });
	}

	/** One item for each connection, with its id in `id`. */
	items(...connectionIds: string[]): INode[] {
		return emitItems(connectionIds.map((id) => ({ id })));
	}
}
