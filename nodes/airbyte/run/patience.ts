/** Which problems end a run, which may pass, and how long a start waits for that. */
import type { Problem, ProblemKind } from '../api/problem';
import type { SyncRun } from './run';
import { jobOf } from './run';

/** Problems that end a wait at once: asking again cannot help. All others may pass. */
const FINAL = new Set<ProblemKind>([
	'input',
	'signIn',
	'forbidden',
	'notFound',
	'notRunning',
	'refused',
]);

/**
 * A run that was let in before may be refused because its token expired as soon as it was renewed: only with so many
 * refusals in a row is access taken to be lost.
 */
const MOST_REFUSALS = 4;

/**
 * Milliseconds for which, with nothing started yet, an Airbyte that is away is waited for. Enough for a restart; a wrong
 * address should not cost an hour.
 */
const START_PATIENCE = 120_000;

export function isFinal(run: SyncRun, problem: Problem): boolean {
	const { kind } = problem;
	if (kind === 'signIn') return !wasLetIn(run) || (run.signInRefusals ?? 0) >= MOST_REFUSALS;
	return FINAL.has(kind) && !(jobOf(run) && isOnlyNow(problem));
}

/** Where a job of ours may run on unseen, Airbyte is asked to let us in for as long as there is patience. */
export function isFinalForOurs(problem: Problem): boolean {
	return problem.kind !== 'signIn' && FINAL.has(problem.kind) && !isOnlyNow(problem);
}

/** An Airbyte that has shown a job supports these calls: a 501 from it is temporary. */
function isOnlyNow({ httpStatus = 0 }: Problem): boolean {
	return httpStatus >= 500;
}

/** Whether asking again may help. While Airbyte starts again, what stands in front of it may answer. */
function mayPass(run: SyncRun, { kind, passing }: Problem): boolean {
	return passing || kind === 'notAirbyte' || (kind === 'wrongPath' && wasLetIn(run));
}

function wasLetIn({ connection, newestBefore, job }: SyncRun): boolean {
	return connection !== undefined || newestBefore !== undefined || job !== undefined;
}

/** Whether a start is given up, with nothing started yet. */
export function isStartOver(run: SyncRun, problem: Problem, now: number): boolean {
	if (problem.kind === 'signIn') return isFinal(run, problem);
	const isOver = now - run.startedAt >= START_PATIENCE;
	return isOver || (!mayPass(run, problem) && problem.kind !== 'alreadyRunning');
}
