/**
 * What a waiting execution keeps in n8n's database, and what of it decides how it goes on. Pure.
 */
import type { IDataObject } from 'n8n-workflow';

import { hasMovedOn } from '../run/parking';
import { isCalledOff } from '../run/queue';
import type { SyncRun } from '../run/run';
import { hasFailed, isUnderWay, jobOf } from '../run/run';

/** One wait of an execution, in the metadata of the node's entry on n8n's stack. Plain JSON. */
export interface Wait {
	/** Random; tells this wait from others of the same execution: of other nodes, and of the same one later. */
	id: string;
	/** The execution that waits. n8n's Retry starts another one with the same data, which this is not for. */
	executionId: string;
	/** One for each item. */
	runs: SyncRun[];
	apiVersion: string;
	/** The public API that the jobs were started at, e.g. `https://api.airbyte.com/v1`. */
	address: string;
	batchSize: number;
	/** Whether failures become items. */
	continueOnFail: boolean;
	/** When it was parked, milliseconds since the epoch. */
	parkedAt: number;
	/** When the resume webhook has let it go on; absent before. */
	resumedAt?: number;
	/** When n8n itself lets it go on, in case that nothing looks after it any more. */
	until: number;
	/** How many tries of n8n's Retry On Fail have failed before this one, and how many the node is set to. */
	failedTries?: number;
	maxTries?: number;
	/** Whether it was started in the editor, where somebody may watch the jobs' status. */
	isWatched: boolean;
	/** Nearest first. */
	callers: KnownCaller[];
}

/** An execution that waits for the one that waits, which is a sub-workflow then. */
export interface KnownCaller {
	id: string;
	/** Whether n8n had a record of it when the wait began; if it has none later, it was deleted. */
	isStored: boolean;
}

/** Whether `execute()` has something to do: all is over, there is room for another item, or something is to be kept. */
export function isDue(wait: Wait, runs: SyncRun[], now: number): boolean {
	const isNews = wait.isWatched && now - wait.parkedAt >= SHOWING ? shouldShow : hasMovedOn;
	return shouldResume(wait, runs) || runs.some((run, item) => isNews(wait.runs[item], run));
}

function shouldResume(wait: Wait, runs: SyncRun[]): boolean {
	const goesOn = (run: SyncRun) => isUnderWay(run) && !isCalledOff(run, runs, wait.continueOnFail);
	const begun = runs.filter(goesOn).length;
	return begun === 0 || (mayBeginMore(wait, runs) && begun < wait.batchSize);
}

/** Milliseconds between two times that the editor is shown the jobs' status: each costs n8n a resumption. */
const SHOWING = 20_000;

/** The editor shows only what is stored, and a look stores nothing. */
function shouldShow(before: SyncRun, run: SyncRun): boolean {
	return hasMovedOn(before, run) || jobOf(before)?.status !== jobOf(run)?.status;
}

export function mayBeginMore({ continueOnFail }: Wait, runs: SyncRun[]): boolean {
	return (
		runs.some(({ stage }) => stage === 'notBegun') && (continueOnFail || !runs.some(hasFailed))
	);
}

/** Milliseconds since the youngest of the waits began. */
export function ageOf({ runs }: Wait, now: number): number {
	const began = runs.filter(isUnderWay).map((run) => run.watchedSince ?? run.startedAt);
	return began.length === 0 ? 0 : Math.max(0, now - Math.max(...began));
}

/** What a caller of the resume URL is told. */
export interface Report extends IDataObject {
	/** Whether this call let the execution go on: to its end, or to start another item's job. */
	resumed: boolean;
	/** Whether nothing is left to wait for. */
	done: boolean;
	/** A job for each item that has one. */
	jobs: Array<{ jobId: number; status: string }>;
}

export function report(wait: Wait, runs: SyncRun[], isResumed = false): Report {
	return {
		resumed: isResumed,
		done: !runs.some(isUnderWay) && !mayBeginMore(wait, runs),
		jobs: runs.flatMap(({ job }) => (job ? [{ jobId: job.jobId, status: job.status }] : [])),
	};
}
