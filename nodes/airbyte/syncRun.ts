/**
 * The life of one item's job, from what was asked to what came of it.
 *
 * A pure state machine over plain JSON: it knows no clock and no network, so that it can be tested without
 * either and stored as it is. {@link step} tells what to do next, {@link apply} takes in what came of it.
 * Times are milliseconds since the epoch.
 */
import type { Connection, Job, JobFailure, JobType } from './job';
import { isOfType, isQueued, isTerminal } from './job';
import type { Problem, ProblemKind } from './problems';
import { nextLookAt, retryAt } from './schedule';

/** What to do when a job runs on the connection already. */
export const ACTIVE_JOB_POLICIES = ['attach', 'fail', 'queue', 'skip'] as const;
export type ActiveJobPolicy = (typeof ACTIVE_JOB_POLICIES)[number];

/** How to wait. */
export interface WaitOrder {
	/** Shortest time between two looks, seconds. */
	waitSeconds: number;
	adaptivePolling: boolean;
	/** Seconds from the moment the job is known; as long at most for the end of another job, if queued behind it. */
	timeout: number;
	/** Seconds that the job may stay pending or queued; 0: only the timeout counts. */
	queueTimeout: number;
	/** A sync that succeeds with fewer rows counts as failed. */
	minimumRows: number;
	/** Whether to ask Airbyte why a job failed. */
	failureDetails: boolean;
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
			/** How many new jobs there may be after failed ones, and seconds before each. */
			retries: number;
			retryDelay: number;
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
	/** Another job runs on the connection: looking at it until it ends. */
	| 'queueing'
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
	/** The job failed: finding out why. */
	| 'explaining'
	/** The job failed: waiting before a new one is asked for. */
	| 'pausing'
	| 'settled';

/** What came of a run. */
export type Result =
	| { is: 'done'; job: Job }
	/** Another job ran, and the order was to start nothing then. */
	| { is: 'skipped'; job: Job }
	/** The job ended as failed or cancelled. */
	| { is: 'jobFailed'; job: Job }
	/** The job succeeded with fewer rows than the order's least. */
	| { is: 'tooFewRows'; job: Job }
	/** The time is over, or that in Airbyte's queue is; `job` is its status at the last look, cancelled or not. */
	| { is: 'timedOut'; job: Job; cancelled: boolean; inQueue: boolean; trouble?: Problem }
	/** Another job runs; `waited` when its end was waited for in vain. */
	| { is: 'busy'; job: Job; waited: boolean }
	| { is: 'inactive'; status: string }
	/** Something else than the job went wrong; `job` may still be running. */
	| { is: 'failed'; problem: Problem; job?: Job; uncertain?: boolean }
	| { is: 'stopped'; job?: Job };

export interface SyncRun {
	order: Order;
	stage: Stage;
	/** When this attempt began to look for a start. */
	startedAt: number;
	/** 1 + retries used. */
	attempt: number;
	/** The jobs of earlier attempts, which failed. */
	earlier: Job[];
	/** No action before this moment. */
	nextAt: number;
	/** Faults in a row. */
	faults: number;
	/** Refused sign-ins in a row. */
	refusals?: number;
	/** Submissions sent. */
	submissions: number;
	/** Highest job id of the connection before the submission; a job with a higher one is new. */
	newestBefore?: number;
	/** Since when the outcome of a submission has been unclear, and why. */
	unclear?: { since: number; problem: Problem };
	connection?: Connection;
	/** Another job whose end is waited for, and since when others' ends have been. */
	blocker?: Job;
	queueingSince?: number;
	job?: Job;
	/** Whether the job was seen in another status than pending or queued. */
	hasRun?: boolean;
	/** Whether this run started the job; only then is it ours to cancel. */
	ours: boolean;
	watchedSince?: number;
	/** Wall-clock end of the wait. */
	deadline?: number;
	ending?: { why: EndReason; since: number };
	/** When the call was asked for whose outcome has not been told yet. */
	askedAt?: number;
	/** When Airbyte took the request to cancel. */
	cancelledAt?: number;
	/** While it is explained, that of a job that failed. */
	result?: Result;
}

/** Why a job that still runs is not waited for any longer; `queue`: Airbyte did not get to it in time. */
type EndReason = 'timeout' | 'queue' | 'stop' | 'asked';

export type Action =
	| { do: 'inspect'; connectionId: string }
	| { do: 'find'; connectionId: string }
	| { do: 'submit'; connectionId: string; jobType: JobType }
	| { do: 'look'; jobId: number }
	| { do: 'cancel'; jobId: number }
	| { do: 'explain'; jobId: number }
	| { do: 'sleep'; until: number }
	| { do: 'settled'; result: Result };

export type Outcome =
	| { is: 'connection'; connection: Connection }
	| { is: 'jobs'; jobs: Job[] }
	| { is: 'job'; job: Job }
	/** Why the job failed, as far as Airbyte tells. */
	| { is: 'failure'; failure?: JobFailure }
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
		attempt: 1,
		earlier: [],
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
	const run = timely(woken(refreshed(afterLostOutcome(before, now), now), now), now);
	const action = actionOf(run, now);
	const isCall = action.do !== 'sleep' && action.do !== 'settled';
	return { run: isCall ? { ...run, askedAt: now } : run, action };
}

/**
 * The process ended between a call and its outcome, and another goes on with the run as it was stored before the
 * call. What the call did is unknown: a submission's job is searched for, all else is done again.
 */
function afterLostOutcome(run: SyncRun, now: number): SyncRun {
	if (run.askedAt === undefined) return run;
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

/** The pause before a new attempt is over. */
function woken(run: SyncRun, now: number): SyncRun {
	if (run.stage !== 'pausing' || now < run.nextAt) return run;
	return { ...run, stage: 'inspecting', startedAt: now };
}

/** Ends waits whose time is over. */
function timely(run: SyncRun, now: number): SyncRun {
	const end = endOfWait(run);
	if (end === undefined || now < end.at) return run;
	if (!run.blocker) return endFor(end.why, run, end.at);
	// The other job may have ended since the last look at it; an Airbyte that is away can't tell.
	return run.faults === 0
		? { ...run, nextAt: Math.min(run.nextAt, now) }
		: settle(run, { is: 'busy', job: run.blocker, waited: true });
}

/** When the present wait is over, and why then; undefined while nothing is waited for. */
function endOfWait(run: SyncRun): { at: number; why: EndReason } | undefined {
	const { order, stage, deadline = Infinity, queueingSince = 0, watchedSince = 0 } = run;
	if (stage === 'queueing') return { at: queueingSince + order.timeout * 1_000, why: 'timeout' };
	if (stage !== 'watching') return undefined;
	const isInQueue = order.queueTimeout > 0 && !run.hasRun && run.job && isQueued(run.job);
	const queueEnd = isInQueue ? watchedSince + order.queueTimeout * 1_000 : Infinity;
	return queueEnd < deadline ? { at: queueEnd, why: 'queue' } : { at: deadline, why: 'timeout' };
}

/** Takes in what came of the action. */
export function apply(asked: SyncRun, outcome: Outcome, now: number): SyncRun {
	if (asked.stage === 'settled') return asked;
	const { askedAt = now, ...run } = asked;
	if (outcome.is === 'problem') return applyProblem(run, outcome.problem, now);
	// To find no job running is no progress while submissions are turned away.
	const calm = run.stage === 'finding' ? run : { ...run, faults: 0, refusals: undefined };
	if (outcome.is === 'connection') return applyConnection(calm, outcome.connection, now);
	if (outcome.is === 'failure') return applyFailure(calm, outcome.failure, now);
	if (outcome.is === 'jobs') {
		return run.stage === 'searching'
			? applySearch(calm, outcome.jobs, askedAt, now)
			: applyFound(calm, outcome.jobs, now);
	}
	return applyJob(calm, outcome.job, now);
}

/** The execution was stopped: nothing that this run started may go on unseen. */
export function stop(before: SyncRun, now: number): SyncRun {
	const run = afterLostOutcome(before, now);
	// An end for the queue is taken back if the job begins to run.
	const isEnding = run.ending !== undefined && run.ending.why !== 'queue';
	if (run.stage === 'settled' || isEnding) return run;
	const cancels = run.order.kind === 'start' && run.order.cancelOnStop;
	const mayRun = run.unclear !== undefined || (run.job !== undefined && run.ours);
	if (!cancels || !mayRun) return settle(run, { is: 'stopped', job: run.job });
	return endFor('stop', run, now);
}

/** Whether nothing is left to do for now but to wait and look, from n8n's database if so asked. */
export function canPark(run: SyncRun): boolean {
	if (!run.order.parks) return false;
	return isWaiting(run) && (run.stage !== 'watching' || run.job !== undefined);
}

function isWaiting({ stage }: SyncRun): boolean {
	return stage === 'watching' || stage === 'queueing' || stage === 'pausing';
}

const STARTING = new Set<Stage>(['inspecting', 'finding', 'submitting', 'searching']);

/** Whether a job is about to be started, or may have been: others on the same connection had better wait. */
export function isStarting({ stage, order }: SyncRun): boolean {
	return order.kind === 'start' && STARTING.has(stage);
}

/**
 * Whether what was found out about a run that waits in n8n's database has to be kept: it is to go on with something
 * else, or could not be found out again. All else is forgotten and looked at again.
 */
export function hasMovedOn(before: SyncRun, now: SyncRun): boolean {
	if (now.stage === 'settled') return false;
	if (isStarting(now) || now.stage === 'pausing') return now.stage !== before.stage;
	return now.order.queueTimeout > 0 && now.hasRun === true && before.hasRun !== true;
}

/** The same run with its next look due now. */
export function lookNow(run: SyncRun, now: number): SyncRun {
	return run.stage === 'watching' || run.stage === 'queueing' ? { ...run, nextAt: now } : run;
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
		case 'explaining':
			return { do: 'explain', jobId: jobIdOf(run) };
		case 'queueing':
			return { do: 'look', jobId: run.blocker?.jobId ?? 0 };
		default:
			return { do: 'look', jobId: jobIdOf(run) };
	}
}

/** A sleep never goes past the end of the wait. */
function wakeUpAt(run: SyncRun): number {
	return Math.min(run.nextAt, endOfWait(run)?.at ?? Infinity);
}

function endFor(why: EndReason, run: SyncRun, since: number): SyncRun {
	const stage = run.unclear ? 'searching' : 'verifying';
	return { ...run, stage, ending: { why, since }, nextAt: since, faults: 0 };
}

function applyConnection(run: SyncRun, connection: Connection, now: number): SyncRun {
	const known = { ...run, connection };
	if (run.stage === 'linking') return afterLinking(known, now);
	const { status } = connection;
	if (status !== undefined && status !== 'active') return settle(known, { is: 'inactive', status });
	return { ...known, stage: known.unclear ? 'searching' : 'finding', nextAt: now };
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
function queueBehind(blocker: Job, run: SyncRun, now: number): SyncRun {
	const queueingSince = run.queueingSince ?? now;
	if (isQueueOver(run, now)) return settle(run, { is: 'busy', job: blocker, waited: true });
	const nextAt = nextLookAt(run.order, queueingSince, now);
	return { ...run, stage: 'queueing', blocker, queueingSince, nextAt, faults: 0 };
}

function isQueueOver({ order, queueingSince }: SyncRun, now: number): boolean {
	return queueingSince !== undefined && now >= queueingSince + order.timeout * 1_000;
}

function applyBlocker(run: SyncRun, blocker: Job, now: number): SyncRun {
	return isTerminal(blocker) ? afterQueue(run, now) : queueBehind(blocker, run, now);
}

/** By now the connection may have been disabled, and others may have started a job. */
function afterQueue(run: SyncRun, now: number): SyncRun {
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
		case 'queueing':
			return applyBlocker(run, job, now);
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

function applyLook(run: SyncRun, job: Job, now: number): SyncRun {
	const seen = { ...run, job, hasRun: run.hasRun || !isQueued(job) };
	if (lacksPage(seen, job)) return { ...seen, stage: 'linking', nextAt: now };
	return afterLook(seen, job, now);
}

function lacksPage(run: SyncRun, job: Job): boolean {
	return run.connection === undefined && job.connectionId !== undefined;
}

function afterLook(run: SyncRun, job: Job, now: number): SyncRun {
	if (run.order.until === 'seen') return conclude(run, { is: 'done', job }, now);
	if (isTerminal(job)) return concludeByStatus(run, job, now);
	return { ...run, stage: 'watching', nextAt: nextLookAt(run.order, run.watchedSince ?? now, now) };
}

/** The page is a convenience: without it the run goes on. */
function afterLinking(run: SyncRun, now: number): SyncRun {
	if (!run.job) return { ...run, stage: 'watching', nextAt: now };
	// Before cancelling, the look has to be the last thing.
	if (run.ending && !isTerminal(run.job)) return { ...run, stage: 'verifying', nextAt: now };
	if (run.ending) return concludeByStatus(run, run.job, now);
	return afterLook(run, run.job, now);
}

function applyVerified(run: SyncRun, job: Job, now: number): SyncRun {
	const seen = { ...run, job };
	if (lacksPage(seen, job)) return { ...seen, stage: 'linking', nextAt: now };
	if (isTerminal(job)) return concludeByStatus(seen, job, now);
	if (run.ending?.why === 'queue' && !isQueued(job)) return outOfQueue(seen, job, now);
	if (mayCancel(run)) return { ...seen, stage: 'cancelling', nextAt: now };
	return settleUnended(seen, now);
}

/** At the last moment Airbyte got to the job. */
function outOfQueue(run: SyncRun, job: Job, now: number): SyncRun {
	return afterLook({ ...run, ending: undefined, hasRun: true }, job, now);
}

function applyConfirmed(run: SyncRun, job: Job, now: number): SyncRun {
	const seen = { ...run, job };
	if (isTerminal(job)) return concludeByStatus(seen, job, now);
	if (isEndingOver(run, now)) return settleUnended(seen, now);
	return { ...seen, nextAt: now + SEARCH_INTERVAL };
}

function mayCancel(run: SyncRun): boolean {
	if (run.ending?.why === 'asked') return true;
	if (run.order.kind !== 'start' || !run.ours) return false;
	return run.ending?.why === 'stop' ? run.order.cancelOnStop : run.order.cancelOnTimeout;
}

/**
 * The truth about a job that ended: a success stays one, even when it came while it was being cancelled.
 *
 * @param trouble why its numbers could not be read
 */
function concludeByStatus(run: SyncRun, job: Job, now: number, trouble?: Problem): SyncRun {
	if (run.ending?.why === 'stop') return settle(run, { is: 'stopped', job });
	if (run.ending?.why === 'asked') return settle(run, { is: 'done', job });
	if (job.status === 'succeeded') {
		if (!lacksRows(run, job)) return conclude(run, { is: 'done', job }, now);
		return trouble && job.rowsSynced === undefined
			? settle(run, { is: 'failed', problem: trouble, job })
			: conclude(run, { is: 'tooFewRows', job }, now);
	}
	const isLate = run.cancelledAt !== undefined || endedLate(run, job);
	if (run.ending && job.status === 'cancelled' && isLate) {
		const inQueue = run.ending.why === 'queue';
		return settle(run, { is: 'timedOut', job, cancelled: true, inQueue });
	}
	return conclude(run, { is: 'jobFailed', job }, now);
}

/** Airbyte has told of success when an attempt died early (airbytehq/airbyte#84961, #85355). */
function lacksRows({ order }: SyncRun, job: Job): boolean {
	return isOfType(job, 'sync') && (job.rowsSynced ?? 0) < order.minimumRows;
}

type Conclusion = Extract<Result, { is: 'done' | 'jobFailed' | 'tooFewRows' }>;

/** Settles a run whose job has ended, once it is known why the job failed, or begins anew. */
function conclude(run: SyncRun, result: Conclusion, now: number): SyncRun {
	const isOpen = result.job.status === 'failed' && run.order.failureDetails && !result.job.failure;
	if (isOpen) return { ...run, stage: 'explaining', result, nextAt: now, faults: 0 };
	return mayRetry(run, result) ? retry(run, result.job, now) : settle(run, result);
}

/** What is not known cannot be told; it changes nothing else. */
function applyFailure(run: SyncRun, failure: JobFailure | undefined, now: number): SyncRun {
	const { result, ...rest } = run;
	if (result?.is !== 'done' && result?.is !== 'jobFailed') return run;
	const job = { ...result.job, failure };
	const explained = { ...rest, job };
	return mayRetry(explained, { ...result, job })
		? retry(explained, job, now)
		: settle(explained, { ...result, job });
}

/** A new job can't mend what somebody has to mend, and is not wanted where somebody cancelled. */
const NOT_TO_BE_RETRIED = new Set(['config_error', 'manual_cancellation']);

function mayRetry({ order, attempt, ending }: SyncRun, { is, job }: Conclusion): boolean {
	if (order.kind !== 'start' || ending || is === 'done' || attempt > order.retries) return false;
	return job.status !== 'cancelled' && !NOT_TO_BE_RETRIED.has(job.failure?.type ?? '');
}

/** The run of the next attempt. */
function retry(run: SyncRun, failed: Job, now: number): SyncRun {
	const order = startOrder(run);
	return {
		...begin(order, now),
		stage: 'pausing',
		connection: run.connection,
		attempt: run.attempt + 1,
		earlier: [...run.earlier, failed],
		nextAt: now + order.retryDelay * 1_000,
	};
}

/** Whether the job went on past the end of its wait, so that its time was over whoever cancelled it in the end. */
function endedLate({ ending }: SyncRun, { lastUpdatedAt }: Job): boolean {
	// Airbyte tells whole seconds.
	return !!ending && !!lastUpdatedAt && Date.parse(lastUpdatedAt) + 1_000 > ending.since;
}

/** The job goes on although its time is over: because it is not ours, by the options, or as nobody could stop it. */
function settleUnended(run: SyncRun, now: number, trouble?: Problem): SyncRun {
	const { job } = run;
	if (job && isTerminal(job)) return concludeByStatus(run, job, now, trouble);
	if (run.ending?.why === 'stop' || !job) {
		return trouble && !job
			? settle(run, { is: 'failed', problem: trouble })
			: settle(run, { is: 'stopped', job });
	}
	const inQueue = run.ending?.why === 'queue';
	return settle(run, { is: 'timedOut', job, cancelled: false, inQueue, trouble });
}

function applyProblem(before: SyncRun, problem: Problem, now: number): SyncRun {
	const refusals = problem.kind === 'signIn' ? (before.refusals ?? 0) + 1 : undefined;
	const run = { ...before, refusals };
	const faults = run.faults + 1;
	const again = { ...run, faults, nextAt: retryAt(faults, now, problem.retryAfterSeconds) };
	switch (run.stage) {
		case 'inspecting':
			// The connection was to tell why a submission was refused; what came of it is to be found out all the same.
			if (run.unclear) return { ...run, stage: 'searching', nextAt: again.nextAt };
			return isStartOver(run, problem, now) ? settle(run, { is: 'failed', problem }) : again;
		case 'queueing':
			if (problem.kind === 'notFound' || problem.kind === 'notRunning') return afterQueue(run, now);
			if (isFinal(run, problem)) return settle(run, { is: 'failed', problem });
			return run.blocker && isQueueOver(run, now) ? queueBehind(run.blocker, run, now) : again;
		case 'explaining':
			return applyFailure(run, undefined, now);
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
				? concludeByStatus(run, run.job, now, problem)
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
	if (isFinal(run, problem)) return true;
	if (run.job) return false;
	return !problem.passing || (run.order.until === 'seen' && run.faults >= 3);
}

/**
 * A run that was let in before may be refused because its token expired as soon as it was renewed; only so many
 * refusals in a row are believed.
 */
const MOST_REFUSALS = 4;

function isFinal(run: SyncRun, { kind }: Problem): boolean {
	if (kind === 'signIn') return !wasLetIn(run) || (run.refusals ?? 0) >= MOST_REFUSALS;
	return FINAL_WHILE_WATCHING.has(kind);
}

function wasLetIn({ connection, job }: SyncRun): boolean {
	return connection !== undefined || job !== undefined;
}

/** Where a job of ours may run on unseen, Airbyte is asked to let us in for as long as there is patience. */
function isFinalForOurs({ kind }: Problem): boolean {
	return kind !== 'signIn' && FINAL_WHILE_WATCHING.has(kind);
}

function isStartOver(run: SyncRun, problem: Problem, now: number): boolean {
	if (problem.kind === 'signIn') return isFinal(run, problem);
	const isOver = now - run.startedAt >= START_PATIENCE * (run.submissions + 1);
	return isOver || (!problem.passing && problem.kind !== 'alreadyRunning');
}

function applySubmissionProblem(
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
function applySearchProblem(run: SyncRun, again: SyncRun, problem: Problem, now: number): SyncRun {
	const patience = Math.max(run.order.timeout * 1_000, SETTLING_TIME);
	const since = run.ending?.since ?? run.unclear?.since ?? run.startedAt;
	const isOver = now - since >= (run.ending ? ENDING_PATIENCE : patience);
	if (!isOver && !isFinalForOurs(problem)) return again;
	return settle(run, { is: 'failed', problem, uncertain: true });
}

function applyEndingProblem(run: SyncRun, again: SyncRun, problem: Problem, now: number): SyncRun {
	if (run.stage === 'cancelling' && problem.kind === 'notRunning') {
		// It ended in between. Read back how.
		return { ...run, stage: 'confirming', nextAt: now };
	}
	const isLate = run.ending !== undefined && now - run.ending.since >= LONGEST_ENDING;
	const isOver = isEndingOver(run, now) && (isLate || run.faults >= LEAST_ENDING_FAULTS);
	if (isOver || isFinalForOurs(problem)) {
		return run.job
			? settleUnended(run, now, problem)
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
