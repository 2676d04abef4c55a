import { readOptions } from '../../../scripts/bench/options.cts';

test('without arguments all parts run but those that take half an hour', () => {
	const { parts, count } = readOptions([]);
	expect(parts).toEqual([
		'load',
		'code',
		'adaptive',
		'ways',
		'parked',
		'profile',
		'items',
		'threads',
	]);
	expect(count).toBe(1_000);
});

test('parts can be named', () => {
	expect(readOptions(['--only', 'thousand,killed', '--count', '50'])).toMatchObject({
		parts: ['thousand', 'killed'],
		count: 50,
	});
});

test.each([
	[['--only', 'everything'], "not 'everything'"],
	[['--count', '0'], '--count takes a whole number from 1 to 5000'],
	[['--seed', 'x'], '--seed takes'],
])('%j is refused', (args, words) => {
	expect(() => readOptions(args)).toThrow(words);
});
