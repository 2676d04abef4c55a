/**
 * What the stages have in common that ask Airbyte something: the question, what the answer makes of the run, and what
 * a problem in its place does.
 */
import type { Problem } from '../api/problem';
import type { Call, Outcome, SyncRun } from './run';

type Answer = Exclude<Outcome, { is: 'problem' }>;

interface Rules<A extends Answer> {
	ask: (run: SyncRun) => Call;
	apply: (run: SyncRun, answer: A, now: number) => SyncRun;
	/** @param again the same run, to ask once more after a pause that grows with the number of faults */
	fail: (run: SyncRun, problem: Problem, again: SyncRun, now: number) => SyncRun;
}

export type Stage = Rules<Answer>;

/** A stage that is answered in one way only. */
export function answeredBy<Is extends Answer['is']>(
	is: Is,
	rules: Rules<Extract<Answer, { is: Is }>>,
): Stage {
	const isExpected = (answer: Answer): answer is Extract<Answer, { is: Is }> => answer.is === is;
	return {
		...rules,
		apply: (run, answer, now) => {
			if (!isExpected(answer)) throw new Error(`${run.stage} is answered by ${is}`);
			return rules.apply(run, answer, now);
		},
	};
}
