/**
 * The way to a job: whether one may be started, what another one that runs means for that, and which job came of a
 * submission.
 */
import type { Job } from '../api/job';
import { isCleared, isSyncSuccess, isTerminal, newestFirst, oldestFirst, serves } from '../api/job';
import type { Problem } from '../api/problem';
import type { Call } from './action';
import { applyActive } from './active';
import { answeredBy } from './answeredBy';
import { isEndingOver } from './cancel';
import { conclude, concludeByStatus, lacksRows } from './end';
import { mayCome, withoutLateJobIn } from './lateJob';
import { isFinalForOurs, isStartOver } from './patience';
import { needsProbe, queueBehind, startAnew } from './queue';
import { isInTheWay, replaces } from './replace';
import { isLimited, toCount } from './room';
import type { SyncRun } from './run';
import { SEARCH_INTERVAL, hasRunBefore, settle, startOrder } from './run';
import { chooseStreams } from './streams';
import { countedFrom, endOfWait } from './time';
import { watch } from './watch';

/**
 * How long after an unclear submission its job may still appear: Airbyte waits up to 60 s for a new job's id
 * and then answers with an error although the job may start.
 */
const SETTLING_TIME = 60_000;

/** How often a job is asked for at most, each time after a search that found none. */
const MOST_SUBMISSIONS = 3;

/**
 * Milliseconds after a job's end within which Airbyte may take a refresh without starting its job: seen up to 16 s, for as
 * long as Airbyte's webhook takes.
 */
const WORKFLOW_ENDING = 20_000;

/** How many jobs of another type Airbyte may run first. */
const MOST_INSTEAD = 3;

/** After so many timeouts of reading the connection, the start goes on without it. */
const MOST_INSPECTIONS = 2;

/** Does the connection exist, may it run, where is its page? */
export const inspecting = answeredBy('connection', {
	ask: (run) => {
		const { connectionId, onInactive, failureDetails } = startOrder(run);
		const withReason = failureDetails && onInactive === 'fail';
		return { do: 'inspect', connectionId, withReason, withStreams: namesStreams(run) };
	},
	apply: (run, { connection, streams = [] }, now) => {
		const known = { ...run, connection };
		const { status } = connection;
		// Airbyte starts nothing on one that is not active.
		const refused = { ...known, unclear: undefined };
		// One that was deleted or locked is not the one that the order means to leave alone.
		if (status === 'inactive' && startOrder(run).onInactive === 'skip' && !hasRunBefore(run))
			return settle(refused, { is: 'skipped', reason: 'inactive' });
		if (status !== undefined && status !== 'active')
			return settle(refused, { is: 'inactive', status });
		if (known.unclear) return { ...known, stage: 'searching', nextAt: now };
		if (!namesStreams(run)) return { ...known, stage: 'finding', nextAt: now };
		const chosen = chooseStreams(startOrder(run).streams ?? [], streams);
		return 'problem' in chosen
			? settle(known, { is: 'failed', problem: chosen.problem })
			: { ...known, streams: chosen.streams, stage: 'finding', nextAt: now };
	},
	fail: (run, problem, again, now) => {
		// It was read only to explain a refused submission, whose job has to be searched for in any case.
		if (run.unclear) return { ...run, stage: 'searching', nextAt: again.nextAt };
		if (isStartOver(run, problem, now)) return settle(run, { is: 'failed', problem });
		// To read all of a large connection may take Airbyte longer than to start its job.
		const isHeavy = problem.kind === 'unanswered' && again.faults >= MOST_INSPECTIONS;
		return isHeavy && !namesStreams(run) && !isLimited(run)
			? { ...again, stage: 'finding' }
			: again;
	},
});

/** The connection's jobs before ours: remembers the newest, and sees whether one is running. */
export const finding = answeredBy('jobs', {
	ask: (run) => {
		if (!mayBeFresh(run)) return find(run);
		// Jobs that failed since may be more than a short list has.
		return { ...find(run), since: freshSince(run, run.startedAt), withRefreshes: true };
	},
	apply: (before, { jobs, askedAt }, now) => {
		const { lateJob } = before;
		const ours = lateJob && oldestOwn(before, jobs, lateJob.above);
		if (ours) return own(before, ours, now);
		// The job ahead of ours has ended: ours may have started with that, and not be listed yet.
		if (askedAt < (lateJob?.until ?? 0)) return { ...before, nextAt: now + SEARCH_INTERVAL };
		const run = withoutLateJobIn(before, jobs, askedAt);
		const fresh = freshIn(run, jobs, now);
		if (fresh) return conclude(run, { is: 'skipped', reason: 'fresh', job: fresh }, now);
		// Airbyte runs one job at a time on a connection, so all but the newest have ended, whatever their records say.
		const [newest] = newestFirst(jobs);
		const listed = newest && isInTheWay(run, newest) ? newest : undefined;
		const mustCountFirst = isLimited(run) && replaces(run);
		if (listed && !mustCountFirst && !needsProbe(run, listed, now))
			return applyActive(run, listed, now);
		const waiting = untilRefreshIsTaken(run, newest, askedAt);
		if (waiting) return waiting;
		const newestBefore = newest?.jobId ?? 0;
		const known = {
			...run,
			newestBefore,
			listed,
			nextAt: now,
			seenAt: countedFrom(run, askedAt, now),
		};
		return isLimited(run) ? toCount(known) : { ...known, stage: 'submitting' };
	},
	fail: (run, problem, again, now) =>
		isStartOver(run, problem, now) ? settle(run, { is: 'failed', problem }) : again,
});

/** The submission: its answer is a job, of this run or not, or leaves it open whether there is one. */
export const submitting = answeredBy('job', {
	ask: (run) => {
		const { connectionId, jobType, refreshMode } = startOrder(run);
		if (namesStreams(run) && !run.streams?.length) throw new Error('No streams were chosen');
		return { do: 'submit', connectionId, jobType, refreshMode, streams: run.streams };
	},
	apply: (before, { job }, now) => {
		const run = { ...before, submissions: before.submissions + 1, staleLooks: undefined };
		const isNew = job.jobId > (run.newestBefore ?? 0);
		if (isNew && serves(job, startOrder(run).jobType)) return own(run, job, now);
		if (isNew) return applyInstead(run, job, now);
		// Airbyte hands back a job that was waiting already instead of making one.
		return isTerminal(job) || isAskedOnce(run)
			? { ...run, stage: 'searching', unclear: { since: now, problem: OLD_JOB }, nextAt: now }
			: applyActive({ ...run, runsForSure: job.jobId }, job, now);
	},
	fail: (before, problem, again, now) => {
		const run = { ...before, staleLooks: undefined };
		if (problem.kind === 'alreadyRunning') {
			// Another job was quicker, or the one that was there before really runs: find it. If none is found, this is tried
			// again at growing intervals.
			if (isStartOver(run, problem, now)) return settle(run, { is: 'failed', problem });
			const nextAt = run.faults === 0 ? now : again.nextAt;
			return {
				...again,
				staleLooks: undefined,
				runsForSure: run.newestBefore,
				stage: 'finding',
				nextAt,
			};
		}
		if (problem.mayHaveArrived) {
			// A disabled connection is refused without a reason.
			const stage = problem.kind === 'conflict' ? 'inspecting' : 'searching';
			const unclear = { since: now, problem };
			const submissions = run.submissions + 1;
			return { ...run, submissions, faults: 0, stage, unclear, nextAt: again.nextAt };
		}
		// It was turned away, or never left. By the next try others may have started a job.
		return isStartOver(run, problem, now)
			? settle(run, { is: 'failed', problem })
			: { ...again, staleLooks: undefined, stage: 'finding' };
	},
});

const OLD_JOB: Problem = {
	kind: 'notAirbyte',
	message: 'Airbyte answered with a job that was over before this one was asked for',
	description: 'Check that no cache or proxy between n8n and Airbyte answers instead of it.',
	passing: true,
	mayHaveArrived: true,
};

/** The jobs after an unclear submission: a newer one of the type asked for is taken for ours. */
export const searching = answeredBy('jobs', {
	ask: find,
	apply: (stored, { jobs, askedAt }, now) => {
		const run = stored.ending ? withoutLateJobIn(stored, jobs, askedAt) : stored;
		const before = run.lateJob?.above ?? run.newestBefore ?? 0;
		if (run.ending && !mayCome(run)) return afterFruitlessSearch(run, before, now);
		const ours = oldestOwn(run, jobs, before);
		if (ours) return own(run, ours, now);
		const [newest] = newestFirst(jobs);
		const until = run.unclear ? run.unclear.since + SETTLING_TIME : (run.lateJob?.until ?? 0);
		// The answer may have been long on its way: what counts is when it was asked for.
		const isOver = askedAt >= until;
		const lateJob = { ...run.lateJob, above: before, until };
		const known = { ...run, lateJob, unclear: undefined };
		if (newest && isBelieved(run, newest, isOver)) {
			const behind = { ...lateJob, behind: newest };
			const refused = { ...known, lateJob: behind, runsForSure: newest.jobId };
			const next = applyActive(refused, newest, now);
			// If the wait for that job lasts as long as ours may still come, ours is searched for after it.
			const waitsUntil = endOfWait(next)?.at ?? 0;
			if (isOver || waitsUntil >= until) return next;
		}
		if (!isOver) return { ...run, nextAt: now + SEARCH_INTERVAL };
		// The job that was waited for was another's: it has ended, and none of ours followed.
		if (run.job && !run.ending) return concludeAnothers(run, run.job, now);
		const isOther = newest !== undefined && newest.jobId > before;
		return isOther && !run.ending && !isAskedOnce(run)
			? applyInstead(known, newest, now)
			: afterFruitlessSearch(run, before, now);
	},
	/** A job of ours may be running unseen, so this goes on for as long as a wait for it would. */
	fail: (run, problem, again, now) => {
		// What came of another's job is known, and is to be told.
		const anothers = run.ending ? undefined : run.job;
		const patience = Math.max(anothers ? 0 : run.order.timeout * 1_000, 2 * SETTLING_TIME);
		const since = run.unclear?.since ?? run.startedAt;
		const isOver = run.ending ? isEndingOver(run, now) : now - since >= patience;
		if (!isOver && !isFinalForOurs(problem)) return again;
		// Ours may still come.
		if (anothers) return concludeByStatus(run, anothers, now);
		return settle(run, { is: 'failed', problem });
	},
});

/**
 * Whether a job that was there before is believed to run. A submission that Airbyte carries out removes dead records,
 * though maybe only once its workers are back.
 */
function isBelieved(run: SyncRun, newest: Job, isOver: boolean): boolean {
	const wasThere = newest.jobId <= (run.newestBefore ?? 0) && !isTerminal(newest);
	if (!wasThere || run.ending || !run.unclear || isAskedOnce(run)) return false;
	const isRefused = run.unclear.problem.kind === 'conflict';
	return isRefused || (isOver && run.submissions >= MOST_SUBMISSIONS);
}

function afterFruitlessSearch(run: SyncRun, before: number, now: number): SyncRun {
	if (run.ending?.why === 'stop') return settle(run, { is: 'stopped', job: run.job });
	const problem = run.unclear?.problem;
	const known = { ...run, unclear: undefined, lateJob: { ...run.lateJob, above: before } };
	return problem && (isAskedOnce(run) || run.submissions >= MOST_SUBMISSIONS)
		? settle(known, { is: 'failed', problem })
		: { ...known, stage: 'inspecting', startedAt: now, nextAt: now };
}

function namesStreams(run: SyncRun): boolean {
	return (startOrder(run).streams ?? []).length > 0;
}

/** Airbyte keeps a refresh that it was asked for, and carries it out before the next sync. */
function isAskedOnce(run: SyncRun): boolean {
	return startOrder(run).jobType === 'refresh';
}

/**
 * A clear would cancel a refresh that runs; of a sync Airbyte itself says so, and then it is looked for, unless it could be
 * taken for a job of ours.
 */
function find(run: SyncRun): Call & { do: 'find' } {
	const { connectionId, jobType } = startOrder(run);
	const withRefreshes = jobType !== 'sync' || (run.runsForSure !== undefined && !mayCome(run));
	return { do: 'find', connectionId, ...(withRefreshes && { withRefreshes }) };
}

/** The job is this run's own. */
function own(run: SyncRun, job: Job, now: number): SyncRun {
	return watch({ ...run, ours: true, lateJob: undefined }, job, now);
}

function concludeAnothers(run: SyncRun, job: Job, now: number): SyncRun {
	return concludeByStatus({ ...run, lateJob: undefined }, job, now);
}

/** What a submission may have brought about: the first job of the type that is newer. */
function oldestOwn(run: SyncRun, jobs: Job[], before: number): Job | undefined {
	return oldestFirst(jobs).find(
		(job) => job.jobId > before && serves(job, startOrder(run).jobType),
	);
}

/**
 * The run that is not to ask for a refresh yet, as the workflow of the last job may not have ended: of a sync Airbyte says
 * so, of a refresh it does not. By Airbyte's clock, which may be wrong, but counted from the first look at most.
 */
function untilRefreshIsTaken(
	run: SyncRun,
	newest: Job | undefined,
	askedAt: number,
): SyncRun | undefined {
	const mayLinger = newest && isTerminal(newest) && newest.status !== 'cancelled';
	if (!isAskedOnce(run) || !mayLinger) return undefined;
	const { jobId, lastUpdatedAt } = newest;
	const endSeen = run.endSeen?.jobId === jobId ? run.endSeen : { jobId, at: askedAt };
	const ended = Date.parse(lastUpdatedAt ?? '') || 0;
	const nextAt = Math.min(ended, endSeen.at) + WORKFLOW_ENDING;
	return askedAt < nextAt ? { ...run, endSeen, nextAt } : undefined;
}

/** Whether the order is to start none where one has just succeeded; a retry always is to, as it comes after a failure. */
function mayBeFresh(run: SyncRun): boolean {
	const { jobType, skipIfSyncedWithin } = startOrder(run);
	const isFirst = run.submissions === 0 && !hasRunBefore(run);
	return jobType === 'sync' && skipIfSyncedWithin > 0 && isFirst;
}

/** Milliseconds since the epoch, after which a sync has to have ended to be fresh. */
function freshSince(run: SyncRun, now: number): number {
	return now - startOrder(run).skipIfSyncedWithin * 1_000;
}

/** The sync that succeeded, as this order has it, so short a while ago that none is to be started. */
function freshIn(run: SyncRun, jobs: Job[], now: number): Job | undefined {
	if (!mayBeFresh(run)) return undefined;
	const since = freshSince(run, now);
	const { staleJob = 0 } = run;
	const isFresh = (job: Job) =>
		Date.parse(job.lastUpdatedAt ?? '') > since && job.jobId > staleJob && !lacksRows(run, job);
	return jobs.find((job) => isSyncSuccess(job) && isFresh(job) && !isCleared(job, jobs));
}

/**
 * Airbyte ran something else than what was asked for: streams that are marked for a reset come first. Its end is
 * waited for, then the job is asked for again.
 */
function applyInstead(before: SyncRun, job: Job, now: number): SyncRun {
	const run = { ...before, instead: [...(before.instead ?? []), job], runsForSure: job.jobId };
	const isEnough = isAskedOnce(run) || run.instead.length > MOST_INSTEAD;
	if (isEnough) return settle(run, { is: 'instead', job });
	return isTerminal(job)
		? { ...startAnew(run, now), nextAt: now + SEARCH_INTERVAL }
		: queueBehind(run, job, now);
}
