/** Rules 1 and 3: what may be sent when. */
import type { Job } from '../../../nodes/airbyte/api/job';
import type { SyncRun } from '../../../nodes/airbyte/run/run';
import type { ModelJob } from './model.cts';
import { isOver } from './model.cts';
import type { CallRecord, History } from './live.cts';

/** How long after an unclear submission its job may still appear. */
const SETTLING_TIME = 60_000;

/** How old the look may be that decides about starting or cancelling. */
const FRESH = 5_000;

/** After so many answers in a row that took longer, the next one has to do. */
const MOST_STALE = 3;

/** From what age on a record is not believed. */
const OLD = 60_000;

export const callLaws = {
	'one run starts one job at most for each attempt': ({ airbyte, run, world }: History) => {
		// A job that appears after the search is over cannot be noticed in time.
		if (world.lateBy >= SETTLING_TIME) return undefined;
		const started = airbyte.ownOf(run.order).map(({ jobId }) => jobId);
		return started.length > run.attempt ? `it started ${started.join(', ')}` : undefined;
	},

	'no submission while there is a job of an earlier one, or may be, unless it is known to have failed':
		(history: History) => {
			if (hasTakenAnothers(history) || history.world.lateBy >= SETTLING_TIME) return undefined;
			const submissions = history.calls.filter(({ action }) => action.do === 'submit');
			const wrong = submissions.find(({ jobsBefore, pendingBefore, run }) => {
				const failed = new Set(run.earlier.map(({ jobId }) => jobId));
				return pendingBefore > 0 || jobsBefore.some((jobId) => !failed.has(jobId));
			});
			return wrong && `the one at ${wrong.sentAt}`;
		},

	'a refresh is asked for once for each attempt, unless it was turned away': ({
		calls,
	}: History) => {
		const taken = calls.filter(
			({ action, outcome }) =>
				action.do === 'submit' &&
				action.jobType === 'refresh' &&
				(outcome?.is !== 'problem' || outcome.problem.mayHaveArrived),
		);
		const again = taken.find(({ run, sentAt }) =>
			calls.some(
				(call) =>
					call.action.do === 'submit' && call.run.attempt === run.attempt && call.sentAt > sentAt,
			),
		);
		return again && `not after the one at ${again.sentAt}`;
	},

	/** Without the model's knowledge: what the run could know at most. */
	'after an unclear submission, a look at least a minute later decides': ({ calls }: History) => {
		const unclear: CallRecord[] = [];
		for (const call of calls) {
			if (call.action.do !== 'submit') continue;
			const wrong = unclear.find(
				(earlier) =>
					// Another attempt begins only with a job that is known.
					earlier.run.attempt === call.run.attempt && !isSettled(earlier, call.sentAt, calls),
			);
			if (wrong) return `${call.sentAt} after ${wrong.answeredAt}`;
			if (isUnclear(call)) unclear.push(call);
		}
		return undefined;
	},

	'a job is started only when a fresh look shows that none is running, or a record that is to be asked about':
		({ calls }: History) => {
			const wrong = calls.find((call, index) => {
				if (call.action.do !== 'submit') return false;
				const look = findBefore(calls, index);
				return (
					look?.outcome?.is !== 'jobs' ||
					(isRunning(look.outcome.jobs) &&
						!isProbe(look.outcome.jobs, call) &&
						!isGone(calls.slice(0, index), look.outcome.jobs)) ||
					look.sleeps !== call.sleeps ||
					!isFresh(calls, index, 'find')
				);
			});
			return wrong && `not the one at ${wrong.sentAt}`;
		},

	'an Airbyte that answers slowly is taken at its word after three fresh looks': ({
		calls,
	}: History) => {
		const looks = calls.map(({ action, outcome, sentAt, answeredAt }, index) => ({
			isLook: action.do === 'find' && outcome?.is === 'jobs',
			// A pause, a sleep, a fault or a call of another kind lets it begin anew.
			isNext:
				calls[index - 1]?.answeredAt === sentAt &&
				calls[index - 1].outcome?.is !== 'problem' &&
				(action.do === 'find' || action.do === 'count'),
			answeredAt,
		}));
		let inARow = 0;
		const wrong = looks.find(({ isLook, isNext }) => {
			inARow = (isNext ? inARow : 0) + (isLook ? 1 : 0);
			return inARow > MOST_STALE + 1;
		});
		return wrong && `there is one more, answered at ${wrong.answeredAt}`;
	},

	'what takes over what runs is not submitted while something may': ({ calls }: History) => {
		const wrong = calls.find(({ action }, index) => {
			const look = findBefore(calls, index)?.outcome;
			if (action.do !== 'submit' || action.jobType === 'sync' || look?.is !== 'jobs') return false;
			return (
				look.jobs[0] && !isOver(look.jobs[0].status) && !isGone(calls.slice(0, index), look.jobs)
			);
		});
		return wrong && `the one at ${wrong.sentAt}`;
	},

	'a job is started only on a connection that was seen to be active before': ({
		calls,
	}: History) => {
		const wrong = calls.find(({ action, run }, index) => {
			if (action.do !== 'submit') return false;
			const last = calls
				.slice(0, index)
				.reverse()
				.find((call) => call.action.do === 'inspect' && call.run.attempt === run.attempt)?.outcome;
			// A connection that takes Airbyte too long to read is not waited for.
			if (last?.is === 'problem') return last.problem.kind !== 'unanswered';
			return last?.is !== 'connection' || last.connection.status !== 'active';
		});
		return wrong && `not the one at ${wrong.sentAt}`;
	},

	'a refusal without a reason leads to the connection, which may have been disabled': ({
		calls,
	}: History) => {
		const wrong = calls.find(({ action, outcome }, index) => {
			const next: CallRecord | undefined = calls[index + 1];
			if (action.do !== 'submit' || outcome?.is !== 'problem' || !next) return false;
			const isRefused = outcome.problem.kind === 'conflict' && !next.run.ending;
			return isRefused && next.action.do !== 'inspect';
		});
		return wrong && `not at ${wrong.answeredAt}`;
	},

	'a connection that is not active ends the run': ({ calls }: History) => {
		const wrong = calls
			.slice(0, -1)
			.find(
				({ run, outcome }) =>
					run.stage === 'inspecting' &&
					outcome?.is === 'connection' &&
					outcome.connection.status !== 'active',
			);
		return wrong && `not at ${wrong.answeredAt}`;
	},

	"a job of others' is attached to only if the order says so": ({ run, world }: History) => {
		const { order } = world;
		if (order.kind !== 'start' || order.onActiveJob === 'attach' || !run.job) return undefined;
		return run.ours ? undefined : `job ${run.job.jobId}`;
	},

	'a stop that may not cancel ends the run at once': ({ calls, stoppedAt, world }: History) => {
		const { order } = world;
		if (order.kind !== 'start' || order.cancelOnStop || stoppedAt === undefined) return undefined;
		const wrong = calls.find(({ sentAt, run }) => {
			const isEndingAlready = run.ending?.why === 'timeout' || run.ending?.why === 'fault';
			return sentAt > stoppedAt && !isEndingAlready;
		});
		return wrong && `there is a ${wrong.action.do} at ${wrong.sentAt}`;
	},

	'after a stop nothing is started, and no more is waited for': ({
		calls,
		sleeps,
		stoppedAt = Infinity,
	}: History) => {
		const submission = calls.find(
			({ action, sentAt }) => action.do === 'submit' && sentAt > stoppedAt,
		);
		if (submission) return `there is a submission at ${submission.sentAt}`;
		const waits = ['watching', 'queueing', 'pausing'];
		const sleep = sleeps.find(({ at, run }) => at > stoppedAt && waits.includes(run.stage));
		return sleep && `there is a sleep at ${sleep.at}`;
	},

	'a DELETE follows a fresh look that shows its job running': ({ calls }: History) => {
		const wrong = calls.find((call, index) => {
			if (call.action.do !== 'cancel') return false;
			const look = calls[index - 1];
			return (
				look?.action.do !== 'look' ||
				look.outcome?.is !== 'job' ||
				look.outcome.job.jobId !== call.action.jobId ||
				isOver(look.outcome.job.status) ||
				!isFresh(calls, index, 'look')
			);
		});
		return wrong && `not the one at ${wrong.sentAt}`;
	},

	'a DELETE needs a reason: the deadline, a stop, or that it is asked for': (history: History) => {
		const wrong = history.calls.find(
			({ action, run, sentAt }) => action.do === 'cancel' && !mayCancel(history, run, sentAt),
		);
		return wrong && `there is none at ${wrong.sentAt}`;
	},

	"a job of others' is never cancelled unless asked for": (history: History) => {
		const wrong = history.calls.find(({ action, run }) => {
			if (action.do !== 'cancel' || run.order.until === 'cancelled') return false;
			if (isReplacing(run)) return run.blocker?.jobId !== action.jobId;
			const job = history.airbyte.job(action.jobId);
			return !run.ours || (job?.by !== 'run' && !isTakenForOurs(history, action.jobId));
		});
		return wrong && `the one at ${wrong.sentAt} did`;
	},

	'a job that gives way is none of the same attempt': ({ calls, airbyte }: History) => {
		const wrong = calls.find(({ action, run, jobsBefore }) => {
			if (run.stage !== 'cancellingBlocker' || action.do !== 'cancel') return false;
			const isOwn = airbyte.ownOf(run.order).some(({ jobId }) => jobId === action.jobId);
			return isOwn && jobsBefore.length >= run.attempt;
		});
		return wrong && `not the one at ${wrong.sentAt}`;
	},

	/** Between the look and the DELETE nothing can be done about it: that is Airbyte's. */
	'what a DELETE hits beside is what came while it was on its way': (history: History) => {
		const wrong = history.airbyte.cancelled.find(({ job, by }) => {
			const deletes = history.calls.filter(({ action }) => action.do === 'cancel');
			if (by === 'reset' || deletes.some(({ action }) => isFor(action, job.jobId))) return false;
			return !deletes.some((call) => job.createdAt >= lookBefore(history, call).arrivedAt);
		});
		return wrong && `job ${wrong.job.jobId}`;
	},

	"a reset's submission puts an end only to what came while it was on its way": (
		history: History,
	) => {
		const wrong = history.airbyte.cancelled.find(
			({ job, by }) => by === 'reset' && !cameDuringSubmission(history, job),
		);
		return wrong && `job ${wrong.job.jobId}`;
	},

	'a run knows whose its job is': (history: History) => {
		const { airbyte, run } = history;
		const job = run.job && airbyte.job(run.job.jobId);
		if (!job || run.order.kind === 'follow' || run.ours === (job.by === 'run')) return undefined;
		if (run.ours) {
			return isTakenForOurs(history, job.jobId) ? undefined : `job ${job.jobId} is not its own`;
		}
		return hasTakenAnothers(history) ? undefined : `it disowns job ${job.jobId}`;
	},
};

/**
 * Whether a job of others' came after the run's last look before its submission: then Airbyte's answers are the
 * same as if it had come of the submission, and nobody can tell.
 */
function isTakenForOurs(history: History, jobId: number): boolean {
	const job = history.airbyte.job(jobId);
	return job?.by === 'others' && cameDuringSubmission(history, job);
}

/** Whether it has taken any: then it cannot know that a job of its own may still be to come. */
export function hasTakenAnothers(history: History): boolean {
	const { earlier, job } = history.run;
	return [...earlier, ...(job ? [job] : [])].some(({ jobId }) => isTakenForOurs(history, jobId));
}

/** From the look before a submission until it is known what came of it. */
function cameDuringSubmission({ calls }: History, { createdAt }: ModelJob): boolean {
	return calls.some(({ action, arrivedAt }, index) => {
		const look = action.do === 'submit' && findBefore(calls, index);
		if (!look) return false;
		let last = index;
		while (calls[last + 1]?.run.unclear || calls[last + 1]?.run.lateJob) last++;
		// A submission that was given up may still be on its way.
		const until = Math.max(calls[last].answeredAt, arrivedAt);
		return look.arrivedAt <= createdAt && createdAt <= until;
	});
}

/** The look at the connection's jobs right before a submission; the workspace's may have been counted in between. */
function findBefore(calls: CallRecord[], index: number): CallRecord | undefined {
	const before = calls[index - 1];
	const look = before?.action.do === 'count' ? calls[index - 2] : before;
	return look?.action.do === 'find' ? look : undefined;
}

/** Whether the call decides on what was asked for a moment ago, or enough answers before took too long. */
export function isFresh(
	calls: CallRecord[],
	index: number,
	asked: 'count' | 'find' | 'look',
): boolean {
	const { sentAt } = calls[index];
	const before = calls.slice(0, index).reverse();
	const seen = before.find(({ action }) => action.do === asked);
	if (seen && sentAt - seen.sentAt <= FRESH) return true;
	const first = asked === 'look' ? 'look' : 'find';
	const since = before.findIndex(({ action }) => action.do !== first && action.do !== 'count');
	const looks = since < 0 ? before : before.slice(0, since);
	// A look, and the count that may come after it, are one.
	const slow = looks.filter((look, other) => {
		const next = looks[other - 1];
		const last = next?.action.do === 'count' ? next : look;
		return look.action.do === first && last.answeredAt - look.sentAt > FRESH;
	});
	return slow.length > MOST_STALE && sentAt - before[0].answeredAt <= FRESH;
}

/** Whether the newest of the jobs has not ended; Airbyte runs one at a time. */
function isRunning([newest]: Job[]): boolean {
	return newest !== undefined && !isOver(newest.status);
}

function isProbe([newest]: Job[], { action, run, sentAt }: CallRecord): boolean {
	const isOld = sentAt - Date.parse(newest.startTime ?? '') >= OLD;
	return (
		action.do === 'submit' && action.jobType === 'sync' && isOld && run.runsForSure !== newest.jobId
	);
}

/** Whether Airbyte has said three times that the job does not run that its record tells of. */
function isGone(before: CallRecord[], [newest]: Job[]): boolean {
	const refusals = before.filter(
		({ action, run, outcome }) =>
			run.stage === 'cancellingBlocker' &&
			isFor(action, newest.jobId) &&
			outcome?.is === 'problem' &&
			outcome.problem.kind === 'notRunning',
	);
	return refusals.length >= 3;
}

function isReplacing({ stage, order }: SyncRun): boolean {
	const isOrdered = order.kind === 'start' && order.onActiveJob === 'replace';
	return stage === 'cancellingBlocker' && isOrdered;
}

/** Whether a submission was left open, and no look a minute later or more has decided it by then. */
export function isLeftOpen(calls: CallRecord[], now: number): boolean {
	return calls.some(
		(call) =>
			call.action.do === 'submit' &&
			call.answeredAt <= now &&
			isUnclear(call) &&
			!isSettled(call, now, calls),
	);
}

function isUnclear({ outcome, answeredAt }: CallRecord): boolean {
	if (outcome === undefined) return answeredAt > 0;
	return outcome.is === 'problem' && outcome.problem.mayHaveArrived;
}

function isSettled(earlier: CallRecord, by: number, calls: CallRecord[]): boolean {
	return calls.some(
		({ action, outcome, sentAt, answeredAt }) =>
			action.do === 'find' &&
			outcome?.is === 'jobs' &&
			sentAt >= earlier.answeredAt + SETTLING_TIME &&
			answeredAt <= by,
	);
}

function mayCancel(history: History, run: SyncRun, sentAt: number): boolean {
	if (isReplacing(run)) return true;
	const { order } = history.world;
	const { watchedSince = Infinity, deadline = Infinity } = run;
	const why = run.ending?.why;
	if (why === 'asked') return order.until === 'cancelled';
	if (order.kind !== 'start') return false;
	if (why === 'stop') return history.stoppedAt !== undefined && order.cancelOnStop;
	if (!order.cancelOnTimeout) return false;
	if (why === 'fault') return run.ending?.problem?.kind === 'refused';
	if (why === 'timeout') return sentAt >= deadline;
	return why === 'queue' && sentAt >= watchedSince + order.queueTimeout * 1_000;
}

function isFor(action: CallRecord['action'], jobId: number): boolean {
	return 'jobId' in action && action.jobId === jobId;
}

function lookBefore({ calls }: History, call: CallRecord): CallRecord {
	return calls[calls.indexOf(call) - 1] ?? call;
}
