/** A job of Airbyte's, and what its words mean. */
import { isSameId } from './connection';
import { dropUndefined, fieldsIn, readCount, isoFromSeconds, readText, rowsIn } from './read';

/** What Airbyte is asked to do with a connection. The public API refuses a `refresh` (422), the configuration API does not. */
export const JOB_TYPES = ['sync', 'clear', 'refresh'] as const;
export type JobType = (typeof JOB_TYPES)[number];

/** What a refresh does with the records in the destination: keeps them, or replaces them. */
export const REFRESH_MODES = ['merge', 'truncate'] as const;
export type RefreshMode = (typeof REFRESH_MODES)[number];

/**
 * A job as Airbyte's public API tells it, cleaned of what n8n cannot carry.
 * `status` and `jobType` stay free text: Airbyte adds words (`queued` came in 2026).
 */
export interface Job {
	jobId: number;
	status: string;
	jobType?: string;
	connectionId?: string;
	/** When the job was created, RFC 3339, UTC. */
	startTime?: string;
	/** Only once the job is terminal. */
	lastUpdatedAt?: string;
	/** ISO 8601, e.g. `PT8H6M12S`; hours never roll over into days. */
	duration?: string;
	rowsSynced?: number;
	bytesSynced?: number;
	/** Rows that the destination did not take, where Airbyte was asked and told. */
	rowsRejected?: number;
	/** What it moved in each stream, in Airbyte's order, where Airbyte was asked and told. */
	streams?: StreamTotals[];
	/** Why it failed, as far as Airbyte was asked and told. */
	failure?: JobFailure;
}

/** What a job moved in a stream, in all of its attempts: what has arrived at the destination. */
export interface StreamTotals {
	name: string;
	namespace?: string;
	rows?: number;
	bytes?: number;
	rejected?: number;
}

/** The first failure of a job's last attempt, in Airbyte's words. */
export interface JobFailure {
	/** Where it came from: `source`, `destination`, `replication`, `airbyte_platform`, … */
	origin?: string;
	/** `config_error`, `system_error`, `transient_error`, … */
	type?: string;
	message?: string;
	retryable?: boolean;
	/** The end of that attempt's log, a line each, where Airbyte was asked and told. */
	log?: string;
}

const TERMINAL_STATUSES = new Set(['succeeded', 'failed', 'cancelled']);

/** Exactly three words are the end; `incomplete`, `queued` and words not invented yet are not. */
export function isTerminal(job: Job): boolean {
	return TERMINAL_STATUSES.has(job.status);
}

/** Airbyte numbers jobs in the order in which they were created. */
export function newestFirst(jobs: Job[]): Job[] {
	return [...jobs].sort((a, b) => b.jobId - a.jobId);
}

export function oldestFirst(jobs: Job[]): Job[] {
	return [...jobs].sort((a, b) => a.jobId - b.jobId);
}

/** Whether Airbyte has not got to the job yet. */
export function isQueued(job: Job): boolean {
	return job.status === 'pending' || job.status === 'queued';
}

/** Whether a job has this type. Airbyte lists a clear as `reset`, so these two are one. */
export function isOfType(job: Pick<Job, 'jobType'>, jobType: string): boolean {
	return family(job.jobType ?? 'sync') === family(jobType);
}

function family(jobType: string): string {
	return jobType === 'clear' ? 'reset' : jobType;
}

/** Whether a job does what a job of this type would: a refresh moves the data, too, so it serves as a sync. */
export function serves(job: Pick<Job, 'jobType'>, jobType: JobType): boolean {
	return isOfType(job, jobType) || (jobType === 'sync' && job.jobType === 'refresh');
}

/** Whether a job brought data. */
export function isSyncSuccess(job: Job): boolean {
	return job.status === 'succeeded' && serves(job, 'sync');
}

/** Whether another job has cleared data since, however it ended. */
export function isCleared(job: Job, jobs: Job[]): boolean {
	return jobs.some((other) => other.jobId > job.jobId && isOfType(other, 'clear'));
}

/**
 * Reads a job from an answer of Airbyte's: unknown keys are ignored, nulls and missing numbers left out.
 *
 * @returns undefined when the answer is no job at all (a web page, another server's JSON)
 */
export function readJob(body: unknown): Job | undefined {
	const fields = fieldsIn(body);
	const jobId = readCount(fields?.jobId);
	if (jobId === undefined || typeof fields?.status !== 'string') return undefined;
	return dropUndefined({
		jobId,
		status: fields.status.toLowerCase(),
		jobType: readText(fields.jobType),
		connectionId: readText(fields.connectionId),
		startTime: readTimestamp(fields.startTime),
		lastUpdatedAt: readTimestamp(fields.lastUpdatedAt),
		duration: readText(fields.duration),
		rowsSynced: readCount(fields.rowsSynced),
		bytesSynced: readCount(fields.bytesSynced),
	});
}

/**
 * Reads a job from an answer of the configuration API, which has the same numbers, other names, and seconds since the
 * epoch.
 *
 * @returns undefined when the answer is no job
 */
export function readConfigJob(body: unknown): Job | undefined {
	const { id, status, configType, configId, createdAt } = fieldsIn(body) ?? {};
	return readJob({
		jobId: id,
		status,
		jobType: configType === 'reset_connection' ? 'reset' : configType,
		connectionId: configId,
		startTime: isoFromSeconds(readCount(createdAt)),
	});
}

/**
 * Reads a page of jobs.
 *
 * @returns undefined when the answer is no list; a row that is no job is left out
 */
export function readJobs(body: unknown): Job[] | undefined {
	return rowsIn(body)
		?.map(readJob)
		.filter((job): job is Job => job !== undefined);
}

/** Seconds of an ISO 8601 duration as Airbyte writes them (`PT1H2M3.5S`), undefined for anything else. */
export function durationSeconds(duration: string | undefined): number | undefined {
	const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(
		duration ?? '',
	);
	if (!match || duration === 'P' || duration?.endsWith('T')) return undefined;
	const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
	return days * 86_400 + hours * 3_600 + minutes * 60 + seconds;
}

/** As RFC 3339 has it: Java leaves out seconds that are zero (`2026-01-05T03:00Z`). */
function readTimestamp(value: unknown): string | undefined {
	return readText(value)?.replace(/(T\d\d:\d\d)(?=Z|[+-])/, '$1:00');
}

/** Whether a row is of the connection that was asked for: a proxy may drop the query that narrows a list. */
export function isOn(connectionId: string, job: Job): boolean {
	return job.connectionId === undefined || isSameId(job.connectionId, connectionId);
}
