import type { Named, NamedList } from '../../nodes/airbyte/api/client';
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

const connection = (rest: Partial<NamedConnection> = {}): NamedConnection => ({
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
		['with source and destination', {}, 'Orders (Shop → Warehouse)'],
		[
			'without them if its name says them',
			{ name: 'Shop → Warehouse nightly' },
			'Shop → Warehouse nightly',
		],
		[
			'with them if its name says them in another order',
			{ name: 'Warehouse from Shop' },
			'Warehouse from Shop (Shop → Warehouse)',
		],
		['with one of them', { source: undefined }, 'Orders (? → Warehouse)'],
		['by its name alone', { source: undefined, destination: undefined }, 'Orders'],
		['with its workspace', { workspace: 'Finance' }, 'Orders (Shop → Warehouse) · Finance'],
		['marked as inactive', { status: 'inactive' }, 'Orders (Shop → Warehouse) [inactive]'],
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
		expect(label(connection(rest))).toBe(shown);
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
		const one = connection({ workspace: 'Finance', status: 'inactive' });
		expect(matches(one, wordsIn(filter))).toBe(isFound);
	});

	test('by its source also where that is not shown again', () => {
		expect(matches(connection({ name: 'Shop → Warehouse' }), ['shop', 'warehouse'])).toBe(true);
	});
});

describe('results', () => {
	const page = (workspaceId: string, id: string) => `https://airbyte.test/${workspaceId}/${id}`;

	test('are in the order of their names, numbers as numbers', () => {
		const names = ['Orders 10', 'invoices', 'Orders 9'];
		const connections = names.map((name, at) => connection({ name, connectionId: `${at}` }));
		expect(toResults(connections, page).map(({ name }) => name.split(' (')[0])).toEqual([
			'invoices',
			'Orders 9',
			'Orders 10',
		]);
	});

	test('have the ID, and the page in Airbyte where the workspace is known', () => {
		const connections = [
			connection(),
			connection({ connectionId: 'other', name: 'X', workspaceId: undefined }),
		];
		expect(toResults(connections, page)).toMatchObject([
			{
				value: connection().connectionId,
				url: `https://airbyte.test/w1/${connection().connectionId}`,
			},
			{ value: 'other', url: undefined },
		]);
	});

	test('that look the same are told apart by their IDs', () => {
		const connections = [
			connection({ connectionId: 'aaaaaaaa-1' }),
			connection({ connectionId: 'bbbbbbbb-1' }),
			connection({ name: 'X' }),
		];
		expect(toResults(connections, page).map(({ name }) => name)).toEqual([
			'Orders (Shop → Warehouse) · aaaaaaaa',
			'Orders (Shop → Warehouse) · bbbbbbbb',
			'X (Shop → Warehouse)',
		]);
	});
});

/** Lists of an Airbyte, and what was asked of them. */
class RecordedLists implements Lists {
	readonly asked: string[] = [];
	/** Called before each page of connections is cut. */
	beforePage = (_offset: number) => {};

	constructor(
		readonly connections: ListedConnection[],
		readonly names: Partial<Record<NamedList, Named[]>> = {},
	) {}

	async listConnections(offset: number): Promise<ListedConnection[]> {
		this.asked.push(`connections ${offset}`);
		this.beforePage(offset);
		return this.connections.slice(offset, offset + 100);
	}

	async listNames(list: NamedList, offset: number): Promise<Named[]> {
		this.asked.push(`${list} ${offset}`);
		const names = this.names[list];
		if (!names) throw new Error('403');
		return names.slice(offset, offset + 100);
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

const sources = (count: number): Named[] =>
	Array.from({ length: count }, (_, at) => ({ id: `s-${at}`, name: `Source ${at}` }));

const idsOf = ({ connections }: { connections: NamedConnection[] }) =>
	connections.map((one) => one.connectionId);

describe('reading lists', () => {
	test('without words: one page, whose names are read as far as they are needed', async () => {
		const lists = new RecordedLists(connections(1_000), {
			sources: sources(1_000),
			destinations: [{ id: 'd', name: 'Lake' }],
			workspaces: [{ id: 'w', name: 'Default' }],
		});
		const found = await findConnections(lists, new Inventory(), [], 0);
		expect(found.next).toBe(1);
		expect(found.connections).toHaveLength(100);
		expect(found.connections[99]).toMatchObject({ source: 'Source 99', destination: 'Lake' });
		expect(lists.asked.sort()).toEqual([
			'connections 0',
			'destinations 0',
			'sources 0',
			'workspaces 0',
		]);
	});

	test('page by page: each once, to the end', async () => {
		const lists = new RecordedLists(connections(250));
		const inventory = new Inventory();
		const ids: string[] = [];
		for (let next: number | undefined = 0; next !== undefined;) {
			const found = await findConnections(lists, inventory, [], next);
			ids.push(...idsOf(found));
			next = found.next;
		}
		expect(ids).toEqual(connections(250).map((one) => one.connectionId));
		const asked = lists.asked.filter((what) => what.startsWith('connections'));
		expect(new Set(asked).size).toBe(asked.length);
	});

	test('with words: all pages, and nothing again for the next letter', async () => {
		const lists = new RecordedLists(connections(1_000));
		const inventory = new Inventory();
		expect(idsOf(await findConnections(lists, inventory, ['77'], 0))).toHaveLength(19);
		const before = lists.asked.length;
		expect(idsOf(await findConnections(lists, inventory, ['777'], 0))).toEqual(['id-777']);
		expect(lists.asked).toHaveLength(before);
		expect(before).toBeLessThan(20);
	});

	test('with words that many have: as many as fill the list, then on from there', async () => {
		const lists = new RecordedLists(connections(300));
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
		const lists = new RecordedLists(rows);
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
		const lists = new RecordedLists(connections(300));
		const whole = lists.listConnections.bind(lists);
		lists.listConnections = async (offset) => (await whole(offset)).slice(0, 60);
		const found = await findConnections(lists, new Inventory(), ['250'], 0);
		expect(idsOf(found)).toEqual(['id-250']);
	});

	test('a page that failed is asked for again', async () => {
		const lists = new RecordedLists(connections(10));
		lists.beforePage = () => {
			lists.beforePage = () => {};
			throw new Error('503');
		};
		const inventory = new Inventory();
		await expect(findConnections(lists, inventory, [], 0)).rejects.toThrow('503');
		expect((await findConnections(lists, inventory, [], 0)).connections).toHaveLength(10);
	});

	test('the workspace is told where there are several', async () => {
		const lists = new RecordedLists(connections(1), {
			workspaces: [
				{ id: 'w', name: 'Finance' },
				{ id: 'v', name: 'Sales' },
			],
		});
		const found = await findConnections(lists, new Inventory(), [], 0);
		expect(found.connections).toMatchObject([{ workspace: 'Finance' }]);
	});

	test('to the end, however far that is', async () => {
		const lists = new RecordedLists(connections(5_100));
		const found = await findConnections(lists, new Inventory(), ['5099'], 0);
		expect(idsOf(found)).toEqual(['id-5099']);
		expect(found.next).toBeUndefined();
	});

	test('ends where a server gives the same page again and again', async () => {
		const lists = new RecordedLists(connections(100));
		lists.listConnections = async () => lists.connections;
		const found = await findConnections(lists, new Inventory(), [], 0, Infinity);
		expect(found.connections).toHaveLength(100);
	});
});
