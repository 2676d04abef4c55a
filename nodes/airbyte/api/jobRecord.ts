/** What only the configuration API tells of a job: `POST /jobs/get_without_logs`. */
import type { Stream } from './connectionStreams';
import { readDescriptors } from './connectionStreams';
import type { JobFailure, StreamTotals } from './job';
import { dropUndefined, fieldsIn, readCount, readText, readWords } from './read';

export interface JobRecord {
	/** Undefined when nothing is told: the summary may be missing although the job failed. */
	failure?: JobFailure;
	/** In Airbyte's order; undefined where this Airbyte does not tell. */
	streams?: StreamTotals[];
	/** Since Airbyte 1.8. */
	rowsRejected?: number;
	/** The number of the last attempt, counted from 0. */
	lastAttempt?: number;
	/** All streams of the connection as the job began, and those of them that a clear or refresh is for. */
	enabledStreams?: Stream[];
	chosenStreams?: Stream[];
}

type Fields = Record<string, unknown>;

/**
 * Reads the job's own totals, and why its last attempt failed.
 *
 * @param clean makes Airbyte's words fit to show
 * @returns undefined when the answer is no job's record
 */
export function readJobRecord(
	body: unknown,
	clean: (text: string) => string,
): JobRecord | undefined {
	const record = fieldsIn(body);
	const job = fieldsIn(record?.job);
	if (!record || !job) return undefined;
	const last = lastOf(record.attempts);
	return dropUndefined({
		failure: last && readFailure(last.fields, clean),
		streams: readTotals(job.streamAggregatedStats),
		rowsRejected: readCount(fieldsIn(job.aggregatedStats)?.recordsRejected),
		lastAttempt: last?.number,
		enabledStreams: readDescriptors(job.enabledStreams),
		chosenStreams: readDescriptors(
			fieldsIn(job.resetConfig)?.streamsToReset ?? fieldsIn(job.refreshConfig)?.streamsToRefresh,
		),
	});
}

/** Airbyte lists attempts in any order: the one with the highest number (`attempt.id`) is the last. */
function lastOf(attempts: unknown): { number: number; fields: Fields } | undefined {
	if (!Array.isArray(attempts)) return undefined;
	return attempts
		.map((row: unknown, index) => {
			const fields = fieldsIn(fieldsIn(row)?.attempt) ?? {};
			return { number: readCount(fields.id) ?? index, fields };
		})
		.sort((a, b) => b.number - a.number)[0];
}

/** The first failure of an attempt, as those that follow come of it. */
function readFailure(attempt: Fields, clean: (text: string) => string): JobFailure | undefined {
	const failures = fieldsIn(attempt.failureSummary)?.failures;
	const failure = fieldsIn(Array.isArray(failures) ? failures[0] : undefined);
	if (!failure) return undefined;
	const read = (value: unknown) => readWords(value, clean);
	return dropUndefined({
		origin: read(failure.failureOrigin),
		type: read(failure.failureType),
		message: read(failure.externalMessage) ?? read(failure.internalMessage),
		retryable: typeof failure.retryable === 'boolean' ? failure.retryable : undefined,
	});
}

/** Names are not cleaned: workflows identify tables by them. */
function readTotals(rows: unknown): StreamTotals[] | undefined {
	if (!Array.isArray(rows)) return undefined;
	return rows.flatMap((row: unknown) => {
		const fields = fieldsIn(row);
		const name = readText(fields?.streamName);
		if (!fields || name === undefined) return [];
		return [
			dropUndefined({
				name,
				namespace: readText(fields.streamNamespace),
				rows: readCount(fields.recordsCommitted),
				bytes: readCount(fields.bytesCommitted),
				rejected: readCount(fields.recordsRejected),
			}),
		];
	});
}
