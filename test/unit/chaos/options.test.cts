/** The chaos run (`scripts/chaos`): its command line. */
import { readOptions } from '../../../scripts/chaos/options.cts';

const drawn = () => 4711;

test('both can be given', () => {
	expect(readOptions(['--syncs', '1000', '--seed', '7'], drawn)).toEqual({ syncs: 1000, seed: 7 });
});

test('without them: 50 syncs, a seed of its own', () => {
	expect(readOptions([], drawn)).toEqual({ syncs: 50, seed: 4711 });
});

test.each([
	[['--syncs', '0'], "--syncs takes a whole number from 1 to 10000, not '0'"],
	[['--syncs', '10001'], "--syncs takes a whole number from 1 to 10000, not '10001'"],
	[['--syncs', '1e3'], "--syncs takes a whole number from 1 to 10000, not '1e3'"],
	[['--syncs', ''], "--syncs takes a whole number from 1 to 10000, not ''"],
	[['--seed', 'luck'], "--seed takes a whole number from 0 to 2147483647, not 'luck'"],
	[['--seed', '2147483648'], "--seed takes a whole number from 0 to 2147483647, not '2147483648'"],
])('%j is refused in plain words', (args, message) => {
	expect(() => readOptions(args, drawn)).toThrow(message);
});

test.each([[['--sync', '5']], [['5']], [['--syncs']]])('%j is refused', (args) => {
	expect(() => readOptions(args, drawn)).toThrow();
});
