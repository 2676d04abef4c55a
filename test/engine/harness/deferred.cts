import type { IDataObject, INodeParameters, IRun } from 'n8n-workflow';

import type { NodeResult, NodeRun } from './engine.cts';
import type { Fixture } from './fixture.cts';
import { byId } from './fixture.cts';
import { N8nServer } from './n8nServer.cts';

interface End extends Pick<NodeResult, 'error'> {
	status: IRun['status'];
	/** The first output's JSON. */
	items: IDataObject[];
	at: number;
}

/** Longer than any wait here. */
const DAY = 24 * 3_600_000;

/** Deferrable syncs from their start to their end, on an n8n that stores, wakes and resumes them. */
export class Deferred {
	private server?: N8nServer;
	private readonly ends = new Map<string, number>();

	private constructor(private readonly fixture: Fixture) {}

	/** Sets up a fresh n8n for each test of the file, next to the fixture's Airbyte. */
	static forEachTest(fixture: Fixture): Deferred {
		const deferred = new Deferred(fixture);
		beforeEach(async () => await deferred.setUp());
		afterEach(async () => await deferred.n8n.close());
		return deferred;
	}

	get n8n(): N8nServer {
		if (!this.server) throw new Error('There is no n8n yet');
		return this.server;
	}

	/** Starts an execution in production, with one item for each connection; gives its id. */
	start(
		connectionIds: string[],
		parameters: INodeParameters = {},
		rest: Partial<NodeRun> = {},
	): string {
		return this.n8n.start({
			node: 'airbyteTriggerSync',
			parameters: { connectionId: byId('={{ $json.id }}'), mode: 'deferrable', ...parameters },
			items: connectionIds.map((id) => ({ id })),
			credential: this.fixture.credential(),
			mode: 'webhook',
			...rest,
		});
	}

	/** Runs a sync of a connection to its end, in one of the modes that wait. */
	async syncIn(mode: string, connectionId: string, parameters: INodeParameters = {}) {
		if (mode === 'synchronous') return await this.fixture.sync(connectionId, parameters);
		return await this.endOf(this.start([connectionId], parameters));
	}

	/** Does something so many seconds from now, when nothing else moves. */
	after(seconds: number, action: () => void): void {
		const { time } = this.fixture;
		time.at(time.shared.now() + seconds * 1_000, async () => action());
	}

	/** Lets so many milliseconds pass. */
	async passTime(milliseconds: number): Promise<void> {
		const { shared } = this.fixture.time;
		const end = shared.now() + milliseconds;
		await this.n8n.comesToRest(end);
		shared.set(end);
	}

	/** Lets time pass until the execution is over, and with it all that it has started. */
	async endOf(id: string): Promise<End> {
		await this.n8n.comesToRest(this.fixture.time.shared.now() + DAY);
		const executions = [...this.n8n.executions].map(([other, { status }]) => ({ other, status }));
		expect(executions.filter(({ status }) => ['running', 'waiting'].includes(status))).toEqual([]);
		expect(this.n8n.faults).toEqual([]);
		if (!this.n8n.executions.has(id)) return { status: 'success', items: [], at: this.endedAt(id) };
		const { runData, error } = this.n8n.data(id).resultData;
		const [output] = (runData.Airbyte ?? []).slice(-1)[0]?.data?.main ?? [];
		return {
			status: this.n8n.get(id).status,
			items: (output ?? []).map(({ json }) => json),
			error,
			at: this.endedAt(id),
		};
	}

	endedAt(id: string): number {
		return this.ends.get(id) ?? NaN;
	}

	private async setUp(): Promise<void> {
		this.server = new N8nServer(this.fixture.time);
		this.server.onEnd = (id) => this.ends.set(id, this.fixture.time.shared.now());
		await this.server.listen();
	}
}
