/** The configuration API: what the web app calls, officially unsupported, and good for much. */
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import {
	findConnectionRead,
	findJobRead,
	passEditor,
	readNumber,
	readRows,
	readWords,
} from './configLookups.cts';
import { attemptRead, attemptsOf, attemptWithLogs, jobRead } from './configWire.cts';
import type { Connection, Stream } from './connection.cts';
import { eventsOf } from './events.cts';
import type { JobView } from './job.cts';
import { readBody } from './parameters.cts';
import { pass, untilStarted } from './pauses.cts';
import { errorId, hateoas, notConvertible } from './problems.cts';
import type { Call, Route, Stage, Unanswered } from './routes.cts';
import { configTokenRoute } from './signIn.cts';
import { epochSeconds } from './wire.cts';

export const configRoutes: Route[] = [
	configTokenRoute,
	{ key: 'POST /api/v1/jobs/get_without_logs', serve: showJobDetails },
	{ key: 'POST /api/v1/attempt/get_for_job', serve: showAttempt },
	{ key: 'POST /api/v1/connections/refresh', serve: refresh },
	{ key: 'POST /api/v1/connections/clear/stream', serve: clearStreams },
	{ key: 'POST /api/v1/connections/events/list', serve: listEvents },
];

function showJobDetails(call: Call, stage: Stage): Answer {
	const job = findJobRead(readNumber(call, 'id'), call, stage);
	const attempts = attemptsOf(job).map((index) => ({ attempt: attemptRead(job, index) }));
	return json({ job: jobRead(job, { statistics: true }), attempts });
}

const attemptsWithLogs = (job: JobView, { settings }: Stage): object[] =>
	attemptsOf(job).map((index) => attemptWithLogs(job, index, settings.logFormat));

function showAttempt(call: Call, stage: Stage): Answer {
	const job = findJobRead(readNumber(call, 'jobId'), call, stage);
	const index = readNumber(call, 'attemptNumber');
	if (!job.attempts[index]) refuse(errorId(404));
	return json(attemptWithLogs(job, index, stage.settings.logFormat));
}

/**
 * Reference: 200 without a job where the destination cannot refresh, and where a job or the workflow of one that has just
 * ended runs, in which case the refresh comes next; else it blocks until the job runs.
 */
async function refresh(call: Call, stage: Stage): Promise<Answer> {
	const connection = findConnectionRead(call, stage);
	passEditor(call, stage);
	const { connectionId, refreshable } = connection;
	const { scheduler } = stage.airbyte;
	if (!['Truncate', 'Merge'].includes(String(readBody(call).refreshMode))) {
		refuse(notConvertible(call.url, 'refreshMode'));
	}
	if (!refreshable) return json({});
	const streams = readStreams(call, connection);
	if (scheduler.active(connectionId) || scheduler.lingers(connectionId)) {
		scheduler.leavePending(connectionId, { jobType: 'refresh', streams });
		return json({});
	}
	await pass(takesToStart(connection), call, stage);
	const { jobId } = scheduler.start(connectionId, { jobType: 'refresh', streams });
	return json({ job: jobRead(await untilStarted(jobId, call, stage), { statistics: false }) });
}

/**
 * Reference: cancels what runs, and blocks until the job runs; no streams are all of them. Between two attempts it
 * cancels nothing and gets no answer, as the public reset.
 */
async function clearStreams(call: Call, stage: Stage): Promise<Answer | Unanswered> {
	const connection = findConnectionRead(call, stage);
	passEditor(call, stage);
	const { connectionId } = connection;
	const { scheduler } = stage.airbyte;
	const streams = readStreams(call, connection);
	scheduler.leavePending(connectionId, { jobType: 'reset', streams });
	const active = scheduler.active(connectionId);
	if (active?.status === 'incomplete') return 'hang';
	if (active) scheduler.cancel(active.jobId);
	await pass(takesToStart(connection), call, stage);
	const { jobId } = scheduler.start(connectionId, { jobType: 'reset', streams });
	const job = await untilStarted(jobId, call, stage);
	return json({ job: jobRead(job, { statistics: false }), attempts: attemptsWithLogs(job, stage) });
}

function readStreams(call: Call, { streams: all }: Connection): Stream[] {
	const { streams = [] } = readBody(call);
	if (!Array.isArray(streams)) return refuse(notConvertible(call.url, 'streams'));
	const named = streams.map(({ streamName, streamNamespace }) => ({
		name: String(streamName),
		namespace: streamNamespace as string | undefined,
	}));
	const known = named.map(({ name, namespace }) =>
		all.find((stream) => stream.name === name && stream.namespace === namespace),
	);
	if (known.includes(undefined)) refuse(hateoas(400, call.url, 'Streams not found in the catalog'));
	return named.length > 0 ? named : all;
}

/** Seconds, as the connection's `starts` say for the next one. */
const takesToStart = ({ starts }: Connection): number => starts.shift()?.takes ?? 0;

/** Reference: newest first. */
function listEvents(call: Call, stage: Stage): Answer {
	const connection = findConnectionRead(call, stage);
	const types = readWords(call, 'eventTypes');
	const events = eventsOf(connection, stage.airbyte.scheduler.list(connection.connectionId)).filter(
		({ eventType }) => types.length === 0 || types.includes(eventType),
	);
	const rows = readRows(call, events).map(({ at, ...event }) => ({
		...event,
		createdAt: epochSeconds(at),
	}));
	return json({ events: rows });
}
