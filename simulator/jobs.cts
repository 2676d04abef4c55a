import type { Audit } from './audit.cts';
import type { Clock } from './clock.cts';
import type { Connection, Stream } from './connection.cts';
import type { Ending, Job, JobOrigin, JobType, JobView } from './job.cts';
import { manualCancellation, viewJob } from './job.cts';
import type { Failure, Timeline } from './timelines.cts';
import { timelines } from './timelines.cts';

export interface NewJob {
	jobType?: JobType;
	timeline?: Timeline;
	/** When it was created; now, unless a history is to be made up. */
	at?: number;
	origin?: JobOrigin;
	streams?: Stream[];
}

/** A job that comes later by itself. */
interface DueStart extends NewJob {
	at: number;
	/** Once it has come. */
	jobId?: number;
}

/** Stream resets and refreshes that Airbyte carries out before it syncs again. */
export interface PendingStreams {
	jobType: 'reset' | 'refresh';
	streams: Stream[];
}

/** What Airbyte keeps of a connection besides its jobs' records. */
interface Queue {
	jobs: Job[];
	timelines: Timeline[];
	/** `after`: the newest job when they were left. */
	pending: Array<PendingStreams & { after: number }>;
	due?: DueStart;
}

/** Seen: a run that was told to end while its attempt failed. */
const restarted: Failure = {
	origin: 'airbyte_platform',
	type: 'transient_error',
	message:
		'An internal transient Airbyte error has occurred. The sync should work fine on the next retry.',
	internalMessage:
		'Setting attempt to FAILED because the workflow for this connection was restarted',
	retryable: true,
};

/** Airbyte's jobs and its scheduler. Nothing moves by itself: what is due is done at the next look. */
export class Jobs {
	private readonly byId = new Map<number, Job>();
	private readonly queues = new Map<string, Queue>();
	private lastJobId = 0;

	constructor(
		private readonly clock: Clock,
		private readonly audit: Audit,
		private readonly connection: (connectionId: string) => Connection,
	) {}

	/** What becomes of the connection's next jobs. */
	script(connectionId: string, jobs: Timeline | Timeline[] = timelines.succeedsAfter(10)): void {
		const queue = this.queues.get(connectionId) ?? { jobs: [], timelines: [], pending: [] };
		queue.timelines = [jobs].flat();
		this.queues.set(connectionId, queue);
	}

	get(jobId: number): JobView | undefined {
		this.catchUp();
		const job = this.byId.get(jobId);
		return job && viewJob(job, this.clock.now());
	}

	/** Of one connection or of all, in the order of their ids. */
	list(connectionId?: string): JobView[] {
		this.catchUp();
		const now = this.clock.now();
		const jobs =
			connectionId === undefined ? this.byId.values() : this.queues.get(connectionId)?.jobs;
		return [...(jobs ?? [])].map((job) => viewJob(job, now));
	}

	/** What truly runs: Airbyte runs one job at a time on a connection, the newest. */
	active(connectionId: string): JobView | undefined {
		this.catchUp();
		const newest = this.newestFirst(connectionId).find(({ timeline }) => !timeline.dead);
		const job = newest && viewJob(newest, this.clock.now());
		return job?.terminal ? undefined : job;
	}

	/** Records that say that a job runs, with nothing behind them. */
	dead(connectionId: string): JobView[] {
		return this.newestFirst(connectionId)
			.filter(({ timeline }) => timeline.dead)
			.map((job) => viewJob(job, this.clock.now()))
			.filter(({ terminal }) => !terminal);
	}

	/** Seen: the record has ended and the workflow has not, except after a cancel. */
	lingers(connectionId: string): boolean {
		const [newest] = this.newestFirst(connectionId);
		const last = newest && viewJob(newest, this.clock.now());
		if (!last?.terminal || (last.status === 'cancelled' && this.wasAskedToEnd(last))) return false;
		const seconds = (this.clock.now() - last.updatedAt) / 1000;
		return seconds < this.connection(connectionId).lingersSeconds;
	}

	/** Throws while another job runs there. */
	start(connectionId: string, wanted: NewJob = {}): JobView {
		const active = this.active(this.connection(connectionId).connectionId);
		if (active) throw new Error(`Job ${active.jobId} already runs on connection ${connectionId}`);
		const { at, ...job } = wanted;
		if (at !== undefined) return this.create(connectionId, { ...job, at });
		return this.startAt(connectionId, this.clock.now(), job);
	}

	/** A job that comes at a later time; one that was to come already is not doubled. */
	startLater(connectionId: string, wanted: DueStart): DueStart {
		const queue = this.queue(connectionId);
		queue.due ??= wanted;
		const { due } = queue;
		this.catchUp();
		return due;
	}

	/** As its timeline would, had it come to that now. */
	complete(jobId: number, status: 'succeeded' | 'failed'): void {
		const job = this.byId.get(jobId);
		if (!job) throw new Error(`The simulator has no job ${jobId}`);
		const after = (this.clock.now() - job.createdAt) / 1000;
		const passed = job.timeline.steps.filter((step) => step.after <= after);
		job.timeline = { ...job.timeline, steps: [...passed, { after, status }] };
	}

	/** Through the API or by a person. */
	cancel(jobId: number, takesSeconds = 0): void {
		this.end(jobId, 'cancelled', takesSeconds, manualCancellation);
	}

	/** As when the cancel falls into the recording of a failure. */
	failRestarted(jobId: number, takesSeconds: number): void {
		this.end(jobId, 'failed', takesSeconds, restarted);
	}

	cancelTakes(jobId: number): number {
		return this.byId.get(jobId)?.timeline.cancelTakes ?? 0;
	}

	leavePending(connectionId: string, pending: PendingStreams): void {
		this.queue(connectionId).pending.push({ ...pending, after: this.lastJobId });
	}

	/** Does what has become due; called before every answer. */
	catchUp(): void {
		const now = this.clock.now();
		const starts = [...this.queues]
			.flatMap(([connectionId, { due }]) => (due && due.at <= now ? [{ connectionId, due }] : []))
			.sort((a, b) => a.due.at - b.due.at);
		for (const { connectionId, due } of starts) {
			const queue = this.queue(connectionId);
			// The look at what runs catches up, too.
			if (queue.due !== due) continue;
			queue.due = undefined;
			const job = this.active(connectionId) ?? this.startAt(connectionId, due.at, due);
			due.jobId = job.jobId;
		}
	}

	/** Reference: whatever starts a job first makes those failed that nothing runs behind. */
	private startAt(connectionId: string, at: number, wanted: NewJob): JobView {
		for (const { jobId } of this.dead(connectionId)) this.end(jobId, 'failed', 0, restarted);
		return this.create(connectionId, { ...wanted, ...this.whatToRun(connectionId, wanted), at });
	}

	private create(connectionId: string, wanted: NewJob & { at: number }): JobView {
		const { jobType = 'sync', origin = 'api', at: createdAt } = wanted;
		const { streams: enabledStreams } = this.connection(connectionId);
		const job: Job = {
			...{ connectionId, jobType, origin, createdAt, enabledStreams },
			jobId: ++this.lastJobId,
			timeline: wanted.timeline ?? this.nextTimeline(connectionId),
			streams: wanted.streams ?? enabledStreams,
		};
		this.byId.set(job.jobId, job);
		this.queue(connectionId).jobs.push(job);
		this.audit.jobStarted(job);
		return viewJob(job, this.clock.now());
	}

	/** Reference: pending resets come first, then pending refreshes, then a sync. */
	private whatToRun(connectionId: string, { jobType = 'sync', streams }: NewJob): NewJob {
		if (jobType !== 'sync') return { jobType, streams };
		const queue = this.queue(connectionId);
		queue.pending = queue.pending.filter((pending) => !this.isDone(connectionId, pending));
		const { pending } = queue;
		const next = pending.find((one) => one.jobType === 'reset') ?? pending[0];
		if (!next) return { jobType, streams };
		if (next.jobType === 'refresh') pending.splice(pending.indexOf(next), 1);
		return { jobType: next.jobType, streams: next.streams };
	}

	/** Reference: a reset's rows go when it succeeds or is cancelled through the API, not when it fails. */
	private isDone(
		connectionId: string,
		{ jobType, after }: PendingStreams & { after: number },
	): boolean {
		if (jobType === 'refresh') return false;
		return this.list(connectionId).some(
			(job) =>
				job.jobType === 'reset' &&
				job.jobId > after &&
				(job.status === 'succeeded' || (job.status === 'cancelled' && this.wasAskedToEnd(job))),
		);
	}

	private wasAskedToEnd({ jobId, status }: JobView): boolean {
		return this.byId.get(jobId)?.ending?.status === status;
	}

	private end(
		jobId: number,
		status: Ending['status'],
		takesSeconds: number,
		failure: Failure,
	): void {
		const job = this.byId.get(jobId);
		if (!job) throw new Error(`The simulator has no job ${jobId}`);
		const askedAt = this.clock.now();
		const ending = { status, failure, askedAt, at: askedAt + takesSeconds * 1000 };
		if (!job.ending || ending.at < job.ending.at) job.ending = ending;
	}

	private newestFirst(connectionId: string): Job[] {
		return [...(this.queues.get(connectionId)?.jobs ?? [])].reverse();
	}

	private queue(connectionId: string): Queue {
		const queue = this.queues.get(connectionId);
		if (!queue) throw new Error(`The simulator has no connection ${connectionId}`);
		return queue;
	}

	private nextTimeline(connectionId: string): Timeline {
		const { timelines: script } = this.queue(connectionId);
		return (script.length > 1 ? script.shift() : script[0]) ?? timelines.succeedsAfter(10);
	}
}
