/** Airbyte's words for jobs, as the configuration API writes them. */
import { attemptLogs } from './attemptLogs.cts';
import type { Stream } from './connection.cts';
import type { Attempt, JobType, JobView } from './job.cts';
import type { Moved, StreamMoved } from './moved.cts';
import { sharedOut, sumOf } from './moved.cts';
import { epochSeconds } from './wire.cts';

/** Reference: `reset_connection` where the public API says `reset`. */
const configTypeOf = (jobType: JobType): string =>
	jobType === 'reset' ? 'reset_connection' : jobType;

/** Reference: epoch seconds here; the statistics are there only where Airbyte looks them up. */
export function jobRead(job: JobView, { statistics }: { statistics: boolean }): object {
	const streams = job.streams.map(descriptor);
	return {
		id: job.jobId,
		configType: configTypeOf(job.jobType),
		configId: job.connectionId,
		status: job.status,
		createdAt: epochSeconds(job.createdAt),
		updatedAt: epochSeconds(job.updatedAt),
		enabledStreams: job.enabledStreams.map(descriptor),
		resetConfig: job.jobType === 'reset' ? { streamsToReset: streams } : undefined,
		refreshConfig: job.jobType === 'refresh' ? { streamsToRefresh: streams } : undefined,
		...(statistics && {
			aggregatedStats: totals(sumOf(job.moved)),
			streamAggregatedStats: job.moved.map(streamTotals),
		}),
	};
}

/** Reference: without an order of their own; a client has to look at their numbers. */
export const attemptsOf = (job: JobView): number[] =>
	job.attempts.map((_, index) => index).reverse();

/**
 * Reference: bare, so that `totalStats` comes with the attempt's output only and has but some of the
 * counts. A job's rows are the sum over its attempts, as incremental streams have it.
 */
export function attemptRead(job: JobView, index: number): object {
	const attempt = job.attempts[index];
	const hasEnded = attempt.status !== 'running';
	const moved = job.moved.map((stream) => sharedOut(stream, index, job.attempts.length));
	const hasOutput = job.terminal && sumOf(moved).rows > 0;
	return {
		id: index,
		status: attempt.status,
		createdAt: epochSeconds(attempt.startedAt),
		updatedAt: epochSeconds(attempt.updatedAt),
		endedAt: hasEnded ? epochSeconds(attempt.updatedAt) : undefined,
		totalStats: hasOutput ? bareTotals(sumOf(moved)) : undefined,
		streamStats: hasOutput
			? moved.map((stream) => ({ streamName: stream.name, stats: bareTotals(stream) }))
			: undefined,
		failureSummary: failureSummary(attempt),
	};
}

export const attemptWithLogs = (
	job: JobView,
	index: number,
	format: 'formatted' | 'structured',
): object => ({ attempt: attemptRead(job, index), ...attemptLogs(job, index, format) });

const descriptor = ({ name, namespace }: Stream): Stream => ({ name, namespace });

const totals = ({ rows, bytes, rejected }: Moved): object => ({
	recordsEmitted: rows + rejected,
	bytesEmitted: bytes,
	recordsCommitted: rows,
	bytesCommitted: bytes,
	recordsRejected: rejected,
});

const streamTotals = (moved: StreamMoved): object => ({
	streamName: moved.name,
	streamNamespace: moved.namespace,
	...totals(moved),
	wasBackfilled: false,
	wasResumed: false,
});

const bareTotals = ({ rows, bytes, rejected }: Moved): object => ({
	recordsEmitted: rows + rejected,
	bytesEmitted: bytes,
	stateMessagesEmitted: 1,
	recordsCommitted: rows,
	additionalStats: {},
});

function failureSummary(attempt: Attempt): object | undefined {
	const failure = failureReason(attempt);
	return failure && { failures: [failure], partialSuccess: false };
}

function failureReason({ failure, updatedAt }: Attempt): object | undefined {
	if (!failure) return undefined;
	const { origin, type, message, ...rest } = failure;
	const told = { failureOrigin: origin, failureType: type, externalMessage: message };
	return { ...told, ...rest, timestamp: updatedAt };
}
