/**
 * Why a run failed, in words: what happened, why, and what to do next.
 */
import type { IDataObject } from 'n8n-workflow';

import { cleanText } from '../api/clean';
import type { Job, JobFailure } from '../api/job';
import { isOfType, isTerminal } from '../api/job';
import type { Problem } from '../api/problem';
import { inFull } from '../api/problem';
import { joinNames, sentences } from '../api/prose';
import { mayCome } from '../run/lateJob';
import type { Result } from '../run/result';
import type { SyncRun, Unserved } from '../run/run';
import { hasRunBefore } from '../run/run';
import { whyDisabled } from './disabling';
import type { Words } from './errors';
import { outputOf } from './output';

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
			return result.waited ? waitedInVain(run, result.job) : busy(run, result.job);
		case 'notReplaced':
			return notReplaced(run, result);
		case 'crowded':
			return crowded(run);
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

function jobEndedBadly(run: SyncRun, job: Job): Words {
	if (job.status === 'cancelled') {
		const who = `a reset or clear of ${connectionName(run)}, or by another n8n execution`;
		return {
			message: `Airbyte job ${job.jobId} was cancelled`,
			description: `It was cancelled in Airbyte, by ${BY_THE_QUEUE}${who}. Run it again if that was not intended.`,
		};
	}
	const why = job.failure ? reasonOf(job.failure) : SEE_LOG;
	const after = run.order.kind === 'await' ? ` ${OR_WAIT_ON}` : '';
	return {
		message: `Airbyte job ${job.jobId} failed`,
		description: `The ${job.jobType ?? 'job'} of ${connectionName(run)} ended with status '${job.status}'. ${why}${after}`,
	};
}

/** Reference: after eight hours where the connection has no schedule, at the next scheduled time otherwise. */
const BY_THE_QUEUE =
	'Airbyte itself, which does that to jobs that wait in its queue for too long or whose connection is changed meanwhile, by ';

const OR_WAIT_ON = "To wait for the next success instead, turn off 'Fail With the Job'.";

const SEE_LOG = "See the log on the job's page in Airbyte.";

const IT_MAY_PASS = 'It may pass: run it again later.';

/** By the type of the failure, which can be any word. */
const ADVICE = new Map([
	[
		'config_error',
		'Check the settings of the connector in Airbyte; running it again before that does not help.',
	],
	['refresh_schema', 'Refresh the schema of the connection in Airbyte.'],
	['transient_error', IT_MAY_PASS],
]);

function reasonOf({ origin, type, message, retryable }: JobFailure): string {
	const where = origin ? ` in the ${origin.replace(/_/g, ' ')}` : '';
	const kind = type ? ` (${type})` : '';
	const said = message ? `: "${message.replace(/\.$/, '')}"` : '';
	const advice = ADVICE.get(type ?? '') ?? (retryable ? IT_MAY_PASS : SEE_LOG);
	return `Airbyte says that it failed${where}${kind}${said}. ${advice}`;
}

function tooFewRows(run: SyncRun, job: Job): Words {
	const { minimumRows } = run.order;
	const why =
		job.rowsSynced === undefined
			? "Airbyte reported no row count, so it does not meet 'Minimum Rows'."
			: `It moved ${job.rowsSynced} rows, which does not meet 'Minimum Rows'.`;
	return {
		message: `Airbyte job ${job.jobId} succeeded with fewer than ${minimumRows} rows`,
		description: `${why} Check the job in Airbyte: an attempt may have ended early.`,
	};
}

function tooManyRejected({ order }: SyncRun, { jobId, rowsRejected }: Job): Words {
	if (rowsRejected === undefined) {
		return {
			message: `Airbyte job ${jobId} succeeded, but its rejected rows are not known`,
			description:
				"There may be more than 'Maximum Rejected Rows' allows. Airbyte tells since 1.8, by its configuration API: update Airbyte, or remove the option.",
		};
	}
	return {
		message: `Airbyte job ${jobId} succeeded with more than ${order.maximumRejectedRows} rejected rows`,
		description: `The destination did not take ${rowsRejected} rows, which does not meet 'Maximum Rejected Rows'. See in the job's log in Airbyte what is wrong with them.`,
	};
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

function leftInQueue(run: SyncRun, result: Result & { is: 'timedOut' }): Words {
	const { jobId, status } = result.job;
	const end = result.cancelled ? 'was cancelled' : 'may still start';
	const why = result.cancelled ? '' : ` ${whyNotCancelled(run, result)}`;
	return {
		message: `Airbyte had no capacity for job ${jobId} within ${run.order.queueTimeout} seconds, and it ${end}`,
		description: `It stayed ${status === 'cancelled' ? 'in the queue' : `'${status}'`}: too many jobs run at the same time for Airbyte's workers or your plan. Raise 'Queue Timeout', run fewer side by side, or give Airbyte more capacity.${why}`,
	};
}

function waitedInVain(run: SyncRun, job: Job): Words {
	const isInstead = run.instead?.some(({ jobId }) => jobId === job.jobId);
	return {
		message: `A ${job.jobType ?? 'job'} (job ${job.jobId}) was still running on ${connectionName(run)} after ${run.order.timeout} seconds`,
		description: `${isInstead ? 'Airbyte runs it before what was asked for. ' : ''}Raise 'Timeout' to wait longer for the end of another job before starting one.`,
	};
}

function crowded(run: SyncRun): Words {
	return {
		message: `Other jobs were still running in the workspace of ${connectionName(run)} after ${run.order.timeout} seconds`,
		description: `There were as many as 'Maximum Running Jobs' allows${someInTheWay(run)}. Raise that, or 'Timeout' to wait longer, or see in Airbyte what runs. A record that a crash of Airbyte left behind may count, too: a start on that connection clears it away.`,
	};
}

function someInTheWay({ crowdedBy: jobs = [] }: SyncRun): string {
	const named = jobs.map(({ jobId, connectionId, startTime }) => {
		const where = connectionId ? ` on connection ${connectionId}` : '';
		return `job ${jobId}${where}${startTime ? ` since ${startTime}` : ''}`;
	});
	return named.length === 0 ? '' : `, among them ${named.join(', ')}`;
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

function timedOut(run: SyncRun, result: Result & { is: 'timedOut' }): Words {
	const { jobId, status } = result.job;
	if (run.order.until === 'cancelled') return notCancelledYet(result);
	const limit = `${run.order.timeout} seconds`;
	if (result.cancelled) {
		return {
			message: `Airbyte job ${jobId} did not end within ${limit} and was cancelled`,
			description: "Raise 'Timeout' if the job needs longer.",
		};
	}
	return {
		message: `Airbyte job ${jobId} did not end within ${limit} and may still be running`,
		description: `Its last status is '${status}'. ${whyNotCancelled(run, result)} Raise 'Timeout' if the job needs longer.`,
	};
}

/** Cancelling was all that was asked for, so no timeout is the matter. */
function notCancelledYet({ job, trouble }: Result & { is: 'timedOut' }): Words {
	return {
		message: `Airbyte job ${job.jobId} is not cancelled yet`,
		description: trouble
			? couldNotBeCancelled(trouble)
			: `Airbyte was asked to cancel it, but its last status is '${job.status}'. Check it again later.`,
	};
}

function couldNotBeCancelled(trouble: Problem): string {
	return `It could not be cancelled: ${inFull(trouble)}`;
}

function whyNotCancelled(run: SyncRun, result: Result & { is: 'timedOut' }): string {
	if (result.trouble) return couldNotBeCancelled(result.trouble);
	if (run.order.kind !== 'start' || !run.ours) {
		return 'This node did not start it, so it was left alone.';
	}
	if (!run.order.cancelOnTimeout) return "It was left running because 'Cancel On Timeout' is off.";
	return 'Airbyte was asked to cancel it, but has not done so yet.';
}

function busy(run: SyncRun, job: Job): Words {
	const type = job.jobType ?? 'job';
	const asked = run.order.kind === 'start' ? run.order.jobType : type;
	const message = `A ${type} (job ${job.jobId}) is running on ${connectionName(run)} already`;
	if (isOfType(job, asked)) {
		// 'Skip' does not hold once a job has failed.
		const orSkip = hasRunBefore(run) ? " or 'Queue Behind It'" : ", 'Queue Behind It' or 'Skip'";
		return {
			message,
			description: `To go on instead, set 'If a Job Is Already Running' to 'Attach to It'${orSkip}.`,
		};
	}
	const why =
		type === 'sync'
			? `A ${asked} would cancel that sync`
			: `Airbyte cannot run a ${asked} at the same time`;
	return {
		message,
		description: `${why}. Run it again once the ${type} is over, or set 'If a Job Is Already Running' to 'Queue Behind It' or 'Skip'.`,
	};
}

function notReplaced(run: SyncRun, { job, trouble }: Result & { is: 'notReplaced' }): Words {
	const { jobId, jobType = 'job', status } = job;
	if (run.replacing?.jobId !== jobId) {
		return {
			message: `A ${jobType} (job ${jobId}) runs on ${connectionName(run)} after others have been cancelled`,
			description:
				'A new job came up each time. See in Airbyte who starts them, then run this again.',
		};
	}
	const why = trouble
		? inFull(trouble)
		: `Airbyte was asked to cancel it, but its last status is '${status}'.`;
	return {
		message: `A ${jobType} (job ${jobId}) runs on ${connectionName(run)} and could not be cancelled`,
		description: `${why} Cancel it in Airbyte, then run this again.`,
	};
}

function inactive(run: SyncRun, status: string): Words {
	const advice = new Map([
		['deprecated', 'It was deleted in Airbyte. Choose another one.'],
		[
			'locked',
			'Airbyte locked it, for instance because of your plan or billing. See its page in Airbyte.',
		],
	]);
	const { disabled } = run.connection ?? {};
	const why = status === 'inactive' && disabled ? whyDisabled(disabled) : '';
	return {
		message: `${capitalised(connectionName(run))} is ${status === 'inactive' ? 'disabled' : status} in Airbyte`,
		description: sentences(
			run.order.kind === 'await' ? 'No sync of it can be waited for.' : '',
			why,
			advice.get(status) ?? ENABLE,
		),
	};
}

const ENABLE = 'Enable it in Airbyte, then run this again.';

function noSync(run: SyncRun, { job, trouble }: Result & { is: 'noSync' }): Words {
	const last = job
		? `Job ${job.jobId} is still '${job.status}'; this node did not start it, so it was left alone.`
		: 'None was running at the last look.';
	const why = trouble ? `Airbyte could not be asked at the end: ${trouble.message}.` : last;
	return {
		message: `No sync of ${connectionName(run)} succeeded within ${run.order.timeout} seconds`,
		description: `${why} Raise 'Timeout' to wait longer, and check in Airbyte when the connection is to sync.`,
	};
}

function failed(run: SyncRun, result: Result & { is: 'failed' }): Words {
	const { message, description } = result.problem;
	const after: string[] = [];
	if (result.job?.status === 'cancelled' && run.ours) {
		after.push(`Job ${result.job.jobId} was started and has been cancelled.`);
	}
	if (result.job && run.ours && !isTerminal(result.job)) {
		after.push(
			`Job ${result.job.jobId} was started and may still be running (last status '${result.job.status}').`,
		);
	}
	return { message, description: [description, ...after].join(' ') };
}

function ranInstead(run: SyncRun, job: Job): Words {
	const asked = run.order.kind === 'start' ? run.order.jobType : 'job';
	const type = job.jobType ?? 'job';
	if (asked === 'refresh') {
		return {
			message: `Airbyte runs a ${type} before the refresh (job ${job.jobId})`,
			description: `Streams of ${connectionName(run)} are marked for a ${type}, which comes first. Airbyte keeps the refresh and runs it before the next sync, so don't ask for it again.`,
		};
	}
	return {
		message: `Airbyte keeps running a ${type} instead of the ${asked} (last: job ${job.jobId})`,
		description: `Streams of ${connectionName(run)} are marked for a ${type}, which comes before any ${asked} until one of them succeeds. See in Airbyte why it does not, and run this again after that.`,
	};
}

function wrongJob(run: SyncRun, job: Job): Words {
	return {
		message: `Airbyte's job ${job.jobId} is not the one that was waited for`,
		description: `It is a ${job.jobType ?? 'job'} of ${job.connectionId === undefined ? 'another connection' : `connection ${job.connectionId}`}: the credential may point to another Airbyte than when the job was started, or Airbyte's database was restored. Nothing was cancelled. Look for the job of ${connectionName(run)} in the Airbyte where it was started.`,
	};
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

/** As in `connection 'Orders'`. */
export function connectionName(run: SyncRun): string {
	const { connection } = run;
	return connection?.name ? `connection '${cleanText(connection.name)}'` : 'the connection';
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

function capitalised(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
