/** Rules 5 and 6, and that every run comes to its end. */
import type { CallRecord, History, SleepRecord } from './live.cts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** What a Retry-After is believed at most. */
const LONGEST_PAUSE = 10 * MINUTE;

/** Problems that no waiting mends, as far as a job is concerned that is known. */
export const FINAL = new Set(['input', 'signIn', 'forbidden', 'notFound', 'notRunning', 'refused']);

export const timeLaws = {
	'every run ends': ({ run }: History) =>
		run.stage === 'settled' && run.result ? undefined : `it is still ${run.stage}`,

	'no phase sleeps longer than it has patience': (history: History) => {
		const most = mostSleep(history);
		const slept = { start: 0, search: 0, watch: 0, ending: 0 };
		for (const sleep of history.sleeps) slept[phaseOf(sleep)] += sleep.until - sleep.at;
		const phases = Object.keys(slept) as Array<keyof typeof slept>;
		const over = phases.find((phase) => slept[phase] > most[phase]);
		return over && `${over}: ${slept[over]} ms, ${most[over]} at most`;
	},

	'no sleep into the past, past the deadline, or without measure': ({ sleeps, world }: History) => {
		const longest = Math.max(LONGEST_PAUSE, world.order.waitSeconds * SECOND);
		const wrong = sleeps.find(
			({ at, until, run }) =>
				!(until > at) ||
				until - at > longest ||
				(run.stage === 'watching' && run.deadline !== undefined && until > run.deadline),
		);
		return wrong && `from ${wrong.at} until ${wrong.until}, deadline ${wrong.run.deadline}`;
	},

	/** Only the few calls that build on one another may come without a sleep in between. */
	'no busy loop': ({ calls }: History) => {
		const wrong = calls.find((call) => {
			const { action, sleeps, sentAt } = call;
			const same = calls.filter(
				(other) =>
					other.action.do === action.do &&
					other.sleeps === sleeps &&
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
			// A parked run forgets it, but its clocks ring once a minute at most.
			if (parkings.some((at) => at >= before.answeredAt && at <= call.sentAt)) return false;
			const asked = (before.outcome.problem.retryAfterSeconds ?? 0) * SECOND;
			return call.sentAt < before.answeredAt + Math.min(asked, LONGEST_PAUSE);
		});
		return wrong && `${wrong.action.do} at ${wrong.sentAt} is too early`;
	},

	'submissions that are turned away become rare': ({ calls }: History) => {
		const submissions = calls.filter(({ action }) => action.do === 'submit').length;
		return submissions > 30 ? `${submissions} of them` : undefined;
	},

	'a look that failed in passing does not end a watch': ({ calls, run }: History) => {
		const last = calls[calls.length - 1];
		if (last?.run.stage !== 'watching' || run.result?.is !== 'failed') return undefined;
		const { kind, passing } = run.result.problem;
		if (FINAL.has(kind)) return undefined;
		// A job that was never seen may be a wrong address; to see it once takes a few tries.
		if (run.job === undefined && (!passing || run.order.until === 'seen')) return undefined;
		return `${kind} did`;
	},

	'a refusal ends a watch at once': ({ calls }: History) => {
		const wrong = calls
			.slice(0, -1)
			.find(
				({ run, outcome }) =>
					run.stage === 'watching' && outcome?.is === 'problem' && FINAL.has(outcome.problem.kind),
			);
		return wrong && `not the one at ${wrong.answeredAt}`;
	},

	'the deadline is set once, from when the job is known': ({ calls, sleeps, run }: History) => {
		const runs = [...calls, ...sleeps].map((record) => record.run).concat(run);
		const known = runs.filter(({ deadline }) => deadline !== undefined);
		const deadlines = new Set(known.map(({ deadline }) => deadline));
		if (deadlines.size > 1) return `it was ${[...deadlines].join(', then ')}`;
		const { watchedSince = 0, deadline, order } = known[0] ?? {};
		if (deadline === undefined || deadline === watchedSince + (order?.timeout ?? 0) * SECOND) {
			return undefined;
		}
		return `${deadline} is not ${order?.timeout} s after ${watchedSince}`;
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

type Phase = 'start' | 'search' | 'watch' | 'ending';

function phaseOf({ run }: SleepRecord): Phase {
	if (run.ending) return 'ending';
	if (run.stage === 'searching') return 'search';
	return run.stage === 'watching' ? 'watch' : 'start';
}

function mostSleep({ calls, world }: History): Record<Phase, number> {
	const submissions = calls.filter(({ action }) => action.do === 'submit').length;
	const timeout = world.order.timeout * SECOND;
	return {
		start: (submissions + 1) * (2 * MINUTE + LONGEST_PAUSE),
		search: submissions * (Math.max(timeout, MINUTE) + LONGEST_PAUSE),
		// To see a job once takes a few tries, whatever the timeout.
		watch: world.order.until === 'seen' ? 3 * LONGEST_PAUSE : timeout,
		// The last few tries wait for as long as Airbyte asks for; parked, each look tries for a moment.
		ending: world.order.parks ? Infinity : 2 * MINUTE + 3 * LONGEST_PAUSE,
	};
}

/** The end does not wait for what was asked of the wait. */
function isEndingNew(before: CallRecord, call: CallRecord): boolean {
	return before.run.ending === undefined && call.run.ending !== undefined;
}
