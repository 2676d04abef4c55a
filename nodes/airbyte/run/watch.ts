/**
 * The wait for a job that is known: what a look at it leads to, and which problems end the wait.
 */
import type { Job } from '../api/job';
import { isQueued, isTerminal } from '../api/job';
import type { Problem, ProblemKind } from '../api/problem';
import { nextLookAt } from './schedule';
import { conclude, concludeByStatus } from './end';
import type { SyncRun } from './run';
import { endFor, settle, startOrder } from './run';

/** Problems that end a wait at once: asking again cannot help. All others may pass. */
const FINAL_WHILE_WATCHING = new Set<ProblemKind>([
	'input',
	'signIn',
	'forbidden',
	'notFound',
	'notRunning',
	'refused',
]);

/** From here on the job is known, and the time runs. */
export function watch(run: SyncRun, job: Job, now: number): SyncRun {
	const order = startOrder(run);
	const watched: SyncRun = {
		...run,
		stage: 'watching',
		job,
		hasRun: !isQueued(job),
		faults: 0,
		watchedSince: now,
		deadline: now + order.timeout * 1_000,
		nextAt: now + order.waitSeconds * 1_000,
	};
	if (run.ending?.why === 'stop') return endFor('stop', watched, now);
	if (order.until === 'started') return settle(watched, { is: 'done', job });
	// The record that a submission or a list gives may lack the numbers; a terminal job is read once more.
	return isTerminal(job) ? { ...watched, nextAt: now } : watched;
}

export function applyLook(run: SyncRun, job: Job, now: number): SyncRun {
	const seen = { ...run, job, hasRun: run.hasRun || !isQueued(job) };
	if (lacksPage(seen, job)) return { ...seen, stage: 'linking', nextAt: now };
	return afterLook(seen, job, now);
}

export function lacksPage(run: SyncRun, job: Job): boolean {
	return run.connection === undefined && job.connectionId !== undefined;
}

export function afterLook(run: SyncRun, job: Job, now: number): SyncRun {
	if (run.order.until === 'seen') return conclude(run, { is: 'done', job }, now);
	if (isTerminal(job)) return concludeByStatus(run, job, now);
	return { ...run, stage: 'watching', nextAt: nextLookAt(run.order, run.watchedSince ?? now, now) };
}

/** The page is a convenience: without it the run goes on. */
export function afterLinking(run: SyncRun, now: number): SyncRun {
	if (!run.job) return { ...run, stage: 'watching', nextAt: now };
	// Before cancelling, the look has to be the last thing.
	if (run.ending && !isTerminal(run.job)) return { ...run, stage: 'verifying', nextAt: now };
	if (run.ending) return concludeByStatus(run, run.job, now);
	return afterLook(run, run.job, now);
}

/** A wait picks up a job that it has never seen: then a wrong address is to be told at once as well. */
export function isFinalWhileWatching(run: SyncRun, problem: Problem): boolean {
	if (isFinal(run, problem)) return true;
	if (run.job) return false;
	return !problem.passing || (run.order.until === 'seen' && run.faults >= 3);
}

/**
 * A run that was let in before may be refused because its token expired as soon as it was renewed; only so many
 * refusals in a row are believed.
 */
const MOST_REFUSALS = 4;

export function isFinal(run: SyncRun, { kind }: Problem): boolean {
	if (kind === 'signIn') return !wasLetIn(run) || (run.refusals ?? 0) >= MOST_REFUSALS;
	return FINAL_WHILE_WATCHING.has(kind);
}

function wasLetIn({ connection, job }: SyncRun): boolean {
	return connection !== undefined || job !== undefined;
}

/** Where a job of ours may run on unseen, Airbyte is asked to let us in for as long as there is patience. */
export function isFinalForOurs({ kind }: Problem): boolean {
	return kind !== 'signIn' && FINAL_WHILE_WATCHING.has(kind);
}
