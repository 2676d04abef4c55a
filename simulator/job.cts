import type { Failure, JobStatusWord, Timeline } from './timelines.cts';
import { failureOf, isTerminal } from './timelines.cts';

export type JobType = 'sync' | 'reset' | 'refresh' | 'clear';
/** `api`: started by POST /jobs. `schedule`: by Airbyte's scheduler or a person. */
export type JobOrigin = 'api' | 'schedule';

export interface Job {
	jobId: number;
	connectionId: string;
	jobType: JobType;
	origin: JobOrigin;
	createdAt: number;
	timeline: Timeline;
	/** When a cancel takes effect, unless the job ends by itself before. */
	cancelledAt?: number;
}

/** A job as it is at one moment. */
export interface JobView {
	jobId: number;
	connectionId: string;
	jobType: JobType;
	origin: JobOrigin;
	status: JobStatusWord;
	terminal: boolean;
	createdAt: number;
	/** The last change of status. Reference: it does not tick while a job runs. */
	updatedAt: number;
	rows?: number;
	bytes?: number;
	attempts: Attempt[];
}

export interface Attempt {
	status: 'running' | 'failed' | 'succeeded';
	startedAt: number;
	updatedAt: number;
	failure?: Failure | null;
}

interface Change {
	status: JobStatusWord;
	at: number;
}

const manualCancellation: Failure = {
	origin: 'airbyte_platform',
	type: 'manual_cancellation',
	message: 'Setting attempt to FAILED because the job was cancelled',
	retryable: false,
};

export function viewJob(job: Job, now: number): JobView {
	const changes = history(job, now);
	const { status, at } = changes[changes.length - 1];
	const attempts = attemptsIn(changes, job.timeline);
	const done = attempts.length > 0 ? share(job, isTerminal(status) ? at : now) : undefined;
	const { jobId, connectionId, jobType, origin, createdAt } = job;
	return {
		...{ jobId, connectionId, jobType, origin, status, createdAt, attempts },
		terminal: isTerminal(status),
		updatedAt: at,
		rows: portion(job.timeline.rows, done),
		bytes: portion(job.timeline.bytes, done),
	};
}

/** All changes of status so far, oldest first; never empty, nothing after a terminal one. */
function history(job: Job, now: number): Change[] {
	const changes = withCancel(scripted(job), job.cancelledAt);
	const [first, ...rest] = changes;
	return [first, ...rest.filter((change) => change.at <= now)];
}

function scripted({ createdAt, timeline }: Job): Change[] {
	const steps = [...timeline.steps].sort((a, b) => a.after - b.after);
	const changes = steps.map(({ after, status }) => ({ status, at: createdAt + after * 1000 }));
	if (!changes.length || changes[0].at > createdAt) {
		changes.unshift({ status: 'pending', at: createdAt });
	}
	const end = changes.findIndex(({ status }) => isTerminal(status));
	return end < 0 ? changes : changes.slice(0, end + 1);
}

function withCancel(changes: Change[], cancelledAt: number | undefined): Change[] {
	const last = changes[changes.length - 1];
	if (cancelledAt === undefined || (isTerminal(last.status) && last.at <= cancelledAt)) {
		return changes;
	}
	const [first, ...rest] = changes;
	const before = rest.filter(({ at }) => at < cancelledAt);
	return [first, ...before, { status: 'cancelled', at: cancelledAt }];
}

function attemptsIn(changes: Change[], timeline: Timeline): Attempt[] {
	const attempts: Attempt[] = [];
	for (const { status, at } of changes) {
		const open = attempts.find((attempt) => attempt.status === 'running');
		if (open && (status === 'incomplete' || isTerminal(status))) {
			Object.assign(open, ending(status, timeline), { updatedAt: at });
		} else if (!open && status === 'running') {
			attempts.push({ status: 'running', startedAt: at, updatedAt: at });
		}
	}
	return attempts;
}

/** Reference: an attempt has three statuses only; the attempt of a cancelled job has failed. */
function ending(status: JobStatusWord, timeline: Timeline): Pick<Attempt, 'status' | 'failure'> {
	if (status === 'succeeded') return { status: 'succeeded' };
	const failure = status === 'cancelled' ? manualCancellation : failureOf(timeline);
	return { status: 'failed', failure };
}

/** How much of its rows the job has committed at a moment. */
function share(job: Job, moment: number): number {
	const changes = scripted(job);
	const end = changes[changes.length - 1];
	if (!isTerminal(end.status)) return 0;
	if (moment >= end.at) return 1;
	return Math.max(0, (moment - job.createdAt) / (end.at - job.createdAt));
}

function portion(total: number | undefined, done: number | undefined): number | undefined {
	return total === undefined || done === undefined ? undefined : Math.floor(total * done);
}
