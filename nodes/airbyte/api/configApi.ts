/**
 * Airbyte's configuration API: what the public one neither tells nor does. Airbyte does not promise to keep it, and
 * gateways may not let it through.
 */
import type { AnswerStream } from './answerStream';
import { inTime } from './answerStream';
import { notAirbyte } from './answers';
import { timeouts } from './call';
import { cleanText } from './clean';
import type { Disabling } from './connection';
import { SWITCHING_EVENTS, readDisabling } from './connection';
import type { Stream } from './connectionStreams';
import { descriptors } from './connectionStreams';
import { problemInFault } from './faults';
import type { Job, RefreshMode } from './job';
import { isOn, readConfigJob } from './job';
import type { JobRecord } from './jobRecord';
import { readJobRecord } from './jobRecord';
import { readLogEnd } from './logEnd';
import type { Problem, ProblemKind } from './problem';
import { ProblemError } from './problem';
import { sentences } from './prose';
import { fieldsIn } from './read';
import type { Answered, Request, Requests } from './requests';

type ConfigRequest = Pick<Request, 'path' | 'body' | 'doing' | 'role' | 'field' | 'isStreamed'> & {
	timeout: number;
};

export class ConfigApi {
	constructor(private readonly requests: Requests) {}

	/** What only the config API knows of a job; without its logs, which can be of any size. */
	async getJobRecord(jobId: number): Promise<JobRecord> {
		const { answer, call } = await this.call({
			path: '/jobs/get_without_logs',
			body: { id: jobId },
			timeout: timeouts.explain,
			doing: `asking the configuration API about job ${jobId}`,
		});
		const record = readJobRecord(answer.body, (text) => cleanText(text, call.secrets));
		if (record === undefined) throw new ProblemError(notAirbyte(answer, call));
		return record;
	}

	/** The end of the log of an attempt (counted from 0); empty where there is none. See {@link readLogEnd}. */
	async getLogEnd(jobId: number, attempt: number, lines: number): Promise<string> {
		const { answer, call } = await this.call({
			path: '/attempt/get_for_job',
			body: { jobId, attemptNumber: attempt },
			timeout: timeouts.log,
			isStreamed: true,
			doing: `reading the log of job ${jobId}`,
		});
		const body = answer.body as AnswerStream;
		const clean = (text: string, longest: number) => cleanText(text, call.secrets, longest);
		return await inTime(body, readLogEnd(body, lines, clean), timeouts.log).catch((fault) => {
			throw new ProblemError(problemInFault(fault, call));
		});
	}

	/**
	 * How a connection was switched off, which only the config API knows.
	 *
	 * @returns undefined when Airbyte does not tell
	 */
	async explainInactive(connectionId: string): Promise<Disabling | undefined> {
		const { answer, call } = await this.call({
			path: '/connections/events/list',
			body: { connectionId, eventTypes: [...SWITCHING_EVENTS], pagination: { pageSize: 1 } },
			timeout: timeouts.explain,
			doing: 'asking why the connection is inactive',
		});
		return readDisabling(answer.body, (text) => cleanText(text, call.secrets));
	}

	/**
	 * Asks for a refresh, which Airbyte answers once its job runs.
	 *
	 * @param streams undefined: all
	 * @throws {ProblemError} also where Airbyte answers without a job: the destination cannot refresh, or a job runs, in
	 *   which case the refresh comes before the next sync
	 */
	async refresh(connectionId: string, mode: RefreshMode, streams?: Stream[]): Promise<Job> {
		const body = {
			connectionId,
			refreshMode: mode === 'merge' ? 'Merge' : 'Truncate',
			...(streams && { streams: descriptors(streams) }),
		};
		const request = { path: '/connections/refresh', body, doing: 'starting a refresh' };
		return await this.configJob(connectionId, { ...request, role: 'Runner' }, NO_JOB);
	}

	/** Clears some of the streams; cancels what runs, and is answered once its job runs. */
	async clearStreams(connectionId: string, streams: Stream[]): Promise<Job> {
		// Airbyte would read an empty list as all streams.
		if (streams.length === 0) throw new Error('No streams to clear');
		return await this.configJob(connectionId, {
			path: '/connections/clear/stream',
			body: { connectionId, streams: descriptors(streams) },
			doing: 'starting a clear of streams',
			role: 'Editor',
		});
	}

	/**
	 * A job that only the configuration API starts.
	 *
	 * @param noJob what it means that Airbyte answers without one, where it does so
	 */
	private async configJob(
		connectionId: string,
		request: Pick<ConfigRequest, 'path' | 'body' | 'doing' | 'role'>,
		noJob?: Problem,
	): Promise<Job> {
		const { answer, call } = await this.call({
			...request,
			timeout: timeouts.submit,
			field: 'Connection',
		}).catch((fault) => {
			throw fault instanceof ProblemError ? this.withoutConfigApi(fault.problem) : fault;
		});
		const fields = fieldsIn(answer.body);
		const job = readConfigJob(fields?.job);
		if (job && isOn(connectionId, job)) return job;
		const isWithoutJob = fields !== undefined && !('job' in fields);
		throw new ProblemError((isWithoutJob && noJob) || notAirbyte(answer, call));
	}

	/** A gateway may not let these calls through, and an Airbyte may not have them. */
	private withoutConfigApi(problem: Problem): ProblemError {
		if (!MAY_LACK_CALL.has(problem.kind) || problem.mayHaveArrived)
			return new ProblemError(problem);
		return new ProblemError({
			...problem,
			// Airbyte itself lacks the call, so trying again does not help.
			kind: problem.kind === 'wrongPath' ? 'refused' : problem.kind,
			description: sentences(
				problem.description,
				`A refresh, and a clear of some 'Streams', need Airbyte's configuration API, ${this.requests.address.configApi}.`,
			),
		});
	}

	private async call(request: ConfigRequest): Promise<Answered> {
		return await this.requests.answered({ ...request, isConfigApi: true, method: 'POST' });
	}
}

const MAY_LACK_CALL = new Set<ProblemKind>([
	'signIn',
	'wrongPath',
	'forbidden',
	'notFound',
	'notAirbyte',
	'refused',
]);

const NO_JOB: Problem = {
	kind: 'noJob',
	message: 'Airbyte took the refresh, but has started no job',
	description:
		"Either the destination cannot refresh: then use 'Clear', and a sync after it. Or another job ran at that moment, or had just ended: then Airbyte keeps the refresh and runs it before the next sync, so don't ask for it again.",
	passing: false,
	mayHaveArrived: true,
};
