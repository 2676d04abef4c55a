/** Lives a sync through in its world, on n8n's engine, and tells what came of it. */
import type { INodeExecutionData, IRun } from 'n8n-workflow';

import type { Cancel, StartedJob } from '../../../simulator/audit.cts';
import type { AuditedCall, JobView } from '../../../simulator/index.cts';
import { AirbyteSimulator, ManualClock, seeded } from '../../../simulator/index.cts';
import { StoredCredential } from '../harness/credentials.cts';
import { byId } from '../harness/fixture.cts';
import { givesUpSoon } from '../harness/impatience.cts';
import { N8nServer } from '../harness/n8nServer.cts';
import { VirtualTime } from '../harness/virtualTime.cts';
import type { Driver, World } from './world.cts';

/** What the node gave at its end. */
export interface NodeEnd {
	at: number;
	status: IRun['status'] | 'deleted';
	outputs: INodeExecutionData[][];
	error?: { message: string; description: string; itemIndex?: number };
	/** Airbyte's jobs at that moment. */
	jobs: JobView[];
}

export interface Life {
	driver: Driver;
	world: World;
	startedAt: number;
	/** Of the items, in their order. */
	connectionIds: string[];
	/** Absent if it never ended. */
	end?: NodeEnd;
	/** When it was stopped or deleted, if it still went on. */
	stoppedAt?: number;
	/** Airbyte's jobs once nothing moves any more. */
	jobs: JobView[];
	started: StartedJob[];
	cancels: Cancel[];
	calls: AuditedCall[];
	/** Executions that are not over once nothing moves any more. */
	unfinished: string[];
	/** See {@link N8nServer.faults}. */
	faults: string[];
	resumeCalls: number;
}

const START = Date.UTC(2026, 0, 5, 3, 0, 0);
const SECOND = 1_000;

/** How long a slow answer is on its way; no caller gives up before. */
export const SLOW = 20 * SECOND;

/** Faults end so long after a stop: an Airbyte that is away for good cannot be asked to cancel. */
const LAST_FAULT = 60 * SECOND;

/** Longer than any life; an execution that still moves then never ends. */
const LONGEST = 48 * 3_600 * SECOND;

/** Real milliseconds to wait for an answer that never comes. */
const GIVES_UP = 300;

export async function live(driver: Driver, world: World): Promise<Life> {
	const time = new VirtualTime(new ManualClock(START));
	const { role, tokenLifetimeSeconds } = world;
	const airbyte = new AirbyteSimulator({ clock: time.shared, role, tokenLifetimeSeconds });
	const n8n = new N8nServer(time);
	await Promise.all([airbyte.start(), n8n.listen()]);
	time.install();
	const endPatience = planHang(airbyte, world);
	try {
		return await new Stage(driver, world, time, airbyte, n8n).play();
	} finally {
		endPatience();
		time.uninstall();
		await Promise.all([airbyte.stop(), n8n.close()]);
	}
}

/** @returns to be called in the end */
function planHang({ faults }: AirbyteSimulator, { hang }: World): () => void {
	if (!hang) return () => {};
	const strike = faults.add({ ...hang, kind: 'hang' });
	return givesUpSoon(hang.route, GIVES_UP, () => strike.fired === 0);
}

class Stage {
	private readonly connectionIds: string[];
	private end?: NodeEnd;
	private stoppedAt?: number;
	private id = '';

	constructor(
		private readonly driver: Driver,
		private readonly world: World,
		private readonly time: VirtualTime,
		private readonly airbyte: AirbyteSimulator,
		private readonly n8n: N8nServer,
	) {
		this.connectionIds = world.items.map(
			({ jobs, status }) => airbyte.addConnection({ jobs, status }).connectionId,
		);
	}

	async play(): Promise<Life> {
		this.planOthers();
		this.planFaults();
		this.n8n.onEnd = (id) => {
			if (id === this.id) this.end = this.nodeEnd();
		};
		this.id = this.start();
		this.planStop();
		await this.n8n.comesToRest(START + LONGEST);
		const { audit } = this.airbyte;
		const executions = [...this.n8n.executions].filter(
			([, { status }]) => status === 'running' || status === 'waiting',
		);
		return {
			driver: this.driver,
			world: this.world,
			startedAt: START,
			connectionIds: this.connectionIds,
			end: this.end,
			stoppedAt: this.stoppedAt,
			jobs: this.airbyte.jobs(),
			started: audit.startedJobs(),
			cancels: audit.cancels,
			calls: audit.calls,
			unfinished: executions.map(([id, { status }]) => `${id} is ${status}`),
			faults: this.n8n.faults,
			resumeCalls: this.n8n.calls,
		};
	}

	private start(): string {
		const { mode, waitSeconds, timeout, options, onError } = this.world;
		return this.n8n.start({
			node: 'airbyteTriggerSync',
			parameters: {
				connectionId: byId('={{ $json.id }}'),
				mode: this.driver,
				...{ waitSeconds, timeout, options },
			},
			items: this.connectionIds.map((id) => ({ id })),
			credential: new StoredCredential({
				host: this.airbyte.url,
				clientId: 'client-id',
				clientSecret: 'client-secret',
			}),
			onError,
			mode,
		});
	}

	private planOthers(): void {
		this.world.items.forEach(({ others, cancelledAt }, item) => {
			const connectionId = this.connectionIds[item];
			const running = () => this.airbyte.activeJob(connectionId);
			for (const { at, job } of others) {
				this.at(at, () => {
					if (!running()) this.airbyte.startJob(connectionId, { timeline: job });
				});
			}
			if (cancelledAt === undefined) return;
			this.at(cancelledAt, () => {
				const job = running();
				if (job) this.airbyte.cancelJob(job.jobId);
			});
		});
	}

	private planFaults(): void {
		const { faults, slow } = this.world;
		if (faults.rate > 0) this.airbyte.faults.random({ ...faults, maxDelayMs: 2 });
		if (slow === 0) return;
		const random = seeded(faults.seed);
		this.airbyte.audit.onCall(() => {
			if (random() < slow) this.time.shared.advance(SLOW);
		});
	}

	private planStop(): void {
		const { stop } = this.world;
		if (!stop) return;
		if ('at' in stop.when) return this.at(stop.when.at, () => this.stop());
		const { call } = stop.when;
		let seen = 0;
		this.airbyte.audit.onCall(() => {
			if (++seen === call) setImmediate(() => this.stop());
		});
	}

	private stop(): void {
		const status = this.n8n.executions.get(this.id)?.status;
		const isDeleted = this.world.stop?.how === 'delete' && status === 'waiting';
		if (status !== 'waiting' && status !== 'running') return;
		this.stoppedAt = this.time.shared.now();
		if (isDeleted) this.n8n.delete(this.id);
		else this.n8n.stop(this.id);
		this.at((this.stoppedAt + LAST_FAULT - START) / SECOND, () => this.airbyte.faults.clear());
	}

	private at(seconds: number, action: () => void): void {
		if (seconds === 0) return action();
		this.time.at(START + seconds * SECOND, async () => action());
	}

	private nodeEnd(): NodeEnd {
		const base = { at: this.time.shared.now(), jobs: this.airbyte.jobs() };
		const stored = this.n8n.executions.get(this.id);
		if (!stored) return { ...base, status: 'deleted', outputs: [] };
		const { resultData } = this.n8n.data(this.id);
		const runs = resultData.runData.Airbyte ?? [];
		const outputs = runs[runs.length - 1]?.data?.main ?? [];
		const error = resultData.error as
			| { message: string; description?: string | null; context?: { itemIndex?: number } }
			| undefined;
		return {
			...base,
			status: stored.status,
			outputs: outputs.map((items) => items ?? []),
			error: error && {
				message: error.message,
				description: error.description ?? '',
				itemIndex: error.context?.itemIndex,
			},
		};
	}
}
