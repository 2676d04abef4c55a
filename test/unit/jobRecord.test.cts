/** What is read of a job's record in the configuration API. */
import { readJobRecord } from '../../nodes/airbyte/api/jobRecord';

const asIs = (text: string) => text;
const failureIn = (body: unknown, clean: (text: string) => string) =>
	readJobRecord(body, clean)?.failure;

describe('what a job moved', () => {
	const recordOf = (job: object) => readJobRecord({ job: { id: 1, ...job }, attempts: [] }, asIs);

	test("is read from the job's own totals, stream by stream in Airbyte's order", () => {
		const counts = {
			recordsEmitted: 12,
			bytesEmitted: 99,
			recordsCommitted: 10,
			bytesCommitted: 80,
		};
		const streams = [
			{ streamName: 'users', streamNamespace: 'public', ...counts, recordsRejected: 2 },
			{ streamName: 'Orders, 2026', ...counts, wasBackfilled: true },
		];
		expect(recordOf({ streamAggregatedStats: streams })).toStrictEqual({
			streams: [
				{ name: 'users', namespace: 'public', rows: 10, bytes: 80, rejected: 2 },
				{ name: 'Orders, 2026', rows: 10, bytes: 80 },
			],
		});
	});

	test('has the rejected rows of the whole job, 0 too', () => {
		expect(recordOf({ aggregatedStats: { recordsRejected: 0 } })).toStrictEqual({
			rowsRejected: 0,
		});
	});

	test.each([
		['nothing', {}],
		['nulls', { aggregatedStats: null, streamAggregatedStats: null }],
		['no lists', { aggregatedStats: [], streamAggregatedStats: { length: 1 } }],
		['a count that is none', { aggregatedStats: { recordsRejected: -1 } }],
	])('is not known from %s', (_what, job) => {
		expect(recordOf(job)).toStrictEqual({});
	});

	test('rows that are no streams are left out, and so are counts that are none', () => {
		const streams = [null, 'x', {}, { streamName: '' }, { streamName: 'a', recordsCommitted: 'y' }];
		expect(recordOf({ streamAggregatedStats: streams })?.streams).toStrictEqual([{ name: 'a' }]);
	});

	test.each([
		['a page', '<html></html>'],
		['nothing', undefined],
		['a list', []],
		['no job', {}],
	])('%s is no record', (_what, body) => {
		expect(readJobRecord(body, asIs)).toBeUndefined();
	});
});

describe('reading why a job failed', () => {
	const told = {
		failureOrigin: 'source',
		failureType: 'config_error',
		externalMessage: 'The password is wrong',
		internalMessage: 'FATAL: 28P01',
		stacktrace: 'at x',
		retryable: false,
		timestamp: 1_700_000_000_000,
	};
	const attempt = (...failures: unknown[]) => ({ attempt: { failureSummary: { failures } } });
	const record = (...attempts: unknown[]) => ({ job: { id: 1, status: 'failed' }, attempts });

	test('takes where it came from, of what kind it is, and what is said of it', () => {
		expect(failureIn(record(attempt(told)), asIs)).toStrictEqual({
			origin: 'source',
			type: 'config_error',
			message: 'The password is wrong',
			retryable: false,
		});
	});

	test('the first failure of the last attempt is the one: what follows comes of it', () => {
		const first = { ...told, failureOrigin: 'destination' };
		const follows = { ...told, failureOrigin: 'replication' };
		const body = record(attempt(told), attempt(first, follows));
		expect(failureIn(body, asIs)).toMatchObject({ origin: 'destination' });
	});

	test.each([
		['first', [2, 0, 1]],
		['in the middle', [1, 2, 0]],
		['last', [0, 1, 2]],
	])(
		'the last attempt is the one with the highest number, also if it comes %s',
		(_where, order) => {
			const attempts = order.map((id) => ({
				attempt: { id, failureSummary: { failures: [{ failureOrigin: `of ${id}` }] } },
			}));
			expect(readJobRecord(record(...attempts), asIs)).toMatchObject({
				lastAttempt: 2,
				failure: { origin: 'of 2' },
			});
		},
	);

	test('what an earlier attempt failed of is not told for a last one without a word of it', () => {
		const silent = { attempt: { id: 1, status: 'failed' } };
		expect(failureIn(record(attempt(told), silent), asIs)).toBeUndefined();
	});

	test.each([
		['no message for users', { externalMessage: undefined }, 'FATAL: 28P01'],
		['null', { externalMessage: null }, 'FATAL: 28P01'],
		['an empty one', { externalMessage: '' }, 'FATAL: 28P01'],
		['none at all', { externalMessage: null, internalMessage: null }, undefined],
		['something else than text', { externalMessage: { deep: true } }, 'FATAL: 28P01'],
	])('with %s, the message is the next best', (_what, parts, message) => {
		expect(failureIn(record(attempt({ ...told, ...parts })), asIs)?.message).toBe(message);
	});

	test.each([
		['unknown words', { failureType: 'novelty_error' }, { type: 'novelty_error' }],
		['nulls', { failureOrigin: null, failureType: null, retryable: null }, {}],
		['values of a wrong type', { failureOrigin: 5, failureType: [], retryable: 'yes' }, {}],
	])('is lenient with %s', (_what, parts, failure) => {
		const { failureOrigin: _origin, failureType: _type, retryable: _retryable, ...rest } = told;
		expect(failureIn(record(attempt({ ...rest, ...parts })), asIs)).toStrictEqual({
			message: 'The password is wrong',
			...failure,
		});
	});

	test("every word of Airbyte's is cleaned", () => {
		const clean = (text: string) => `<${text}>`;
		expect(failureIn(record(attempt(told)), clean)).toStrictEqual({
			origin: '<source>',
			type: '<config_error>',
			message: '<The password is wrong>',
			retryable: false,
		});
	});

	test.each([
		['nothing', undefined],
		['null', null],
		['a web page', '<html></html>'],
		['an empty object', {}],
		['a list', []],
		['a job without attempts', { job: { id: 1 } }],
		['attempts that are null', { attempts: null }],
		['attempts that are no list', { attempts: { length: 1 } }],
		['no attempt', record()],
		['an attempt that is null', record(null)],
		['an attempt that is a word', record('x')],
		['an empty attempt', record({})],
		['an attempt within that is null', record({ attempt: null })],
		['no summary', record({ attempt: {} })],
		['a summary that is null', record({ attempt: { failureSummary: null } })],
		['an empty summary', record({ attempt: { failureSummary: {} } })],
		['failures that are null', record({ attempt: { failureSummary: { failures: null } } })],
		['failures that are no list', record({ attempt: { failureSummary: { failures: 'x' } } })],
		['no failure', record(attempt())],
		['a failure that is null', record(attempt(null))],
		['a failure that is a word', record(attempt('x'))],
	])('%s tells of none', (_what, body) => {
		expect(failureIn(body, asIs)).toBeUndefined();
	});
});
