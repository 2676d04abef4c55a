/**
 * The alarm clocks of a parked execution: small workflows in n8n's database that call its resume URL from time to
 * time.
 *
 * A clock is a child workflow of two nodes, `Start -> Ring`, with Ring wired back to itself. Ring rings, parks its
 * execution until its next time, and returns its item; at that time n8n passes the item on, so that Ring runs
 * again. Its timer is a date in n8n's database: it survives restarts and takes no worker in between.
 *
 * There are two, taking turns, for a crash of n8n kills a clock that just rings. Each revives the other.
 */
import type {
	IDataObject,
	IExecuteFunctions,
	INode,
	INodeExecutionData,
	IRunExecutionData,
	IWorkflowBase,
} from 'n8n-workflow';

import { openClient } from './client';
import { clock } from './clock';
import type { ItemState } from './items';
import type { Rhythm } from './schedule';
import { nextTurn } from './schedule';
import { begin } from './syncRun';
import { waitHere } from './waitHere';
import type { Parked, Report } from './waitParked';
import { jobsToCancel } from './waitParked';

/** What a clock carries from ring to ring; each ring adds a copy to what n8n stores, so it is small. */
interface ClockItem extends IDataObject {
	/** The execution that waits. */
	parent: string;
	/** Its resume URL. */
	url: string;
	/** 0 and 1 take turns. */
	rank: 0 | 1;
	/** When the wait began and how often to look, see {@link Rhythm}. */
	since: number;
	wait: number;
	adaptive: boolean;
	apiVersion: string;
	/** Jobs to cancel when the execution is stopped. */
	cancel: number[];
	/** Execution id of the other clock; the first one does not know it before it rings. */
	twin?: string;
	/** When it is to ring next; absent before it was set. */
	due?: number;
}

/** Starts both clocks of an execution that is about to park. */
export async function startClocks(
	context: IExecuteFunctions,
	url: string,
	{ states, apiVersion }: Parked,
): Promise<void> {
	const orders = states.flatMap((state) => ('run' in state ? [state.run.order] : []));
	const item: ClockItem = {
		parent: context.getExecutionId(),
		url,
		rank: 0,
		since: clock.now(),
		wait: Math.min(...orders.map(({ waitSeconds }) => waitSeconds)),
		adaptive: orders.every(({ adaptivePolling }) => adaptivePolling),
		apiVersion,
		cancel: jobsToCancel(states),
	};
	const twin = await startClock(context, item);
	await startClock(context, { ...item, rank: 1, twin });
}

async function startClock(context: IExecuteFunctions, item: ClockItem): Promise<string> {
	const { executionId } = await context.executeWorkflow(
		{ code: clockWorkflow(context.getNode()) },
		// A copy: the clock keeps its state in it.
		[{ json: { ...item } }],
		undefined,
		{
			doNotWaitToFinish: true,
			parentExecution: {
				executionId: item.parent,
				workflowId: context.getWorkflow().id ?? '',
				shouldResume: false,
			},
			executionMode: context.getMode(),
		},
	);
	return executionId;
}

/** The parameter by which the node knows that it is to ring; never shown to users. */
export const CLOCK_PARAMETER = 'isAlarmClock';

function clockWorkflow({ type, credentials }: INode): IWorkflowBase {
	// The prefix depends on how the package was loaded (community package or custom folder).
	const ringType = type.replace(/\.[^.]+$/, '.airbyteTriggerSync');
	const start: INode = {
		id: 'start',
		name: 'Start',
		type: 'n8n-nodes-base.executeWorkflowTrigger',
		typeVersion: 1.1,
		position: [0, 0],
		parameters: { inputSource: 'passthrough' },
	};
	const ring: INode = {
		id: 'ring',
		name: 'Ring',
		type: ringType,
		typeVersion: 1,
		position: [200, 0],
		parameters: { [CLOCK_PARAMETER]: true },
		credentials,
	};
	const toRing = { main: [[{ node: 'Ring', type: 'main' as const, index: 0 }]] };
	return {
		name: 'Airbyte alarm clock',
		nodes: [start, ring],
		connections: { Start: toRing, Ring: toRing },
		settings: { executionOrder: 'v1' },
	} as unknown as IWorkflowBase;
}

export function isAlarmClock(context: IExecuteFunctions): boolean {
	return context.getNodeParameter(CLOCK_PARAMETER, 0, false) === true;
}

/** What a ring found out about the execution that waits. */
type Found = 'waiting' | 'done' | 'stopped' | 'unknown';

/** n8n's crash recovery may come after a clock that was overdue at start-up, and would call it crashed. */
const RECOVERY_TIME = 15_000;
const LATE = 60_000;

/** Rings once, and parks until the next time or ends with the wait. */
export async function ring(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const [{ json }] = context.getInputData();
	const item = json as ClockItem;
	const now = clock.now();
	if (item.due !== undefined) {
		if (now - item.due > LATE) await clock.sleep(RECOVERY_TIME);
		const found = await callParent(context, item);
		if (found === 'stopped') await cancelJobs(context, item);
		if (found === 'stopped' || found === 'done') return [];
		await reviveTwin(context, item);
	}
	const rhythm: Rhythm = { waitSeconds: item.wait, adaptivePolling: item.adaptive };
	// n8n hands this very item to the next ring.
	item.due = nextTurn(rhythm, item.since, item.rank, clock.now());
	await context.putExecutionToWait(new Date(item.due));
	return [{ json: item }];
}

/** Calls the resume URL: the look happens there. */
async function callParent(context: IExecuteFunctions, item: ClockItem): Promise<Found> {
	const answer = await post(context, item.url);
	const report = answer?.body as Partial<Report> | undefined;
	if (answer?.statusCode === 200 && report?.resumed !== undefined) {
		if (report.cancelOnStop) item.cancel = report.cancelOnStop;
		return report.resumed && report.cancelOnStop?.length === 0 ? 'done' : 'waiting';
	}
	if (answer?.statusCode === 404 || answer?.statusCode === 409) {
		return await judge(context, item, JSON.stringify(answer.body ?? ''));
	}
	return 'unknown';
}

interface Answer {
	statusCode: number;
	body: unknown;
}

async function post(context: IExecuteFunctions, url: string): Promise<Answer | undefined> {
	const request = {
		method: 'POST' as const,
		url,
		body: {},
		json: true,
		timeout: 120_000,
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
	};
	return await context.helpers.httpRequest(request).then(
		(answer) => answer as Answer,
		() => undefined,
	);
}

/** While n8n starts, the URL answers 404 with a web page; only n8n's own words count. */
async function judge(context: IExecuteFunctions, item: ClockItem, words: string): Promise<Found> {
	if (!/execution/i.test(words) || /running already/i.test(words)) return 'waiting';
	const data = await context.getExecutionDataById(item.parent);
	if (data === undefined) return 'stopped';
	item.cancel = remaining(data) ?? item.cancel;
	const { error } = data.resultData;
	return error?.name === 'ManualExecutionCancelledError' ? 'stopped' : 'done';
}

function remaining(data: IRunExecutionData): number[] | undefined {
	const metadata = data.executionData?.nodeExecutionStack[0]?.metadata as
		{ airbyte?: { states: ItemState[] } } | undefined;
	return metadata?.airbyte && jobsToCancel(metadata.airbyte.states);
}

/** Cancels what the stopped execution started; looks at each job first, since it may have ended. */
async function cancelJobs(context: IExecuteFunctions, { cancel, apiVersion }: ClockItem) {
	if (cancel.length === 0) return;
	const client = await openClient(context, apiVersion);
	const order = { kind: 'follow', until: 'cancelled', waitSeconds: 3, timeout: 3_600 } as const;
	await Promise.all(
		cancel.map(async (jobId) => {
			const run = begin({ ...order, jobId, adaptivePolling: false, parks: false }, clock.now());
			await waitHere(context, client, run, () => {});
		}),
	);
}

/** Starts the other clock anew when it is long overdue or gone. */
async function reviveTwin(context: IExecuteFunctions, item: ClockItem): Promise<void> {
	if (item.twin === undefined) return;
	const twin = await context.getExecutionDataById(item.twin);
	const due = twin?.waitTill ? new Date(twin.waitTill).getTime() : 0;
	if (clock.now() - due < 3 * LATE) return;
	const rank = item.rank === 0 ? 1 : 0;
	item.twin = await startClock(context, { ...item, rank, twin: undefined, due: undefined });
}
