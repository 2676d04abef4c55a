/** The credential in a real n8n: its own test, as its Save button runs it, and in n8n's HTTP Request node. */
import type { IDataObject, INodeParameters } from 'n8n-workflow';

import type { CredentialTest, SavedCredential } from '../../scripts/n8n/api.cts';
import type { Execution } from '../../scripts/n8n/execution.cts';
import { errorOf, outputOf } from '../../scripts/n8n/execution.cts';
import { manualTrigger, node, noOperation, workflow } from '../../scripts/n8n/workflow.cts';
import { ForwardProxy } from '../support/forwardProxy.cts';
import { Front } from '../support/front.cts';
import type { Site } from './harness/world.cts';
import { World } from './harness/world.cts';

// One after the other: n8n 2.41 fails with 'Node not found' when two credentials are tested at the same time.
let world: World;
beforeAll(async () => void (world = await World.setUp()), 300_000);
afterAll(async () => await World.tearDown(world));

async function testOf(host: string, data: IDataObject = {}): Promise<CredentialTest> {
	const { id } = await world.credentialFor(host, data);
	return await world.api.testCredential(id);
}

const none = { authentication: 'none' };
const basicAuth = { authentication: 'basicAuth', username: 'airbyte', password: 'password' };

test('passes with client credentials, and lists workspaces for it', async () => {
	const { airbyte } = await world.airbyte();
	expect(await testOf(airbyte.url)).toMatchObject({ status: 'OK' });
	expect(airbyte.audit.count('GET /workspaces')).toBe(1);
});

test("passes with the address of Airbyte's web app", async () => {
	const { airbyte } = await world.airbyte();
	const host = `${airbyte.url}/workspaces/${airbyte.defaultWorkspace.workspaceId}/connections`;
	expect(await testOf(host)).toMatchObject({ status: 'OK' });
});

test('passes with sign-in switched off, sending no Authorization header', async () => {
	const { airbyte } = await world.airbyte({ authentication: 'none' });
	expect(await testOf(airbyte.url, none)).toMatchObject({ status: 'OK' });
	expect(airbyte.audit.calls.map((call) => call.authorization)).toEqual(['none', 'none']);
});

test('passes with basic auth', async () => {
	const { airbyte } = await world.airbyte({ authentication: 'basicAuth' });
	expect(await testOf(airbyte.url, basicAuth)).toMatchObject({ status: 'OK' });
});

/**
 * What is wrong, the credential for it, and what the person is told to check: one for each way by which words get here.
 * The words of each fault are proved on the engine.
 */
const wrong: Array<[string, (site: Site) => { host?: string; data?: IDataObject }, RegExp]> = [
	[
		'a wrong client secret',
		() => ({ data: { clientSecret: 'nonsense' } }),
		/Check 'Client ID' and 'Client Secret'/,
	],
	[
		'a port where nothing listens',
		() => ({ host: 'http://127.0.0.1:9' }),
		/connection was refused.*Check the 'Server URL'/,
	],
	[
		'an Airbyte that answers with web pages',
		({ airbyte }) => {
			airbyte.faults.add({ route: 'GET /workspaces', kind: 'html', status: 200, times: Infinity });
			return {};
		},
		/Check 'Server URL'/,
	],
	[
		'no sign-in where one is asked for',
		() => ({ data: none }),
		/set 'Authentication' to 'Client Credentials'/,
	],
	[
		'a user who may not list workspaces',
		({ airbyte }) => {
			airbyte.faults.add({
				route: 'GET /workspaces',
				kind: 'status',
				status: 403,
				times: Infinity,
			});
			return {};
		},
		/Check the role/,
	],
	[
		'an API URL without its version',
		({ airbyte }) => ({ data: { apiUrl: `${airbyte.url}/api/public` } }),
		/'API URL' if it is filled in.*version/,
	],
	[
		'a proxy where nothing listens',
		() => ({ data: { httpProxy: 'http://user:hidden-word@127.0.0.1:9' } }),
		/proxy http:\/\/127\.0\.0\.1:9.*Check 'HTTP Proxy'/,
	],
];

test.each(wrong)('fails with %s, saying what to check', async (_what, arrange, words) => {
	const site = await world.airbyte();
	const { host = site.airbyte.url, data = {} } = arrange(site);
	const { status, message } = await testOf(host, data);
	expect({ status, message }).toEqual({ status: 'Error', message: expect.stringMatching(words) });
	expect(message).not.toMatch(/client-secret|nonsense|hidden-word/);
});

describe("n8n's HTTP Request node", () => {
	async function request(
		{ id, name }: SavedCredential,
		url: string,
		parameters: INodeParameters = {},
	): Promise<Execution> {
		const http = node(
			'HTTP Request',
			'n8n-nodes-base.httpRequest',
			4.2,
			{
				url,
				authentication: 'predefinedCredentialType',
				nodeCredentialType: 'airbyteApi',
				options: {},
				...parameters,
			},
			{ credentials: { airbyteApi: { id, name } } },
		);
		const nodes = [manualTrigger(), http, noOperation('After')];
		const started = await world.api.runWorkflow(workflow('HTTP Request', nodes));
		return await world.api.waitForExecution(started);
	}

	test.each([
		['clientCredentials', {}],
		['basicAuth', basicAuth],
		['none', none],
	] as const)('signs in with %s', async (authentication, data) => {
		const { airbyte } = await world.airbyte({ authentication });
		const credential = await world.credentialFor(airbyte.url, data);
		const { connectionId } = airbyte.addConnection();
		const url = `${airbyte.url}/api/public/v1/connections`;
		const execution = await request(credential, url);
		expect(errorOf(execution)).toBeUndefined();
		expect(outputOf(execution, 'After')).toMatchObject([{ data: [{ connectionId }] }]);
	});

	test('sends headers, passes TLS settings on, and renews a token that became void', async () => {
		const { airbyte } = await world.airbyte();
		const front = await Front.https(airbyte.url);
		const values = [{ name: 'X-Gateway', value: 'of-the-gateway' }];
		const data = { allowUnauthorizedCerts: true, headers: { values } };
		const credential = await world.credentialFor(front.url, data);
		const url = `${front.url}/api/public/v1/connections`;
		for (let time = 0; time < 2; time++) {
			const execution = await request(credential, url);
			expect(errorOf(execution)).toBeUndefined();
			airbyte.expireTokens();
		}
		await front.stop();
		expect(airbyte.audit.count('POST /applications/token')).toBe(2);
		const seen = front.requests.map(({ headers }) => headers['x-gateway']);
		expect(new Set(seen)).toEqual(new Set(['of-the-gateway']));
	});

	test.each(['http', 'https'] as const)('goes through the proxy to %s', async (scheme) => {
		const { airbyte } = await world.airbyte();
		const front = await Front[scheme](airbyte.url);
		const proxy = await new ForwardProxy('operator', 'pr0xy-s3cret').start();
		const credential = await world.credentialFor(front.url, {
			allowUnauthorizedCerts: true,
			[`${scheme}Proxy`]: proxy.urlWith('pr0xy-s3cret'),
		});
		const execution = await request(credential, `${front.url}/api/public/v1/connections`);
		await Promise.all([proxy.stop(), front.stop()]);
		expect(errorOf(execution)).toBeUndefined();
		expect(outputOf(execution, 'After')).toMatchObject([{ data: [] }]);
		// The token and the list: nothing went by another way.
		expect(proxy.passed).toHaveLength(front.requests.length);
		expect(JSON.stringify(execution)).not.toContain('pr0xy-s3cret');
	});

	test('reads page by page after the token has run out, which n8n does not see', async () => {
		const { airbyte } = await world.airbyte({ tokenLifetimeSeconds: 1 });
		for (let at = 0; at < 3; at++) airbyte.addConnection();
		const credential = await world.credentialFor(airbyte.url);
		const url = `${airbyte.url}/api/public/v1/connections`;
		await request(credential, url);
		const offset = { type: 'qs', name: 'offset', value: '={{ $pageCount * 2 }}' };
		const pagination = {
			paginationMode: 'updateAParameterInEachRequest',
			parameters: { parameters: [offset] },
			paginationCompleteWhen: 'other',
			completeExpression: '={{ $response.body.data.length === 0 }}',
			requestInterval: 1_100,
		};
		const execution = await request(credential, url, {
			sendQuery: true,
			queryParameters: { parameters: [{ name: 'limit', value: '2' }] },
			options: { pagination: { pagination } },
		});
		expect(errorOf(execution)).toBeUndefined();
		const pages = outputOf(execution, 'After') as Array<{ data: unknown[] }>;
		expect(pages.map(({ data }) => data.length)).toEqual([2, 1, 0]);
	});

	test('tells what is wrong with the credential, and no secret', async () => {
		const { airbyte } = await world.airbyte();
		const credential = await world.credentialFor(airbyte.url, { clientSecret: 'nonsense' });
		const execution = await request(credential, `${airbyte.url}/api/public/v1/connections`);
		expect(JSON.stringify(errorOf(execution))).toContain('did not accept the client ID and secret');
		expect(JSON.stringify(execution)).not.toContain('nonsense');
	});
});
