import {
	durationSeconds,
	isOfType,
	isQueued,
	isTerminal,
	readJob,
	readJobs,
} from '../../nodes/airbyte/api/job';

describe('exactly three words are the end of a job', () => {
	test.each([['succeeded'], ['failed'], ['cancelled']])('%s', (status) => {
		expect(isTerminal({ jobId: 1, status })).toBe(true);
	});

	test.each([['pending'], ['queued'], ['running'], ['incomplete'], ['canceled'], ['paused'], ['']])(
		'not %j',
		(status) => {
			expect(isTerminal({ jobId: 1, status })).toBe(false);
		},
	);
});

describe('Airbyte has not got to a job yet', () => {
	test.each([['pending'], ['queued']])('that is %s', (status) => {
		expect(isQueued({ jobId: 1, status })).toBe(true);
	});

	test.each(['running', 'incomplete', 'succeeded', 'failed', 'cancelled', 'paused', ''])(
		'unless it is %j',
		(status) => expect(isQueued({ jobId: 1, status })).toBe(false),
	);
});

test.each([
	['sync', 'sync', true],
	['reset', 'reset', true],
	['reset', 'clear', true],
	['clear', 'reset', true],
	['clear', 'clear', true],
	['sync', 'reset', false],
	['reset', 'sync', false],
	['refresh', 'sync', false],
	[undefined, 'sync', true],
	[undefined, 'clear', false],
])('a job of type %s does what a %s asks for: %s', (jobType, asked, is) => {
	expect(isOfType({ jobType }, asked)).toBe(is);
});

describe('reading a job', () => {
	test('takes over what Airbyte tells, word for word', () => {
		const body = {
			jobId: 4711,
			status: 'succeeded',
			jobType: 'sync',
			startTime: '2024-01-01T00:00:03Z',
			connectionId: 'c',
			lastUpdatedAt: '2024-01-01T01:00:10Z',
			duration: 'PT1H7S',
			bytesSynced: 0,
			rowsSynced: 12,
		};
		expect(readJob(body)).toEqual(body);
	});

	test('gives times their seconds, which Airbyte leaves out where they are zero', () => {
		const body = { jobId: 1, status: 'failed', startTime: '2024-01-01T00:00Z' };
		expect(readJob({ ...body, lastUpdatedAt: '2024-01-01T01:00+02:00' })).toMatchObject({
			startTime: '2024-01-01T00:00:00Z',
			lastUpdatedAt: '2024-01-01T01:00:00+02:00',
		});
	});

	test.each([
		['unknown keys', { jobId: 1, status: 'running', novelty: { deep: true }, error: 'x' }],
		['nulls', { jobId: 1, status: 'running', rowsSynced: null, duration: null, jobType: null }],
		['empty texts', { jobId: 1, status: 'running', startTime: '', connectionId: '' }],
		[
			'values of a wrong type',
			{ jobId: 1, status: 'running', startTime: 5, rowsSynced: {}, bytesSynced: [] },
		],
		[
			'numbers that count nothing',
			{ jobId: 1, status: 'running', rowsSynced: -1, bytesSynced: 1.5 },
		],
		['booleans', { jobId: 1, status: 'running', rowsSynced: true, bytesSynced: false }],
		['blanks', { jobId: 1, status: 'running', rowsSynced: ' ', bytesSynced: '' }],
	])('leaves out %s', (_what, body) => {
		expect(readJob(body)).toStrictEqual({ jobId: 1, status: 'running' });
	});

	test.each([
		[
			'numbers as text',
			{ jobId: '12', status: 'running', rowsSynced: '34' },
			{ jobId: 12, rowsSynced: 34 },
		],
		['a status in capitals', { jobId: 1, status: 'SUCCEEDED' }, { status: 'succeeded' }],
		[
			'a status not invented yet',
			{ jobId: 1, status: 'contemplating' },
			{ status: 'contemplating' },
		],
	])('understands %s', (_what, body, job) => {
		expect(readJob(body)).toMatchObject(job);
	});

	test.each([
		['a web page', '<html></html>'],
		['nothing', undefined],
		['null', null],
		['an empty text', ''],
		['a list', []],
		['an empty object', {}],
		['a job without an id', { status: 'running' }],
		['a job without a status', { jobId: 1 }],
		['an id that is none', { jobId: 'b3c4', status: 'running' }],
		['the id of a job that did not start', { jobId: -1, status: 'running' }],
		['a status that is no word', { jobId: 1, status: 5 }],
		["another server's JSON", { id: 1, state: 'ok' }],
	])('does not take %s for a job', (_what, body) => {
		expect(readJob(body)).toBeUndefined();
	});
});

describe('reading a page of jobs', () => {
	test('keeps the order and leaves out rows that are no jobs', () => {
		const data = [{ jobId: 2, status: 'running' }, null, 'x', { jobId: 1, status: 'failed' }];
		expect(readJobs({ data, next: 'http://poisoned' })).toEqual([data[0], data[3]]);
	});

	test('an empty page is a page', () => expect(readJobs({ data: [] })).toEqual([]));

	test.each([[undefined], [null], [''], ['<html>'], [{}], [{ data: null }], [{ data: {} }], [[]]])(
		'%j is no page',
		(body) => {
			expect(readJobs(body)).toBeUndefined();
		},
	);
});

describe('durations in seconds', () => {
	test.each([
		['PT0S', 0],
		['PT7S', 7],
		['PT1M', 60],
		['PT8H6M12S', 29_172],
		['PT49H3M', 176_580],
		['PT1.5S', 1.5],
		['PT0.001S', 0.001],
		['P1D', 86_400],
		['P2DT3H', 183_600],
	])('%s is %d', (duration, seconds) => {
		expect(durationSeconds(duration)).toBe(seconds);
	});

	const none = ['', 'P', 'PT', 'P1DT', '7', '7s', 'PT7', 'pt7s', 'PT-7S', 'PT1H ', 'P1Y', 'PT1S2H'];
	test.each([undefined, ...none])('%j has none', (duration) => {
		expect(durationSeconds(duration)).toBeUndefined();
	});
});
