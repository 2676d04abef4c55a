/** The credential's own test in a real n8n, as its Save button runs it. */
import type { IDataObject } from 'n8n-workflow';

import type { CredentialTest } from '../../scripts/n8n/api.cts';
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

/** What is wrong, the credential for it, and what the person is told to check. */
const wrong: Array<[string, (site: Site) => { host?: string; data?: IDataObject }, RegExp]> = [
	[
		'a wrong client secret',
		() => ({ data: { clientSecret: 'nonsense' } }),
		/Check 'Client ID' and 'Client Secret'/,
	],
	[
		'no client secret',
		() => ({ data: { clientSecret: '' } }),
		/'Client Secret' of the Airbyte credential must be filled in/,
	],
	[
		'a host that does not exist',
		() => ({ host: 'http://airbyte.invalid' }),
		/host name was not found.*Check the 'Server URL'/,
	],
	[
		'a port where nothing listens',
		() => ({ host: 'http://127.0.0.1:9' }),
		/connection was refused.*Check the 'Server URL'/,
	],
	[
		'the same without sign-in',
		() => ({ host: 'http://127.0.0.1:9', data: none }),
		/connection was refused.*Check the 'Server URL'/,
	],
	['no address at all', () => ({ host: 'not a url' }), /'Server URL'/],
	[
		'a wrong token endpoint',
		() => ({ data: { tokenEndpoint: 'v1/tokens' } }),
		/Check 'Token Endpoint'/,
	],
	[
		'a token endpoint that answers with a web page',
		({ airbyte }) => ({ data: { tokenEndpoint: `${airbyte.url}/login` } }),
		/Check 'Token Endpoint'/,
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
		'the same without sign-in',
		({ airbyte }) => {
			airbyte.faults.add({ route: 'GET /workspaces', kind: 'html', status: 200, times: Infinity });
			return { data: none };
		},
		/web page instead of Airbyte's API.*Check the 'Server URL'/,
	],
	[
		'no sign-in where one is asked for',
		() => ({ data: none }),
		/set 'Authentication' to 'Client Credentials'/,
	],
	[
		'a wrong password',
		() => ({ data: { ...basicAuth, password: 'nonsense' } }),
		/Check 'Username' and 'Password'/,
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
