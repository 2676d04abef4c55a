/** The one call of the config API that tells why a job failed. */
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import type { Attempt, JobView } from './job.cts';
import { readBody } from './parameters.cts';
import { errorId, hateoas, knownException } from './problems.cts';
import type { Call, Route, Stage } from './routes.cts';
import { configTokenRoute } from './signIn.cts';
import { epochSeconds } from './wire.cts';

export const configRoutes: Route[] = [
	configTokenRoute,
	{ key: 'POST /api/v1/jobs/get_without_logs', serve: showJobDetails },
];

function showJobDetails(call: Call, stage: Stage): Answer {
	const { id } = readBody(call);
	if (typeof id !== 'number') return refuse(errorId(id == null ? 400 : 422));
	const job = stage.airbyte.job(id) ?? refuse(noSuchJob(id, call, stage));
	const attempts = job.attempts.map((_, index) => ({ attempt: attemptRead(job, index) }));
	return json({ job: jobRead(job), attempts });
}

/** Reference: nameless at HEAD; older versions told the exception. */
function noSuchJob(id: number, call: Call, { settings }: Stage): Answer {
	if (settings.role === 'user') return hateoas(403, call.url);
	if (settings.version === 'head') return errorId(404);
	return knownException(404, `Could not find job with id: ${id}`);
}

/** Reference: epoch seconds here, and `reset_connection` where the public API says `reset`. */
function jobRead(job: JobView): object {
	const [first] = job.attempts;
	return {
		id: job.jobId,
		configType: job.jobType === 'reset' ? 'reset_connection' : job.jobType,
		configId: job.connectionId,
		status: job.status,
		createdAt: epochSeconds(job.createdAt),
		updatedAt: epochSeconds(job.updatedAt),
		startedAt: first && epochSeconds(first.startedAt),
		aggregatedStats: statistics(job),
	};
}

/** The rows are all in the last attempt, as after a retry that had to begin anew. */
function attemptRead(job: JobView, index: number): object {
	const attempt = job.attempts[index];
	const ended = attempt.status !== 'running';
	return {
		id: index,
		status: attempt.status,
		createdAt: epochSeconds(attempt.startedAt),
		updatedAt: epochSeconds(attempt.updatedAt),
		endedAt: ended ? epochSeconds(attempt.updatedAt) : undefined,
		totalStats: index === job.attempts.length - 1 ? statistics(job) : undefined,
		streamStats: [],
		failureSummary: failureSummary(attempt),
	};
}

const statistics = ({ rows, bytes }: JobView): object => ({
	recordsEmitted: rows,
	bytesEmitted: bytes,
	recordsCommitted: rows,
	bytesCommitted: bytes,
});

function failureSummary({ failure, updatedAt }: Attempt): object | undefined {
	if (!failure) return undefined;
	const { origin, type, message, ...rest } = failure;
	const told = { failureOrigin: origin, failureType: type, externalMessage: message };
	return { failures: [{ ...told, ...rest, timestamp: updatedAt }], partialSuccess: false };
}
