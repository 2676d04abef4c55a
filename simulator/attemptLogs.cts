/** The log of an attempt, in both of the formats that Airbyte has. */
import type { Attempt, JobView } from './job.cts';
import { timestamp } from './wire.cts';

type Level = 'info' | 'warn' | 'error';

interface LogEvent {
	timestamp: number;
	message: string;
	level: Level;
	logSource: 'source' | 'destination' | 'platform' | 'replication-orchestrator';
}

/** Reference: no paging; tens of megabytes are possible. */
export function attemptLogs(
	job: JobView,
	index: number,
	format: 'formatted' | 'structured',
): object {
	const events = eventsOf(job, job.attempts[index]);
	if (format === 'structured') return { logType: format, logs: { events, version: '1' } };
	return { logType: format, logs: { logLines: events.map(line) } };
}

function eventsOf(job: JobView, attempt: Attempt): LogEvent[] {
	const { log } = job;
	const { failure } = attempt;
	const at = (step: number): number =>
		attempt.startedAt + Math.min(step, attempt.updatedAt - attempt.startedAt);
	const routine = Array.from({ length: log.routineLines }, (_, step): LogEvent => {
		const stream = job.streams[step % Math.max(1, job.streams.length)]?.name ?? 'none';
		const message = `Records read from stream ${stream}: ${(step + 1) * 1000}`;
		return { timestamp: at(step), message, level: 'info', logSource: 'source' };
	});
	const own = log.lines.map((message): LogEvent => ({
		timestamp: at(Infinity),
		message,
		level: 'warn',
		logSource: 'destination',
	}));
	if (!failure) return [...routine, ...own];
	const message = failure.internalMessage ?? failure.message;
	const last: LogEvent = {
		timestamp: at(Infinity),
		message,
		level: 'error',
		logSource: 'platform',
	};
	return [...routine, ...own, last];
}

const COLOURS: Record<Level, number> = { info: 32, warn: 33, error: 31 };

/** With the codes that make it colourful in a terminal. */
function line({ timestamp: time, message, level, logSource }: LogEvent): string {
	const word = `\u001b[${COLOURS[level]}m${level.toUpperCase()}\u001b[m`;
	return `${timestamp(time).replace('T', ' ').replace('Z', '')} ${logSource} > ${word} ${message}`;
}
