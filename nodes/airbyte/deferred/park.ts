/**
 * Parking: the node puts its execution to wait in n8n's database, with nothing held meanwhile. When there is something to
 * do, n8n calls `execute()` once more, which takes up the runs from where they were.
 */
import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { NodeOperationError, WAIT_INDEFINITELY, randomString } from 'n8n-workflow';

import { clock } from '../api/clock';
import { invalid } from '../api/problem';
import { withoutDetails } from '../run/parking';
import type { SyncRun } from '../run/run';
import { isUnderWay, jobOf } from '../run/run';
import { callersOf } from './callers';
import type { Errand } from './childWorkflow';
import { runDataOf, startChild } from './childWorkflow';
import { shownJobs } from './panel';
import { resumeUrl, resumeUrlFor } from './resumeUrl';
import type { Entry, Wait } from './wait';

/**
 * Refuses the deferrable mode where n8n lacks what it needs, before anything is started.
 *
 * @throws {ProblemError} naming the version that has it
 */
export function requireParking(context: IExecuteFunctions): void {
	const needed = ['getExecutionDataById', 'getExecuteData', 'putExecutionToWait'] as const;
	const hasAll = needed.every((name) => typeof context[name] === 'function');
	if (hasAll && runDataOf(context) && new URL(resumeUrl(context)).searchParams.has('signature'))
		return;
	throw invalid(
		'The deferrable mode needs a newer n8n',
		"It needs n8n 2.41 or newer: update n8n. Until then, set 'Mode' to 'Synchronous'.",
	);
}

/** What the resumed execution hands over; undefined when the node runs for the first time. */
export function takeWait(context: IExecuteFunctions): Wait | undefined {
	const metadata = entryOf(context)?.metadata;
	const wait = metadata?.airbyte;
	if (!metadata || !wait) return undefined;
	// Gone from here on, so that n8n's Retry On Fail runs the node anew as it does in the other modes.
	delete metadata.airbyte;
	delete metadata.resumeUrl;
	return wait.executionId === context.getExecutionId() ? wait : undefined;
}

/**
 * Parks the execution until the resume webhook lets it go on.
 *
 * @param pageOf the page of a run's job in Airbyte
 * @returns undefined if the execution was stopped meanwhile, of which n8n may keep nothing that its children could see
 */
export async function park(
	context: IExecuteFunctions,
	kept: Omit<Wait, 'id' | 'executionId' | 'parkedAt'>,
	pageOf: (run: SyncRun) => string | undefined,
): Promise<INodeExecutionData[] | undefined> {
	const [id, parkedAt] = [randomString(24), clock.now()];
	const wait: Wait = { ...kept, id, parkedAt, executionId: context.getExecutionId() };
	await startChildren(context, wait);
	if (context.getExecutionCancelSignal()?.aborted) return undefined;
	const entry = entryOf(context);
	if (entry) {
		const shown = shownJobs(wait.runs, pageOf, parkedAt);
		entry.metadata = {
			...entry.metadata,
			airbyte: wait,
			resumeUrl: `${resumeUrl(context)}#${shown}`,
			resumeError: wentOnUnasked(context, wait),
		};
	}
	await context.putExecutionToWait(WAIT_INDEFINITELY);
	// With items, the editor of somebody who watches would say that it loads them, once the node has parked again.
	return [];
}

function entryOf(context: IExecuteFunctions): Entry | undefined {
	return context.getExecuteData?.() as Entry | undefined;
}

/** Seen after crashes: n8n runs an execution from what it stored at the start of the wait, as after a Wait node's. */
function wentOnUnasked(context: IExecuteFunctions, { runs }: Wait): NodeOperationError {
	const jobs = runs.filter(isUnderWay).flatMap((run) => jobOf(run)?.jobId ?? []);
	return new NodeOperationError(
		context.getNode(),
		'n8n went on without asking whether the sync has ended',
		{
			description: `It may do so after a crash. Waited for: ${jobs.map((id) => `job ${id}`).join(', ') || 'no job yet'}. Run the workflow again: unless 'If a Job Is Already Running' says otherwise, it attaches to a job that still runs.`,
		},
	);
}

async function startChildren(context: IExecuteFunctions, wait: Wait): Promise<void> {
	const errand: Errand = {
		wait: { ...wait, runs: wait.runs.map(withoutDetails) } as Errand['wait'],
		url: resumeUrlFor(context, wait.id),
		credentials: context.getNode().credentials as Errand['credentials'],
		callers: (await callersOf(context)).map(({ id }) => id),
		rings: 0,
		wasWaiting: false,
		goingOn: 0,
	};
	const watcher = await startChild(context, 'watcher', errand);
	await startChild(context, 'watchdog', { ...errand, watcher });
}
