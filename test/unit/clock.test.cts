/** Waits go by one clock, which tests can move; they end when they are told to, and leave nothing behind. */
import { getEventListeners } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { sleep } from 'n8n-workflow';

import { clock } from '../../nodes/airbyte/api/clock';

jest.mock('n8n-workflow', () => ({ sleep: jest.fn() }));

const HOUR = 3_600_000;

const sleepOfN8n = jest.mocked(sleep);
const { sleep: sleepOfToday } = jest.requireActual<{ sleep: typeof sleep }>('n8n-workflow');
const sleepOfOld = async (ms: number) =>
	await new Promise<void>((resolve) => setTimeout(resolve, ms));

let controller: AbortController;

beforeEach(() => {
	jest.useFakeTimers();
	controller = new AbortController();
});
afterEach(() => jest.useRealTimers());

/** Called once the sleep of an hour is over. */
function sleepsAnHour(signal?: AbortSignal): jest.Mock {
	const isOver = jest.fn();
	void clock.sleep(HOUR, signal).then(isOver);
	return isOver;
}

/** Lets promises settle, and time pass if wanted. */
const pass = async (ms = 0) => await jest.advanceTimersByTimeAsync(ms);

const listeners = () => getEventListeners(controller.signal, 'abort');

describe.each<[string, typeof sleep]>([
	["n8n's own sleep", sleepOfToday],
	['that of an n8n before 2.34, which ignores the signal', sleepOfOld],
])('with %s', (_which, ofN8n) => {
	beforeEach(() => sleepOfN8n.mockImplementation(ofN8n));

	test('it ends after its time, not before', async () => {
		const isOver = [sleepsAnHour(), sleepsAnHour(controller.signal)];
		await pass(HOUR - 1);
		for (const one of isOver) expect(one).not.toHaveBeenCalled();
		await pass(1);
		for (const one of isOver) expect(one).toHaveBeenCalledTimes(1);
	});

	test('it ends at once when it is aborted', async () => {
		const isOver = sleepsAnHour(controller.signal);
		await pass(1_000);
		expect(isOver).not.toHaveBeenCalled();
		controller.abort(new Error('The execution was stopped'));
		await pass();
		expect(isOver).toHaveBeenCalledTimes(1);
	});

	test('it does not begin when it was aborted before', async () => {
		controller.abort();
		const isOver = sleepsAnHour(controller.signal);
		await pass();
		expect(isOver).toHaveBeenCalledTimes(1);
		expect(jest.getTimerCount()).toBe(0);
	});

	// A synchronous run of an hour sleeps hundreds of times with the same signal.
	test('it leaves no listener behind, aborted or not', async () => {
		sleepsAnHour(controller.signal);
		expect(listeners()).not.toEqual([]);
		await pass(HOUR);
		expect(listeners()).toEqual([]);
		sleepsAnHour(controller.signal);
		controller.abort();
		await pass();
		expect(listeners()).toEqual([]);
	});
});

test('an abort leaves no timer behind, where n8n knows how to', async () => {
	sleepOfN8n.mockImplementation(sleepOfToday);
	sleepsAnHour(controller.signal);
	controller.abort();
	await pass();
	expect(jest.getTimerCount()).toBe(0);
});

test("it never rejects, even if n8n's sleep does", async () => {
	sleepOfN8n.mockRejectedValue(new Error('aborted'));
	await expect(clock.sleep(HOUR, controller.signal)).resolves.toBeUndefined();
});

/** Time that tests could not move. A date made of a known moment is none. */
const OTHER_CLOCKS =
	/\bDate\.now\b|\bnew Date(?!\(\s*[^\s)])|\bset(Timeout|Interval|Immediate)\b|\bimport[^;]*\bsleep\b[^;]*'n8n-workflow'/;

test('nothing in the package tells time or waits but by this clock', () => {
	const root = resolve(__dirname, '../..');
	const files = ['nodes', 'credentials'].flatMap((folder) =>
		readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
			.filter((file) => file.endsWith('.ts'))
			.map((file) => join(folder, file)),
	);
	const others = files.filter((file) => OTHER_CLOCKS.test(readFileSync(join(root, file), 'utf8')));
	expect(others).toEqual([join('nodes', 'airbyte', 'api', 'clock.ts')]);
});
