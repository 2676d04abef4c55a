import type { IDataObject } from 'n8n-workflow';

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

export interface Connection {
	connectionId: string;
	name?: string;
	/** `active`, `inactive`, `deprecated` (deleted) or `locked`. */
	status?: string;
	workspaceId?: string;
	/** Why it is inactive, as far as Airbyte was asked and told. */
	disabled?: Disabling;
}

/** How a connection was switched off. */
export interface Disabling {
	/** ISO 8601, UTC. */
	at?: string;
	/** Airbyte's word for why it did that itself, e.g. `SCHEMA_CHANGES_ARE_BREAKING`. */
	reason?: string;
	/** Name or email address of the person who did it. */
	by?: string;
}

const TERMINAL_STATUSES = new Set(['succeeded', 'failed', 'cancelled']);

/** Exactly three words are the end; `incomplete`, `queued` and words not invented yet are not. */
export function isTerminal(job: Job): boolean {
	return TERMINAL_STATUSES.has(job.status);
}

/** Whether Airbyte has not got to the job yet. */
export function isQueued(job: Job): boolean {
	return job.status === 'pending' || job.status === 'queued';
}

/**
 * Whether a job does what was asked for. Airbyte runs reset and clear by the same code and lists both
 * as `reset`, so the two count as one.
 */
export function isOfType(job: Pick<Job, 'jobType'>, jobType: string): boolean {
	return family(job.jobType ?? 'sync') === family(jobType);
}

function family(jobType: string): string {
	return jobType === 'clear' ? 'reset' : jobType;
}

/**
 * Reads a job from an answer of Airbyte's: unknown keys are ignored, nulls and missing numbers left out.
 *
 * @returns undefined when the answer is no job at all (a web page, another server's JSON)
 */
export function readJob(body: unknown): Job | undefined {
	if (typeof body !== 'object' || body === null) return undefined;
	const fields = body as Record<string, unknown>;
	const jobId = readCount(fields.jobId);
	if (jobId === undefined || typeof fields.status !== 'string') return undefined;
	return dropUndefined({
		jobId,
		status: fields.status.toLowerCase(),
		jobType: readText(fields.jobType),
		connectionId: readText(fields.connectionId),
		startTime: readTime(fields.startTime),
		lastUpdatedAt: readTime(fields.lastUpdatedAt),
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
	if (typeof body !== 'object' || body === null) return undefined;
	const { id, status, configType, configId, createdAt } = body as Record<string, unknown>;
	const created = readCount(createdAt);
	return readJob({
		jobId: id,
		status,
		jobType: configType === 'reset_connection' ? 'reset' : configType,
		connectionId: configId,
		startTime: created === undefined ? undefined : new Date(created * 1_000).toISOString(),
	});
}

/**
 * Reads a page of jobs.
 *
 * @returns undefined when the answer is no list; a row that is no job is left out
 */
export function readJobs(body: unknown): Job[] | undefined {
	const rows = (body as { data?: unknown } | undefined | null)?.data;
	if (!Array.isArray(rows)) return undefined;
	return rows.map(readJob).filter((job): job is Job => job !== undefined);
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

/** What the node itself knows of a job, next to what Airbyte tells. */
export interface JobContext {
	/** Whether the job was running already, so that the node only waited for it. */
	attached: boolean;
	/** 1 for the first job, one more for each retry. */
	attempt: number;
	jobUrl?: string;
	connectionId?: string;
	connectionName?: string;
	jobType?: string;
}

/**
 * The one output shape of every node and mode. Keys that Airbyte does not tell are absent.
 * It has no `error` key: n8n would take the item for a failed one.
 */
export function toOutput(job: Job, context: JobContext): IDataObject {
	return dropUndefined({
		// What people look for comes first, as n8n's table shows some five columns.
		jobId: job.jobId,
		connectionName: context.connectionName,
		status: job.status,
		rowsSynced: job.rowsSynced,
		bytesSynced: job.bytesSynced,
		rowsRejected: job.rowsRejected,
		jobType: job.jobType ?? context.jobType,
		connectionId: job.connectionId ?? context.connectionId,
		startTime: job.startTime,
		lastUpdatedAt: job.lastUpdatedAt,
		duration: job.duration,
		durationSeconds: durationSeconds(job.duration),
		streams: job.streams?.map((stream) => ({ ...stream })),
		failure: job.failure && { ...job.failure },
		jobUrl: context.jobUrl,
		attached: context.attached,
		attempt: context.attempt,
	});
}

/** An {@link toOutput} with about ten keys: without what another key tells, or what is as it most often is. */
export function simplified(output: IDataObject): IDataObject {
	const { attached, attempt } = output;
	return dropUndefined({
		...output,
		startTime: undefined,
		duration: undefined,
		attached: attached === true ? attached : undefined,
		attempt: attempt === 1 ? undefined : attempt,
	});
}

export function readText(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

/** As RFC 3339 has it: Java leaves out seconds that are zero (`2026-01-05T03:00Z`). */
function readTime(value: unknown): string | undefined {
	return readText(value)?.replace(/(T\d\d:\d\d)(?=Z|[+-])/, '$1:00');
}

/** Others' words, made fit to show by `clean`; undefined where nothing of them is left. */
export function readWords(value: unknown, clean: (text: string) => string): string | undefined {
	const text = readText(value);
	return (text && clean(text)) || undefined;
}

/** A whole number from 0; Airbyte's int64 arrive as JSON numbers, from some proxies as text. */
export function readCount(value: unknown): number | undefined {
	const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
	return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

/** The record without its keys that have no value. */
export function dropUndefined<T extends object>(record: T): T {
	return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;
}

/** Whether a row is of the connection that was asked for: a proxy may drop the query that narrows a list. */
export function isOn(connectionId: string, job: Job): boolean {
	return job.connectionId === undefined || isSameId(job.connectionId, connectionId);
}

export function isSameId(id: unknown, asked: string): boolean {
	return typeof id === 'string' && id.toLowerCase() === asked.toLowerCase();
}
