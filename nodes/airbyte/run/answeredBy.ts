/**
 * What the stages have in common that ask Airbyte something: the question, what the answer makes of the run, and what
 * a problem in its place does.
 */
import type { Problem } from '../api/problem';
import type { Call, Outcome } from './action';
import type { SyncRun } from './run';

type Reply = Exclude<Outcome, { is: 'problem' }>;

interface Rules<A extends Reply> {
	ask: (run: SyncRun) => Call;
	apply: (run: SyncRun, answer: A, now: number) => SyncRun;
	/** @param again the same run, to ask once more after a pause that grows with the number of faults */
	fail: (run: SyncRun, problem: Problem, again: SyncRun, now: number) => SyncRun;
}

export type Stage = Rules<Reply>;

/** A stage that is answered in one way only. */
export function answeredBy<Is extends Reply['is']>(
	is: Is,
	rules: Rules<Extract<Reply, { is: Is }>>,
): Stage {
	const isExpected = (answer: Reply): answer is Extract<Reply, { is: Is }> => answer.is === is;
	return {
		...rules,
		apply: (run, answer, now) => {
			if (!isExpected(answer)) throw new Error(`${run.stage} is answered by ${is}`);
			return rules.apply(run, answer, now);
		},
	};
}
