import { numberOf, ratioOf, spreadIn, tableOf } from '../../../scripts/bench/table.cts';

test('a table is lined up as prettier does it: text to the left, numbers to the right', () => {
	const table = tableOf([
		['Way', 'CPU'],
		['a long one', '1 s'],
		['b', '12.5 s'],
	]);
	expect(table.split('\n')).toEqual([
		'| Way        |    CPU |',
		'| ---------- | -----: |',
		'| a long one |    1 s |',
		'| b          | 12.5 s |',
	]);
});

test.each([
	[0.01234, '0.012'],
	[1.234, '1.23'],
	[12.34, '12.3'],
	[1234.5, '1,235'],
	[0, '0'],
	[3, '3'],
	[NaN, '–'],
])('%d is shown as %s', (value, shown) => {
	expect(numberOf(value)).toBe(shown);
});

test('a spread shows its middle first, a ratio how many times as much', () => {
	expect(spreadIn({ median: 2.5, least: 1, most: 30 }, ' s')).toBe('2.50 s (1–30)');
	expect(ratioOf(1, 4)).toBe('0.25 ×');
	expect(ratioOf(1, 0)).toBe('–');
});
