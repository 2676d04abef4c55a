import type { Rank, Rhythm } from '../../nodes/airbyte/run/schedule';
import { SPARE, nextLookAt, nextTurn, retryAt } from '../../nodes/airbyte/run/schedule';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** The moments of all looks at a job that is first looked at after `waitSeconds` and runs for `ms`. */
function looksAt(rhythm: Rhythm, ms: number, since = 0): number[] {
	const looks: number[] = [];
	let now = since + rhythm.waitSeconds * SECOND;
	for (;;) {
		looks.push(now);
		if (now >= since + ms) return looks;
		now = nextLookAt(rhythm, since, now);
	}
}

describe('adaptive polling', () => {
	const adaptive = { waitSeconds: 3, adaptivePolling: true };

	test('a one-hour job costs at most a fifth of the 1,200 looks of a three-second rhythm', () => {
		expect(looksAt(adaptive, HOUR).length).toBeLessThanOrEqual(240);
	});

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

test.each([1, 3, 60])('without adaptive polling every gap is %d Wait Seconds', (waitSeconds) => {
	const looks = looksAt({ waitSeconds, adaptivePolling: false }, HOUR);
	expect(looks).toHaveLength(3_600 / waitSeconds);
	expect(nextLookAt({ waitSeconds, adaptivePolling: false }, 0, HOUR) - HOUR).toBe(
		waitSeconds * SECOND,
	);
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

describe('two alarm clocks that take turns', () => {
	const rhythm = { waitSeconds: 3, adaptivePolling: true };
	const SINCE = 5 * HOUR;

	/** The moments at which the clock of this rank rings within a day, each time wound up again. */
	const rings = (rank: Rank) => {
		const moments: number[] = [];
		let now = SINCE;
		while (now < SINCE + 24 * HOUR) {
			now = nextTurn(rhythm, SINCE, rank, now);
			moments.push(now);
		}
		return moments;
	};

	test('ring at moments of their own, one after the other', () => {
		const both = [...rings(0).map((at) => [at, 0]), ...rings(1).map((at) => [at, 1])];
		const ranks = both.sort(([a], [b]) => a - b).map(([, rank]) => rank);
		for (const [turn, rank] of ranks.slice(1, 50).entries()) expect(rank).not.toBe(ranks[turn]);
	});

	test('look every half a minute at a young job, and never more seldom than every ten', () => {
		const moments = [...rings(0), ...rings(1)].sort((a, b) => a - b);
		const gaps = moments.slice(1).map((at, index) => at - moments[index]);
		expect(Math.min(...gaps)).toBe(31 * SECOND);
		expect(Math.max(...gaps)).toBeCloseTo(600 * SECOND);
	});

	test.each([0, 1] as const)(
		'clock %d is parked for so long that n8n, which looks once a minute, wakes it in time',
		(rank) => {
			const moments = [SINCE, ...rings(rank)];
			const parkings = moments.slice(1).map((at, index) => at - moments[index]);
			expect(Math.min(...parkings)).toBeGreaterThanOrEqual(58 * SECOND);
			expect(Math.max(...parkings.slice(0, 20))).toBeLessThanOrEqual(93 * SECOND);
		},
	);

	test.each([0, 1] as const)('clock %d keeps its moments, however late it is wound up', (rank) => {
		const [first, second, third] = rings(rank);
		const shortest = 58 * SECOND;
		expect(nextTurn(rhythm, SINCE, rank, first - shortest)).toBe(first);
		expect(nextTurn(rhythm, SINCE, rank, first - shortest + 17 * SECOND)).toBe(second);
		expect(nextTurn(rhythm, SINCE, rank, third - shortest)).toBe(third);
	});

	test('a spare one rings every 20 minutes, so that it sees within half an hour that both are gone', () => {
		const moments = rings(SPARE);
		const gaps = moments.slice(1).map((at, index) => at - moments[index]);
		expect(new Set([moments[0] - SINCE, ...gaps])).toEqual(new Set([20 * 60 * SECOND]));
	});

	test('the spare one does not depend on the wait: after an outage it counts from when it is wound up', () => {
		const late = SINCE + 7 * HOUR + 123;
		const rare = { waitSeconds: 3_600, adaptivePolling: false };
		expect(nextTurn(rhythm, SINCE, SPARE, late)).toBe(late + 20 * 60 * SECOND);
		expect(nextTurn(rare, late, SPARE, late)).toBe(late + 20 * 60 * SECOND);
	});
});
