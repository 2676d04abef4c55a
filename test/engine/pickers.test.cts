import type { INodeListSearchResult, INodeParameters, INodePropertyOptions } from 'n8n-workflow';
import { NodeApiError } from 'n8n-workflow';

import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';
import { givesUpSoon } from './harness/impatience.cts';
import type { ListSearch } from './harness/listSearch.cts';
import { loadList, searchList } from './harness/listSearch.cts';
import { expectNoSecret } from './harness/secrets.cts';

const fixture = Fixture.forEachTest();
const ID = '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f';

let credentialId = 0;
beforeEach(() => void (credentialId += 1));

async function search(rest: Partial<ListSearch> = {}): Promise<INodeListSearchResult> {
	const credential = rest.credential ?? fixture.credential();
	return await searchList({ credentialId: `${credentialId}`, ...rest, credential });
}

async function load(): Promise<INodePropertyOptions[]> {
	return await loadList({
		credentialId: `${credentialId}`,
		credential: fixture.credential(),
	});
}

const namesOf = ({ results }: INodeListSearchResult) => results.map(({ name }) => name);
const calls = (route: 'GET /connections' | 'GET /sources') => fixture.airbyte.audit.count(route);

/** All pages, as somebody sees them who scrolls to the end. */
async function scroll(): Promise<INodeListSearchResult['results']> {
	const all: INodeListSearchResult['results'] = [];
	for (let paginationToken: string | undefined; ;) {
		const page = await search({ paginationToken });
		all.push(...page.results);
		paginationToken = page.paginationToken;
		if (paginationToken === undefined) return all;
	}
}

/** The error as n8n's server hands it to the editor: of this kind only, with its description. */
async function errorFrom(call: Promise<unknown>): Promise<NodeApiError> {
	const error: unknown = await call.then(
		() => undefined,
		(fault: unknown) => fault,
	);
	expect(error).toBeInstanceOf(NodeApiError);
	return error as NodeApiError;
}

describe('where Airbyte takes too long for a page', () => {
	let patience: () => void;
	beforeEach(
		() =>
			(patience = givesUpSoon('GET /connections', 300, () => hanging > calls('GET /connections'))),
	);
	afterEach(() => patience());
	let hanging: number;

	test('it is read in smaller ones', async () => {
		hanging = 2;
		for (let at = 0; at < 60; at++) fixture.airbyte.addConnection({ name: `Orders ${at}` });
		fixture.airbyte.faults.add({ route: 'GET /connections', kind: 'hang', times: 2 });
		const { results } = await search({ filter: 'orders' });
		expect(new Set(results.map(({ value }) => value)).size).toBe(60);
		// 100 and 50 took too long; then came 25, 25, 10 and none, and 60 fill the list.
		expect(calls('GET /connections')).toBe(6);
	});

	test('it is given up when that is so for ten rows', async () => {
		hanging = Infinity;
		const route = 'GET /connections';
		fixture.airbyte.faults.add({ route, kind: 'hang', times: Infinity });
		const error = await errorFrom(search());
		expect(error.message).toContain('listing connections');
		expect(calls(route)).toBe(5);
	});
});

test('shows name, source and destination, marks what does not run, and leaves out what was deleted', async () => {
	const ends = { sourceName: 'Shop', destinationName: 'Lake' };
	const { connectionId, workspaceId } = fixture.airbyte.addConnection({ ...ends, name: 'Orders' });
	fixture.airbyte.addConnection({ ...ends, name: 'Returns', status: 'inactive' });
	fixture.airbyte.addConnection({ ...ends, name: 'Bills', status: 'locked' });
	fixture.airbyte.addConnection({ ...ends, name: 'Gone', status: 'deprecated' });
	fixture.airbyte.addConnection(ends);
	const found = await search();
	expect(namesOf(found)).toEqual([
		'Bills (Shop → Lake) [locked]',
		'Orders (Shop → Lake)',
		'Returns (Shop → Lake) [inactive]',
		'Shop → Lake',
	]);
	expect(found.results[1]).toMatchObject({
		value: connectionId,
		url: `${fixture.airbyte.url}/workspaces/${workspaceId}/connections/${connectionId}`,
	});
});

describe('1,000 connections in three workspaces', () => {
	let ids: string[];
	const remove = (at: number) =>
		void fixture.airbyte.updateConnection(ids[at], { status: 'deprecated' });

	beforeEach(() => {
		ids = [];
		const workspaces = [
			fixture.airbyte.defaultWorkspace,
			fixture.airbyte.addWorkspace({ name: 'Finance' }),
			fixture.airbyte.addWorkspace({ name: 'Sales' }),
		];
		for (let at = 0; at < 1_000; at++) {
			const { workspaceId } = workspaces[at % 3];
			const ends = { sourceName: `Source ${at % 400}`, destinationName: 'Lake' };
			const name = `Orders ${at}`;
			ids.push(fixture.airbyte.addConnection({ ...ends, name, workspaceId }).connectionId);
		}
	});

	test('are all there, each once, for few calls', async () => {
		const all = await scroll();
		expect(all).toHaveLength(1_000);
		expect(new Set(all.map(({ value }) => value)).size).toBe(1_000);
		expect(calls('GET /connections')).toBe(11);
		// 1,200 sources of the three workspaces, to the last of which nobody has to look.
		expect(calls('GET /sources')).toBeLessThanOrEqual(13);
	});

	test('the first of them are there after a handful of calls, in order', async () => {
		const { results, paginationToken } = await search();
		expect(results).toHaveLength(100);
		expect(paginationToken).toBe('1');
		expect(results[5].name).toBe('Orders 5 (Source 5 → Lake) · Sales');
		expect(fixture.airbyte.audit.calls.length).toBeLessThanOrEqual(6);
	});

	test.each([
		['by its name', 'orders 987', ['Orders 987 (Source 187 → Lake) · Default Workspace']],
		[
			'by its source',
			'source 399 lake',
			[
				'Orders 399 (Source 399 → Lake) · Default Workspace',
				'Orders 799 (Source 399 → Lake) · Finance',
			],
		],
		['by words that none has', 'orders ocean', []],
	])('one is found %s', async (_how, filter, names) => {
		expect(namesOf(await search({ filter }))).toEqual(names);
	});

	test.each([8, 36])('one is found by the first %d letters of its ID', async (letters) => {
		expect((await search({ filter: ids[987].slice(0, letters) })).results).toMatchObject([
			{ value: ids[987] },
		]);
	});

	test('typing on asks Airbyte for nothing again; opening the list does', async () => {
		await search();
		await search({ filter: 'ord' });
		await search({ filter: 'orders 98' });
		const before = fixture.airbyte.audit.calls.length;
		expect(namesOf(await search({ filter: 'orders 987' }))).toHaveLength(1);
		expect(fixture.airbyte.audit.calls).toHaveLength(before);
		remove(987);
		await search();
		expect(namesOf(await search({ filter: 'orders 987' }))).toEqual([]);
	});

	test('what was read a minute ago is read anew', async () => {
		await search({ filter: '987' });
		remove(987);
		fixture.time.shared.advance(61_000);
		expect(namesOf(await search({ filter: '987' }))).toEqual([]);
	});

	test('what one credential sees is not told to another', async () => {
		await search({ filter: '987' });
		remove(987);
		const another = { filter: '987', credentialId: 'another' };
		expect(namesOf(await search(another))).toEqual([]);
	});
});

test('two that would look the same are told apart', async () => {
	const one = fixture.airbyte.addConnection({ name: 'Orders' });
	const other = fixture.airbyte.addConnection({ name: 'Orders' });
	expect(namesOf(await search()).sort()).toEqual(
		[one, other]
			.map(({ connectionId }) => `Orders (Source → Destination) · ${connectionId.slice(0, 8)}`)
			.sort(),
	);
});

test('two that would look the same are told apart on different pages, too', async () => {
	const names = ['Orders', ...Array.from({ length: 100 }, (_, at) => `Returns ${at}`), 'Orders'];
	for (const name of names) fixture.airbyte.addConnection({ name });
	const all = await scroll();
	expect(new Set(all.map(({ name }) => name)).size).toBe(102);
});

test.each(['GET /sources', 'GET /destinations', 'GET /workspaces'] as const)(
	'without access to %s it shows what it knows',
	async (route) => {
		fixture.airbyte.addWorkspace();
		fixture.airbyte.addConnection({ name: 'Orders', sourceName: 'Shop', destinationName: 'Lake' });
		fixture.airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
		const shown = {
			'GET /sources': 'Orders (? → Lake) · Default Workspace',
			'GET /destinations': 'Orders (Shop → ?) · Default Workspace',
			'GET /workspaces': 'Orders (Shop → Lake)',
		};
		expect(namesOf(await search())).toEqual([shown[route]]);
	},
);

test('uses the API version of the options', async () => {
	fixture.airbyte.addConnection();
	// Of a gateway in front; Airbyte itself says 403 of an unknown path.
	fixture.airbyte.faults.add({ route: 'other', kind: 'status', status: 404 });
	const parameters: INodeParameters = { options: { apiVersion: 'v9' } };
	await expect(search({ parameters })).rejects.toThrow(
		/Airbyte does not know this path \(40[34]\)/,
	);
});

describe('tells why it has nothing to show', () => {
	const errorOf = async (rest: Partial<ListSearch> = {}) => await errorFrom(search(rest));

	test('a wrong secret', async () => {
		const credential = fixture.credential({ clientSecret: 'wrong-secret' });
		const error = await errorOf({ credential });
		expect(error.message).toBe('Airbyte did not accept the client ID and secret (400)');
		expect(error.description).toMatch(/Check 'Client ID' and 'Client Secret'/);
		expectNoSecret(error, 'wrong-secret');
	});

	test('no access, with the code by which the editor offers to open the credential', async () => {
		const route = 'GET /connections';
		fixture.airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
		expect(await errorOf()).toMatchObject({
			message: 'Airbyte refused access while listing connections (403)',
			httpCode: '403',
		});
	});

	test('no connections at all, unlike none that are searched for', async () => {
		expect(await errorOf()).toMatchObject({
			message: 'Airbyte lists no connections',
			description: expect.stringMatching(/^Create one in Airbyte, or give .* Reader role/),
		});
		expect(await search({ filter: 'orders' })).toEqual({ results: [] });
	});

	test('an Airbyte that is down', async () => {
		const credential = fixture.credential({ host: 'http://127.0.0.1:9' });
		expect(await errorOf({ credential })).toMatchObject({
			message: 'The connection was refused: no connection to http://127.0.0.1:9',
			description: expect.stringMatching(/Check the 'Server URL'/),
		});
	});

	test('a host with a hyphen, which the editor would cut out of the message', async () => {
		const credential = fixture.credential({ host: 'http://no-airbyte.invalid' });
		const { message } = await errorOf({ credential });
		expect(message).toContain('http://no\u2011airbyte.invalid');
		expect(message).not.toContain('-');
	});

	test('a web page in place of the API', async () => {
		fixture.airbyte.faults.add({ route: 'GET /connections', kind: 'html', status: 200 });
		expect((await errorOf()).message).toMatch(/answered with a web page instead of Airbyte's API/);
	});

	test('an address that makes no sense', async () => {
		const credential = fixture.credential({ host: ' ' });
		expect((await errorOf({ credential })).message).toBe("'Server URL' is empty");
	});

	test('and shows the list once that is mended', async () => {
		fixture.airbyte.addConnection({ name: 'Orders' });
		fixture.airbyte.faults.add({ route: 'GET /connections', kind: 'status', status: 503 });
		await errorOf({ filter: 'orders' });
		expect(namesOf(await search({ filter: 'orders' }))).toHaveLength(1);
	});
});

describe('the list to choose several from', () => {
	test('has all connections of all workspaces at once, each once, in order', async () => {
		const finance = fixture.airbyte.addWorkspace({ name: 'Finance' });
		const workspaces = [fixture.airbyte.defaultWorkspace, finance];
		const ids = Array.from({ length: 250 }, (_, at) => {
			const { workspaceId } = workspaces[at % 2];
			// Airbyte lists them in the order in which they were added.
			const name = `Orders ${249 - at}`;
			return fixture.airbyte.addConnection({ name, workspaceId }).connectionId;
		});
		const options = await load();
		expect(options.map(({ value }) => value)).toEqual([...ids].reverse());
		expect(options[1].name).toBe('Orders 1 (Source → Destination) · Default Workspace');
		expect(options[248].name).toBe('Orders 248 (Source → Destination) · Finance');
		expect(calls('GET /connections')).toBeLessThanOrEqual(6);
	});

	test('leaves out what was deleted, and marks what does not run', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ name: 'Orders' });
		fixture.airbyte.addConnection({ name: 'Returns', status: 'inactive' });
		fixture.airbyte.addConnection({ name: 'Gone', status: 'deprecated' });
		expect(await load()).toMatchObject([
			{ name: 'Orders (Source → Destination)', value: connectionId },
			{ name: 'Returns (Source → Destination) [inactive]' },
		]);
	});

	test('is read anew each time', async () => {
		await load();
		fixture.airbyte.addConnection();
		expect(await load()).toHaveLength(1);
	});

	test('tells why it has nothing to show', async () => {
		const route = 'GET /connections';
		fixture.airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
		expect(await errorFrom(load())).toMatchObject({
			message: 'Airbyte refused access while listing connections (403)',
			description: expect.stringMatching(/role/),
			httpCode: '403',
		});
	});
});

describe('a connection that was entered', () => {
	const cloud = `https://cloud.airbyte.com/workspaces/${ID}/connections`;
	const own = `http://host:8000/airbyte/workspaces/${ID}/connections`;

	test.each<[string, string, string]>([
		['list', 'by the list', ID],
		['id', 'by its ID', ID],
		['url', "by its page's address in Cloud", `${cloud}/${ID}`],
		['url', 'by that of one of its tabs', `${cloud}/${ID}/status?x=y#z`],
		['url', 'by that of a self-managed Airbyte', `${own}/${ID.toUpperCase()}/timeline`],
		['url', 'by that with blanks around', ` ${own}/${ID}/ `],
		['url', 'by an expression that gives its address', `={{ "${own}/${ID}/timeline?jobId=1" }}`],
		['url', 'by its ID, entered as its address', ID],
		['url', 'by an expression that gives its ID', `={{ " ${ID} " }}`],
		['id', 'by its address, entered as its ID', `${cloud}/${ID}/status`],
		['list', 'by an expression where the list was', `={{ "${ID}" }}`],
	])('in mode %s %s is run', async (mode, _how, value) => {
		fixture.airbyte.addConnection({ connectionId: ID, jobs: timelines.succeedsAfter(5) });
		const { items, error } = await fixture.sync(ID, { connectionId: { __rl: true, mode, value } });
		expect(error).toBeUndefined();
		expect(items).toMatchObject([{ connectionId: ID, status: 'succeeded' }]);
	});

	test('as a text of its own, as a program may write it, is run', async () => {
		fixture.airbyte.addConnection({ connectionId: ID, jobs: timelines.succeedsAfter(5) });
		const { items } = await fixture.sync(ID, { connectionId: ID });
		expect(items).toMatchObject([{ connectionId: ID, status: 'succeeded' }]);
	});

	test.each<[string, string, RegExp]>([
		['an expression that gives nothing', '={{ "" }}', /^'Connection' is empty$/],
		['an address without an ID', `${cloud}/new-connection`, /^'Connection' is not .*: "https/],
		['an address of something else', `https://cloud.airbyte.com/workspaces/${ID}`, /^'Connection'/],
		[
			'something else',
			'={{ "https://a.test/x" }}',
			/^'Connection' is not .*"https:\/\/a\.test\/x"$/,
		],
		['an ID with more behind it', `${cloud}/${ID}0`, /^'Connection' is not/],
	])('as URL by %s is refused', async (_what, value, words) => {
		const connectionId = { __rl: true, mode: 'url', value };
		const { error } = await fixture.sync(ID, { connectionId });
		expect(error?.message).toMatch(words);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});
});
