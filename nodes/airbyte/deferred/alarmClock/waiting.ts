/** What a clock finds out about the execution that waits, and how it lets it know of news. */
import type { IExecuteFunctions, IRunExecutionData } from 'n8n-workflow';

import { clock } from '../../api/clock';
import { sendResult } from '../messenger';
import type { Parked, Report } from '../state';
import {
	abandoned,
	glance,
	jobsToCancel,
	jobsToLeave,
	lookAtAll,
	report,
	waitBegan,
	waitingEntryIn,
} from '../state';
import { callResumeUrl } from '../resumeUrl';
import { RANKS, SPARE } from '../../run/schedule';
import type { ClockItem } from './item';

/** What a ring found out about the execution that waits; `ending`: it was told to go on. */
type Found = 'waiting' | 'ending' | 'done' | 'stopped';

/** Sees in n8n's database whether the execution still waits, and lets its resume webhook deal with any news. */
export async function findOut(context: IExecuteFunctions, item: ClockItem): Promise<Found> {
	const data = await context.getExecutionDataById(item.parent);
	// An execution that is gone was deleted, which counts as stopping it; or it has ended, and n8n keeps none that has.
	if (data === undefined) return gone(item);
	const parked = waitingEntryIn(data)?.metadata?.airbyte;
	// It ended, and another node waits, or this one does again: that wait has clocks of its own.
	if (parked && parked.alarm?.id !== item.alarm) return 'done';
	if (parked) learn(item, parked);
	const { error } = data.resultData;
	if (error) return error.name === 'ManualExecutionCancelledError' ? 'stopped' : 'done';
	if (!parked) return 'done';
	if (item.rank === SPARE) return 'waiting';
	const quiet = await glance(context, parked);
	if (quiet) {
		item.cancel = jobsToCancel(quiet);
		item.missed = 0;
		return 'waiting';
	}
	const told = await callParent(context, item.url, data);
	item.missed = told ? 0 : (item.missed ?? 0) + 1;
	if (item.missed >= item.patience) return await lookInstead(context, item.parent, parked);
	if (told && told !== 'goesOn') {
		item.cancel = told.cancelOnStop;
		// Another item begins, and is not to wait for the turn of an old one.
		if (told.resumed && !told.done) item.since = clock.now();
	}
	// Not done: n8n may fail to resume the execution, so that its own record decides, at the next ring.
	return told && (told === 'goesOn' || told.done) ? 'ending' : 'waiting';
}

/** A job whose time is over may be running because it is meant to. */
function gone(item: ClockItem): Found {
	const left = item.leave.filter(([, from]) => from <= clock.now()).map(([jobId]) => jobId);
	item.cancel = item.cancel.filter((jobId) => !left.includes(jobId));
	return 'stopped';
}

/** What has changed since the execution parked for the first time. */
function learn(item: ClockItem, { states, alarm }: Parked): void {
	item.cancel = jobsToCancel(states);
	item.leave = jobsToLeave(states);
	item.since = waitBegan(states) ?? item.since;
	item.clocks = RANKS.map((rank) => item.clocks[rank] ?? alarm?.clocks[rank] ?? '');
}

/** Milliseconds for the look that the resume webhook takes. */
const LOOK_TIMEOUT = 120_000;

/** Calls the resume URL: the look happens there, unless n8n says that the execution goes on already. */
export async function callParent(
	context: IExecuteFunctions,
	url: string,
	data: IRunExecutionData,
): Promise<Report | 'goesOn' | undefined> {
	const { resumeToken } = data as { resumeToken?: string };
	const answer = await callResumeUrl(context, `${url}?signature=${resumeToken}`, LOOK_TIMEOUT);
	if (answer?.statusCode === 409) return 'goesOn';
	const isReport =
		answer?.statusCode === 200 && (answer.body as Partial<Report>)?.cancelOnStop !== undefined;
	return isReport ? (answer.body as Report) : undefined;
}

/**
 * n8n cannot reach its own resume URL (a wrong WEBHOOK_URL, a proxy in between): the clock looks itself, and hands
 * the result over when all has ended.
 */
async function lookInstead(
	context: IExecuteFunctions,
	parent: string,
	parked: Parked,
): Promise<Found> {
	const states = abandoned(parked, await lookAtAll(context, parked));
	if (!report(parked, states).done) return 'waiting';
	await sendResult(context, parent, states, parked);
	return 'done';
}
