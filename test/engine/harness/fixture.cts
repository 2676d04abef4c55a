import type { INodeParameters } from 'n8n-workflow';

import type { Options } from '../../../simulator/index.cts';
import { AirbyteSimulator, ManualClock } from '../../../simulator/index.cts';
import { StoredCredential } from './credentials.cts';
import type { NodeResult, NodeRun } from './engine.cts';
import { runNode } from './engine.cts';
import { VirtualTime } from './virtualTime.cts';

/** A fresh Airbyte for each test, and time that passes by itself. */
export class Fixture {
	readonly time = new VirtualTime(new ManualClock(Date.UTC(2026, 0, 5, 3, 0, 0)));
	private simulator?: AirbyteSimulator;

	/** Sets itself up and down around each test of the file. */
	static forEachTest(options: Options = {}): Fixture {
		const fixture = new Fixture();
		beforeEach(async () => await fixture.setUp(options));
		afterEach(async () => await fixture.tearDown());
		return fixture;
	}

	get airbyte(): AirbyteSimulator {
		if (!this.simulator) throw new Error('The fixture is not set up');
		return this.simulator;
	}

	credential(data: object = {}): StoredCredential {
		return new StoredCredential({
			host: this.airbyte.url,
			clientId: 'client-id',
			clientSecret: 'client-secret',
			...data,
		});
	}

	/** The answer to the next submission is lost, and so many looks for its job are answered with this status. */
	loseStart(looks: { status: number; times: number }): void {
		this.airbyte.faults.add({ route: 'POST /jobs', kind: 'reset', when: 'after' });
		// The first look is the one before the submission.
		this.airbyte.faults.add({ route: 'GET /jobs', kind: 'status', skip: 1, ...looks });
	}

	async sync(
		connectionId: string,
		parameters: INodeParameters = {},
		rest: Partial<NodeRun> = {},
	): Promise<NodeResult> {
		return await runNode({
			node: 'airbyteTriggerSync',
			parameters: { connectionId: byId(connectionId), ...parameters },
			credential: this.credential(),
			...rest,
		});
	}

	async jobStatus(parameters: INodeParameters, rest: Partial<NodeRun> = {}): Promise<NodeResult> {
		return await runNode({
			node: 'airbyteJobStatus',
			parameters,
			credential: this.credential(),
			...rest,
		});
	}

	private async setUp(options: Options): Promise<void> {
		this.simulator = new AirbyteSimulator({ clock: this.time.ofAirbyte, ...options });
		await this.simulator.start();
		this.time.install();
	}

	private async tearDown(): Promise<void> {
		this.time.uninstall();
		await this.airbyte.stop();
	}
}

/** The value of a resource locator in mode 'By ID'. */
export function byId(value: string): INodeParameters {
	return { __rl: true, mode: 'id', value };
}
