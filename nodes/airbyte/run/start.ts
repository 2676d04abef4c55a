/**
 * The way to a job: whether one may be started, what another one that runs means for that, and which job came of a
 * submission.
 */
import type { Connection, Job } from '../api/job';
import { isOfType, isTerminal } from '../api/job';
import type { Problem } from '../api/problem';
import { nextLookAt } from './schedule';
import { ENDING_PATIENCE } from './cancel';
import type { SyncRun } from './run';
import { SEARCH_INTERVAL, settle, startOrder } from './run';
import { afterLinking, isFinal, isFinalForOurs, watch } from './watch';

/**
 * How long, with nothing started yet, an Airbyte that is away is waited for. Enough for a restart; a wrong
 * address should not cost an hour.
 */
const START_PATIENCE = 120_000;

/**
 * How long after an unclear submission its job may still appear: Airbyte waits up to 60 s for a new job's id
 * and then answers with an error although the job may start.
 */
const SETTLING_TIME = 60_000;

/** How often a job is asked for at most, each time after a search that found none. */
const MOST_SUBMISSIONS = 3;

export function applyConnection(run: SyncRun, connection: Connection, now: number): SyncRun {
	const known = { ...run, connection };
	if (run.stage === 'linking') return afterLinking(known, now);
	const { status } = connection;
	if (status !== undefined && status !== 'active') return settle(known, { is: 'inactive', status });
	return { ...known, stage: known.unclear ? 'searching' : 'finding', nextAt: now };
}

/** The connection's jobs before ours: remembers the newest, and sees whether one is running. */
export function applyFound(run: SyncRun, jobs: Job[], now: number): SyncRun {
	const active = jobs.find((job) => !isTerminal(job));
	if (active) return applyActive(run, active, now);
	const newestBefore = Math.max(0, ...jobs.map((job) => job.jobId));
	return { ...run, stage: 'submitting', newestBefore, nextAt: now };
}

/**
 * A job that does something else can't be attached to. Airbyte would answer 409 for a sync, but for a reset it
 * would cancel the running sync, which is not ours to cancel.
 */
function applyActive(run: SyncRun, active: Job, now: number): SyncRun {
	const order = startOrder(run);
	switch (order.onActiveJob) {
		case 'queue':
			return queueBehind(active, run, now);
		case 'skip':
			return settle(run, { is: 'skipped', job: active });
		case 'attach':
			if (isOfType(active, order.jobType)) return watch({ ...run, ours: false }, active, now);
	}
	return settle(run, { is: 'busy', job: active, waited: false });
}

/** Others may be quicker when the job ends, so that there is a next one to wait for; the time runs from the first. */
export function queueBehind(blocker: Job, run: SyncRun, now: number): SyncRun {
	const queueingSince = run.queueingSince ?? now;
	if (isQueueOver(run, now)) return settle(run, { is: 'busy', job: blocker, waited: true });
	const nextAt = nextLookAt(run.order, queueingSince, now);
	return { ...run, stage: 'queueing', blocker, queueingSince, nextAt, faults: 0 };
}

export function isQueueOver({ order, queueingSince }: SyncRun, now: number): boolean {
	return queueingSince !== undefined && now >= queueingSince + order.timeout * 1_000;
}

export function applyBlocker(run: SyncRun, blocker: Job, now: number): SyncRun {
	return isTerminal(blocker) ? afterQueue(run, now) : queueBehind(blocker, run, now);
}

/** By now the connection may have been disabled, and others may have started a job. */
export function afterQueue(run: SyncRun, now: number): SyncRun {
	return {
		...run,
		blocker: undefined,
		stage: 'inspecting',
		startedAt: now,
		nextAt: now,
		submissions: 0,
	};
}

/** The jobs after an unclear submission: a newer one of the type asked for is taken for ours. */
export function applySearch(run: SyncRun, jobs: Job[], askedAt: number, now: number): SyncRun {
	const ours = jobs
		.filter((job) => job.jobId > (run.newestBefore ?? 0) && isOfType(job, startOrder(run).jobType))
		.sort((a, b) => a.jobId - b.jobId)[0];
	if (ours) return watch({ ...run, ours: true, unclear: undefined }, ours, now);
	// The answer may have been long on its way: what counts is when it was asked for.
	if (askedAt < searchEnd(run)) return { ...run, nextAt: now + SEARCH_INTERVAL };
	return afterFruitlessSearch(run, now);
}

function afterFruitlessSearch(run: SyncRun, now: number): SyncRun {
	if (run.ending?.why === 'stop') return settle(run, { is: 'stopped' });
	const problem = run.unclear?.problem;
	if (problem && run.submissions >= MOST_SUBMISSIONS) return settle(run, { is: 'failed', problem });
	return { ...run, stage: 'inspecting', unclear: undefined, nextAt: now };
}

function searchEnd(run: SyncRun): number {
	return (run.unclear?.since ?? 0) + SETTLING_TIME;
}

/** Airbyte hands back a job that was waiting already instead of making one; then its id is not new. */
export function applySubmitted(run: SyncRun, job: Job, now: number): SyncRun {
	const ours = job.jobId > (run.newestBefore ?? 0);
	return watch({ ...run, ours, unclear: undefined, submissions: run.submissions + 1 }, job, now);
}

export function isStartOver(run: SyncRun, problem: Problem, now: number): boolean {
	if (problem.kind === 'signIn') return isFinal(run, problem);
	const isOver = now - run.startedAt >= START_PATIENCE * (run.submissions + 1);
	return isOver || (!problem.passing && problem.kind !== 'alreadyRunning');
}

export function applySubmissionProblem(
	run: SyncRun,
	again: SyncRun,
	problem: Problem,
	now: number,
): SyncRun {
	const sent = { ...run, submissions: run.submissions + 1, faults: 0 };
	if (problem.kind === 'alreadyRunning') {
		// Somebody was quicker. What runs decides, so find it; if nothing does, the more slowly the more often.
		if (isStartOver(run, problem, now)) return settle(run, { is: 'failed', problem });
		return { ...again, stage: 'finding', nextAt: run.faults === 0 ? now : again.nextAt };
	}
	if (problem.mayHaveArrived) {
		// A disabled connection is refused without a reason.
		const stage = problem.kind === 'conflict' ? 'inspecting' : 'searching';
		return { ...sent, stage, unclear: { since: now, problem }, nextAt: again.nextAt };
	}
	// It was turned away, or never left. By the next try others may have started a job.
	return isStartOver(run, problem, now)
		? settle(run, { is: 'failed', problem })
		: { ...again, stage: 'finding' };
}

/** A job of ours may be running unseen, so this goes on for as long as a wait for it would. */
export function applySearchProblem(
	run: SyncRun,
	again: SyncRun,
	problem: Problem,
	now: number,
): SyncRun {
	const patience = Math.max(run.order.timeout * 1_000, SETTLING_TIME);
	const since = run.ending?.since ?? run.unclear?.since ?? run.startedAt;
	const isOver = now - since >= (run.ending ? ENDING_PATIENCE : patience);
	if (!isOver && !isFinalForOurs(problem)) return again;
	return settle(run, { is: 'failed', problem, uncertain: true });
}
