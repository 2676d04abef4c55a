import type { ListedConnection } from '../../nodes/airbyte/api/connection';
import type { Lists, NamedConnection } from '../../nodes/airbyte/node/connectionList';
import { Inventory } from '../../nodes/airbyte/node/connectionList';
import {
	findConnections,
	label,
	matches,
	toResults,
	wordsIn,
} from '../../nodes/airbyte/node/connectionPicker';

const entry = (rest: Partial<NamedConnection> = {}): NamedConnection => ({
	connectionId: '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f',
	name: 'Orders',
	status: 'active',
	workspaceId: 'w1',
	source: 'Shop',
	destination: 'Warehouse',
	...rest,
});

describe('a connection is shown', () => {
	test.each<[string, Partial<NamedConnection>, string]>([
		[
			'without its ends if its name says them',
			{ name: 'Shop → Warehouse x' },
			'Shop → Warehouse x',
		],
		['with them in order', { name: 'Warehouse of Shop' }, 'Warehouse of Shop (Shop → Warehouse)'],
		['by its name alone', { source: undefined, destination: undefined }, 'Orders'],
		[
			'marked as locked, last of all',
			{ status: 'locked', workspace: 'Finance' },
			'Orders (Shop → Warehouse) · Finance [locked]',
		],
		[
			'without a mark if its status is not told',
			{ status: undefined },
			'Orders (Shop → Warehouse)',
		],
	])('%s', (_how, rest, shown) => {
		expect(label(entry(rest))).toBe(shown);
	});
});

describe('a search finds it', () => {
	test.each([
		['by its name', 'ORDERS', true],
		['by its source', 'shop', true],
		['by its destination', 'house', true],
		['by its ID', '1A2B3C4D-1A2B-4A2B-8A2B-1A2B3C4D5E6F', true],
		['by the start of its ID', '1a2b3c4d', true],
		['not by a few letters of its ID', '1a2b', false],
		['by its workspace', 'finance', true],
		['by its mark', 'inactive', true],
		['by words in any order', ' warehouse   ord ', true],
		['by nothing', '  ', true],
		['unless a word is missing', 'orders lake', false],
	])('%s', (_how, filter, isFound) => {
		const one = entry({ workspace: 'Finance', status: 'inactive' });
		expect(matches(one, wordsIn(filter))).toBe(isFound);
	});

	test('by its source also where that is not shown again', () => {
		expect(matches(entry({ name: 'Shop → Warehouse' }), ['shop', 'warehouse'])).toBe(true);
	});
});

describe('results', () => {
	test('are in the order of their names, numbers as numbers', () => {
		const names = ['Orders 10', 'invoices', 'Orders 9'];
		const entries = names.map((name, at) => entry({ name, connectionId: `${at}` }));
		expect(toResults(entries, entries).map(({ name }) => name.split(' (')[0])).toEqual([
			'invoices',
			'Orders 9',
			'Orders 10',
		]);
	});

	test('have the ID, and the page in Airbyte', () => {
		const url = 'https://airbyte.test/w1/orders';
		const entries = [entry({ url })];
		expect(toResults(entries, entries)).toMatchObject([{ value: entry().connectionId, url }]);
	});
});

/** Lists of an Airbyte that has no names to tell. */
class SomeLists implements Lists {
	/** Called before each page of connections is cut. */
	beforePage = (_offset: number) => {};

	constructor(readonly connections: ListedConnection[]) {}

	async listConnections(offset: number): Promise<ListedConnection[]> {
		this.beforePage(offset);
		return this.connections.slice(offset, offset + 100);
	}

	async listNames(): Promise<never> {
		throw new Error('403');
	}
}

const connections = (count: number): ListedConnection[] =>
	Array.from({ length: count }, (_, at) => ({
		connectionId: `id-${at}`,
		name: `Connection ${at}`,
		status: 'active',
		workspaceId: 'w',
		sourceId: `s-${at}`,
		destinationId: 'd',
	}));

const idsOf = ({ connections: found }: { connections: NamedConnection[] }) =>
	found.map((one) => one.connectionId);

describe('reading lists', () => {
	test('with words that many have: as many as fill the list, then on from there', async () => {
		const lists = new SomeLists(connections(300));
		const inventory = new Inventory();
		const first = await findConnections(lists, inventory, ['connection'], 0);
		expect(first).toMatchObject({ next: 1 });
		const second = await findConnections(lists, inventory, ['connection'], 1);
		expect(idsOf(second)).toEqual(
			connections(200)
				.slice(100)
				.map((one) => one.connectionId),
		);
	});

	test('whom two pages have is there once, and the deleted are not there', async () => {
		const rows = connections(150);
		rows[149].status = 'deprecated';
		const lists = new SomeLists(rows);
		// Somebody adds one at the front while the list is being read.
		lists.beforePage = (offset) => {
			if (offset === 100) rows.unshift({ connectionId: 'new', name: 'New' });
		};
		const inventory = new Inventory();
		const ids = [
			...idsOf(await findConnections(lists, inventory, [], 0)),
			...idsOf(await findConnections(lists, inventory, [], 1)),
		];
		expect(ids).toEqual(connections(149).map((one) => one.connectionId));
	});

	test('a page that is not full is no end', async () => {
		const lists = new SomeLists(connections(300));
		const whole = lists.listConnections.bind(lists);
		lists.listConnections = async (offset) => (await whole(offset)).slice(0, 60);
		const found = await findConnections(lists, new Inventory(), ['250'], 0);
		expect(idsOf(found)).toEqual(['id-250']);
	});

	test('to the end, however far that is', async () => {
		const lists = new SomeLists(connections(5_100));
		const found = await findConnections(lists, new Inventory(), ['5099'], 0);
		expect(idsOf(found)).toEqual(['id-5099']);
		expect(found.next).toBeUndefined();
	});

	test('ends where a server gives the same page again and again', async () => {
		const lists = new SomeLists(connections(100));
		lists.listConnections = async () => lists.connections;
		const found = await findConnections(lists, new Inventory(), [], 0, Infinity);
		expect(found.connections).toHaveLength(100);
	});
});
