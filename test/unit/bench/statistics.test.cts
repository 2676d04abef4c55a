import { seeded } from '../../../simulator/index.cts';
import { drawn, median, quantile, spreadOf } from '../../../scripts/bench/statistics.cts';

test('the median is the middle value, or halfway between the two in the middle', () => {
	expect(median([9, 1, 5])).toBe(5);
	expect(median([1, 2, 4, 100])).toBe(3);
	expect(median([])).toBeNaN();
});

test('a quantile lies between its neighbors, as far from them as the share says', () => {
	const values = [40, 10, 30, 20, 50];
	expect(quantile(values, 0)).toBe(10);
	expect(quantile(values, 1)).toBe(50);
	expect(quantile(values, 0.9)).toBeCloseTo(46);
	expect(values).toEqual([40, 10, 30, 20, 50]);
});

test('a spread is the middle and both ends', () => {
	expect(spreadOf([3, 1, 8])).toEqual({ median: 3, least: 1, most: 8 });
});

test('of drawn values there is one in each part of the range, not in its order, and a seed repeats them', () => {
	const values = drawn(100, 200, 10, seeded(7));
	const parts = values.map((value) => Math.floor((value - 100) / 10));
	expect([...parts].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
	expect(parts).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
	expect(drawn(100, 200, 10, seeded(7))).toEqual(values);
	expect(drawn(100, 200, 10, seeded(8))).not.toEqual(values);
});
