/** The configuration API's calls about jobs. */
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import { findJobRead, readNumber } from './configLookups.cts';
import { attemptRead, attemptsOf, attemptWithLogs, jobRead } from './configWire.cts';
import type { JobView } from './job.cts';
import { errorId } from './problems.cts';
import type { Call, Route, Stage } from './routes.cts';

export const configJobRoutes: Route[] = [
	{ key: 'POST /api/v1/jobs/get_without_logs', serve: showJobDetails },
	{ key: 'POST /api/v1/attempt/get_for_job', serve: showAttempt },
];

function showJobDetails(call: Call, stage: Stage): Answer {
	const job = findJobRead(readNumber(call, 'id'), call, stage);
	const attempts = attemptsOf(job).map((index) => ({ attempt: attemptRead(job, index) }));
	return json({ job: jobRead(job, { statistics: true }), attempts });
}

export const attemptsWithLogs = (job: JobView, { settings }: Stage): object[] =>
	attemptsOf(job).map((index) => attemptWithLogs(job, index, settings.logFormat));

function showAttempt(call: Call, stage: Stage): Answer {
	const job = findJobRead(readNumber(call, 'jobId'), call, stage);
	const index = readNumber(call, 'attemptNumber');
	if (!job.attempts[index]) refuse(errorId(404));
	return json(attemptWithLogs(job, index, stage.settings.logFormat));
}
