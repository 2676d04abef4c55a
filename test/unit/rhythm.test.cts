/** When the watcher and the watchdog of a wait ring. */
import { nextRing, nextRingBetween } from '../../nodes/airbyte/deferred/rhythm';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const NOW = Date.UTC(2026, 0, 5, 3, 0, 0);
const ONE_YOUNG = { now: NOW, age: 0, late: 0, waits: 1 };

type Circumstances = Partial<typeof ONE_YOUNG>;

/** Milliseconds until the next ring. */
const pauseOf = (role: 'watcher' | 'watchdog', circumstances: Circumstances = {}) =>
	nextRing(role, { ...ONE_YOUNG, ...circumstances }) - NOW;

test.each([
	['watcher', 2],
	['watchdog', 5],
] as const)('a young %s rings every %d minutes', (role, minutes) => {
	expect(pauseOf(role)).toBe(minutes * MINUTE);
});

test.each([
	['watcher', 1, 6],
	['watcher', 3, 18],
	['watcher', 24, 30],
	['watchdog', 0.5, 15],
	['watchdog', 1, 30],
	['watchdog', 24, 60],
] as const)(
	'a %s rings rarer the older its wait: after %d hours every %d minutes',
	(role, hours, minutes) => {
		expect(pauseOf(role, { age: hours * HOUR })).toBe(minutes * MINUTE);
	},
);

test.each([
	['watcher', 400, 2],
	['watcher', 1_000, 5],
	['watcher', 10_000, 30],
	['watchdog', 300, 5],
	['watchdog', 600, 10],
	['watchdog', 10_000, 60],
] as const)(
	'a %s rings rarer the more waits its process has: with %d every %d minutes',
	(role, waits, minutes) => {
		expect(pauseOf(role, { waits })).toBe(minutes * MINUTE);
	},
);

describe.each(['watcher', 'watchdog'] as const)('a %s', (role) => {
	test.each([1, 20, 60])('that n8n woke %d s late rings twice that later', (seconds) => {
		const late = seconds * SECOND;
		expect(pauseOf(role, { late }) - pauseOf(role)).toBe(2 * late);
	});

	test('that rings later than a minute after its time, as n8n was down, rings no later', () => {
		expect(pauseOf(role, { late: HOUR })).toBe(pauseOf(role));
	});

	test('rings in whole milliseconds, as dates have them', () => {
		expect(Number.isInteger(nextRing(role, { ...ONE_YOUNG, age: HOUR + 0.3 }))).toBe(true);
	});
});

describe('a watchdog that knows when the watcher rings', () => {
	const between = (due: number, circumstances: Circumstances = {}) =>
		nextRingBetween(NOW + due, { ...ONE_YOUNG, ...circumstances }) - NOW;

	test.each([
		[10 * SECOND, 4 * MINUTE + 10 * SECOND, 6 * MINUTE + 10 * SECOND],
		[90 * SECOND, 3.5 * MINUTE, 5.5 * MINUTE],
	])('rings half-way between two of its rings (due in %d ms)', (due, before, after) => {
		expect(between(due)).toBe((before + after) / 2);
	});

	test('rings half-way to the first one if that comes after its own time', () => {
		expect(between(20 * MINUTE)).toBe(10 * MINUTE);
	});

	test('takes one that is overdue to ring now', () => {
		expect(between(-HOUR)).toBe(5 * MINUTE);
	});

	test('rings rarer the older its wait', () => {
		expect(between(MINUTE, { age: HOUR })).toBeGreaterThan(26 * MINUTE);
	});
});
