/** The demo in an n8n that runs elsewhere: all it has is an address and an API key. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

import { World } from './harness/world.cts';

let world: World;
beforeAll(async () => {
	world = await World.setUp();
}, 300_000);
afterAll(async () => await World.tearDown(world), 60_000);

test('it runs a sync in each mode by the public API', async () => {
	const scopes = await world.api.get<string[]>('/api-keys/scopes');
	const wanted = { label: 'demo', scopes, expiresAt: null };
	const { rawApiKey } = await world.api.post<{ rawApiKey: string }>('/api-keys', wanted);
	const env = { ...process.env, N8N_URL: `${world.n8n.url}/`, N8N_API_KEY: rawApiKey };
	const demo = ['--require', 'tsx/cjs', resolve(__dirname, '../../scripts/demo.cts'), '--once'];
	const { stdout } = await promisify(execFile)(process.execPath, demo, { env });
	expect(stdout).toContain('Credential test: Connection successful');
	for (const mode of ['synchronous', 'asynchronous, then wait', 'deferrable']) {
		expect(stdout).toMatch(new RegExp(`^${mode} +\\d+ +succeeded +\\d+`, 'm'));
	}
}, 240_000);
