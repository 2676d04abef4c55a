/** Why a job, or the wait for it, failed, in words. */
import type { Job, JobFailure } from '../api/job';
import { isTerminal } from '../api/job';
import type { Problem } from '../api/problem';
import { inFull } from '../api/problem';
import { sentences } from '../api/prose';
import type { Result } from '../run/result';
import type { SyncRun } from '../run/run';
import { connectionName } from './connectionName';
import type { Words } from './errors';

export function jobEndedBadly(run: SyncRun, job: Job): Words {
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

export function tooFewRows(run: SyncRun, job: Job): Words {
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

export function tooManyRejected({ order }: SyncRun, { jobId, rowsRejected }: Job): Words {
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

export function leftInQueue(run: SyncRun, result: Result & { is: 'timedOut' }): Words {
	const { jobId, status } = result.job;
	const end = result.cancelled ? 'was cancelled' : 'may still start';
	const why = result.cancelled ? '' : ` ${whyNotCancelled(run, result)}`;
	return {
		message: `Airbyte had no capacity for job ${jobId} within ${run.order.queueTimeout} seconds, and it ${end}`,
		description: `It stayed ${status === 'cancelled' ? 'in the queue' : `'${status}'`}: too many jobs run at the same time for Airbyte's workers or your plan. Raise 'Queue Timeout', run fewer side by side, or give Airbyte more capacity.${why}`,
	};
}

export function timedOut(run: SyncRun, result: Result & { is: 'timedOut' }): Words {
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

function whyNotCancelled(run: SyncRun, { trouble }: Result & { is: 'timedOut' }): string {
	const { order, ours } = run;
	if (order.kind === 'start' && ours && order.cancelOnTimeout) {
		return trouble
			? couldNotBeCancelled(trouble)
			: 'Airbyte was asked to cancel it, but has not done so yet.';
	}
	const why = ours
		? "It was left running because 'Cancel On Timeout' is off."
		: 'This node did not start it, so it was left alone.';
	return sentences(unasked(trouble), why);
}

/** Why what was seen last may not be true any more. */
export function unasked(trouble: Problem | undefined): string {
	return trouble ? `Airbyte could not be asked at the end: ${trouble.message}.` : '';
}

export function failed(run: SyncRun, result: Result & { is: 'failed' }): Words {
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

export function wrongJob(run: SyncRun, job: Job): Words {
	return {
		message: `Airbyte's job ${job.jobId} is not the one that was waited for`,
		description: `It is a ${job.jobType ?? 'job'} of ${job.connectionId === undefined ? 'another connection' : `connection ${job.connectionId}`}: the credential may point to another Airbyte than when the job was started, or Airbyte's database was restored. Nothing was cancelled. Look for the job of ${connectionName(run)} in the Airbyte where it was started.`,
	};
}
