/**
 * The driver that waits in n8n's database: the node parks its execution, and its resume webhook looks at the jobs.
 *
 * While it waits the execution is stored as `waiting`, also during a look, so that a crash of n8n loses nothing.
 * A look changes nothing in what is stored: the runs are picked up again from where they were parked, and their
 * deadlines are dates. Only when there is something to do for `execute()` (all jobs have ended, another one is to be
 * started, or something is to be kept) does the webhook hand the runs over and let n8n call `execute()` once more. It
 * then finishes or fails exactly as in synchronous mode, and parks again otherwise.
 *
 * Relies on: n8n marks the node of a resumed execution as disabled, which passes its input on, before it calls
 * `webhook()`, and runs it again when `webhook()` takes that mark off (n8n's waiting-webhooks).
 */
import type {
	IExecuteFunctions,
	INodeExecutionData,
	IRunExecutionData,
	IWebhookFunctions,
	IWebhookResponseData,
} from 'n8n-workflow';
import { WAIT_INDEFINITELY } from 'n8n-workflow';

import { startClocks } from './alarmClock/start';
import { clock } from '../api/clock';
import type { Entry, Parked } from './state';
import { entryOf, isDue, jobOf, lookAtAll, report, waitingEntryIn } from './state';
import { invalid } from '../api/problem';
import { callResumeUrl, resumeUrl, unsigned } from './resumeUrl';
import { isTool } from '../node/tool';
import type { JobPage } from '../node/verdict';
import type { SyncRun } from '../run/run';
import { outputOf } from '../node/verdict';

/**
 * Refuses the deferrable mode where n8n lacks what it needs, before anything is started.
 *
 * @throws {ProblemError} naming the version that has it and the modes that work meanwhile
 */
export function requireParking(context: IExecuteFunctions): void {
	const isStatus = /\.airbyteJobStatus/.test(context.getNode().type);
	const others = isStatus ? "'Synchronous'" : "'Synchronous' or 'Asynchronous'";
	if (isTool(context)) {
		throw invalid(
			"The deferrable mode does not work in an AI agent's tool",
			`A tool has to answer while the agent runs. Set 'Mode' to ${others}.`,
		);
	}
	const needed = ['getExecutionDataById', 'getExecuteData', 'putExecutionToWait'] as const;
	const hasAll = needed.every((name) => typeof context[name] === 'function');
	if (!hasAll || !new URL(resumeUrl(context)).searchParams.has('signature')) {
		throw invalid(
			'The deferrable mode needs a newer n8n',
			`It needs n8n 2.41 or newer: update n8n. Until then, set 'Mode' to ${others}.`,
		);
	}
}

/** Milliseconds for n8n to say that it is there. */
const PROBE_TIMEOUT = 10_000;

/**
 * Whether n8n can call its own resume URL; if not, says what to set. Without a signature the URL answers in n8n's
 * own words and does nothing.
 */
export async function canBeCalled(context: IExecuteFunctions): Promise<boolean> {
	const url = unsigned(resumeUrl(context));
	const answer = await callResumeUrl(context, url, PROBE_TIMEOUT);
	if (answer && answer.statusCode >= 400 && isInWordsOfN8n(answer.body)) return true;
	const message = `n8n cannot reach its own address ${new URL(url).origin}, which the deferrable mode calls. Set WEBHOOK_URL to an address that works from inside n8n as well. The result is still correct, just later.`;
	context.addExecutionHints({ message, type: 'warning', location: 'outputPane' });
	context.logger.warn(message);
	return false;
}

function isInWordsOfN8n(body: unknown): boolean {
	return typeof body === 'object' && body !== null && ('error' in body || 'message' in body);
}

/** What the resumed execution hands over; undefined when the node runs for the first time. */
export function takeParked(context: IExecuteFunctions): Parked | undefined {
	const metadata = entryOf(context.getExecuteData?.())?.metadata;
	const parked = metadata?.airbyte;
	if (metadata && parked) {
		// Gone from here on, so that n8n's Retry On Fail runs the node anew as it does in the other modes.
		delete metadata.airbyte;
		delete metadata.resumeUrl;
	}
	return parked;
}

/** Parks the execution until the resume webhook lets it go on. */
export async function park(
	context: IExecuteFunctions,
	parked: Parked,
	jobPage: JobPage,
): Promise<INodeExecutionData[]> {
	const url = resumeUrl(context);
	const alarm = parked.alarm ?? (await startClocks(context, unsigned(url), parked));
	const entry = entryOf(context.getExecuteData());
	if (entry) {
		entry.metadata = {
			...entry.metadata,
			airbyte: { ...parked, alarm, parkings: parked.parkings + 1 },
			// All that the editor gives to the waiting node's tooltip; the jobs ride in the URL's fragment.
			resumeUrl: `${url}#${encodeURIComponent(JSON.stringify(jobsOf(parked.states, jobPage)))}`,
		};
	}
	await context.putExecutionToWait(WAIT_INDEFINITELY);
	// With items, the editor of somebody who watches would say that it loads them, once the node has parked again.
	return [];
}

/** What is waited for, as the tooltip shows it: `[id, status, milliseconds of when it had it, page]` of each job. */
function jobsOf(states: SyncRun[], jobPage: JobPage): Array<[string, string, number, string]> {
	return states.slice(0, MOST_SHOWN).flatMap((run) => {
		const job = jobOf(run);
		if (!job) return [];
		const page = outputOf(run, job, jobPage).jobUrl;
		const status = job.status.replace(/[^\w -]/g, '');
		return [[String(job.jobId), status, clock.now(), encodeURI(String(page ?? ''))]];
	});
}

/** A tooltip has room for so many jobs. */
const MOST_SHOWN = 20;

/**
 * Answers a call of the resume URL: looks at the jobs at Airbyte, whatever the caller says, and lets the execution
 * go on if there is something to do for it. It never throws, for n8n would then go on with an empty item.
 */
export async function lookParked(context: IWebhookFunctions): Promise<IWebhookResponseData> {
	const entry = waitingEntry(context);
	const parked = entry?.metadata?.airbyte;
	if (!entry || !parked) return { webhookResponse: { message: 'Nothing is waited for here' } };
	try {
		const { states, isFirst } = await shared(context, parked);
		if (!isFirst || !isDue(parked, states)) return { webhookResponse: report(parked, states) };
		entry.metadata = { ...entry.metadata, airbyte: { ...parked, states } };
		entry.node.disabled = false;
		const workflowData = (entry.data.main ?? []).map((items) => items ?? []);
		// n8n would answer for an execution that goes on with words of its own.
		context.getResponseObject().json(report(parked, states, true));
		return { noWebhookResponse: true, workflowData };
	} catch (fault) {
		context.logger.warn('Airbyte could not be asked for the status', { reason: String(fault) });
		return {
			webhookResponse: { resumed: false, message: 'Airbyte could not be asked for the status' },
		};
	}
}

/** Looks of this process, by execution and parking. */
const looks = new Map<string, Promise<SyncRun[]>>();

/** Milliseconds for which one caller has resumed the execution: n8n still hands out its waiting state meanwhile. */
const HANDED_OVER = 30_000;

/** A hundred calls at once are one look, and one of them lets the execution go on. */
async function shared(
	context: IWebhookFunctions,
	parked: Parked,
): Promise<{ states: SyncRun[]; isFirst: boolean }> {
	const id = `${context.getExecutionId()}/${parked.parkings}`;
	const known = looks.get(id);
	if (known) return { states: await known, isFirst: false };
	const look = lookAtAll(context, parked);
	looks.set(id, look);
	const states = await look.catch((fault) => {
		looks.delete(id);
		throw fault;
	});
	if (isDue(parked, states)) void clock.sleep(HANDED_OVER).then(() => looks.delete(id));
	else looks.delete(id);
	return { states, isFirst: true };
}

/** n8n gives the context the waiting execution's data, but does not say so in its type. */
function waitingEntry(context: IWebhookFunctions): Entry | undefined {
	const { runExecutionData } = context as unknown as { runExecutionData?: IRunExecutionData };
	return waitingEntryIn(runExecutionData);
}
