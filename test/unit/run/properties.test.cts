/**
 * The rules that the machine keeps in every world: random timelines of jobs, faults, clocks, stops, restarts and
 * other people's jobs. `SEED=1 RUNS=10 npx jest --selectProjects unit --testPathPatterns properties` explores other
 * worlds, ten times as many.
 */
import fc from 'fast-check';

import { canPark } from '../../../nodes/airbyte/run/parking';
import { obeysLaws } from './laws.cts';
import { live } from './live.cts';
import { kinds } from './worlds.cts';

const seed = Number(process.env.SEED ?? 4_711);
const factor = Number(process.env.RUNS ?? 1);

test.each(kinds)(
	'%s: all laws are kept',
	(_what, runs, worlds) => {
		fc.assert(
			fc.property(worlds, (world) => obeysLaws(live(world))),
			{ seed, numRuns: Math.ceil(runs * factor) },
		);
	},
	600_000,
);

/** Laws over worlds in which nothing happens would prove nothing. */
test('the worlds lead to every end, from every stage, through every trap', () => {
	const seen = new Map<string, number>();
	const see = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
	for (const [, runs, worlds] of kinds) {
		for (const world of fc.sample(worlds, { seed, numRuns: Math.ceil(runs / 4) })) {
			const { run, calls, sleeps, airbyte, parkings } = live(world);
			see(`result ${run.result?.is}`);
			if (run.result?.is === 'failed' && run.unclear) see('result may run');
			if (run.lateJob) see(`result ${run.result?.is} may come`);
			if (run.ending?.why === 'fault') see('result of a fault');
			if (
				calls.some(({ outcome }) => outcome?.is === 'problem' && outcome.problem.kind === 'noJob')
			) {
				see('refresh without a job');
			}
			if (run.replaced) see(`replaced ${Math.min(run.replaced.length, 2)}`);
			if (run.instead) see(`instead ${run.instead.length}`);
			if (airbyte.jobs.some(({ clearedAt }) => clearedAt !== undefined)) see('dead record cleared');
			if (calls.some(({ run: { staleLooks } }) => staleLooks)) see('stale look');
			if (calls.filter(({ action }) => action.do === 'cancel').length > 1) see('second cancel');
			if (run.result?.is === 'timedOut' && run.result.cancelled) see('result cancelled');
			if (run.result?.is === 'timedOut' && run.result.inQueue) see('result in queue');
			if (run.result?.is === 'busy' && run.result.waited) see('result waited');
			for (const stage of new Set(parkings.map((parking) => parking.run.stage))) {
				see(`parked ${stage}`);
			}
			if (sleeps.some((sleep) => canPark(sleep.run))) see('parked look taken again');
			if (run.attempt > 1) see(`attempt ${run.attempt}`);
			if (run.attempt > 1 && run.result?.is === 'done') see('retry that helped');
			for (const stage of new Set(calls.map((call) => call.run.stage))) see(`stage ${stage}`);
			const submissions = calls.filter(({ action }) => action.do === 'submit').length;
			if (submissions > 1) see('second submission');
			if (airbyte.cancelled.some(({ by }) => by === 'cancel')) see('cancelled job');
			if (run.job && airbyte.job(run.job.jobId)?.by === 'others') see("others' job");
		}
	}
	const named = (kind: string, words: string) => words.split(' ').map((word) => `${kind} ${word}`);
	const expected = [
		...named('result', 'done skipped jobFailed tooFewRows tooManyRejected timedOut busy inactive'),
		...named('result', 'noSync failed stopped cancelled waited notReplaced crowded instead'),
		...['result may run', 'result failed may come', 'result of a fault', 'result in queue'],
		...named(
			'stage',
			'inspecting finding queueing submitting searching watching replacing awaiting',
		),
		...named(
			'stage',
			'comparing cancellingBlocker verifying cancelling explaining readingLog counting crowded',
		),
		...named('parked', 'watching queueing crowded pausing awaiting'),
		...['parked look taken again', 'second submission', 'cancelled job', "others' job"],
		...['refresh without a job', 'dead record cleared', 'stale look', 'second cancel'],
		...['replaced 1', 'instead 1', 'instead 2', 'instead 3', 'instead 4'],
		...['attempt 2', 'attempt 3', 'attempt 4', 'retry that helped'],
	];
	expect(expected.filter((what) => (seen.get(what) ?? 0) < 5)).toEqual([]);
}, 60_000);
