/**
 * The wait for a job that is known: what a look at it leads to, and which problems end the wait.
 */
import type { Job } from '../api/job';
import { isQueued, isTerminal } from '../api/job';
import type { Problem, ProblemKind } from '../api/problem';
import { nextLookAt } from './schedule';
import { conclude, concludeByStatus } from './end';
import type { Call, Outcome, SyncRun } from './run';
import { endFor, isAnother, jobIdOf, mayCancel, settle, startOrder } from './run';
import { answeredBy } from './stage';

/** From here on the job is known, and the time runs. */
export function watch(run: SyncRun, job: Job, now: number): SyncRun {
	const order = startOrder(run);
	const watched: SyncRun = {
		...run,
		stage: 'watching',
		job,
		unclear: undefined,
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

export const watching = answeredBy('job', {
	ask: lookAtJob,
	apply: (run, answer, now) => {
		if (isAnother(run, answer.job)) return settle(run, { is: 'another', job: answer.job });
		return afterLook(withLook(run, answer), now);
	},
	fail: (run, problem, again, now) => {
		if (!isFinalWhileWatching(run, problem)) return again;
		// Only the numbers of a job that is known to have ended are missing.
		if (run.job && isTerminal(run.job)) return concludeByStatus(run, run.job, now, problem);
		// Airbyte did not like the request, which says nothing against cancelling what was started.
		if (problem.kind === 'refused' && mayCancel(run, 'fault')) {
			return endFor('fault', run, now, problem);
		}
		return settle(run, { is: 'failed', problem, job: run.job });
	},
});

/** Where its connection is not known yet, that is read with it, for the link to the job's page. */
export function lookAtJob(run: SyncRun): Call {
	return { do: 'look', jobId: jobIdOf(run), withConnection: run.connection === undefined };
}

/** The run with what a look has shown. */
export function withLook(run: SyncRun, { job, connection }: Outcome & { is: 'job' }) {
	const hasRun = run.hasRun || !(isQueued(job) || isTerminal(job));
	return { ...run, job, hasRun, connection: run.connection ?? connection };
}

export function afterLook(run: SyncRun & { job: Job }, now: number): SyncRun {
	const { job, order } = run;
	if (order.until === 'seen') return conclude(run, { is: 'done', job }, now);
	if (isTerminal(job)) return concludeByStatus(run, job, now);
	return { ...run, stage: 'watching', nextAt: nextLookAt(order, run.watchedSince ?? now, now) };
}

/** Problems that end a wait at once: asking again cannot help. All others may pass. */
const FINAL = new Set<ProblemKind>([
	'input',
	'signIn',
	'forbidden',
	'notFound',
	'notRunning',
	'refused',
]);

/** What answers in front of Airbyte, or for a path that it does not have. */
const FOREIGN = new Set<ProblemKind>(['notAirbyte', 'wrongPath']);

/**
 * A run that was let in before may be refused because its token expired as soon as it was renewed; only so many
 * refusals in a row are believed.
 */
const MOST_REFUSALS = 4;

/** A wait picks up a job that it has never seen: then a wrong address is to be told at once as well. */
function isFinalWhileWatching(run: SyncRun, problem: Problem): boolean {
	if (isFinal(run, problem)) return true;
	if (run.job) return false;
	return !problem.passing || (run.order.until === 'seen' && run.faults >= 3);
}

export function isFinal(run: SyncRun, { kind }: Problem): boolean {
	if (kind === 'signIn') return !wasLetIn(run) || (run.refusals ?? 0) >= MOST_REFUSALS;
	return FINAL.has(kind);
}

/** Where a job of ours may run on unseen, Airbyte is asked to let us in for as long as there is patience. */
export function isFinalForOurs({ kind }: Problem): boolean {
	return kind !== 'signIn' && FINAL.has(kind);
}

/** Whether asking again may help. A page that is not Airbyte's passes once Airbyte itself has answered there. */
export function mayPass(run: SyncRun, { kind, passing }: Problem): boolean {
	return passing || (FOREIGN.has(kind) && wasLetIn(run));
}

function wasLetIn({ connection, job }: SyncRun): boolean {
	return connection !== undefined || job !== undefined;
}
