import type { Results } from '../../../scripts/bench/results.cts';
import { targetsOf } from '../../../scripts/bench/targets.cts';
import type { Round, WayResult } from '../../../scripts/bench/ways.cts';

const round = (factor: number): Round => ({
	delays: [factor, factor * 3],
	calls: { 'GET /jobs/{jobId}': 10 * factor, 'POST /jobs': 2 * factor },
	cpuSeconds: factor,
	bytes: 1_000 * factor,
	executions: 1,
	cpuPerLook: factor / 10,
	bytesPerLook: 100 * factor,
});

const way = (name: WayResult['way'], factor: number): WayResult => ({
	way: name,
	waitSeconds: 3,
	idleRate: 0,
	rounds: [round(factor), round(factor * 2)],
});

const measured = <Part,>(part: Part) => ({ on: '2026-01-01', machine: '', busy: 0, part });

const compared = (ours: WayResult['way'], factor: number) =>
	measured({
		options: {
			ways: [],
			perRound: 2,
			jobSeconds: [1, 2] as [number, number],
			startedWithin: 0,
			seed: 1,
		},
		ways: [way(ours, factor), way('hand-built loop', 1)],
	});

const verdicts = (results: Results) => targetsOf(results).map(({ isMet }) => isMet);

test('only what was measured is judged', () => {
	expect(targetsOf({})).toEqual([]);
});

test('our ways are judged by their ratio to the hand-built loop', () => {
	expect(verdicts({ ways: compared('synchronous', 0.19) })).toEqual([true, true, true]);
	expect(verdicts({ ways: compared('synchronous', 0.3) })).toEqual([false, true, true]);
	expect(verdicts({ ways: compared('synchronous', 0.4) })).toEqual([false, true, false]);
	expect(verdicts({ parked: compared('deferrable', 0.6) })).toEqual([false, false]);
});

test('the delay beyond Wait Seconds may be two percent of the age, in the worst case too', () => {
	const hour = [60, 75].map((delay) => ({ seconds: 3_600, calls: 200, delay }));
	const adaptive = (waits: typeof hour) =>
		verdicts({ adaptive: measured({ hour: waits, any: [], fixedLooks: [1_200] }) });
	expect(adaptive(hour)).toEqual([true, false, true]);
	expect(adaptive([...hour, { seconds: 3_600, calls: 200, delay: 76 }])).toEqual([
		true,
		false,
		false,
	]);
});

test('memory is judged while all wait: its end against its beginning', () => {
	const samples = [10, 100, 100, 100, 100, 100, 100, 50].map((waiting, at) => ({
		at,
		cores: 1,
		memoryMegabytes: waiting === 100 ? 500 + 20 * at : 9_999,
		editorMs: 100,
		waiting,
		ended: 0,
	}));
	const result = { samples, delays: [60], wrong: 0, calls: {}, executions: 0, bytes: 0 };
	const options = {
		count: 100,
		startedWithin: 1,
		jobSeconds: [1, 2] as [number, number],
		killed: false,
		seed: 1,
	};
	const part = { options, result: { ...result, cpuSeconds: 1, seconds: 1 } };
	const growth = targetsOf({ thousand: measured(part) }).at(-1);
	expect(growth).toMatchObject({ measured: '1.15 ×', isMet: false });
});
