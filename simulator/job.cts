import type { Stream } from './connection.cts';
import type { StreamMoved } from './moved.cts';
import { movedByStream, sumOf } from './moved.cts';
import type { Failure, JobStatusWord, Log, Timeline } from './timelines.cts';
import { failureOf, isTerminal } from './timelines.cts';

export type JobType = 'sync' | 'reset' | 'refresh' | 'clear';
/** `api`: started by POST /jobs. `schedule`: by Airbyte's scheduler or a person. */
export type JobOrigin = 'api' | 'schedule';

/** Ends a job before its timeline does. */
export interface Ending {
	status: 'cancelled' | 'failed';
	/** When it was asked for, and when it takes effect, unless the job ends by itself before. */
	askedAt: number;
	at: number;
	failure: Failure;
}

export interface Job {
	jobId: number;
	connectionId: string;
	jobType: JobType;
	origin: JobOrigin;
	createdAt: number;
	timeline: Timeline;
	/** Those that it resets, refreshes or syncs. */
	streams: Stream[];
	/** All that the connection had when it began. */
	enabledStreams: Stream[];
	ending?: Ending;
}

/** A job as it is at one moment. */
export interface JobView {
	jobId: number;
	connectionId: string;
	jobType: JobType;
	origin: JobOrigin;
	status: JobStatusWord;
	terminal: boolean;
	/** Whether nothing runs behind a record that says otherwise. */
	dead: boolean;
	createdAt: number;
	/** The last change of status. Reference: it does not tick while a job runs. */
	updatedAt: number;
	rows: number;
	bytes: number;
	moved: StreamMoved[];
	streams: Stream[];
	enabledStreams: Stream[];
	log: Log;
	attempts: Attempt[];
}

export interface Attempt {
	status: 'running' | 'failed' | 'succeeded';
	startedAt: number;
	updatedAt: number;
	failure?: Failure | null;
}

/** Whether Airbyte has got to it. */
export const hasStarted = ({ status }: JobView): boolean => !['pending', 'queued'].includes(status);

interface Change {
	status: JobStatusWord;
	at: number;
	/** Of an `incomplete` after which there is no further attempt: how the job ends. */
	before?: JobStatusWord;
}

export const manualCancellation: Failure = {
	origin: 'airbyte_platform',
	type: 'manual_cancellation',
	message: 'Setting attempt to FAILED because the job was cancelled',
	retryable: false,
};

const QUIET: Log = { routineLines: 20, lines: [] };

/** Of what a failed or cancelled job moved, so much is told at once; the rest comes while its numbers settle. */
const KNOWN_AT_END = 0.9;

/** Seen: a job is `incomplete` for 0.1 to 0.3 s before it is failed or cancelled. */
const LAST_INCOMPLETE = 200;

export function viewJob(job: Job, now: number): JobView {
	const changes = history(job, now);
	const { status, at } = changes[changes.length - 1];
	const attempts = attemptsIn(changes, job);
	const done = attempts.length > 0 ? share(job, isTerminal(status) ? at : now) : 0;
	const known = hasGoneWrong(status) ? done * settled(job.timeline, now - at) : done;
	const { jobId, connectionId, jobType, origin, createdAt, streams, enabledStreams, timeline } =
		job;
	const moved = movedByStream(timeline, streams, known);
	const { rows, bytes } = timeline.moved ? sumOf(moved) : wholeOf(timeline, known);
	return {
		...{
			jobId,
			connectionId,
			jobType,
			origin,
			status,
			createdAt,
			attempts,
			streams,
			enabledStreams,
		},
		terminal: isTerminal(status),
		dead: timeline.dead === true && !isTerminal(status),
		updatedAt: at,
		...{ rows, bytes, moved },
		log: { ...QUIET, ...timeline.log },
	};
}

/** All changes of status so far, oldest first; never empty, nothing after a terminal one. */
function history(job: Job, now: number): Change[] {
	const changes = withLastIncomplete(withEnding(scripted(job), job.ending), job.ending);
	const [first, ...rest] = changes;
	return [first, ...rest.filter((change) => change.at <= now)];
}

function scripted({ createdAt, timeline }: Job): Change[] {
	const steps = [...timeline.steps].sort((a, b) => a.after - b.after);
	const changes: Change[] = steps.map(({ after, status }) => ({
		status,
		at: createdAt + after * 1000,
	}));
	if (!changes.length || changes[0].at > createdAt) {
		changes.unshift({ status: 'pending', at: createdAt });
	}
	const end = changes.findIndex(({ status }) => isTerminal(status));
	return end < 0 ? changes : changes.slice(0, end + 1);
}

function withEnding(changes: Change[], ending: Ending | undefined): Change[] {
	const last = changes[changes.length - 1];
	if (!ending || (isTerminal(last.status) && last.at <= ending.at)) return changes;
	const [first, ...rest] = changes;
	const before = rest.filter(({ at }) => at < ending.at);
	return [first, ...before, { status: ending.status, at: ending.at }];
}

/** Puts a short `incomplete` before a failed or cancelled end, but not before the cancel was asked for. */
function withLastIncomplete(changes: Change[], ending: Ending | undefined): Change[] {
	const end = changes[changes.length - 1];
	const previous = changes[changes.length - 2];
	if (previous?.status !== 'running' || !hasGoneWrong(end.status)) return changes;
	const isOrdered = ending !== undefined && ending.at === end.at;
	const at = Math.max(end.at - LAST_INCOMPLETE, isOrdered ? ending.askedAt : 0);
	if (at <= previous.at || at >= end.at) return changes;
	return [...changes.slice(0, -1), { status: 'incomplete', at, before: end.status }, end];
}

function attemptsIn(changes: Change[], job: Job): Attempt[] {
	const attempts: Attempt[] = [];
	for (const { status, at, before } of changes) {
		const open = attempts.find((attempt) => attempt.status === 'running');
		if (open && (status === 'incomplete' || isTerminal(status))) {
			Object.assign(open, result(before ?? status, job), { updatedAt: at });
		} else if (!open && status === 'running') {
			attempts.push({ status: 'running', startedAt: at, updatedAt: at });
		}
	}
	return attempts;
}

/** Reference: an attempt has three statuses only; the attempt of a cancelled job has failed. */
function result(status: JobStatusWord, job: Job): Pick<Attempt, 'status' | 'failure'> {
	if (status === 'succeeded') return { status: 'succeeded' };
	const ordered = job.ending?.status === status ? job.ending.failure : undefined;
	if (ordered) return { status: 'failed', failure: ordered };
	const failure = status === 'cancelled' ? manualCancellation : failureOf(job.timeline);
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

const hasGoneWrong = (status: JobStatusWord): boolean =>
	status === 'failed' || status === 'cancelled';

/** How much of that is told so many milliseconds after the end. */
function settled({ settlesWithin = 60 }: Timeline, since: number): number {
	const passed = since / 1000 / settlesWithin;
	return passed < 1 ? KNOWN_AT_END + (1 - KNOWN_AT_END) * passed : 1;
}

const wholeOf = ({ rows = 0, bytes = 0 }: Timeline, done: number) => ({
	rows: Math.floor(rows * done),
	bytes: Math.floor(bytes * done),
});
