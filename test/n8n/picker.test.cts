/** The lists of connections in a real n8n, by the calls that its editor makes. */
import type { INodeListSearchResult, INodeParameters, INodePropertyOptions } from 'n8n-workflow';

import type { SavedCredential } from '../../scripts/n8n/api.cts';
import type { Site } from './harness/world.cts';
import { World } from './harness/world.cts';

let world: World;
let site: Site;
beforeAll(async () => {
	world = await World.setUp();
	site = await world.airbyte();
	const { airbyte } = site;
	const finance = airbyte.addWorkspace({ name: 'Finance' });
	const sales = airbyte.addWorkspace({ name: 'Sales' });
	const workspaces = [airbyte.defaultWorkspace, finance, sales];
	for (let at = 0; at < 1_050; at++) {
		const { workspaceId } = workspaces[at % 3];
		const ends = { sourceName: `Shop ${at % 150}`, destinationName: 'Warehouse' };
		const status = at % 10 === 9 ? 'inactive' : 'active';
		airbyte.addConnection({ ...ends, name: `Orders ${at}`, workspaceId, status });
	}
}, 300_000);
afterAll(async () => await World.tearDown(world));

interface Call {
	credential?: SavedCredential;
	parameters?: INodeParameters;
	filter?: string;
	paginationToken?: string;
}

async function results({ credential = site.credential, ...call }: Call = {}) {
	const { parameters = {}, filter, paginationToken } = call;
	const { id, name } = credential;
	return await world.api.post<INodeListSearchResult>(
		'/dynamic-node-parameters/resource-locator-results',
		{
			nodeTypeAndVersion: { name: 'n8n-nodes-airbyte.airbyteTriggerSync', version: 1 },
			path: 'parameters.connectionId',
			methodName: 'searchConnections',
			currentNodeParameters: { mode: 'synchronous', ...parameters },
			credentials: { airbyteApi: { id, name } },
			...(filter && { filter }),
			...(paginationToken && { paginationToken }),
		},
	);
}

test('all connections of all workspaces are reached by scrolling, each once', async () => {
	const all: INodeListSearchResult['results'] = [];
	let paginationToken: string | undefined;
	do {
		const page = await results({ paginationToken });
		all.push(...page.results);
		paginationToken = page.paginationToken;
	} while (paginationToken);
	expect(all).toHaveLength(1_050);
	expect(new Set(all.map(({ value }) => value)).size).toBe(1_050);
	expect(all.map(({ name }) => name)).toEqual(
		expect.arrayContaining([
			'Orders 0 (Shop 0 → Warehouse) · Default Workspace',
			'Orders 1049 (Shop 149 → Warehouse) · Sales [inactive]',
		]),
	);
	expect(site.airbyte.audit.count('GET /connections')).toBe(12);
});

test('one of them is found by typing, with its ID and its page in Airbyte', async () => {
	const found = await results({ filter: 'orders 1003 sho' });
	expect(found).toEqual({
		results: [
			{
				name: 'Orders 1003 (Shop 103 → Warehouse) · Finance',
				value: expect.stringMatching(/^[\da-f-]{36}$/),
				url: expect.stringContaining(`${site.airbyte.url}/workspaces/`),
			},
		],
	});
});

test('to choose several from, the trigger is given all at once, in order', async () => {
	const { id, name } = site.credential;
	const options = await world.api.post<INodePropertyOptions[]>('/dynamic-node-parameters/options', {
		nodeTypeAndVersion: { name: 'n8n-nodes-airbyte.airbyteTrigger', version: 1 },
		path: 'parameters.connectionIds',
		methodName: 'getConnections',
		currentNodeParameters: { connectionIds: [] },
		credentials: { airbyteApi: { id, name } },
	});
	expect(options).toHaveLength(1_050);
	expect(options[1049]).toMatchObject({
		name: 'Orders 1049 (Shop 149 → Warehouse) · Sales [inactive]',
		value: expect.stringMatching(/^[\da-f-]{36}$/),
	});
});

test('what is wrong is said, with advice', async () => {
	const credential = await world.credentialFor(site.airbyte.url, { clientSecret: 'nonsense' });
	const failed = results({ credential });
	await expect(failed).rejects.toThrow(/did not accept the client ID and secret \(400\)/);
	await expect(failed).rejects.toThrow(/"description":".*Check 'Client ID' and 'Client Secret'/);
	await expect(failed).rejects.not.toThrow(/nonsense/);
});

test('a refusal has its HTTP code, by which the editor offers to open the credential', async () => {
	const { airbyte, credential } = await world.airbyte();
	const route = 'GET /connections';
	airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
	await expect(results({ credential })).rejects.toThrow(/"httpCode":"403"/);
});
