/** The configuration API's calls about jobs. */
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import { findJobRead, readNumber, readRows, readTime, readWords } from './configLookups.cts';
import { attemptRead, attemptsOf, attemptWithLogs, configTypeOf, jobRead } from './configWire.cts';
import type { JobView } from './job.cts';
import { readBody } from './parameters.cts';
import { errorId } from './problems.cts';
import type { Call, Route, Stage } from './routes.cts';

export const configJobRoutes: Route[] = [
	{ key: 'POST /api/v1/jobs/get_without_logs', serve: showJobDetails },
	{ key: 'POST /api/v1/jobs/get', serve: showJobWithLogs },
	{ key: 'POST /api/v1/jobs/list', serve: listJobsWithAttempts },
	{ key: 'POST /api/v1/attempt/get_for_job', serve: showAttempt },
];

function showJobDetails(call: Call, stage: Stage): Answer {
	const job = findJobRead(readNumber(call, 'id'), call, stage);
	const attempts = attemptsOf(job).map((index) => ({ attempt: attemptRead(job, index) }));
	return json({ job: jobRead(job, { statistics: true }), attempts });
}

function showJobWithLogs(call: Call, stage: Stage): Answer {
	const job = findJobRead(readNumber(call, 'id'), call, stage);
	return json({ job: jobRead(job, { statistics: true }), attempts: attemptsWithLogs(job, stage) });
}

export const attemptsWithLogs = (job: JobView, { settings }: Stage): object[] =>
	attemptsOf(job).map((index) => attemptWithLogs(job, index, settings.logFormat));

function showAttempt(call: Call, stage: Stage): Answer {
	const job = findJobRead(readNumber(call, 'jobId'), call, stage);
	const index = readNumber(call, 'attemptNumber');
	if (!job.attempts[index]) refuse(errorId(404));
	return json(attemptWithLogs(job, index, stage.settings.logFormat));
}

/** Reference: newest first. */
function listJobsWithAttempts(call: Call, stage: Stage): Answer {
	const { configId } = readBody(call);
	const types = readWords(call, 'configTypes');
	const statuses = readWords(call, 'statuses');
	const from = readTime(call, 'updatedAtStart', -Infinity);
	const to = readTime(call, 'updatedAtEnd', Infinity);
	const jobs = stage.airbyte.jobs
		.list(configId === undefined ? undefined : String(configId))
		.filter(({ jobType }) => types.length === 0 || types.includes(configTypeOf(jobType)))
		.filter(({ status }) => statuses.length === 0 || statuses.includes(status))
		.filter(({ updatedAt }) => from <= updatedAt && updatedAt <= to)
		.sort((a, b) => b.createdAt - a.createdAt || b.jobId - a.jobId);
	const rows = readRows(call, jobs).map((job) => ({
		job: jobRead(job, { statistics: true }),
		attempts: attemptsOf(job).map((index) => attemptRead(job, index)),
	}));
	return json({ jobs: rows, totalJobCount: jobs.length });
}
