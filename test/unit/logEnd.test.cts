/** The end of a log, read from an answer that comes in pieces. */
import fc from 'fast-check';

import { readLogEnd } from '../../nodes/airbyte/api/logEnd';

const asIs = (text: string) => text;

async function* inPieces(body: string, size: number): AsyncGenerator<Uint8Array> {
	const bytes = Buffer.from(body);
	for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const endOf = async (answer: unknown, lines = 200, size = 7) =>
	await readLogEnd(inPieces(JSON.stringify(answer), size), lines, asIs);

/** What comes before the log, with lists and words that look like one. */
const attempt = {
	id: 0,
	logs: ['x'],
	streamStats: [{ logs: { logLines: ['not this'] } }],
	failureSummary: { failures: [{ stacktrace: '"logs":{"logLines":["nor this"]}' }] },
};

test('is the same however the answer is cut', async () => {
	const line = fc.oneof(
		fc.string({ unit: 'binary' }),
		fc.constantFrom('"', '\\', '\\"', ']}', '{"a":[', '🙂', ''),
	);
	await fc.assert(
		fc.asyncProperty(
			fc.array(line, { minLength: 1, maxLength: 12 }),
			fc.integer({ min: 1, max: 40 }),
			fc.integer({ min: 1, max: 15 }),
			async (logLines, size, lines) => {
				const answer = { attempt, logType: 'formatted', logs: { logLines }, after: ['nor that'] };
				expect(await endOf(answer, lines, size)).toBe(logLines.slice(-lines).join('\n'));
			},
		),
		{ numRuns: 500 },
	);
});

test('of events is written as the formatted lines are', async () => {
	const events = [
		{
			timestamp: Date.UTC(2026, 0, 5, 3, 0, 7),
			message: 'Read 7 [rows] {"of": "orders"}',
			level: 'info',
			logSource: 'source',
			caller: { className: 'x', lines: [1, 2] },
			stackTrace: 'a\nb',
		},
		{ message: 'Only words' },
		{ timestamp: 'never', level: 5 },
	];
	expect(await endOf({ logs: { events, version: '1' }, attempt, logType: 'structured' })).toBe(
		'2026-01-05 03:00:07 source > INFO Read 7 [rows] {"of": "orders"}\nOnly words\n',
	);
});

test.each([
	['no logs', { attempt }],
	['an empty list', { logs: { logLines: [] } }],
	['logs that are null', { logs: null }],
	['other lists of a log', { logs: { other: ['x'] } }],
	['lists elsewhere', { other: { logLines: ['x'] }, events: ['x'] }],
	['a text', 'x'],
])('is empty for %s', async (_what, answer) => {
	expect(await endOf(answer)).toBe('');
});

test('fails where the answer is broken in the middle of an event', async () => {
	const body = '{"logs":{"events":[{"message":}]}}';
	await expect(readLogEnd(inPieces(body, 5), 5, asIs)).rejects.toThrow();
});
