/**
 * Parking: the node puts its execution to wait in n8n's database, with nothing held meanwhile. When there is something to
 * do, n8n calls `execute()` once more, which takes up the runs from where they were.
 */
import type { IExecuteFunctions } from 'n8n-workflow';
import { randomString } from 'n8n-workflow';

import { clock } from '../api/clock';
import { invalid } from '../api/problem';
import { withoutDetails } from '../run/parking';
import type { SyncRun } from '../run/run';
import { isUnderWay } from '../run/run';
import { endOfWait } from '../run/time';
import { callersOf } from './callers';
import type { ChildState } from './childWorkflow';
import { dueOnceStored, startChild } from './childWorkflow';
import { runDataOf } from './context';
import { resumeUrl, resumeUrlFor } from './resumeUrl';
import { putToWait, triesOf } from './takeWait';
import type { Wait } from './wait';

/**
 * Refuses the deferrable mode where n8n lacks what it needs, before anything is started.
 *
 * @throws {ProblemError} naming the version that has it
 */
export function requireParking(context: IExecuteFunctions): void {
	const needed = ['getExecutionDataById', 'getExecuteData'] as const;
	const hasAll = needed.every((name) => typeof context[name] === 'function');
	if (hasAll && runDataOf(context) && new URL(resumeUrl(context)).searchParams.has('signature'))
		return;
	throw invalid(
		'The deferrable mode needs a newer n8n',
		"It needs n8n 2.41 or newer: update n8n. Until then, set 'Mode' to 'Synchronous'.",
	);
}

/** What a wait keeps of the execution. */
export type Kept = Omit<Wait, 'id' | 'executionId' | 'parkedAt' | 'until' | 'callers'>;

/**
 * Parks the execution until the resume webhook lets it go on, or n8n does: when its time is over, or after a crash.
 *
 * @param signal aborted when the execution must not park any more: once it was stopped, n8n may store nothing by which its
 * children could notice that
 * @returns whether it is parked
 */
export async function park(
	context: IExecuteFunctions,
	kept: Kept,
	signal: AbortSignal,
): Promise<boolean> {
	const [id, parkedAt] = [randomString(24), clock.now()];
	const executionId = context.getExecutionId();
	const callers = (await callersOf(context)).map((one) => ({ id: one.id, isStored: one.isStored }));
	const until = lastMoment(kept.runs);
	const wait: Wait = { ...kept, ...triesOf(context), id, parkedAt, executionId, until, callers };
	await startChildren(context, wait);
	if (signal.aborted) return false;
	putToWait(context, wait);
	return true;
}

/** Milliseconds after its Timeout for which a wait is left to those who look after it. */
const UNATTENDED = 10 * 60_000;

function lastMoment(runs: SyncRun[]): number {
	const ends = runs.filter(isUnderWay).map((run) => endOfWait(run)?.at ?? run.nextAt);
	return Math.max(...ends) + UNATTENDED;
}

/** Starts the watchdog, which starts the watcher. */
async function startChildren(context: IExecuteFunctions, wait: Wait): Promise<void> {
	const state: ChildState = {
		wait: { ...wait, runs: wait.runs.map(withoutDetails) } as ChildState['wait'],
		url: resumeUrlFor(context, wait.id),
		credentials: context.getNode().credentials as ChildState['credentials'],
		wasWaiting: false,
		goingOn: 0,
	};
	await dueOnceStored(context, await startChild(context, 'watchdog', state));
}
