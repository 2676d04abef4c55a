/**
 * The life of one item's job, from what was asked to what came of it.
 *
 * A pure state machine over plain JSON: it knows no clock and no network, so that it can be tested without
 * either and stored as it is. {@link step} tells what to do next, {@link apply} takes in what came of it.
 * Times are milliseconds since the epoch.
 */
import type { Problem } from '../api/problem';
import type { Action, Outcome } from './action';
import { comparing } from './active';
import type { Stage } from './answeredBy';
import { awaiting } from './awaitSync';
import { cancelling, verifying } from './cancel';
import { explaining, readingLog } from './end';
import { queueing } from './queue';
import { cancellingBlocker, replacing } from './replace';
import { counting, crowded } from './room';
import type { SyncRun } from './run';
import { retryAt } from './schedule';
import type { StageName } from './stages';
import { traitsOf } from './stages';
import { finding, inspecting, searching, submitting } from './start';
import { endOfWait, moveOn } from './time';
import { watching } from './watch';

/** The stages that ask Airbyte something, in the order in which a run comes to them. */
const STAGES: Partial<Record<StageName, Stage>> = {
	inspecting,
	finding,
	queueing,
	comparing,
	replacing,
	cancellingBlocker,
	counting,
	crowded,
	submitting,
	searching,
	awaiting,
	watching,
	verifying,
	cancelling,
	explaining,
	readingLog,
};

/** What to do now. The run comes back because time may have moved it on. */
export function step(before: SyncRun, now: number): { run: SyncRun; action: Action } {
	const run = moveOn(before, now);
	return { run, action: actionOf(run, now) };
}

function actionOf(run: SyncRun, now: number): Action {
	const stage = STAGES[run.stage];
	if (run.stage === 'settled' && run.result) return { do: 'settled', result: run.result };
	// A sleep never goes past the end of the wait.
	if (now >= run.nextAt && stage) return stage.ask(run);
	return { do: 'sleep', until: Math.min(run.nextAt, endOfWait(run)?.at ?? Infinity) };
}

/** Takes in what came of the action. */
export function apply(run: SyncRun, outcome: Outcome, now: number): SyncRun {
	const stage = STAGES[run.stage];
	if (!stage) return run;
	if (outcome.is === 'problem') return applyProblem(run, stage, outcome.problem, now);
	const calm = { faults: 0, signInRefusals: undefined, trouble: undefined };
	return stage.apply(traitsOf(run).leadsToTry ? run : { ...run, ...calm }, outcome, now);
}

function applyProblem(before: SyncRun, stage: Stage, problem: Problem, now: number): SyncRun {
	const signInRefusals = problem.kind === 'signIn' ? (before.signInRefusals ?? 0) + 1 : undefined;
	const run = { ...before, signInRefusals };
	const faults = run.faults + 1;
	const nextAt = retryAt(faults, now, problem.retryAfterSeconds);
	return stage.fail(run, problem, { ...run, faults, nextAt, trouble: problem }, now);
}
