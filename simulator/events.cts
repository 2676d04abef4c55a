/** A connection's timeline of events: what its jobs did, and what people and Airbyte did to it. */
import { randomUUID } from 'node:crypto';
import type { Connection, ConnectionEvent } from './connection.cts';
import type { JobView } from './job.cts';
import { sumOf } from './moved.cts';

const PREFIXES = { sync: 'SYNC', reset: 'CLEAR', clear: 'CLEAR', refresh: 'REFRESH' };

/** Newest first. */
export function eventsOf(
	{ connectionId, events }: Connection,
	jobs: JobView[],
): Array<ConnectionEvent & { id: string; connectionId: string }> {
	return [...events, ...jobs.flatMap(jobEvents)]
		.sort((a, b) => b.at - a.at)
		.map((event) => ({ id: randomUUID(), connectionId, ...event }));
}

function jobEvents(job: JobView): ConnectionEvent[] {
	const { jobId, jobType, createdAt, updatedAt, status } = job;
	const started = { eventType: `${PREFIXES[jobType]}_STARTED`, at: createdAt, summary: { jobId } };
	if (!job.terminal) return [started];
	const { rows, bytes } = sumOf(job.moved);
	const summary = { jobId, bytesLoaded: bytes, recordsLoaded: rows };
	const eventType = `${PREFIXES[jobType]}_${status.toUpperCase()}`;
	return [started, { eventType, at: updatedAt, summary }];
}
