/**
 * Parking: the node puts its execution to wait in n8n's database, with nothing held meanwhile. When there is something to
 * do, n8n calls `execute()` once more, which takes up the runs from where they were.
 */
import type { IExecuteFunctions, INodeExecutionData, ITaskData } from 'n8n-workflow';
import { WAIT_INDEFINITELY, randomString } from 'n8n-workflow';

import { clock } from '../api/clock';
import { invalid } from '../api/problem';
import { withoutDetails } from '../run/parking';
import type { SyncRun } from '../run/run';
import type { Errand } from './childWorkflow';
import { runDataOf, startChild } from './childWorkflow';
import { shownJobs } from './panel';
import { canBeCalled, resumeUrl, resumeUrlFor } from './resumeUrl';
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

/** Why this execution cannot park, for a hint; undefined if it can. */
export async function whyNotToPark(context: IExecuteFunctions): Promise<string | undefined> {
	if (mayBeOneOfMany(context)) {
		return "The wait is held in the running execution: where a sub-workflow is called once for each item, n8n would go on with the first one's result. Call it with all items at once, or without waiting for it, to have it wait in n8n's database.";
	}
	const caller = waitingCallerOf(context);
	if (caller !== undefined) {
		return `The wait is held in the running execution: whoever called '${caller}' waits for an answer, for which n8n would take the start of the wait. Let it respond immediately, or by a 'Respond to Webhook' node before this one, to have it wait in n8n's database.`;
	}
	if (await canBeCalled(context)) return undefined;
	return `The wait is held in the running execution: n8n cannot reach its own address ${new URL(resumeUrl(context)).origin}, which the deferrable mode calls. Set WEBHOOK_URL to an address that works from inside n8n as well.`;
}

/**
 * Whether this is a sub-workflow that may have been called once for each item: n8n goes on with the first one that ends,
 * and drops what the others give. From inside, that looks like a call with a single item.
 */
function mayBeOneOfMany(context: IExecuteFunctions): boolean {
	const caller = runDataOf(context)?.parentExecution;
	if (!caller || caller.shouldResume === false) return false;
	return (startOf(context)?.run.data?.main[0]?.length ?? 1) <= 1;
}

/**
 * The node that the execution began with, if it owes whoever called it an answer: Webhook, Chat, Form. In queue mode n8n
 * lets go of a Respond to Webhook node that comes after a wait, too.
 */
function waitingCallerOf(context: IExecuteFunctions): string | undefined {
	const start = startOf(context);
	if (!start) return undefined;
	const { responseMode, options } = context.getWorkflowDataProxy(0).$(start.node).params;
	const how = responseMode ?? options?.responseMode;
	const isOwed = how === 'lastNode' || (how === 'responseNode' && !hasResponded(context));
	return isOwed ? start.node : undefined;
}

function hasResponded(context: IExecuteFunctions): boolean {
	const { runData = {} } = runDataOf(context)?.resultData ?? {};
	return context
		.getParentNodes(context.getNode().name)
		.some(({ name, type }) => type.endsWith('.respondToWebhook') && runData[name]);
}

/** The first node of the execution that ran, and how. */
function startOf(context: IExecuteFunctions): { node: string; run: ITaskData } | undefined {
	return Object.entries(runDataOf(context)?.resultData.runData ?? {})
		.flatMap(([node, runs]) => runs.map((run) => ({ node, run })))
		.sort((a, b) => a.run.executionIndex - b.run.executionIndex)[0];
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
		};
	}
	await context.putExecutionToWait(WAIT_INDEFINITELY);
	// With items, the editor of somebody who watches would say that it loads them, once the node has parked again.
	return [];
}

function entryOf(context: IExecuteFunctions): Entry | undefined {
	return context.getExecuteData?.() as Entry | undefined;
}

async function startChildren(context: IExecuteFunctions, wait: Wait): Promise<void> {
	const errand: Errand = {
		wait: { ...wait, runs: wait.runs.map(withoutDetails) } as Errand['wait'],
		url: resumeUrlFor(context, wait.id),
		credentials: context.getNode().credentials as Errand['credentials'],
		callers: await callersOf(context),
		rings: 0,
		wasWaiting: false,
		goingOn: 0,
	};
	const watcher = await startChild(context, 'watcher', errand);
	await startChild(context, 'watchdog', { ...errand, watcher });
}

/** Sub-workflows deeper than this are not expected. */
const MOST_CALLERS = 10;

/** The executions that wait for this one, which is a sub-workflow then; nearest first. */
async function callersOf(context: IExecuteFunctions): Promise<string[]> {
	const callers: string[] = [];
	let caller = runDataOf(context)?.parentExecution;
	while (caller && caller.shouldResume !== false && callers.length < MOST_CALLERS) {
		callers.push(caller.executionId);
		caller = (await context.getExecutionDataById(caller.executionId))?.parentExecution;
	}
	return callers;
}
