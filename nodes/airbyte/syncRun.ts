/**
 * The life of one item's job, from what was asked to what came of it.
 *
 * A pure state machine over plain JSON: it knows no clock and no network, so that it can be tested without
 * either and stored as it is. {@link step} tells what to do next, {@link apply} takes in what came of it.
 * Times are milliseconds since the epoch.
 */
import type { Connection, Job, JobType } from './job';
import { isOfType, isTerminal } from './job';
import type { Problem, ProblemKind } from './problems';
import { nextLookAt, retryAt } from './schedule';

/** What to do when a job runs on the connection already. */
export const ACTIVE_JOB_POLICIES = ['attach', 'fail'] as const;
export type ActiveJobPolicy = (typeof ACTIVE_JOB_POLICIES)[number];

/** How to wait. */
export interface WaitOrder {
	/** Shortest time between two looks, seconds. */
	waitSeconds: number;
	adaptivePolling: boolean;
	/** Seconds from the moment the job is known. */
	timeout: number;
	/** Whether to wait in n8n's database rather than in the running execution. */
	parks: boolean;
}

/** What one item asks for: a new job of a connection, or one that exists. */
export type Order =
	| (WaitOrder & {
			kind: 'start';
			connectionId: string;
			jobType: JobType;
			onActiveJob: ActiveJobPolicy;
			/** `started`: done once Airbyte has the job's id. `ended`: done when the job is terminal. */
			until: 'started' | 'ended';
			cancelOnStop: boolean;
			cancelOnTimeout: boolean;
	  })
	| (WaitOrder & {
			kind: 'follow';
			jobId: number;
			/** `seen`: one good look. `ended`: wait. `cancelled`: cancel it, and wait until that is true. */
			until: 'seen' | 'ended' | 'cancelled';
	  });

type Stage =
	/** Reading the connection: does it exist, may it run, where is its page? */
	| 'inspecting'
	/** Reading the connection's newest jobs before a new one is asked for. */
	| 'finding'
	| 'submitting'
	/** The outcome of the submission is unclear: looking for the job that may have come of it. */
	| 'searching'
	/** The job is known; looking at it until it ends. */
	| 'watching'
	/** About to cancel: looking once more, since cancelling hits whatever runs on the connection. */
	| 'verifying'
	| 'cancelling'
	/** Cancelled: reading back what became of the job. */
	| 'confirming'
	/** A job that somebody else started: finding its page. */
	| 'linking'
	| 'settled';

/** What came of a run. */
export type Result =
	| { is: 'done'; job: Job }
	/** The job ended as failed or cancelled. */
	| { is: 'jobFailed'; job: Job }
	/** The time is over; `job` is its status at the last look, cancelled or not. */
	| { is: 'timedOut'; job: Job; cancelled: boolean; trouble?: Problem }
	| { is: 'busy'; job: Job }
	| { is: 'inactive'; status: string }
	/** Something else than the job went wrong; `job` may still be running. */
	| { is: 'failed'; problem: Problem; job?: Job; uncertain?: boolean }
	| { is: 'stopped'; job?: Job };

export interface SyncRun {
	order: Order;
	stage: Stage;
	startedAt: number;
	/** No action before this moment. */
	nextAt: number;
	/** Faults in a row. */
	faults: number;
	/** Submissions sent. */
	submissions: number;
	/** Highest job id of the connection before the submission; a job with a higher one is new. */
	newestBefore?: number;
	/** Since when the outcome of a submission has been unclear, and why. */
	unclear?: { since: number; problem: Problem };
	connection?: Connection;
	job?: Job;
	/** Whether this run started the job; only then is it ours to cancel. */
	ours: boolean;
	watchedSince?: number;
	/** Wall-clock end of the wait. */
	deadline?: number;
	ending?: { why: 'timeout' | 'stop' | 'asked'; since: number };
	/** When the call was asked for whose outcome has not been told yet. */
	askedAt?: number;
	/** When Airbyte took the request to cancel. */
	cancelledAt?: number;
	result?: Result;
}

export type Action =
	| { do: 'inspect'; connectionId: string }
	| { do: 'find'; connectionId: string }
	| { do: 'submit'; connectionId: string; jobType: JobType }
	| { do: 'look'; jobId: number }
	| { do: 'cancel'; jobId: number }
	| { do: 'sleep'; until: number }
	| { do: 'settled'; result: Result };

export type Outcome =
	| { is: 'connection'; connection: Connection }
	| { is: 'jobs'; jobs: Job[] }
	| { is: 'job'; job: Job }
	| { is: 'problem'; problem: Problem };

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

/** How long a cancelled job is read back, and how long an unreachable Airbyte is asked to cancel. */
const ENDING_PATIENCE = 120_000;

/** How many times in a row it is asked at least, even if n8n was down meanwhile. */
const LEAST_ENDING_FAULTS = 3;

/** How long all of that may take at most. */
const LONGEST_ENDING = 10 * 60_000;

/**
 * How long what was seen may decide about starting or cancelling a job. After a longer while (the machine slept,
 * n8n was started again) others may have started or ended jobs, so it is looked at again.
 */
const FRESH = 5_000;

/** Time between two looks while searching or confirming. */
const SEARCH_INTERVAL = 3_000;

/** Problems that end a wait at once: asking again cannot help. All others may pass. */
const FINAL_WHILE_WATCHING = new Set<ProblemKind>([
	'input',
	'signIn',
	'forbidden',
	'notFound',
	'notRunning',
	'refused',
]);

/** A run at its beginning. */
export function begin(order: Order, now: number): SyncRun {
	const run: SyncRun = {
		order,
		stage: order.kind === 'start' ? 'inspecting' : 'watching',
		startedAt: now,
		nextAt: now,
		faults: 0,
		submissions: 0,
		ours: false,
	};
	if (order.kind === 'start') return run;
	// To see a job once takes a few tries at most; its time has nothing to do with it.
	if (order.until === 'seen') return { ...run, watchedSince: now };
	const watched = { ...run, watchedSince: now, deadline: now + order.timeout * 1_000 };
	return order.until === 'cancelled' ? endFor('asked', watched, now) : watched;
}

/** What to do now. The run comes back because time may have moved it on. */
export function step(before: SyncRun, now: number): { run: SyncRun; action: Action } {
	const settled = before.askedAt === undefined ? before : afterLostOutcome(before, now);
	const fresh = refreshed(settled, now);
	const run = isOverdue(fresh, now) ? endFor('timeout', fresh, fresh.deadline ?? now) : fresh;
	const action = actionOf(run, now);
	const isCall = action.do !== 'sleep' && action.do !== 'settled';
	return { run: isCall ? { ...run, askedAt: now } : run, action };
}

/**
 * The process ended between a call and its outcome, and another goes on with the run as it was stored before the
 * call. What the call did is unknown: a submission's job is searched for, all else is done again.
 */
function afterLostOutcome(run: SyncRun, now: number): SyncRun {
	return run.stage === 'submitting' || run.stage === 'cancelling'
		? apply(run, { is: 'problem', problem: OUTCOME_LOST }, now)
		: { ...run, askedAt: undefined };
}

const OUTCOME_LOST: Problem = {
	kind: 'unanswered',
	message: 'n8n was started again before Airbyte answered',
	description: '',
	passing: true,
	mayHaveArrived: true,
};

function refreshed(run: SyncRun, now: number): SyncRun {
	if (now - run.nextAt <= FRESH) return run;
	if (run.stage === 'submitting') return { ...run, stage: 'finding', nextAt: now };
	if (run.stage === 'cancelling') return { ...run, stage: 'verifying', nextAt: now };
	return run;
}

/** Takes in what came of the action. */
export function apply(asked: SyncRun, outcome: Outcome, now: number): SyncRun {
	if (asked.stage === 'settled') return asked;
	const { askedAt = now, ...run } = asked;
	if (outcome.is === 'problem') return applyProblem(run, outcome.problem, now);
	// To find no job running is no progress while submissions are turned away.
	const calm = run.stage === 'finding' ? run : { ...run, faults: 0 };
	if (outcome.is === 'connection') return applyConnection(calm, outcome.connection, now);
	if (outcome.is === 'jobs') {
		return run.stage === 'searching'
			? applySearch(calm, outcome.jobs, askedAt, now)
			: applyFound(calm, outcome.jobs, now);
	}
	return applyJob(calm, outcome.job, now);
}

/** The execution was stopped: nothing that this run started may go on unseen. */
export function stop(run: SyncRun, now: number): SyncRun {
	if (run.stage === 'settled' || run.ending) return run;
	const cancels = run.order.kind === 'start' && run.order.cancelOnStop;
	const mayRun = run.stage === 'searching' || (run.job !== undefined && run.ours);
	if (!cancels || !mayRun) return settle(run, { is: 'stopped', job: run.job });
	return endFor('stop', run, now);
}

/** Whether nothing is left to do for now but to look at the job again later, from n8n's database if so asked. */
export function canPark(run: SyncRun): boolean {
	return run.order.parks && run.stage === 'watching' && run.job !== undefined;
}

/** The same run with its next look due now. */
export function lookNow(run: SyncRun, now: number): SyncRun {
	return run.stage === 'watching' ? { ...run, nextAt: now } : run;
}

/** Whether a job of this run is known, so that others on the same connection see it too. */
export function hasStarted(run: SyncRun): boolean {
	return run.job !== undefined || run.stage === 'settled';
}

function actionOf(run: SyncRun, now: number): Action {
	if (run.stage === 'settled' && run.result) return { do: 'settled', result: run.result };
	if (now < run.nextAt) return { do: 'sleep', until: wakeUpAt(run) };
	switch (run.stage) {
		case 'inspecting':
		case 'linking':
			return { do: 'inspect', connectionId: connectionOf(run) };
		case 'finding':
		case 'searching':
			return { do: 'find', connectionId: connectionOf(run) };
		case 'submitting':
			return { do: 'submit', connectionId: connectionOf(run), jobType: startOrder(run).jobType };
		case 'cancelling':
			return { do: 'cancel', jobId: jobIdOf(run) };
		default:
			return { do: 'look', jobId: jobIdOf(run) };
	}
}

/** A sleep never goes past the deadline. */
function wakeUpAt(run: SyncRun): number {
	if (run.stage !== 'watching' || run.deadline === undefined) return run.nextAt;
	return Math.min(run.nextAt, run.deadline);
}

function isOverdue(run: SyncRun, now: number): boolean {
	return run.stage === 'watching' && run.deadline !== undefined && now >= run.deadline;
}

function endFor(why: 'timeout' | 'stop' | 'asked', run: SyncRun, since: number): SyncRun {
	const stage = run.stage === 'searching' ? 'searching' : 'verifying';
	return { ...run, stage, ending: { why, since }, nextAt: since, faults: 0 };
}

function applyConnection(run: SyncRun, connection: Connection, now: number): SyncRun {
	const known = { ...run, connection };
	if (run.stage === 'linking') return afterLinking(known, now);
	const { status } = connection;
	if (status !== undefined && status !== 'active') return settle(known, { is: 'inactive', status });
	return { ...known, stage: 'finding', nextAt: now };
}

/** The connection's jobs before ours: remembers the newest, and sees whether one is running. */
function applyFound(run: SyncRun, jobs: Job[], now: number): SyncRun {
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
	if (order.onActiveJob === 'attach' && isOfType(active, order.jobType)) {
		return watch({ ...run, ours: false }, active, now);
	}
	return settle(run, { is: 'busy', job: active });
}

/** The jobs after an unclear submission: a newer one of the type asked for is taken for ours. */
function applySearch(run: SyncRun, jobs: Job[], askedAt: number, now: number): SyncRun {
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

function applyJob(run: SyncRun, job: Job, now: number): SyncRun {
	switch (run.stage) {
		case 'submitting':
			return applySubmitted(run, job, now);
		case 'cancelling':
			// The answer is the record from before; what became of the job is read back.
			return { ...run, stage: 'confirming', cancelledAt: now, nextAt: now };
		case 'verifying':
			return applyVerified(run, job, now);
		case 'confirming':
			return applyConfirmed(run, job, now);
		default:
			return applyLook(run, job, now);
	}
}

/** Airbyte hands back a job that was waiting already instead of making one; then its id is not new. */
function applySubmitted(run: SyncRun, job: Job, now: number): SyncRun {
	const ours = job.jobId > (run.newestBefore ?? 0);
	return watch({ ...run, ours, unclear: undefined, submissions: run.submissions + 1 }, job, now);
}

/** From here on the job is known, and the time runs. */
function watch(run: SyncRun, job: Job, now: number): SyncRun {
	const order = startOrder(run);
	const watched: SyncRun = {
		...run,
		stage: 'watching',
		job,
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

function applyLook(run: SyncRun, job: Job, now: number): SyncRun {
	const seen = { ...run, job };
	if (lacksPage(seen, job)) return { ...seen, stage: 'linking', nextAt: now };
	return afterLook(seen, job, now);
}

function lacksPage(run: SyncRun, job: Job): boolean {
	return run.connection === undefined && job.connectionId !== undefined;
}

function afterLook(run: SyncRun, job: Job, now: number): SyncRun {
	if (run.order.until === 'seen') return settle(run, { is: 'done', job });
	if (isTerminal(job)) return settleByStatus(run, job);
	return { ...run, stage: 'watching', nextAt: nextLookAt(run.order, run.watchedSince ?? now, now) };
}

/** The page is a convenience: without it the run goes on. */
function afterLinking(run: SyncRun, now: number): SyncRun {
	if (!run.job) return { ...run, stage: 'watching', nextAt: now };
	// Before cancelling, the look has to be the last thing.
	if (run.ending && !isTerminal(run.job)) return { ...run, stage: 'verifying', nextAt: now };
	if (run.ending) return settleByStatus(run, run.job);
	return afterLook(run, run.job, now);
}

function applyVerified(run: SyncRun, job: Job, now: number): SyncRun {
	const seen = { ...run, job };
	if (lacksPage(seen, job)) return { ...seen, stage: 'linking', nextAt: now };
	if (isTerminal(job)) return settleByStatus(seen, job);
	if (mayCancel(run)) return { ...seen, stage: 'cancelling', nextAt: now };
	return settleUnended(seen);
}

function applyConfirmed(run: SyncRun, job: Job, now: number): SyncRun {
	const seen = { ...run, job };
	if (isTerminal(job)) return settleByStatus(seen, job);
	if (isEndingOver(run, now)) return settleUnended(seen);
	return { ...seen, nextAt: now + SEARCH_INTERVAL };
}

function mayCancel(run: SyncRun): boolean {
	if (run.ending?.why === 'asked') return true;
	if (run.order.kind !== 'start' || !run.ours) return false;
	return run.ending?.why === 'timeout' ? run.order.cancelOnTimeout : run.order.cancelOnStop;
}

/** The truth about a job that ended: a success stays one, even when it came while it was being cancelled. */
function settleByStatus(run: SyncRun, job: Job): SyncRun {
	if (run.ending?.why === 'stop') return settle(run, { is: 'stopped', job });
	if (job.status === 'succeeded' || run.ending?.why === 'asked') {
		return settle(run, { is: 'done', job });
	}
	if (
		run.ending &&
		job.status === 'cancelled' &&
		(run.cancelledAt !== undefined || endedLate(run, job))
	) {
		return settle(run, { is: 'timedOut', job, cancelled: true });
	}
	return settle(run, { is: 'jobFailed', job });
}

/** Whether the job went on past its deadline, so that its time was over whoever cancelled it in the end. */
function endedLate({ deadline = Infinity }: SyncRun, { lastUpdatedAt }: Job): boolean {
	// Airbyte tells whole seconds.
	return lastUpdatedAt !== undefined && Date.parse(lastUpdatedAt) + 1_000 > deadline;
}

/** The job goes on although its time is over: because it is not ours, by the options, or as nobody could stop it. */
function settleUnended(run: SyncRun, trouble?: Problem): SyncRun {
	const { job } = run;
	if (job && isTerminal(job)) return settleByStatus(run, job);
	if (run.ending?.why === 'stop' || !job) {
		return trouble && !job
			? settle(run, { is: 'failed', problem: trouble })
			: settle(run, { is: 'stopped', job });
	}
	return settle(run, { is: 'timedOut', job, cancelled: false, trouble });
}

function applyProblem(run: SyncRun, problem: Problem, now: number): SyncRun {
	const faults = run.faults + 1;
	const again = { ...run, faults, nextAt: retryAt(faults, now, problem.retryAfterSeconds) };
	switch (run.stage) {
		case 'inspecting':
		case 'finding':
			return isStartOver(run, problem, now) ? settle(run, { is: 'failed', problem }) : again;
		case 'submitting':
			return applySubmissionProblem(run, again, problem, now);
		case 'searching':
			return applySearchProblem(run, again, problem, now);
		case 'linking':
			return withPause(
				afterLinking({ ...run, connection: { connectionId: connectionOf(run) } }, now),
				again.nextAt,
			);
		case 'watching':
			if (!isFinalWhileWatching(run, problem)) return again;
			// Only the numbers of a job that is known to have ended are missing.
			return run.job && isTerminal(run.job)
				? settleByStatus(run, run.job)
				: settle(run, { is: 'failed', problem, job: run.job });
		default:
			return applyEndingProblem(run, again, problem, now);
	}
}

function withPause(run: SyncRun, until: number): SyncRun {
	return { ...run, nextAt: Math.max(run.nextAt, until) };
}

/** A wait picks up a job that it has never seen: then a wrong address is to be told at once as well. */
function isFinalWhileWatching(run: SyncRun, problem: Problem): boolean {
	if (FINAL_WHILE_WATCHING.has(problem.kind)) return true;
	if (run.job) return false;
	return !problem.passing || (run.order.until === 'seen' && run.faults >= 3);
}

function isStartOver(run: SyncRun, problem: Problem, now: number): boolean {
	return !problem.passing || now - run.startedAt >= START_PATIENCE * (run.submissions + 1);
}

function applySubmissionProblem(
	run: SyncRun,
	again: SyncRun,
	problem: Problem,
	now: number,
): SyncRun {
	const sent = { ...run, submissions: run.submissions + 1, faults: 0 };
	if (problem.kind === 'alreadyRunning') {
		// Somebody was quicker. What runs decides, so find it.
		return sent.submissions >= MOST_SUBMISSIONS
			? settle(sent, { is: 'failed', problem })
			: { ...sent, stage: 'finding', nextAt: now };
	}
	if (problem.mayHaveArrived) {
		return { ...sent, stage: 'searching', unclear: { since: now, problem }, nextAt: again.nextAt };
	}
	// It was turned away, or never left. By the next try others may have started a job.
	return isStartOver(run, problem, now)
		? settle(run, { is: 'failed', problem })
		: { ...again, stage: 'finding' };
}

/** A job of ours may be running unseen, so this goes on for as long as a wait for it would. */
function applySearchProblem(run: SyncRun, again: SyncRun, problem: Problem, now: number): SyncRun {
	const patience = Math.max(run.order.timeout * 1_000, SETTLING_TIME);
	const since = run.ending?.since ?? run.unclear?.since ?? run.startedAt;
	const isOver = now - since >= (run.ending ? ENDING_PATIENCE : patience);
	if (!isOver && !FINAL_WHILE_WATCHING.has(problem.kind)) return again;
	return settle(run, { is: 'failed', problem, uncertain: true });
}

function applyEndingProblem(run: SyncRun, again: SyncRun, problem: Problem, now: number): SyncRun {
	if (run.stage === 'cancelling' && problem.kind === 'notRunning') {
		// It ended in between. Read back how.
		return { ...run, stage: 'confirming', nextAt: now };
	}
	const isLate = run.ending !== undefined && now - run.ending.since >= LONGEST_ENDING;
	const isOver = isEndingOver(run, now) && (isLate || run.faults >= LEAST_ENDING_FAULTS);
	if (isOver || FINAL_WHILE_WATCHING.has(problem.kind)) {
		return run.job
			? settleUnended(run, problem)
			: settle(run, { is: 'failed', problem, job: run.job });
	}
	// A repeated DELETE could hit the next job of the connection: look first.
	return run.stage === 'cancelling' ? { ...again, stage: 'verifying' } : again;
}

/** Patience begins anew with a cancel that Airbyte took, for n8n may have been down when the time was over. */
function isEndingOver({ ending, cancelledAt = 0 }: SyncRun, now: number): boolean {
	if (!ending) return false;
	const waited = now - ending.since;
	return waited >= LONGEST_ENDING || now - Math.max(ending.since, cancelledAt) >= ENDING_PATIENCE;
}

function settle(run: SyncRun, result: Result): SyncRun {
	return { ...run, stage: 'settled', result };
}

function startOrder(run: SyncRun): Order & { kind: 'start' } {
	if (run.order.kind !== 'start') throw new Error('This run follows a job that exists');
	return run.order;
}

function connectionOf(run: SyncRun): string {
	return run.order.kind === 'start' ? run.order.connectionId : (run.job?.connectionId ?? '');
}

function jobIdOf(run: SyncRun): number {
	if (run.order.kind === 'follow') return run.order.jobId;
	if (!run.job) throw new Error('No job is known yet');
	return run.job.jobId;
}
