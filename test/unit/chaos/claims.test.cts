/** The chaos run (`scripts/chaos`): what it reads out of n8n's executions. */
import type { IDataObject } from 'n8n-workflow';

import { claimsOf, endedByN8n } from '../../../scripts/chaos/claims.cts';
import type { Execution, StoredError } from '../../../scripts/n8n/execution.cts';

type Items = Array<{ json: IDataObject; item: number }>;

function execution(
	status: string,
	outputs: Record<string, Items> = {},
	error?: Partial<StoredError> & { node?: object },
): Execution {
	const runData = Object.fromEntries(
		Object.entries(outputs).map(([node, items]) => [
			node,
			[{ data: { main: [items.map(({ json, item }) => ({ json, pairedItem: { item } }))] } }],
		]),
	);
	return { id: '1', status, data: { resultData: { runData, error } } } as unknown as Execution;
}

function thrown(message: string, description = '', itemIndex = 0, node = 'Sync'): Execution {
	const error = { name: 'NodeOperationError', message, description, node: { name: node } };
	return execution('error', {}, { ...error, context: { itemIndex } });
}

const done = (item: number, jobId: number, status: string, rowsSynced?: number) => ({
	item,
	json: { jobId, status, ...(rowsSynced === undefined ? {} : { rowsSynced }) },
});

const failed = (item: number, error: string, details: IDataObject = {}) => ({
	item,
	json: { error, message: `${error}, more of it`, details },
});

describe('outputs', () => {
	test('are told by the item they are paired with', () => {
		const ended = execution('success', {
			Sync: [done(1, 8, 'succeeded', 5), done(0, 7, 'succeeded')],
		});
		expect(claimsOf(ended, 3)).toEqual([
			{ is: 'succeeded', jobId: 7, rows: null },
			{ is: 'succeeded', jobId: 8, rows: 5 },
			{ is: 'nothing' },
		]);
	});

	test('of an asynchronous sync: what the second node says counts, if there was a job', () => {
		const ended = execution('success', {
			Sync: [
				done(0, 7, 'pending'),
				failed(1, "A sync (job 3) is running on connection 'a' already"),
			],
			Status: [done(0, 7, 'succeeded', 5), failed(1, "'Job ID' is empty")],
		});
		expect(claimsOf(ended, 2)).toEqual([
			{ is: 'succeeded', jobId: 7, rows: 5 },
			{ is: 'busy', jobId: 3 },
		]);
	});

	test('of items that were skipped', () => {
		const json = { jobId: 7, status: 'running', skipped: true };
		expect(claimsOf(execution('success', { Sync: [{ item: 0, json }] }), 1)).toEqual([
			{ is: 'skipped', jobId: 7 },
		]);
	});

	test('of failed items', () => {
		const ended = execution('success', {
			Sync: [
				failed(0, 'Airbyte job 7 failed', { jobId: 7 }),
				failed(1, 'Airbyte job 8 did not end within 9 seconds and was cancelled', { jobId: 8 }),
				failed(2, 'Airbyte is not able to answer (500)', { jobId: 9 }),
			],
		});
		expect(claimsOf(ended, 3)).toEqual([
			{ is: 'failed', jobId: 7 },
			{ is: 'timed out', jobId: 8, cancelled: true },
			{ is: 'gave up', text: 'Airbyte is not able to answer (500)', jobIds: [9] },
		]);
	});
});

describe('an error that ends the execution', () => {
	test('tells of its own item and of the others', () => {
		const others =
			'Of the other items: item 0: job 5 succeeded; item 2: Airbyte job 6 did not end within 9 seconds and was cancelled. Its last status was mine; item 3: Not started, as another item failed before.';
		const ended = thrown('Airbyte job 4 failed', `Airbyte's words. Job 4: http://a/4 ${others}`, 1);
		expect(claimsOf(ended, 5)).toEqual([
			{ is: 'succeeded', jobId: 5 },
			{ is: 'failed', jobId: 4 },
			{ is: 'timed out', jobId: 6, cancelled: true },
			{ is: 'not started' },
			{ is: 'nothing' },
		]);
	});

	test.each([
		['Airbyte job 4 was cancelled', { is: 'cancelled', jobId: 4 }],
		[
			'Airbyte job 4 did not end within 9 seconds and may still be running',
			{ is: 'timed out', jobId: 4, cancelled: false },
		],
		["A sync (job 4) is running on connection 'a' already", { is: 'busy', jobId: 4 }],
		[
			'The host cannot be reached',
			{ is: 'gave up', text: 'The host cannot be reached', jobIds: [] },
		],
	])('%s', (message, claim) => {
		expect(claimsOf(thrown(message), 1)).toEqual([claim]);
	});

	test('names the jobs that it gives up', () => {
		const text = "Job 4 was started and may still be running (last status 'running').";
		expect(claimsOf(thrown('Airbyte refused access', text), 1)).toEqual([
			{ is: 'gave up', text: 'Airbyte refused access', jobIds: [4] },
		]);
	});
});

test.each([
	['crashed', execution('crashed'), true],
	['an error of n8n', execution('error', {}, { name: 'MaxStalledCountError', message: '' }), true],
	['an error without words', execution('error'), true],
	['an error of the node', thrown('Airbyte job 4 failed'), false],
	['an error of the second node', thrown('Airbyte job 4 failed', '', 0, 'Status'), false],
	['a success', execution('success'), false],
	['stopped', execution('canceled'), false],
])('ended by n8n itself: %s', (_, ended, byN8n) => {
	expect(endedByN8n(ended)).toBe(byN8n);
});
