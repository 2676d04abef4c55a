/** Rules 5 and 6, and that every run comes to its end. */
import { canPark } from '../../../nodes/airbyte/run/parking';
import type { SyncRun } from '../../../nodes/airbyte/run/run';
import { isOver } from './model.cts';
import type { CallRecord, History, SleepRecord } from './live.cts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** What a Retry-After is believed at most. */
const LONGEST_PAUSE = 10 * MINUTE;

/** Problems that no waiting mends, as far as a job is concerned that is known. */
export const FINAL = new Set(['input', 'forbidden', 'notFound', 'notRunning', 'refused']);

/** Of a run that was let in before, so many faults in a row are not about a token that has just expired. */
const MOST_REFUSALS = 4;

export const timeLaws = {
	'every run ends': ({ run, stoppedParked }: History) =>
		stoppedParked || (run.stage === 'settled' && run.result)
			? undefined
			: `it is still ${run.stage}`,

	'no phase sleeps longer than it has patience': (history: History) => {
		const most = mostSleep(history);
		const slept = { start: 0, search: 0, replace: 0, queue: 0, pause: 0, watch: 0, ending: 0 };
		for (const sleep of history.sleeps) slept[phaseOf(sleep)] += sleep.until - sleep.at;
		const phases = Object.keys(slept) as Array<keyof typeof slept>;
		const over = phases.find((phase) => slept[phase] > most[phase]);
		return over && `${over}: ${slept[over]} ms, ${most[over]} at most`;
	},

	'no sleep into the past, past the deadline, or without measure': ({ sleeps, world }: History) => {
		const { order } = world;
		const retryDelay = order.kind === 'start' ? order.retryDelay : 0;
		const longest = Math.max(LONGEST_PAUSE, Math.max(order.waitSeconds, retryDelay) * SECOND);
		const wrong = sleeps.find(
			({ at, until, run }) =>
				!(until > at) ||
				until - at > longest ||
				(isWatch(run) && run.deadline !== undefined && until > run.deadline),
		);
		return wrong && `from ${wrong.at} until ${wrong.until}, deadline ${wrong.run.deadline}`;
	},

	"a run that may wait in n8n's database sleeps elsewhere only for a look that failed once, and not for long":
		({ sleeps }: History) => {
			const wrong = sleeps.find(
				({ at, until, run }) => canPark(run) && (run.faults !== 1 || until - at > 3 * SECOND),
			);
			return wrong && `from ${wrong.at} until ${wrong.until}, ${wrong.run.faults} faults`;
		},

	/** Only the few calls that build on one another may come without a sleep in between. */
	'no busy loop': ({ calls }: History) => {
		const wrong = calls.find((call) => {
			const { action, sleeps, sentAt } = call;
			const same = calls.filter(
				(other) =>
					other.action.do === action.do &&
					other.sleeps === sleeps &&
					other.run.attempt === call.run.attempt &&
					// A process that dies is started again, which takes its time.
					other.outcome !== undefined &&
					other.sentAt >= sentAt &&
					other.sentAt < sentAt + 2 * SECOND,
			);
			return same.length > 4;
		});
		return wrong && `${wrong.action.do} from ${wrong.sentAt} on`;
	},

	'Retry-After is honoured': ({ calls, parkings }: History) => {
		const wrong = calls.find((call, index) => {
			const before = calls[index - 1];
			if (before?.outcome?.is !== 'problem' || isEndingNew(before, call)) return false;
			// These are asked once, of another API.
			const once = ['explain', 'readLog'];
			if (once.includes(before.action.do) || once.includes(call.action.do)) return false;
			// A parked run forgets it, but its clocks ring once a minute at most.
			if (parkings.some(({ at }) => at >= before.answeredAt && at <= call.sentAt)) return false;
			const asked = (before.outcome.problem.retryAfterSeconds ?? 0) * SECOND;
			return call.sentAt < before.answeredAt + Math.min(asked, LONGEST_PAUSE);
		});
		return wrong && `${wrong.action.do} at ${wrong.sentAt} is too early`;
	},

	'submissions that are turned away become rare': (history: History) => {
		const submissions = history.calls.filter(({ action }) => action.do === 'submit').length;
		return submissions > 30 * startsOf(history) ? `${submissions} of them` : undefined;
	},

	'a look that failed in passing does not end a watch': ({ calls, run }: History) => {
		const last = calls[calls.length - 1];
		if (run.result?.is !== 'failed' || !isWaiting(last)) return undefined;
		const { kind, passing } = run.result.problem;
		if (isRefusal(last)) return undefined;
		// A job that was never seen may be a wrong address; to see it once takes a few tries.
		const isSeen = run.job !== undefined || run.blocker !== undefined;
		// An Airbyte that has never answered is not waited for as long.
		if (last.run.stage === 'awaiting' && !last.run.connection) return undefined;
		if (!isSeen && (!passing || run.order.until === 'seen')) return undefined;
		return `${kind} did`;
	},

	'a refusal ends a watch at once': ({ calls }: History) => {
		const wrong = calls
			.slice(0, -1)
			.find((call) => isWaiting(call) && isRefusal(call) && !isOver(call.run.job?.status ?? ''));
		return wrong && `not the one at ${wrong.answeredAt}`;
	},

	'the deadline is set once for each job, from when the job is known': (history: History) => {
		const deadlines = new Map<string, number>();
		for (const { attempt, watchedSince = 0, deadline, order, job } of runsOf(history)) {
			if (deadline === undefined) continue;
			const key = `${attempt} ${job?.jobId}`;
			const known = deadlines.get(key) ?? deadline;
			if (deadline !== known) return `it was ${known}, then ${deadline}`;
			if (deadline !== watchedSince + order.timeout * SECOND) {
				return `${deadline} is not ${order.timeout} s after ${watchedSince}`;
			}
			deadlines.set(key, deadline);
		}
		return undefined;
	},

	/** One look may be under way at the deadline, and its job's page be asked for; then the end is begun. */
	'once the deadline is over, no look is for waiting': ({ calls }: History) => {
		const wrong = calls.find(
			({ run, sentAt }) =>
				run.stage === 'watching' &&
				run.order.until !== 'seen' &&
				run.deadline !== undefined &&
				sentAt >= run.deadline,
		);
		return wrong && `the one at ${wrong.sentAt}, deadline ${wrong.run.deadline}`;
	},
};

/** The run at every step of its life. */
export function runsOf({ calls, sleeps, parkings, run }: History): SyncRun[] {
	return [...calls, ...sleeps, ...parkings].map((record) => record.run).concat(run);
}

/** How often a start was begun: for each attempt, and after each wait for others. */
function startsOf(history: History): number {
	return new Set(runsOf(history).map(({ startedAt }) => startedAt)).size;
}

/** Problems that tell of a job that it is not there. */
const GONE = new Set(['notFound', 'notRunning']);

function isWaiting(call: CallRecord | undefined): call is CallRecord {
	return call !== undefined && (isWatch(call.run) || isQueue(call.run));
}

/** Whether others are waited for, before a start. */
export function isQueue({ stage }: SyncRun): boolean {
	return stage === 'queueing' || stage === 'crowded';
}

/** Whether a job's end is waited for, or that there is one. */
function isWatch({ stage }: SyncRun): boolean {
	return stage === 'watching' || stage === 'awaiting';
}

/** Whether the answer leaves no hope for a wait. */
function isRefusal({ run, outcome }: CallRecord): boolean {
	if (outcome?.is !== 'problem') return false;
	const { kind } = outcome.problem;
	if (kind === 'signIn') {
		const wasLetIn = run.connection !== undefined || run.job !== undefined;
		return !wasLetIn || (run.signInRefusals ?? 0) + 1 >= MOST_REFUSALS;
	}
	// What was started is cancelled first.
	const isOurs = run.ours && run.order.kind === 'start' && run.order.cancelOnTimeout;
	if (kind === 'refused' && isOurs && !isOver(run.job?.status ?? '')) return false;
	// A job of others' that is gone blocks nothing any longer.
	return FINAL.has(kind) && !(run.stage === 'queueing' && GONE.has(kind));
}

type Phase = 'start' | 'search' | 'replace' | 'queue' | 'pause' | 'watch' | 'ending';

function phaseOf({ run }: SleepRecord): Phase {
	if (run.ending) return 'ending';
	if (run.stage === 'searching') return 'search';
	if (run.stage === 'replacing') return 'replace';
	if (isQueue(run)) return 'queue';
	if (run.stage === 'pausing') return 'pause';
	return isWatch(run) ? 'watch' : 'start';
}

function mostSleep(history: History): Record<Phase, number> {
	const { calls, run, world } = history;
	const submissions = calls.filter(({ action }) => action.do === 'submit').length;
	const { order } = world;
	const timeout = order.timeout * SECOND;
	return {
		start: (submissions + startsOf(history)) * (2 * MINUTE + LONGEST_PAUSE),
		// After another's job has ended, too.
		search: Math.max(submissions, startsOf(history)) * (Math.max(timeout, MINUTE) + LONGEST_PAUSE),
		// Five jobs at most, each asked to end for two minutes from when Airbyte took that.
		replace: run.attempt * 5 * (4 * MINUTE + 2 * LONGEST_PAUSE),
		queue: run.attempt * timeout,
		pause: order.kind === 'start' ? (run.attempt - 1) * order.retryDelay * SECOND : 0,
		// To see a job once takes a few tries, whatever the timeout.
		watch: order.until === 'seen' ? 3 * LONGEST_PAUSE : waitsOf(history) * timeout,
		// The last few tries wait for as long as Airbyte asks for; parked, each look tries for a moment.
		ending: order.parks ? Infinity : (2 * MINUTE + 3 * LONGEST_PAUSE) * endingsOf(history),
	};
}

/** Of each attempt for its job, after another's that it attached to, and one at least. */
function waitsOf(history: History): number {
	const deadlines = runsOf(history).flatMap(({ deadline }) => deadline ?? []);
	return Math.max(history.run.attempt, new Set(deadlines).size);
}

/** Ends that were begun: that of a job which leaves the queue at the last moment is taken back. */
function endingsOf(history: History): number {
	return new Set(runsOf(history).map(({ ending }) => ending?.since)).size;
}

/** The end does not wait for what was asked of the wait. */
function isEndingNew(before: CallRecord, call: CallRecord): boolean {
	return call.run.ending !== undefined && before.run.ending?.why !== call.run.ending.why;
}
