import type { INodeParameters } from 'n8n-workflow';

import { timelines } from '../../simulator/index.cts';
import type { NodeResult, NodeRun } from './harness/engine.cts';
import { Fixture, byId } from './harness/fixture.cts';
import { runNode } from './harness/engine.cts';

const fixture = Fixture.forEachTest();
const MISSING = '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f';

async function run(parameters: INodeParameters, rest: Partial<NodeRun> = {}): Promise<NodeResult> {
	const credential = fixture.credential();
	return await runNode({ node: 'airbyteConnection', parameters, credential, ...rest });
}

const getMany = async (filters: INodeParameters = {}, rest: INodeParameters = {}) =>
	await run({ operation: 'getMany', filters, ...rest });

const getStatus = async (connectionId: string, rest: INodeParameters = {}) =>
	await run({ operation: 'getStatus', connectionId: byId(connectionId), ...rest });

const namesOf = ({ items }: NodeResult) => items.map(({ name }) => name);
const hours = (count: number) => count * 3_600_000;

describe('getMany', () => {
	test('tells what a connection is and where it leads', async () => {
		const ends = { sourceName: 'Shop', destinationName: 'Warehouse' };
		const added = fixture.airbyte.addConnection({ ...ends, name: 'Orders', tags: ['nightly'] });
		const { connectionId, workspaceId } = added;
		const { items } = await getMany();
		expect(items).toEqual([
			{
				connectionId,
				name: 'Orders',
				status: 'active',
				workspaceId,
				sourceName: 'Shop',
				destinationName: 'Warehouse',
				tags: ['nightly'],
				schedule: { scheduleType: 'manual' },
				connectionUrl: `${fixture.airbyte.url}/workspaces/${workspaceId}/connections/${connectionId}`,
			},
		]);
	});

	test('gives 50 unless told otherwise, or all of them, each once, with their names', async () => {
		for (let at = 0; at < 250; at++) fixture.airbyte.addConnection({ sourceName: `Shop ${at}` });
		expect((await getMany()).items).toHaveLength(50);
		expect((await getMany({}, { limit: 120 })).items).toHaveLength(120);
		const { items } = await getMany({}, { returnAll: true });
		expect(new Set(items.map(({ connectionId }) => connectionId)).size).toBe(250);
		expect(items[249].sourceName).toBe('Shop 249');
	});

	test('gives each once where pages of the list overlap, as it has no order', async () => {
		fixture.airbyte.settings.pagesOverlapBy = 7;
		for (let at = 0; at < 250; at++) fixture.airbyte.addConnection();
		const { items } = await getMany({}, { returnAll: true });
		expect(items.length).toBeGreaterThan(200);
		expect(new Set(items.map(({ connectionId }) => connectionId)).size).toBe(items.length);
	});

	describe('with filters', () => {
		let finance: string;
		beforeEach(() => {
			finance = fixture.airbyte.addWorkspace({ name: 'Finance' }).workspaceId;
			fixture.airbyte.addConnection({ name: 'Orders', sourceName: 'Shop', tags: ['nightly'] });
			fixture.airbyte.addConnection({
				name: 'Returns',
				destinationName: 'Warehouse',
				status: 'inactive',
				tags: ['weekly', 'x'],
			});
			fixture.airbyte.addConnection({ name: 'Bills', workspaceId: finance });
			fixture.airbyte.addConnection({ name: 'Gone', status: 'deprecated' });
		});

		test.each<[INodeParameters, string[]]>([
			[{}, ['Orders', 'Returns', 'Bills']],
			[{ status: 'inactive' }, ['Returns']],
			[{ status: 'active' }, ['Orders', 'Bills']],
			[{ tags: 'Nightly , other' }, ['Orders']],
			[{ tags: '={{ ["weekly", "nightly"] }}' }, ['Orders', 'Returns']],
			[{ tags: 'night' }, []],
			[{ nameContains: 'SHOP ord' }, ['Orders']],
			[{ nameContains: 'warehouse' }, ['Returns']],
			[{ nameContains: 'finance' }, []],
			[{ nameContains: 'inactive' }, []],
			[{ status: 'active', tags: 'weekly' }, []],
		])('%j', async (filters, names) => {
			expect(namesOf(await getMany(filters))).toEqual(names);
		});

		test.each([
			['Tags', { tags: '={{ $json.tag }}' }],
			['Tags', { tags: '={{ [] }}' }],
			['Workspace ID', { workspaceId: '={{ $json.workspace }}' }],
			['Status', { status: '={{ $json.status }}' }],
			['Name Contains', { nameContains: '={{ $json.name }}' }],
		])('whose expression gives nothing do not mean all: %s, %j', async (name, filters) => {
			const { error, items } = await getMany(filters);
			expect(items).toEqual([]);
			expect(error?.message).toBe(`'${name}' comes out as nothing`);
			expect(fixture.airbyte.audit.calls).toEqual([]);
		});

		test('of names do not look at IDs', async () => {
			const { connectionId } = fixture.airbyte.addConnection();
			expect(namesOf(await getMany({ nameContains: connectionId }))).toEqual([]);
		});

		test.each([
			['ID', (id: string) => id.toUpperCase()],
			['address', (id: string) => `http://host/workspaces/${id}/connections`],
		])('of a workspace by its %s', async (_how, by) => {
			expect(namesOf(await getMany({ workspaceId: by(finance) }))).toEqual(['Bills']);
		});

		test.each([['user'], ['instanceAdmin']] as const)(
			'a workspace that does not exist is told, as %s, and not taken for an empty one',
			async (role) => {
				fixture.airbyte.settings.role = role;
				const { error } = await getMany({ workspaceId: MISSING });
				expect(error?.description).toContain("Check 'Workspace ID'");
				const { workspaceId } = fixture.airbyte.addWorkspace();
				expect(await getMany({ workspaceId })).toMatchObject({ status: 'success', items: [] });
			},
		);

		test('that nothing matches say nothing against the workspace', async () => {
			const filters = { workspaceId: finance, nameContains: 'nothing' };
			const { items } = await run({ operation: 'getMany', filters }, { items: [{}, {}, {}] });
			expect(items).toEqual([]);
			expect(fixture.airbyte.audit.count('GET /workspaces/{workspaceId}')).toBe(0);
		});

		test('that make no sense are refused before anything is sent', async () => {
			const { error } = await getMany({ workspaceId: 'finance' });
			expect(error?.message).toBe(`'Workspace ID' is not a workspace's ID: "finance"`);
			expect(fixture.airbyte.audit.calls).toEqual([]);
		});
	});

	describe('where the list of sources is not read at once', () => {
		const failing = (rest: { status: number; skip?: number; times?: number }) =>
			fixture.airbyte.faults.add({ route: 'GET /sources', kind: 'status', ...rest });
		const addShops = (count: number) => {
			for (let at = 0; at < count; at++) {
				fixture.airbyte.addConnection({ name: `Orders ${at}`, sourceName: `Shop ${at}` });
			}
		};

		test.each([
			[503, 0],
			[429, 0],
			[503, 1],
		])('%d after %d pages is waited out, so that none is left out', async (status, skip) => {
			addShops(150);
			failing({ status, skip });
			const { items } = await getMany({ nameContains: 'shop' }, { returnAll: true });
			expect(items).toHaveLength(150);
			expect(fixture.airbyte.audit.count('GET /connections')).toBe(3);
		});

		test('503 fails the node after a few tries', async () => {
			addShops(1);
			failing({ status: 503, times: Infinity });
			const { error } = await getMany();
			expect(error?.message).toContain('(503) while listing sources');
			expect(fixture.airbyte.audit.count('GET /sources')).toBe(4);
		});

		test('403 leaves out their names, and is met once for all pages', async () => {
			addShops(150);
			failing({ status: 403, times: Infinity });
			const { items } = await getMany({}, { returnAll: true });
			expect(items).toHaveLength(150);
			expect(items[149]).not.toHaveProperty('sourceName');
			expect(fixture.airbyte.audit.count('GET /sources')).toBe(1);
		});

		test('403 fails what looks for names in it', async () => {
			addShops(1);
			failing({ status: 403, times: Infinity });
			const { error } = await getMany({ nameContains: 'shop' });
			expect(error?.message).toContain('listing sources (403)');
			expect(error?.description).toContain("'Name Contains' looks at the names of sources");
		});

		test('the list of workspaces is not asked for', async () => {
			addShops(1);
			await getMany({ nameContains: 'shop' });
			expect(fixture.airbyte.audit.count('GET /workspaces')).toBe(0);
		});
	});

	test('gives the connections for each item, paired with it, and lists them once', async () => {
		fixture.airbyte.addConnection({ name: 'Orders' });
		fixture.airbyte.addConnection({ name: 'Returns' });
		const { outputs } = await run(
			{ operation: 'getMany', filters: { nameContains: '={{ $json.name }}' } },
			{ items: [{ name: 'r' }, { name: 'returns' }] },
		);
		expect(outputs[0].map(({ json, pairedItem }) => [json.name, pairedItem])).toEqual([
			['Orders', { item: 0 }],
			['Returns', { item: 0 }],
			['Returns', { item: 1 }],
		]);
		expect(fixture.airbyte.audit.count('GET /connections')).toBe(2);
	});

	test('can be the list of a batch of syncs', async () => {
		fixture.airbyte.addConnection({ name: 'Orders', jobs: timelines.succeedsAfter(5) });
		const { items } = await getMany();
		const synced = await fixture.sync('={{ $json.connectionId }}', {}, { items });
		expect(synced.items).toMatchObject([{ connectionName: 'Orders', status: 'succeeded' }]);
	});
});

describe('getStatus', () => {
	test('with Simplify, has nine keys at most, and the jobs ten', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ name: 'Shop → Lake' });
		fixture.airbyte.startJob(connectionId, { timeline: timelines.succeedsAfter(60) });
		fixture.time.shared.advance(120_000);
		fixture.airbyte.startJob(connectionId, { timeline: timelines.runsForever() });
		const { items } = await getStatus(connectionId, { options: { simplify: true } });
		expect(Object.keys(items[0])).toEqual([
			'connectionId',
			'name',
			'status',
			'connectionUrl',
			'stale',
			'ageSeconds',
			'activeJob',
			'lastJob',
			'lastSuccess',
		]);
		expect(Object.keys(items[0].lastJob as object).length).toBeLessThanOrEqual(10);
		expect(fixture.airbyte.audit.count('GET /sources')).toBe(0);
	});

	test('tells what runs, what ran last, and how old the data is', async () => {
		const { connectionId } = fixture.airbyte.addConnection({
			name: 'Orders',
			jobs: [
				timelines.succeedsAfter(60, { rows: 9 }),
				timelines.failsAfter(60),
				timelines.runsForever(),
			],
		});
		const jobIds: number[] = [];
		for (let at = 0; at < 3; at++) {
			jobIds.push(fixture.airbyte.startJob(connectionId).jobId);
			fixture.time.shared.advance(hours(1));
		}
		const { items } = await getStatus(connectionId);
		expect(items).toMatchObject([
			{
				connectionId,
				name: 'Orders',
				status: 'active',
				sourceName: 'Source',
				activeJob: { jobId: jobIds[2], status: 'running', connectionName: 'Orders' },
				lastJob: { jobId: jobIds[1], status: 'failed' },
				lastSuccess: { jobId: jobIds[0], status: 'succeeded', durationSeconds: 60 },
				ageSeconds: 3 * 3_600 - 60,
				stale: false,
			},
		]);
		expect(items[0].lastSuccess).toMatchObject({
			jobUrl: expect.stringContaining(`timeline?jobId=${jobIds[0]}`),
		});
	});

	test('finds the last success behind many jobs that failed', async () => {
		const failures = Array.from({ length: 12 }, () => timelines.failsAfter(60));
		const jobs = [timelines.succeedsAfter(60), ...failures];
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		for (let at = 0; at < 13; at++) {
			fixture.airbyte.startJob(connectionId);
			fixture.time.shared.advance(hours(1));
		}
		const { items } = await getStatus(connectionId, { maximumAge: 12 * 3_600 });
		expect(items[0]).toMatchObject({ ageSeconds: 13 * 3_600 - 60, stale: true });
		expect(items[0].lastSuccess).toMatchObject({ status: 'succeeded' });
	});

	test.each([
		[0, false],
		[3_600, true],
		[7_200, false],
	])('an age of two hours with a maximum of %d seconds: stale is %s', async (maximumAge, stale) => {
		const jobs = timelines.succeedsAfter(60);
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		fixture.airbyte.startJob(connectionId);
		fixture.time.shared.advance(60_000 + hours(2));
		const { items } = await getStatus(connectionId, { maximumAge });
		expect(items[0]).toMatchObject({ ageSeconds: 7_200, stale });
	});

	test('what was cleared since its last success is stale', async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		fixture.airbyte.startJob(connectionId, { timeline: timelines.succeedsAfter(10) });
		fixture.time.shared.advance(60_000);
		fixture.airbyte.startJob(connectionId, {
			jobType: 'clear',
			timeline: timelines.succeedsAfter(10),
		});
		fixture.time.shared.advance(60_000);
		const { items } = await getStatus(connectionId);
		expect(items).toMatchObject([{ lastSuccess: { jobId: 1 }, stale: true }]);
	});

	test('what was cleared is stale, however many syncs have failed since', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.failsAfter(10) });
		const succeeds = timelines.succeedsAfter(10);
		fixture.airbyte.startJob(connectionId, { timeline: succeeds });
		fixture.time.shared.advance(60_000);
		fixture.airbyte.startJob(connectionId, { jobType: 'clear', timeline: succeeds });
		for (let at = 0; at < 12; at++) {
			fixture.time.shared.advance(hours(1));
			fixture.airbyte.startJob(connectionId);
		}
		const { items } = await getStatus(connectionId);
		expect(items).toMatchObject([{ lastSuccess: { jobId: 1 }, stale: true }]);
	});

	test('of a connection that was never synced asks for no more of its jobs', async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		const { items } = await getStatus(connectionId);
		expect(items).toMatchObject([{ stale: true }]);
		// The list, and whether refreshes are in it.
		expect(fixture.airbyte.audit.count('GET /jobs')).toBe(2);
	});

	test('a clear is no success, and without any the data is stale', async () => {
		const jobs = timelines.succeedsAfter(60);
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		fixture.airbyte.startJob(connectionId, { jobType: 'clear' });
		fixture.time.shared.advance(hours(1));
		const { items } = await getStatus(connectionId);
		expect(items[0]).toMatchObject({ lastJob: { status: 'succeeded' }, stale: true });
		for (const key of ['activeJob', 'lastSuccess', 'ageSeconds']) {
			expect(items[0]).not.toHaveProperty(key);
		}
	});

	test('asks once for all items for a list of names that it cannot read', async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		const route = 'GET /sources';
		fixture.airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
		await run(
			{ operation: 'getStatus', connectionId: byId(connectionId) },
			{ items: [{}, {}, {}] },
		);
		expect(fixture.airbyte.audit.count(route)).toBe(1);
	});

	test('goes on without names where their lists cannot be read', async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		const route = 'GET /sources';
		fixture.airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
		const { items } = await getStatus(connectionId);
		expect(items[0]).toMatchObject({ destinationName: 'Destination' });
		expect(items[0]).not.toHaveProperty('sourceName');
	});
});

test('getStatus at Airbyte 2.0, which lists refreshes only if asked for', async () => {
	const { airbyte, time } = fixture;
	airbyte.settings.version = '2.0.0';
	const { connectionId } = airbyte.addConnection();
	airbyte.startJob(connectionId, { timeline: timelines.succeedsAfter(20) });
	time.shared.advance(86_400_000);
	const refresh = { jobType: 'refresh', timeline: timelines.succeedsAfter(20) } as const;
	airbyte.startJob(connectionId, refresh);
	time.shared.advance(60_000);
	airbyte.startJob(connectionId, { ...refresh, timeline: timelines.runsForever() });
	const { items } = await getStatus(connectionId, { maximumAge: 3_600 });
	expect(items).toMatchObject([
		{ stale: false, lastSuccess: { jobId: 2 }, lastJob: { jobId: 2 }, activeJob: { jobId: 3 } },
	]);
});

test('getStatus at Airbyte 2.0: what was cleared after a refresh is stale, however many syncs have failed since', async () => {
	const { airbyte, time } = fixture;
	airbyte.settings.version = '2.0.0';
	const { connectionId } = airbyte.addConnection({ jobs: timelines.failsAfter(10) });
	const timeline = timelines.succeedsAfter(10);
	airbyte.startJob(connectionId, { jobType: 'refresh', timeline });
	time.shared.advance(60_000);
	airbyte.startJob(connectionId, { jobType: 'clear', timeline });
	for (let at = 0; at < 12; at++) {
		time.shared.advance(hours(1));
		airbyte.startJob(connectionId);
	}
	const { items } = await getStatus(connectionId);
	expect(items).toMatchObject([{ lastSuccess: { jobId: 1 }, stale: true }]);
});

describe('setStatus', () => {
	const setStatus = async (connectionId: string, status: string) =>
		await run({ operation: 'setStatus', connectionId: byId(connectionId), status });

	test('switches a connection off and on again', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ name: 'Orders' });
		const off = await setStatus(connectionId, 'inactive');
		expect(off.items).toMatchObject([{ connectionId, name: 'Orders', status: 'inactive' }]);
		expect(namesOf(await getMany({ status: 'active' }))).toEqual([]);
		const on = await setStatus(connectionId, 'active');
		expect(on.items).toMatchObject([{ connectionId, status: 'active' }]);
	});

	test('that has another word than the two is refused before anything is sent', async () => {
		const { error } = await setStatus(MISSING, '={{ "locked" }}');
		expect(error?.message).toBe(`'Status' cannot be "locked"`);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});

	test('that an expression leaves empty is refused, as it would switch the connection on', async () => {
		const { error } = await setStatus(MISSING, '={{ $json.staus }}');
		expect(error?.message).toBe(`'Status' cannot be ""`);
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});

	test('without the right to do it says which role is needed', async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		const route = 'PATCH /connections/{connectionId}';
		fixture.airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
		const { error } = await setStatus(connectionId, 'inactive');
		expect(error?.message).toContain('making the connection inactive (403)');
	});
});

describe('what goes wrong', () => {
	const route = 'GET /connections/{connectionId}';
	const statusAfter = async (times: number, status: number) => {
		const { connectionId } = fixture.airbyte.addConnection();
		fixture.airbyte.faults.add({ route, kind: 'status', status, times });
		return await getStatus(connectionId);
	};

	test('is waited out where it may pass', async () => {
		const { items } = await statusAfter(3, 503);
		expect(items).toHaveLength(1);
		expect(fixture.airbyte.audit.count(route)).toBe(4);
	});

	test('does not ask for a field that the operation lacks', async () => {
		const { error } = await statusAfter(Infinity, 429);
		expect(error?.description).toContain("'Batch Size' where the node has them");
	});

	test('fails the node after a few tries', async () => {
		const { error } = await statusAfter(Infinity, 503);
		expect(error?.message).toContain('(503)');
		expect(fixture.airbyte.audit.count(route)).toBe(4);
	});

	test('is an item of its own where the node continues, or leaves by the error output', async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		const each = {
			operation: 'getStatus',
			connectionId: byId('={{ $json.connectionId }}'),
		};
		const items = [{ connectionId: MISSING }, { connectionId: 'x' }, { connectionId }];
		const failures = [
			{
				error: expect.stringContaining('reading the connection'),
				message: expect.stringContaining("'Connection'"),
				details: { connectionId: MISSING },
			},
			{
				error: `'Connection' is not a connection's ID: "x"`,
				message: expect.any(String),
				details: {},
			},
		];
		const mixed = await run(each, { items, onError: 'continueRegularOutput' });
		expect(mixed.items).toMatchObject([...failures, { connectionId }]);
		expect(mixed.outputs[0].map(({ pairedItem }) => pairedItem)).toEqual([
			{ item: 0 },
			{ item: 1 },
			{ item: 2 },
		]);
		const { outputs } = await run(each, { items, onError: 'continueErrorOutput' });
		expect(outputs[0].map(({ json }) => json)).toMatchObject([{ connectionId }]);
		expect(outputs[1].map(({ json }) => json)).toMatchObject(failures);
	});

	test('with one item begins no others', async () => {
		const items = Array.from({ length: 5 }, () => ({}));
		const { error } = await run(
			{ operation: 'getStatus', connectionId: byId(MISSING), options: { batchSize: 1 } },
			{ items },
		);
		expect(error?.message).toContain('reading the connection');
		expect(fixture.airbyte.audit.count('GET /connections/{connectionId}')).toBe(1);
	});
});
