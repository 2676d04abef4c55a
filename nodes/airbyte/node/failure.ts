/**
 * Why a run failed, for people: what happened, why, and what to do next.
 */
import type { IDataObject } from 'n8n-workflow';

import type { Job } from '../api/job';
import { joinNames, sentences } from '../api/prose';
import { mayCome } from '../run/lateJob';
import type { Result } from '../run/result';
import type { SyncRun, Unserved } from '../run/run';
import { connectionName } from './connectionName';
import type { Words } from './errors';
import {
	failed,
	jobEndedBadly,
	leftInQueue,
	timedOut,
	tooFewRows,
	tooManyRejected,
	wrongJob,
} from './jobWords';
import { outputOf } from './output';
import {
	busy,
	crowded,
	inactive,
	noSync,
	notReplaced,
	ranInstead,
	waitedInVain,
} from './startWords';

/** Why an item failed, for n8n's error panel and for the `details` of an item that failed. */
export interface Failure extends Words {
	/** In the shape of a normal output as far as it is known. */
	details: IDataObject;
}

/** The failure in a settled run; undefined when all is well. */
export function failureOf(run: SyncRun): Failure | undefined {
	const { result } = run;
	if (run.stage === 'notBegun') return notBegun(run);
	if (!result || result.is === 'done' || result.is === 'skipped') return undefined;
	const job = 'job' in result ? result.job : undefined;
	const details = outputOf(run, job);
	const { message, description } = wordsFor(run, result);
	const told = sentences(
		unstarted(run, result),
		description,
		mayStillStart(run),
		otherJobs(run),
		earlierJobs(run),
		unservedIn(run),
	);
	const whose = whoseIfNotIn(`${message} ${told}`, run);
	return {
		message,
		description: sentences(told, where(details, whose), logEndIn(job)),
		details,
		httpStatus: result.is === 'failed' ? result.problem.httpStatus : undefined,
	};
}

/** An item that was not begun since another one failed; a job that exists goes on all the same. */
function notBegun(run: SyncRun): Failure {
	const { order } = run;
	let message = 'Not started, as another item failed before';
	if (order.kind === 'await') message = 'Not waited for, as another item failed before';
	if (order.kind === 'follow') {
		message = `Job ${order.jobId} was not looked at, as another item failed before`;
	}
	return { message, description: '', details: outputOf(run, undefined) };
}

function wordsFor(run: SyncRun, result: Exclude<Result, { is: 'done' | 'skipped' }>): Words {
	switch (result.is) {
		case 'jobFailed':
			return jobEndedBadly(run, result.job);
		case 'tooFewRows':
			return tooFewRows(run, result.job);
		case 'tooManyRejected':
			return tooManyRejected(run, result.job);
		case 'timedOut':
			return result.inQueue ? leftInQueue(run, result) : timedOut(run, result);
		case 'busy':
			return result.waited ? waitedInVain(run, result) : busy(run, result.job);
		case 'notReplaced':
			return notReplaced(run, result);
		case 'crowded':
			return crowded(run, result);
		case 'inactive':
			return inactive(run, result.status);
		case 'noSync':
			return noSync(run, result);
		case 'instead':
			return ranInstead(run, result.job);
		case 'wrongJob':
			return wrongJob(run, result.job);
		case 'failed':
			return failed(run, result);
		case 'stopped':
			return { message: 'The execution was stopped', description: '' };
	}
}

/** What was asked for and not told, by the name of its option. */
export const OPTION_OF: Record<Unserved['what'], string> = {
	streams: 'Include Streams',
	rejected: 'Maximum Rejected Rows',
	log: 'Log Lines',
};

function unservedIn({ unserved = [] }: SyncRun): string {
	return unserved.map(({ what, why }) => `'${OPTION_OF[what]}' was not served: ${why}.`).join(' ');
}

function otherJobs({ replaced = [], instead = [] }: SyncRun): string {
	const named = (jobs: Job[]) => joinNames(jobs.map(({ jobId }) => `job ${jobId}`));
	return sentences(
		replaced.length > 0 ? `Cancelled another job that was running: ${named(replaced)}.` : '',
		instead.length > 0 ? `Airbyte ran another job first: ${named(instead)}.` : '',
	);
}

function earlierJobs({ earlier }: SyncRun): string {
	const jobs = earlier.map(
		({ jobId, status, failure }) =>
			`job ${jobId} ${status}${failure?.message ? ` ("${failure.message}")` : ''}`,
	);
	return jobs.length === 0 ? '' : `Tried before: ${jobs.join(', ')}.`;
}

/** Results of a start without a job of its own. */
const UNSTARTED = new Set<Result['is']>(['busy', 'notReplaced', 'crowded', 'inactive']);

function unstarted(run: SyncRun, { is }: Result): string {
	const { order, attempt, instead } = run;
	const isFirst = order.kind === 'start' && attempt === 1 && !instead;
	return isFirst && UNSTARTED.has(is) && !mayCome(run) ? 'Nothing was started.' : '';
}

/** A warning that Airbyte may still start the job: the node run again could start a second one. */
export function mayStillStart(run: SyncRun): string {
	if (run.order.kind !== 'start' || !mayCome(run)) return '';
	const { jobType } = run.order;
	const what = run.unclear
		? `It is not known whether Airbyte started the ${jobType}`
		: `Airbyte may still start the ${jobType} that was asked for`;
	return `${what}: check ${connectionName(run)} in Airbyte before running this again.`;
}

/** The connection that failed, unless the words name it. */
function whoseIfNotIn(words: string, run: SyncRun): string {
	const name = run.connection?.name && connectionName(run);
	return !name || words.toLowerCase().includes(name.toLowerCase()) ? '' : name;
}

function where({ jobId, jobUrl }: IDataObject, whose: string): string {
	const job = typeof jobUrl === 'string' ? `Job ${String(jobId)}` : '';
	const about = [job, whose].filter(Boolean).join(' of ');
	return job ? `${about}: ${String(jobUrl)}` : about && `It is about ${about}.`;
}

/** So much of a log can be read in an error; the rest is in the output. */
const LINES_SHOWN = 5;
const CHARACTERS_SHOWN = 1_000;

function logEndIn(job: Job | undefined): string {
	const log = job?.failure?.log;
	if (!log) return '';
	const end = log.split('\n').slice(-LINES_SHOWN).join('\n');
	return `The log ends with:\n${end.slice(-CHARACTERS_SHOWN)}`;
}
