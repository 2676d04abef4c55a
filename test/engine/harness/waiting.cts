import type { INodeParameters, IRunExecutionData } from 'n8n-workflow';

import type { Timeline } from '../../../simulator/index.cts';
import { AirbyteSimulator, timelines } from '../../../simulator/index.cts';
import { longestGap } from '../../support/gaps.cts';
import type { StoredCredential } from './credentials.cts';
import { Deferred } from './deferred.cts';
import type { NodeRun } from './engine.cts';
import { Fixture } from './fixture.cts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/**
 * The wait of the deferrable mode: watcher, lookout and watchdog, in virtual time on n8n's engine. What most tests use
 * may be taken out of it: `const { park, looks } = waiting`.
 */
export class Waiting {
	readonly fixture = Fixture.forEachTest();
	readonly deferred = Deferred.forEachTest(this.fixture);
	/** The execution that waits, and what it syncs. */
	parent!: string;
	private connectionIds!: string[];
	credential!: StoredCredential;
	private readonly others: AirbyteSimulator[] = [];

	/** Sets up a fresh Airbyte and a fresh n8n for each test of the file. */
	static forEachTest(): Waiting {
		const waiting = new Waiting();
		afterEach(async () => await waiting.tearDown());
		return waiting;
	}

	readonly now = () => this.fixture.time.shared.now();

	readonly passTime = async (milliseconds: number) => await this.deferred.passTime(milliseconds);

	readonly park = async (
		jobs: Timeline | Timeline[] = timelines.runsForever(),
		parameters: INodeParameters = {},
	) => await this.parkAll([jobs], { timeout: 172_800, ...parameters });

	readonly looks = (jobId?: number) =>
		this.fixture.airbyte.audit.calls
			.filter(({ route, status }) => route === 'GET /jobs/{jobId}' && status === 200)
			.filter(({ path }) => jobId === undefined || path.endsWith(`/${jobId}`))
			.map(({ at }) => at);

	/** With the time before the first look and after the last one, so that looks that end are seen, too. */
	readonly longestWithoutLook = (since: number, jobId: number) =>
		longestGap([since, ...this.looks(jobId).filter((at) => at >= since), this.now()]);

	readonly readingsOfParent = () =>
		this.deferred.n8n.readings.filter((id) => id === this.parent).length;

	readonly cancels = () =>
		this.fixture.airbyte.audit.calls
			.filter(({ route }) => route === 'DELETE /jobs/{jobId}')
			.map(({ at }) => at);

	/** Watchers and watchdogs that n8n knows of, by execution id. */
	readonly children = (role?: 'watcher' | 'watchdog') =>
		[...this.deferred.n8n.executions]
			.filter(([, { workflow }]) => workflow.nodes.some(({ name }) => name === 'Ring'))
			.filter(([, { workflow }]) => !role || workflow.nodes[1].parameters.role === role)
			.map(([id]) => id);

	readonly waitingChildren = () =>
		this.children().filter((id) => this.deferred.n8n.get(id).status === 'waiting');

	/** One execution for several jobs, all at the same time unless the order says otherwise. */
	async parkAll(
		jobs: Array<Timeline | Timeline[]>,
		parameters: INodeParameters = {},
		rest: Partial<NodeRun> = {},
	): Promise<void> {
		const { airbyte } = this.fixture;
		this.connectionIds = jobs.map((one) => airbyte.addConnection({ jobs: one }).connectionId);
		this.credential = this.fixture.credential();
		const run = { credential: this.credential, ...rest };
		this.parent = this.deferred.start(this.connectionIds, parameters, run);
		await this.passTime(1_000);
	}

	/** Crashed children stay in n8n's list. */
	async endOfParent() {
		const { n8n } = this.deferred;
		await n8n.comesToRest(this.now() + 24 * HOUR);
		const { runData } = n8n.data(this.parent).resultData;
		expect(n8n.get(this.parent).status).toBe('success');
		return { items: (runData.Airbyte.slice(-1)[0].data?.main[0] ?? []).map(({ json }) => json) };
	}

	/** The URL that the watcher has been given for the wait. */
	resumeUrlOfParent(): string {
		const [watcher] = this.children('watcher');
		const stack = this.deferred.n8n.data(watcher).executionData?.nodeExecutionStack ?? [];
		return (stack[0].data.main[0]![0].json as { url: string }).url;
	}

	/** n8n's database does not give the data of these executions. */
	failToRead(isUnread: (id: string) => boolean) {
		const { n8n } = this.deferred;
		const read = n8n.data.bind(n8n);
		return jest.spyOn(n8n, 'data').mockImplementation((id) => {
			if (isUnread(id)) throw new Error('Connection terminated unexpectedly');
			return read(id);
		});
	}

	/** Another Airbyte, a copy of the one before: with the same connections, on which jobs of the same numbers run. */
	async pointElsewhere(): Promise<AirbyteSimulator> {
		const other = new AirbyteSimulator({ clock: this.fixture.time.ofAirbyte });
		await other.start();
		this.others.push(other);
		for (const connectionId of this.connectionIds)
			other.addConnection({ connectionId, jobs: timelines.runsForever() });
		for (const { connectionId } of this.fixture.airbyte.jobs()) other.startJob(connectionId);
		this.credential.change({ host: other.url, accessToken: '' });
		return other;
	}

	private async tearDown(): Promise<void> {
		jest.restoreAllMocks();
		for (const other of this.others.splice(0)) await other.stop();
	}
}

/** Nobody has asked that Airbyte for more than to sign in, and its jobs go on. */
export function expectUntouched(other: AirbyteSimulator): void {
	const asked = other.audit.calls.filter(({ route }) => route !== 'POST /applications/token');
	expect(asked).toEqual([]);
	expect(other.jobs().map(({ status }) => status)).not.toContain('cancelled');
}

export function hintsOf(data: IRunExecutionData): string {
	return Object.values(data.resultData.runData)
		.flat()
		.flatMap(({ hints = [] }) => hints.map(({ message }) => message))
		.join('\n');
}
