/** The public API's calls that start, show and cancel jobs. */
import type { Connection } from './airbyte.cts';
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import type { JobView } from './job.cts';
import { listJobs } from './jobListing.cts';
import { findConnection, findJob, NOT_RUNNING } from './lookups.cts';
import { readBody, readJobId } from './parameters.cts';
import { errorId, stateConflict, tryAgainLater, unprocessable } from './problems.cts';
import type { Call, Route, Stage } from './routes.cts';
import { jobResponse } from './wire.cts';

export const jobRoutes: Route[] = [
	{ key: 'POST /jobs', serve: startJob },
	{ key: 'GET /jobs', serve: listJobs },
	{ key: 'GET /jobs/{jobId}', serve: showJob },
	{ key: 'DELETE /jobs/{jobId}', serve: cancelJob },
];

async function startJob(call: Call, stage: Stage): Promise<Answer> {
	const { connectionId, jobType } = readJobRequest(call);
	const connection = findConnection(stage, connectionId);
	if (jobType === 'refresh') {
		refuse(unprocessable('Refreshes are not supported in the public API'));
	}
	// Reference: Airbyte knows the reason, and does not say it.
	if (connection.status !== 'active') refuse(stateConflict('Could not fulfill request'));
	const job = jobType === 'sync' ? sync(connection, stage) : reset(connection, stage);
	if (stage.settings.version !== 'head') await untilRunning(job.jobId, call, stage);
	return json(jobResponse(asAnswered(job, stage), { statistics: false }));
}

function readJobRequest(call: Call): { connectionId: string; jobType: string } {
	const { connectionId, jobType } = readBody(call);
	if (connectionId == null || jobType == null) refuse(errorId(400));
	if (!['sync', 'reset', 'refresh', 'clear'].includes(jobType as string)) refuse(errorId(422));
	return { connectionId: String(connectionId), jobType: jobType as string };
}

const hasStarted = (job: JobView): boolean => !['pending', 'queued'].includes(job.status);

/** Reference: a job that has not begun its attempt is handed out again; a begun one is a 409. */
function sync({ connectionId }: Connection, { airbyte }: Stage): JobView {
	const active = airbyte.activeJob(connectionId);
	if (!active) return fresh(airbyte.startJob(connectionId));
	if (!hasStarted(active)) return active;
	return refuse(tryAgainLater(`A sync is already running for: ${connectionId}`));
}

/** Reference: reset and clear are the same call, know no 409 and cancel what runs. */
function reset({ connectionId }: Connection, { airbyte }: Stage): JobView {
	const active = airbyte.activeJob(connectionId);
	if (active) airbyte.cancel(active.jobId, true);
	return fresh(airbyte.startJob(connectionId, { jobType: 'reset' }));
}

/** Reference: POST answers as soon as the job has an id, which is before anything runs. */
const fresh = (job: JobView): JobView => ({ ...job, status: 'pending', terminal: false });

/** Reference: up to 2.0.0 POST answered only once the job was running, however long that took. */
async function untilRunning(jobId: number, { gone }: Call, { airbyte }: Stage): Promise<void> {
	const waits = () => {
		const job = airbyte.job(jobId);
		return job && !hasStarted(job);
	};
	while (waits() && !gone.aborted) await airbyte.clock.sleep(BETWEEN_LOOKS, gone);
}

/** Milliseconds of Airbyte's clock. */
const BETWEEN_LOOKS = 1_000;

const asAnswered = (job: JobView, { airbyte, settings }: Stage): JobView =>
	settings.version === 'head' ? job : (airbyte.job(job.jobId) ?? job);

function showJob(call: Call, stage: Stage): Answer {
	return json(jobResponse(findJob(stage, readJobId(call)), { statistics: true }));
}

/** Reference: cancels whatever runs on the job's connection, and answers with the job asked for. */
function cancelJob(call: Call, stage: Stage): Answer {
	const { airbyte, audit } = stage;
	const { jobId, connectionId } = findJob(stage, readJobId(call));
	const cancelled = airbyte.cancelRunning(connectionId);
	if (!cancelled) return refuse(stateConflict(NOT_RUNNING));
	const at = airbyte.clock.now();
	audit.jobCancelled({ jobId, cancelledJobId: cancelled.jobId, connectionId, at });
	return json(jobResponse(findJob(stage, jobId), { statistics: false }));
}
