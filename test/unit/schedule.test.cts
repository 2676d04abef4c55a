import { nextLookAt, retryAt } from '../../nodes/airbyte/run/schedule';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

type Rhythm = Parameters<typeof nextLookAt>[0];

/** The moments of all looks at a job that is first looked at after `waitSeconds` and runs for `ms`. */
function looksAt(rhythm: Rhythm, ms: number): number[] {
	const looks: number[] = [];
	let now = rhythm.waitSeconds * SECOND;
	for (;;) {
		looks.push(now);
		if (now >= ms) return looks;
		now = nextLookAt(rhythm, 0, now);
	}
}

describe('adaptive polling', () => {
	const adaptive = { waitSeconds: 3, adaptivePolling: true };

	test.each([
		[3, HOUR],
		[3, 24 * HOUR],
		[1, HOUR],
		[30, 6 * HOUR],
		[600, HOUR],
	])(
		'at %d Wait Seconds a job never ends unseen for longer than 2 %% of its age',
		(waitSeconds, ms) => {
			const looks = looksAt({ waitSeconds, adaptivePolling: true }, ms);
			// Whenever a job ends, the next look is the first to see it; right after a look is the worst moment.
			const late = looks.slice(1).filter((look, index) => {
				const age = looks[index];
				return look - age > age * 0.02 + waitSeconds * SECOND;
			});
			expect(looks.length).toBeGreaterThan(3);
			expect(late).toEqual([]);
		},
	);

	test.each([
		[3, HOUR],
		[60, 24 * HOUR],
	])('two looks are never closer than %d Wait Seconds', (waitSeconds, ms) => {
		const looks = looksAt({ waitSeconds, adaptivePolling: true }, ms);
		const gaps = looks.slice(1).map((look, index) => look - looks[index]);
		expect(Math.min(...gaps)).toBe(waitSeconds * SECOND);
	});

	test('a short job is looked at as often as with a fixed rhythm', () => {
		expect(looksAt(adaptive, 120 * SECOND)).toEqual(
			looksAt({ ...adaptive, adaptivePolling: false }, 120 * SECOND),
		);
	});

	test('even a job of weeks is looked at every ten minutes', () => {
		const month = 30 * 24 * HOUR;
		expect(nextLookAt(adaptive, 0, month) - month).toBe(600 * SECOND);
	});

	test('Wait Seconds above ten minutes still hold', () => {
		const slow = { waitSeconds: 3_600, adaptivePolling: true };
		expect(nextLookAt(slow, 0, 720 * HOUR) - 720 * HOUR).toBe(HOUR);
	});

	test('a clock that was set back does not make it look faster', () => {
		expect(nextLookAt(adaptive, 10 * HOUR, 0)).toBe(3 * SECOND);
	});
});

describe('after faults', () => {
	test.each([
		[1, 1],
		[2, 2],
		[3, 4],
		[4, 8],
		[5, 15],
		[6, 30],
		[7, 30],
		[1_000, 30],
	])('number %d in a row, it tries again after %d s', (faults, seconds) => {
		expect(retryAt(faults, HOUR)).toBe(HOUR + seconds * SECOND);
	});

	test.each([
		['longer than the own pause', 1, 45, 45],
		['shorter than the own pause', 6, 5, 30],
		['none', 2, 0, 2],
		['fractions', 1, 2.5, 2.5],
		['absurdly long: ten minutes at most', 1, 86_400, 600],
		['beyond what a timer can hold', 1, 1e12, 600],
	])('Retry-After counts when it is %s', (_what, faults, retryAfter, seconds) => {
		expect(retryAt(faults, HOUR, retryAfter)).toBe(HOUR + seconds * SECOND);
	});
});
