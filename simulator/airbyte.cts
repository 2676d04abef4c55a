import { randomUUID } from 'node:crypto';
import type { Audit } from './audit.cts';
import type { Clock } from './clock.cts';
import type { Job, JobOrigin, JobType, JobView } from './job.cts';
import { viewJob } from './job.cts';
import type { Timeline } from './timelines.cts';
import { timelines } from './timelines.cts';

export interface Workspace {
	workspaceId: string;
	name: string;
}

/** A source or a destination. */
export interface Actor {
	actorId: string;
	kind: 'source' | 'destination';
	name: string;
	workspaceId: string;
	createdAt: number;
}

export type ConnectionStatus = 'active' | 'inactive' | 'deprecated' | 'locked';

export interface Connection {
	connectionId: string;
	name: string;
	workspaceId: string;
	status: ConnectionStatus;
	source: Actor;
	destination: Actor;
	createdAt: number;
}

export interface NewConnection {
	connectionId?: string;
	name?: string;
	sourceName?: string;
	destinationName?: string;
	workspaceId?: string;
	status?: ConnectionStatus;
	/** One for every job, or one after the other, of which the last repeats. */
	jobs?: Timeline | Timeline[];
}

export interface NewJob {
	jobType?: JobType;
	timeline?: Timeline;
	/** When it was created; now, unless a history is to be made up. */
	at?: number;
	origin?: JobOrigin;
}

/** Airbyte without its HTTP: what exists and what happens to it. Time passes by the clock only. */
export class Airbyte {
	readonly workspaces = new Map<string, Workspace>();
	readonly actors = new Map<string, Actor>();
	readonly connections = new Map<string, Connection>();
	private readonly jobsById = new Map<number, Job>();
	private readonly jobsOf = new Map<string, Job[]>();
	private readonly scripts = new Map<string, Timeline[]>();
	private lastJobId = 0;

	constructor(
		readonly clock: Clock,
		private readonly audit: Audit,
	) {
		this.addWorkspace({ name: 'Default Workspace' });
	}

	addWorkspace({ name, workspaceId = randomUUID() }: Partial<Workspace> = {}): Workspace {
		const workspace = { workspaceId, name: name ?? `Workspace ${this.workspaces.size + 1}` };
		this.workspaces.set(workspaceId, workspace);
		return workspace;
	}

	addConnection(wanted: NewConnection = {}): Connection {
		const { sourceName = 'Source', status = 'active' } = wanted;
		const connectionId = (wanted.connectionId ?? randomUUID()).toLowerCase();
		const { destinationName = 'Destination', jobs = timelines.succeedsAfter(10) } = wanted;
		const workspaceId = wanted.workspaceId ?? this.defaultWorkspace.workspaceId;
		const connection: Connection = {
			...{ connectionId, workspaceId, status },
			name: wanted.name ?? `${sourceName} → ${destinationName}`,
			source: this.actor('source', sourceName, workspaceId),
			destination: this.actor('destination', destinationName, workspaceId),
			createdAt: this.clock.now(),
		};
		this.connections.set(connectionId, connection);
		this.jobsOf.set(connectionId, []);
		this.script(connectionId, jobs);
		return connection;
	}

	updateConnection(
		connectionId: string,
		{ jobs, ...changes }: Pick<NewConnection, 'name' | 'status' | 'jobs'>,
	): Connection {
		if (jobs) this.script(connectionId, jobs);
		return Object.assign(this.connection(connectionId), changes);
	}

	get defaultWorkspace(): Workspace {
		return [...this.workspaces.values()][0];
	}

	connection(connectionId: string): Connection {
		const connection = this.connections.get(connectionId);
		if (!connection) throw new Error(`The simulator has no connection ${connectionId}`);
		return connection;
	}

	job(jobId: number): JobView | undefined {
		const job = this.jobsById.get(jobId);
		return job && viewJob(job, this.clock.now());
	}

	/** Of one connection or of all, in the order of their ids. */
	jobs(connectionId?: string): JobView[] {
		const now = this.clock.now();
		const jobs =
			connectionId === undefined ? this.jobsById.values() : this.jobsOf.get(connectionId);
		return [...(jobs ?? [])].map((job) => viewJob(job, now));
	}

	/** Airbyte runs one job at a time on a connection. */
	activeJob(connectionId: string): JobView | undefined {
		return this.jobs(connectionId)
			.reverse()
			.find((job) => !job.terminal);
	}

	startJob(connectionId: string, wanted: NewJob = {}): JobView {
		const active = this.activeJob(this.connection(connectionId).connectionId);
		if (active) throw new Error(`Job ${active.jobId} already runs on connection ${connectionId}`);
		const { jobType = 'sync', origin = 'api', at = this.clock.now() } = wanted;
		const timeline = wanted.timeline ?? this.nextTimeline(connectionId);
		const jobId = ++this.lastJobId;
		const job: Job = { jobId, connectionId, jobType, origin, createdAt: at, timeline };
		this.jobsById.set(jobId, job);
		this.jobsOf.get(connectionId)?.push(job);
		this.audit.jobStarted(job);
		return viewJob(job, this.clock.now());
	}

	/** Stops whatever runs on a connection and tells what that was. */
	cancelRunning(connectionId: string): JobView | undefined {
		const active = this.activeJob(connectionId);
		if (active) this.cancel(active.jobId);
		return active;
	}

	/** At once where `immediately`, else as quickly as the job's timeline lets it. */
	cancel(jobId: number, immediately = false): void {
		const job = this.jobsById.get(jobId);
		if (!job) throw new Error(`The simulator has no job ${jobId}`);
		const takes = immediately ? 0 : (job.timeline.cancelTakes ?? 0);
		const cancelledAt = this.clock.now() + takes * 1000;
		job.cancelledAt = Math.min(job.cancelledAt ?? cancelledAt, cancelledAt);
	}

	private script(connectionId: string, jobs: Timeline | Timeline[]): void {
		this.scripts.set(connectionId, Array.isArray(jobs) ? [...jobs] : [jobs]);
	}

	private nextTimeline(connectionId: string): Timeline {
		const script = this.scripts.get(connectionId) ?? [];
		return (script.length > 1 ? script.shift() : script[0]) ?? timelines.succeedsAfter(10);
	}

	private actor(kind: Actor['kind'], name: string, workspaceId: string): Actor {
		const known = [...this.actors.values()].find(
			(actor) => actor.kind === kind && actor.name === name && actor.workspaceId === workspaceId,
		);
		if (known) return known;
		const createdAt = this.clock.now();
		const actor: Actor = { actorId: randomUUID(), kind, name, workspaceId, createdAt };
		this.actors.set(actor.actorId, actor);
		return actor;
	}
}
