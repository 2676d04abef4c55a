/** Why no job was started, or none came, in words. */
import type { Job } from '../api/job';
import { isOfType } from '../api/job';
import { inFull } from '../api/problem';
import { sentences } from '../api/prose';
import type { Result } from '../run/result';
import type { SyncRun } from '../run/run';
import { hasRunBefore } from '../run/run';
import { connectionName } from './connectionName';
import { whyDisabled } from './disabling';
import type { Words } from './errors';
import { unasked } from './jobWords';

export function waitedInVain(run: SyncRun, { job, trouble }: Result & { is: 'busy' }): Words {
	const isInstead = run.instead?.some(({ jobId }) => jobId === job.jobId);
	return {
		message: `A ${job.jobType ?? 'job'} (job ${job.jobId}) was still running on ${connectionName(run)} after ${run.order.timeout} seconds`,
		description: sentences(
			unasked(trouble),
			isInstead ? 'Airbyte runs it before what was asked for.' : '',
			"Raise 'Timeout' to wait longer for the end of another job before starting one.",
		),
	};
}

export function crowded(run: SyncRun, { trouble }: Result & { is: 'crowded' }): Words {
	return {
		message: `Other jobs were still running in the workspace of ${connectionName(run)} after ${run.order.timeout} seconds`,
		description: `${sentences(unasked(trouble), 'There were')} as many as 'Maximum Running Jobs' allows${someInTheWay(run)}. Raise that, or 'Timeout' to wait longer, or see in Airbyte what runs. A record that a crash left behind counts, too: a start on that connection clears it away.`,
	};
}

function someInTheWay({ crowdedBy: jobs = [] }: SyncRun): string {
	const named = jobs.map(({ jobId, connectionId, startTime }) => {
		const where = connectionId ? ` on connection ${connectionId}` : '';
		return `job ${jobId}${where}${startTime ? ` since ${startTime}` : ''}`;
	});
	return named.length === 0 ? '' : `, among them ${named.join(', ')}`;
}

export function busy(run: SyncRun, job: Job): Words {
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

export function notReplaced(run: SyncRun, { job, trouble }: Result & { is: 'notReplaced' }): Words {
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

export function inactive(run: SyncRun, status: string): Words {
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

export function noSync(run: SyncRun, { job, trouble }: Result & { is: 'noSync' }): Words {
	const last = job
		? `Job ${job.jobId} is still '${job.status}'; this node did not start it, so it was left alone.`
		: 'None was running at the last look.';
	const why = unasked(trouble) || last;
	return {
		message: `No sync of ${connectionName(run)} succeeded within ${run.order.timeout} seconds`,
		description: `${why} Raise 'Timeout' to wait longer, and check in Airbyte when the connection is to sync.`,
	};
}

export function ranInstead(run: SyncRun, job: Job): Words {
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

function capitalised(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
