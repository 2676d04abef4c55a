/**
 * A small Airbyte: one connection, its jobs, and the traps that matter to whoever starts and cancels them.
 * It knows whose each job is, which the real one does not tell.
 */
import type { Connection } from '../../../nodes/airbyte/api/connection';
import type { Job, JobFailure, JobType } from '../../../nodes/airbyte/api/job';
import type { Order } from '../../../nodes/airbyte/run/order';
import type { Outcome } from '../../../nodes/airbyte/run/action';
import { alreadyRunning, conflict, noJob, notRunning } from './faults.cts';

/** The life of a job: words, each for so many milliseconds, and how it ends; without an end it runs for ever. */
export interface JobPlan {
	phases: Array<[word: string, ms: number]>;
	end?: 'succeeded' | 'failed' | 'cancelled';
	/** What it has synced once it is over; undefined when Airbyte keeps no numbers of it. */
	rows?: number;
	/** How many more the destination did not take, if Airbyte tells. */
	rejected?: number;
	/** Why it failed, if Airbyte knows. */
	failure?: JobFailure;
	/** A record with nothing behind it: it stays in its last phase until a submission clears it away. */
	isDead?: boolean;
}

export interface OthersJob {
	/** Milliseconds after the beginning. */
	at: number;
	jobType: JobType | 'reset';
	plan: JobPlan;
}

export interface ModelSettings {
	/** When the run begins. */
	startsAt: number;
	/** When somebody disables the connection, in milliseconds after the beginning. */
	inactiveAt?: number;
	/** Whether lists tell the numbers of jobs; a submission's answer never does. */
	listsRows: boolean;
	/** Whether a job's record names its connection; some proxies and old versions leave things out. */
	namesConnection: boolean;
	/** How long it takes until a cancelled job is cancelled. */
	cancelTakes: number;
	/** Whether a submission is answered with a job that waits; by most versions it is refused without a reason. */
	handsOutPendingJobs: boolean;
	/** How many cancels get lost, around the end of an attempt. */
	lostCancels: number;
	/** How a cancelled job ends: as failed where the cancel fell into the end of an attempt. */
	cancelEnds: 'cancelled' | 'failed';
	/** How many of the run's submissions of a sync are answered by a job of another type, which comes first. */
	instead: Array<'reset' | 'refresh'>;
	/** Jobs that run on other connections of the workspace, and for how many milliseconds after the beginning. */
	elsewhere: { jobs: number; until: number };
	/** Whether the destination can refresh. */
	refreshes: boolean;
	/** The lives of the jobs that the run starts, the first, the second, and so on; the last one for all others. */
	plans: JobPlan[];
}

export interface ModelJob {
	jobId: number;
	by: 'run' | 'others';
	jobType: JobType | 'reset';
	createdAt: number;
	plan: JobPlan;
	cancelledAt?: number;
	/** When a submission found nothing behind its record. */
	clearedAt?: number;
}

interface Event {
	at: number;
	happen: () => void;
}

/** Whether a job does what was asked for: Airbyte lists a clear as a reset, and a refresh moves the data as a sync does. */
export function serves(job: Pick<ModelJob, 'jobType'>, asked: JobType): boolean {
	if (asked === 'clear') return job.jobType === 'clear' || job.jobType === 'reset';
	return job.jobType === asked || (asked === 'sync' && job.jobType === 'refresh');
}

export const CONNECTION_ID = 'c';

/** Milliseconds of history before the run. */
const DAY = 86_400_000;

export class Airbyte {
	readonly jobs: ModelJob[] = [];
	/** Jobs that a DELETE, or a reset's submission, put an end to. */
	readonly cancelled: Array<{ job: ModelJob; by: 'cancel' | 'reset' }> = [];
	/** Submissions whose job is still to come. */
	pendingSubmissions = 0;
	now: number;
	private readonly events: Event[] = [];
	private readonly instead: ModelSettings['instead'];
	private lostCancels: number;
	private nextId = 100;

	constructor(private readonly settings: ModelSettings) {
		this.now = settings.startsAt - DAY;
		this.instead = [...settings.instead];
		this.lostCancels = settings.lostCancels;
	}

	/** Lets something happen at a moment that has not come yet. */
	at(moment: number, happen: () => void): void {
		const before = this.events.findIndex((event) => event.at > moment);
		this.events.splice(before < 0 ? this.events.length : before, 0, { at: moment, happen });
	}

	advanceTo(moment: number): void {
		while (this.events.length > 0 && this.events[0].at <= moment) {
			const event = this.events.shift() as Event;
			this.now = event.at;
			event.happen();
		}
		this.now = moment;
	}

	/** Somebody else, or the scheduler, starts a job, unless one is running. */
	startAnothers({ jobType, plan }: Omit<OthersJob, 'at'>): ModelJob | undefined {
		if (this.active()) return undefined;
		this.clearDead();
		return this.create('others', jobType, plan);
	}

	inspect(): Outcome {
		return { is: 'connection', connection: this.connection() };
	}

	/** Where all of the newest ten began after `since`, more are told. */
	find(since = Infinity, withConnection = false): Outcome {
		const newest = this.jobs.slice(-10);
		const isEnough = newest.length < 10 || newest[0].createdAt <= since;
		const told = (isEnough ? newest : this.jobs.slice(-100)).reverse();
		const jobs = told.map((job) => this.record(job, this.settings.listsRows));
		const connection = withConnection ? this.connection() : undefined;
		return { is: 'jobs', jobs, askedAt: this.now, connection };
	}

	/** Jobs that run on other connections of the workspace. */
	count(): Outcome {
		const { startsAt, elsewhere } = this.settings;
		const isFull = this.now < startsAt + elsewhere.until;
		return { is: 'count', running: isFull ? elsewhere.jobs : 0 };
	}

	private connection(): Connection {
		const status = this.isActive() ? 'active' : 'inactive';
		return { connectionId: CONNECTION_ID, status, workspaceId: 'w' };
	}

	/** An unknown job gives the same 409 as one that can't be cancelled, whatever is asked of it. */
	look(jobId: number, withConnection = false): Outcome {
		const job = this.jobs.find((candidate) => candidate.jobId === jobId);
		if (!job) return { is: 'problem', problem: notRunning };
		const connection = { connectionId: CONNECTION_ID, workspaceId: 'w' };
		const isNamed = withConnection && this.settings.namesConnection;
		const answer = { is: 'job' as const, job: this.record(job, true), askedAt: this.now };
		return isNamed ? { ...answer, connection } : answer;
	}

	/** Each clear and refresh is for the only stream that there is. */
	compare(): Outcome {
		const streams = [{ name: 'orders' }];
		return { is: 'record', record: { enabledStreams: streams, chosenStreams: streams } };
	}

	explain(jobId: number): Outcome {
		const job = this.job(jobId);
		const { rejected, rows } = job?.plan ?? {};
		const failure = job && this.statusOf(job) === 'failed' ? job.plan.failure : undefined;
		const streams = [{ name: 'orders', rows, rejected }];
		return { is: 'record', record: { failure, streams, rowsRejected: rejected, lastAttempt: 0 } };
	}

	/**
	 * A job that waits is handed back instead of a new one; a reset puts an end to what runs. Records with nothing behind
	 * them are cleared away.
	 */
	submit(jobType: JobType): Outcome {
		if (jobType === 'refresh' && (this.active() || !this.settings.refreshes)) {
			return { is: 'problem', problem: noJob };
		}
		if (!this.isActive()) return { is: 'problem', problem: conflict };
		const active = this.active();
		if (active && jobType === 'sync') {
			if (!['pending', 'queued'].includes(this.statusOf(active))) {
				return { is: 'problem', problem: alreadyRunning };
			}
			return this.settings.handsOutPendingJobs
				? { is: 'job', job: this.record(active, false), askedAt: this.now }
				: { is: 'problem', problem: conflict };
		}
		if (active) this.putAnEndTo(active, 0, 'reset');
		this.clearDead();
		const { plans } = this.settings;
		const plan = plans[Math.min(this.ofRun().length, plans.length - 1)];
		const type = (jobType === 'sync' && this.instead.shift()) || jobType;
		const job = this.record(this.create('run', type, plan), false);
		return { is: 'job', job, askedAt: this.now };
	}

	/** A submission that was answered with an error, and yet has a job in the end. */
	submitLate(jobType: JobType, moment: number): void {
		this.pendingSubmissions++;
		this.at(moment, () => {
			this.pendingSubmissions--;
			if (!this.active()) this.submit(jobType);
		});
	}

	/** Cancels whatever runs on the connection, whichever job is named, and answers with how that one is then. */
	cancel(jobId: number): Outcome {
		const active = this.active();
		if (!active) return { is: 'problem', problem: notRunning };
		if (this.lostCancels > 0) {
			this.lostCancels--;
			const answer = this.look(jobId);
			const isTold = this.lostCancels % 2 === 0 && answer.is === 'job';
			return isTold ? { ...answer, job: { ...answer.job, status: 'incomplete' } } : answer;
		}
		this.putAnEndTo(active, this.settings.cancelTakes, 'cancel');
		return this.look(jobId);
	}

	isActive(moment = this.now): boolean {
		const { startsAt, inactiveAt = Infinity } = this.settings;
		return moment < startsAt + inactiveAt;
	}

	active(): ModelJob | undefined {
		return this.jobs.find((job) => !job.plan.isDead && !isOver(this.statusOf(job)));
	}

	job(jobId: number): ModelJob | undefined {
		return this.jobs.find((job) => job.jobId === jobId);
	}

	ofRun(): ModelJob[] {
		return this.jobs.filter((job) => job.by === 'run');
	}

	/** The run's jobs that do what was asked for; others are what Airbyte ran instead. */
	ownOf(order: Order): ModelJob[] {
		const { jobType } = order.kind === 'start' ? order : { jobType: 'sync' as const };
		return this.ofRun().filter((job) => serves(job, jobType));
	}

	unendedOf(order: Order): number[] {
		const unended = this.ownOf(order).filter((job) => !isOver(this.statusOf(job)));
		return unended.map(({ jobId }) => jobId);
	}

	statusOf(job: ModelJob): string {
		if (job.clearedAt !== undefined && job.clearedAt <= this.now) return 'failed';
		if (job.plan.isDead) return job.plan.phases[0]?.[0] || 'running';
		let phaseEnd = job.createdAt;
		const isCancelled = job.cancelledAt !== undefined && job.cancelledAt <= this.now;
		const last = isCancelled ? (job.cancelledAt as number) : this.now;
		for (const [word, ms] of job.plan.phases) {
			phaseEnd += ms;
			if (last < phaseEnd) return isCancelled ? this.settings.cancelEnds : word;
		}
		return job.plan.end ?? (isCancelled ? this.settings.cancelEnds : 'running');
	}

	/** When it ended, or is to end; Infinity if it never does. */
	endOf({ createdAt, plan, clearedAt, cancelledAt = Infinity }: ModelJob): number {
		if (clearedAt !== undefined) return clearedAt;
		const ownEnd = plan.phases.reduce((end, [, ms]) => end + ms, createdAt);
		return plan.end ? Math.min(ownEnd, cancelledAt) : cancelledAt;
	}

	private create(by: ModelJob['by'], jobType: ModelJob['jobType'], plan: JobPlan): ModelJob {
		const job: ModelJob = { jobId: this.nextId, by, jobType, createdAt: this.now, plan };
		this.nextId += 3;
		this.jobs.push(job);
		return job;
	}

	private clearDead(): void {
		for (const job of this.jobs) if (job.plan.isDead) job.clearedAt ??= this.now;
	}

	private putAnEndTo(job: ModelJob, takes: number, by: 'cancel' | 'reset'): void {
		job.cancelledAt ??= this.now + takes;
		this.cancelled.push({ job, by });
	}

	/** Lists call a clear a reset. */
	private record(job: ModelJob, tellsRows: boolean): Job {
		const { jobId, jobType, plan } = job;
		const record: Job = {
			jobId,
			status: this.statusOf(job),
			jobType: jobType === 'clear' ? 'reset' : jobType,
			startTime: new Date(Math.floor(job.createdAt / 1_000) * 1_000).toISOString(),
		};
		if (isOver(record.status)) {
			const end = Math.floor(this.endOf(job) / 1_000) * 1_000;
			record.lastUpdatedAt = new Date(end).toISOString();
			if (tellsRows && plan.rows !== undefined) record.rowsSynced = plan.rows;
		}
		if (this.settings.namesConnection) record.connectionId = CONNECTION_ID;
		return record;
	}
}

export function isOver(status: string): boolean {
	return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}
