import type { INode, INodeParameters } from 'n8n-workflow';

import { AirbyteConnection } from '../../nodes/AirbyteConnection/AirbyteConnection.node';
import { readConnectionOrder } from '../../nodes/AirbyteConnection/parameters';
import { parseAddress } from '../../nodes/airbyte/api/addresses';
import { readConnection } from '../../nodes/airbyte/api/connection';

const ID = '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f';

const NODE = { type: 'n8n-nodes-airbyte.airbyteConnection', parameters: {} };

const contextOf = (values: INodeParameters, node: Partial<INode> = NODE) => ({
	getNode: () => node as INode,
	getNodeParameter: ((name: string, _item: number, fallback: unknown) =>
		values[name] ?? fallback) as never,
});

describe('as a tool of an AI agent', () => {
	/** What n8n gives for a status that is stored like this and came out as `inactive`. */
	const orderFrom = (type: string, stored: string) => {
		const values: INodeParameters = {
			operation: 'setStatus',
			connectionId: ID,
			status: 'inactive',
		};
		return readConnectionOrder(contextOf(values, { type, parameters: { status: stored } }), 0);
	};
	const expression = "={{ $fromAI('status') }}";

	test('the status to set is fixed', () => {
		expect(() => orderFrom('n8n-nodes-airbyte.airbyteConnectionTool', expression)).toThrow(
			"'Status' of a tool must be fixed",
		);
		const order = { operation: 'setStatus', connectionId: ID, status: 'inactive' };
		expect(orderFrom('n8n-nodes-airbyte.airbyteConnectionTool', 'inactive')).toEqual(order);
		expect(orderFrom('n8n-nodes-airbyte.airbyteConnection', expression)).toEqual(order);
	});

	test('neither the operation nor the status is offered to a model', () => {
		const { properties } = new AirbyteConnection().description;
		const offered = properties.filter(
			({ name, displayOptions }) =>
				['operation', 'status'].includes(name) && !displayOptions?.hide?.['@tool'],
		);
		expect(offered.map(({ noDataExpression }) => noDataExpression)).toEqual([true, true]);
	});
});

describe('the filters of Get Many', () => {
	const filtersFrom = (filters: INodeParameters) => {
		const values: INodeParameters = { operation: 'getMany' };
		for (const [name, value] of Object.entries(filters)) values[`filters.${name}`] = value;
		return readConnectionOrder(contextOf(values), 0);
	};

	test.each([
		['a, B ,a,', ['a', 'B']],
		[
			['a', ' b, c '],
			['a', 'b, c'],
		],
		[7, ['7']],
	])('tags by %j are %j', (tags, read) => {
		expect(filtersFrom({ tags })).toMatchObject({ filters: { tags: read } });
	});

	test.each([[{ name: 'a' }], [['a', { name: 'b' }]], [['a', undefined]], [[null]]])(
		'tags are no %j',
		(tags) => {
			expect(() => filtersFrom({ tags } as INodeParameters)).toThrow("'Tags' must be names");
		},
	);

	test.each([[{ name: 'a' }], [['a']]])('no name contains %j', (nameContains) => {
		expect(() => filtersFrom({ nameContains })).toThrow("'Name Contains' must be text");
	});
});

describe('a connection of an answer', () => {
	const read = (body: unknown) => readConnection(body, parseAddress('https://airbyte.acme.com'));

	test('has its page where the workspace is known', () => {
		const page = `https://airbyte.acme.com/workspaces/w/connections/${ID}`;
		expect(read({ connectionId: ID, workspaceId: 'w' })).toMatchObject({ url: page });
	});

	test('is read without what may be wrong with it', () => {
		const schedule = { scheduleType: 'cron', cronExpression: '0 0 * * * ?', more: 1 };
		const tags = [{ tagId: 't', name: 'nightly' }, null, { name: 4 }];
		expect(read({ connectionId: ID, name: 7, tags, schedule, configurations: {} })).toEqual({
			connectionId: ID,
			tags: ['nightly'],
			schedule: { scheduleType: 'cron', cronExpression: '0 0 * * * ?' },
		});
		expect(read({ connectionId: ID, tags: {}, schedule: 'daily' })).toEqual({
			connectionId: ID,
		});
	});

	test.each([[null], ['<html>'], [{}], [{ connectionId: 4 }]])('is none in %j', (body) => {
		expect(read(body)).toBeUndefined();
	});
});
