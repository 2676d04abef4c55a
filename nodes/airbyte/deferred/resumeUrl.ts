/**
 * The addresses that a waiting execution is resumed by. The node answers at n8n's own resume URL, for whoever has it,
 * and at a path below it that no other node has, so that what calls for one wait never ends another node's.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import { clock } from '../api/clock';
import { Permit } from '../run/semaphore';
import type { ChildState } from './childWorkflow';
import { additionalDataOf } from './context';
import type { Report } from './wait';

/** The path below the resume URL that only Airbyte nodes answer at. */
export const OWN_PATH = 'airbyte';

/** In the query of a call that lets the execution go on whatever has come of its jobs. */
export const FORCE = 'force';

/** The execution's resume URL, with its signature. */
export function resumeUrl(context: IExecuteFunctions): string {
	return String(context.evaluateExpression('{{ $execution.resumeUrl }}', 0));
}

/** The same at the nodes' own path, for one wait. */
export function resumeUrlFor(context: IExecuteFunctions, waitId: string): string {
	const url = new URL(resumeUrl(context));
	url.pathname += `/${OWN_PATH}`;
	url.searchParams.set('wait', waitId);
	return url.href;
}

function atPresentAddress(context: IExecuteFunctions, { url, wait }: ChildState): string {
	const { webhookWaitingBaseUrl } = additionalDataOf(context) ?? {};
	if (!webhookWaitingBaseUrl) return url;
	const { search } = new URL(url);
	return `${webhookWaitingBaseUrl}/${wait.executionId}/${OWN_PATH}${search}`;
}

/** Milliseconds for the look that the resume webhook takes. */
const LOOK_TIMEOUT = 150_000;

/** What n8n, or whoever sits at its address, answered. */
interface ResumeAnswer {
	statusCode: number;
	body: unknown;
}

/**
 * Calls a resume URL as anybody could.
 *
 * @param timeout milliseconds
 * @returns undefined when there was no answer
 */
async function callResumeUrl(
	context: IExecuteFunctions,
	url: string,
	timeout: number,
	isRedirected = true,
): Promise<ResumeAnswer | undefined> {
	const request = {
		method: 'POST' as const,
		url,
		body: {},
		json: true,
		timeout,
		disableFollowRedirect: !isRedirected,
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
	};
	return await context.helpers.httpRequest(request).then(
		(answer) => answer as ResumeAnswer,
		() => undefined,
	);
}

/**
 * Calls the resume URL of a child's wait: at the address that n8n has by now, as WEBHOOK_URL may be another, and then at
 * the one from its beginning, as not every process may have been told of a WEBHOOK_URL.
 */
export async function callForWait(
	context: IExecuteFunctions,
	state: ChildState,
	query = '',
): Promise<ResumeAnswer | undefined> {
	const present = atPresentAddress(context, state);
	const answer = await callResumeUrl(context, present + query, LOOK_TIMEOUT);
	if (isFromN8n(answer) || present === state.url) return answer;
	return (await callResumeUrl(context, state.url + query, LOOK_TIMEOUT)) ?? answer;
}

/**
 * Whether n8n itself has answered for the execution. 200: its resume webhook has, or else a login page. 409: somebody else
 * has let it go on, or stopped it. 503: n8n is busy. 404: it is gone, or n8n is starting.
 */
export function isFromN8n(answer: ResumeAnswer | undefined): boolean {
	if (answer?.statusCode === 200) return isReport(answer.body);
	return answer !== undefined && [409, 503].includes(answer.statusCode);
}

function isReport(body: unknown): body is Report {
	return typeof (body as Partial<Report> | undefined)?.resumed === 'boolean';
}

/**
 * How many calls of resume URLs this process makes at a time: to end waits whose jobs have all succeeded, and to have the
 * resume webhook look, for which Airbyte may take long.
 */
const MOST_AT_A_TIME = { ends: 2, looks: 10 };

/** Milliseconds to rest after one of them, at most. */
const LONGEST_REST = 2_000;

/**
 * The same where many jobs may end at once, as n8n resumes an execution for each: a few at a time, and after each a rest
 * as long as it took, which is longer the busier n8n is.
 */
export async function callInTurn(
	context: IExecuteFunctions,
	state: ChildState,
	what: keyof typeof MOST_AT_A_TIME,
): Promise<ResumeAnswer | undefined> {
	const permit = new Permit(`resume URLs: ${what}`, MOST_AT_A_TIME[what]);
	await permit.acquire();
	const began = clock.now();
	try {
		return await callForWait(context, state);
	} finally {
		const rest = Math.min(clock.now() - began, LONGEST_REST);
		void clock.sleep(rest).then(() => permit.release());
	}
}

/** Milliseconds for n8n to say that it is there. */
const PROBE_TIMEOUT = 10_000;

/** Whether n8n can call its own resume URL. Without the signature it answers in words of its own and does nothing. */
export async function canBeCalled(context: IExecuteFunctions): Promise<boolean> {
	const { origin, pathname } = new URL(resumeUrl(context));
	const probe = async (isRedirected: boolean) =>
		await callResumeUrl(context, origin + pathname, PROBE_TIMEOUT, isRedirected);
	const first = await probe(false);
	const answer = KEEP_POST.includes(first?.statusCode ?? 0) ? await probe(true) : first;
	return answer !== undefined && isRefusalOfN8n(answer);
}

/** Redirects by which a POST stays one. By others it becomes a GET, which n8n answers in the same words, but does not take. */
const KEEP_POST = [307, 308];

/** A gateway has other words. For an execution that runs in the editor n8n has stored no data, and answers 500. */
function isRefusalOfN8n({ statusCode, body }: ResumeAnswer): boolean {
	const { error, code, message } = (body ?? {}) as Record<string, unknown>;
	if (statusCode === 401 && error === 'Invalid token') return true;
	return statusCode >= 400 && typeof code === 'number' && typeof message === 'string';
}
