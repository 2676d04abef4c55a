/**
 * The output of a run or a job, in the one shape of every node and mode.
 */
import type { IDataObject } from 'n8n-workflow';

import { jobPage } from '../api/addresses';
import type { Connection } from '../api/connection';
import type { Job } from '../api/job';
import { durationSeconds } from '../api/job';
import { dropUndefined } from '../api/read';
import type { SyncRun } from '../run/run';

/** What the node itself knows of a job, next to what Airbyte tells. */
interface JobContext {
	/** Whether the job was running already, so that the node only waited for it; unless told, not. */
	attached?: boolean;
	/** 1 for the first job, unless told, and one more for each retry. */
	attempt?: number;
	/** As far as it is known. */
	connection?: Connection;
	/** What was asked for. */
	jobType?: string;
}

/**
 * The output of a job. Keys that Airbyte does not tell are absent.
 * It has no `error` key: n8n would take the item for a failed one.
 */
export function toOutput(job: Job, context: JobContext): IDataObject {
	const { connection } = context;
	return dropUndefined({
		// What people look for comes first, as n8n's table shows some five columns.
		jobId: job.jobId,
		connectionName: connection?.name,
		status: job.status,
		rowsSynced: job.rowsSynced,
		bytesSynced: job.bytesSynced,
		rowsRejected: job.rowsRejected,
		jobType: job.jobType ?? context.jobType,
		connectionId: job.connectionId ?? connection?.connectionId,
		startTime: job.startTime,
		lastUpdatedAt: job.lastUpdatedAt,
		duration: job.duration,
		durationSeconds: durationSeconds(job.duration),
		streams: job.streams?.map((stream) => ({ ...stream })),
		failure: job.failure && { ...job.failure },
		jobUrl: connection?.url && jobPage(connection.url, job.jobId),
		attached: context.attached ?? false,
		attempt: context.attempt ?? 1,
	});
}

/** An {@link toOutput} with about ten keys: without what another key tells, or what is as it most often is. */
export function simplified(output: IDataObject): IDataObject {
	const { attached, attempt } = output;
	return dropUndefined({
		...output,
		startTime: undefined,
		duration: undefined,
		attached: attached === true ? attached : undefined,
		attempt: attempt === 1 ? undefined : attempt,
	});
}

/** The output of a run; of one without a job, what is known. */
export function outputOf(run: SyncRun, job: Job | undefined): IDataObject {
	const { result } = run;
	const whole = job ? jobOutput(run, job) : outputWithoutJob(run);
	const output = run.order.simplify ? simplified(whole) : whole;
	// Only here, so that a workflow can tell that nothing was done for this item.
	return result?.is === 'skipped' ? { ...output, skipped: true, reason: result.reason } : output;
}

function jobOutput(run: SyncRun, job: Job): IDataObject {
	const { order, connection } = run;
	const isSkipped = run.result?.is === 'skipped';
	return toOutput(job, {
		attached: order.kind === 'start' && !run.ours && !isSkipped,
		attempt: run.attempt,
		connection,
		jobType: order.kind === 'start' ? order.jobType : undefined,
	});
}

function outputWithoutJob({ order, connection }: SyncRun): IDataObject {
	if (order.kind === 'follow') return { jobId: order.jobId };
	if (order.kind === 'none') return {};
	const { connectionId } = order;
	return {
		connectionId,
		...(connection?.name && { connectionName: connection.name }),
		...(order.kind === 'start' && { jobType: order.jobType }),
	};
}

/** The job that the item's output tells of. */
export function outputJobOf({ result, job }: SyncRun): Job | undefined {
	return (result && 'job' in result ? result.job : undefined) ?? job;
}
