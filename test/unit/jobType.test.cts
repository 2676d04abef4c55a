/** Which job a node asks for, and on which streams. */
import type { INode, INodeParameters } from 'n8n-workflow';
import { NodeHelpers } from 'n8n-workflow';

import { AirbyteTriggerSync } from '../../nodes/AirbyteTriggerSync/AirbyteTriggerSync.node';
import { readSyncOrder } from '../../nodes/airbyte/node/parameters';
import { chooseStreams } from '../../nodes/airbyte/run/streams';

const ID = '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f';

/** @param stored what the workflow has, where that is an expression */
function orderFrom(
	values: INodeParameters,
	stored: INodeParameters = values,
	type = 'n8n-nodes-airbyte.airbyteTriggerSync',
) {
	const all: INodeParameters = { connectionId: ID, ...values };
	return readSyncOrder(
		{
			getNode: () => ({ type, parameters: stored }) as unknown as INode,
			getNodeParameter: ((name: string, _item: number, fallback: unknown) =>
				all[name] ?? fallback) as never,
		},
		0,
	);
}

test.each([
	[{ jobType: 'reset' }, { jobType: 'clear', streams: [] }],
	[{ jobType: 'RESET ' }, { jobType: 'clear' }],
	[
		{ jobType: 'clear', streams: ' a, b.c ,a,' },
		{ jobType: 'clear', streams: ['a', 'b.c'] },
	],
	[{ jobType: 'refresh' }, { jobType: 'refresh', streams: [], refreshMode: 'merge' }],
	[{ jobType: 'refresh', refreshMode: 'Truncate' }, { refreshMode: 'truncate' }],
	[{ jobType: 'refresh', streams: ['a', 'b, c'] }, { streams: ['a', 'b, c'] }],
])('%j asks for %j', (values, order) => {
	expect(orderFrom(values as INodeParameters)).toMatchObject(order);
});

test.each([[7], [{ a: 1 }], [['a', 7]]])('streams are no %j', (streams) => {
	const refused = () => orderFrom({ jobType: 'clear', streams } as unknown as INodeParameters);
	if (typeof streams === 'number') expect(refused()).toMatchObject({ streams: ['7'] });
	else expect(refused).toThrow("'Streams' must be names");
});

test('a sync has neither streams nor a refresh mode', () => {
	const order = orderFrom({ jobType: 'sync', streams: 'a', refreshMode: 'no such word' });
	expect(order).not.toHaveProperty('streams');
	expect(order).not.toHaveProperty('refreshMode');
});

describe('as a tool of an AI agent', () => {
	const tool = 'n8n-nodes-airbyte.airbyteTriggerSyncTool';
	const byModel = { jobType: "={{ $fromAI('jobType') }}" };

	test('the job type is fixed', () => {
		expect(() => orderFrom({ jobType: 'clear' }, byModel, tool)).toThrow(
			"'Job Type' of a tool must be fixed",
		);
		expect(orderFrom({ jobType: 'clear' }, { jobType: 'clear' }, tool)).toMatchObject({
			jobType: 'clear',
		});
		expect(orderFrom({ jobType: 'clear' }, byModel)).toMatchObject({ jobType: 'clear' });
	});

	test.each([
		['sync', /^Starts a sync/],
		['clear', /^Deletes/],
		['refresh', /^Reads all data/],
	])('what the model is told of a %s says what it does', (jobType, words) => {
		const { description } = new AirbyteTriggerSync();
		const asTool = { ...description, name: `${description.name}Tool` };
		const stored = { type: tool, typeVersion: 1, parameters: { jobType } } as unknown as INode;
		const { properties } = asTool;
		const filled = NodeHelpers.getNodeParameters(
			properties,
			stored.parameters,
			true,
			false,
			stored,
			asTool,
		);
		expect(filled?.toolDescription).toMatch(words);
	});

	test('it is not offered to a model', () => {
		const { properties } = new AirbyteTriggerSync().description;
		const offered = properties.filter(
			({ name, displayOptions }) => name === 'jobType' && !displayOptions?.hide?.['@tool'],
		);
		expect(offered.map(({ noDataExpression }) => noDataExpression)).toEqual([true]);
	});
});

describe('streams by their names', () => {
	const users = { name: 'users', namespace: 'public' };
	const orders = { name: 'orders', namespace: 'public' };
	const salesOrders = { name: 'orders', namespace: 'sales' };
	const dotted = { name: 'a.b' };

	test.each([
		[['users'], [users, orders], [users]],
		[['public.users', 'users'], [users, orders], [users]],
		[['sales.orders'], [orders, salesOrders], [salesOrders]],
		[['a.b'], [dotted, users], [dotted]],
		// An Airbyte that does not tell namespaces.
		[['public.users'], [{ name: 'users' }], [users]],
	])('%j of %j are %j', (names, known, streams) => {
		expect(chooseStreams(names, known)).toEqual({ streams });
	});

	test.each([
		[['Users'], [users]],
		[['other.users'], [users]],
		[['.users'], [{ name: 'users' }]],
		[['users'], []],
		[['orders'], [orders, salesOrders]],
	])('%j of %j are none', (names, known) => {
		expect(chooseStreams(names, known)).toHaveProperty('problem');
	});
});
