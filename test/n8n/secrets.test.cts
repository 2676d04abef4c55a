/** Rule 8 in a real n8n: its executions, those that wake deferred ones too, and its log hold no secret. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { N8n } from '../../scripts/n8n/server.cts';
import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import type { Site } from './harness/world.cts';
import { World } from './harness/world.cts';

const SECRETS = ['cl13nt-s3cret-w0rd', 'ingr3ss-w0rd', 'pr0xy-w0rd'];
const [CLIENT_SECRET, PASSWORD, PROXY_PASSWORD] = SECRETS;

let world: World<N8n>;

beforeAll(async () => {
	world = await World.setUp({ env: { N8N_LOG_LEVEL: 'debug' } });
}, 300_000);
afterAll(async () => await World.tearDown(world), 60_000);

/** An Airbyte that says the client secret, as it may, in all that goes wrong. */
async function site(data: object = {}): Promise<Site> {
	const airbyte = await world.airbyte({ clientSecret: CLIENT_SECRET });
	const credential = await world.credentialFor(airbyte.airbyte.url, {
		clientSecret: CLIENT_SECRET,
		...data,
	});
	return Object.assign(airbyte, { credential });
}

const leaking = (seconds: number): Timeline =>
	timelines.failsAfter(seconds, {
		origin: 'source',
		type: 'config_error',
		message: `Wrong: ${CLIENT_SECRET}`,
		retryable: false,
	});

/** Every path; then all that n8n has of them is searched. */
test('no secret is in what n8n stores or logs, whatever fails', async () => {
	const [ended, { signatures, whileWaiting }] = await Promise.all([failures(), deferred()]);
	expect(ended).toEqual(Array(ended.length).fill('error'));
	// Of each itself, its watcher and its watchdog.
	expect(whileWaiting).toHaveLength(6);
	for (const secret of SECRETS) expect(linesWith(secret, whileWaiting.join('\n'))).toEqual([]);
	const after = await executions(({ status }) => status !== 'waiting');
	expect(after).toHaveLength(ended.length + signatures.length);
	const log = await logs();
	expect(log.length).toBeGreaterThan(10_000);
	expect(log).toContain('debug');
	for (const secret of [...SECRETS, ...signatures]) {
		expect(linesWith(secret, after.join('\n'))).toEqual([]);
		expect(linesWith(secret, log)).toEqual([]);
	}
}, 900_000);

/** Whatever may say a secret, one after the other; how they ended. */
async function failures(): Promise<string[]> {
	return [
		await failing(await site(), leaking(1)),
		await failing(await site({ clientSecret: `${CLIENT_SECRET}-old` })),
		await failing(
			await site({ authentication: 'basicAuth', username: 'airbyte', password: PASSWORD }),
		),
		await failing(await site({ httpProxy: `http://operator:${PROXY_PASSWORD}@127.0.0.1:1` })),
		await failing(await site({ host: `http://airbyte:${PASSWORD}@127.0.0.1:1` })),
		await refused(403),
		await refused(422),
	];
}

async function failing(where: Site, jobs: Timeline = leaking(1)): Promise<string> {
	const node = where.syncNode(where.connection(jobs), { waitSeconds: 1, timeout: 10 });
	return (await where.run([node])).status;
}

/** Turned away in the middle of the wait, with the secrets in Airbyte's words. */
async function refused(status: number): Promise<string> {
	const where = await site();
	where.airbyte.faults.add({
		route: 'GET /jobs/{jobId}',
		kind: 'status',
		status,
		body: { message: `You are ${CLIENT_SECRET}` },
	});
	return await failing(where, timelines.runsForever());
}

/** Longer than a watcher takes to ring, in seconds. */
const TO_A_RING = 130;

/** One that fails and one that succeeds; the signatures of their resume URLs, and all that n8n holds while they wait. */
async function deferred(): Promise<{ signatures: string[]; whileWaiting: string[] }> {
	const where = await site();
	const starts = [leaking(TO_A_RING), timelines.succeedsAfter(TO_A_RING)].map(
		async (jobs) =>
			await where.start([where.syncNode(where.connection(jobs), { mode: 'deferrable' })]),
	);
	const ids = await Promise.all(starts);
	const signatures = await Promise.all(
		ids.map(async (id) => {
			const { data } = await world.api.waitForExecution(id, {
				until: ({ status }) => status === 'waiting',
			});
			return data.resumeToken!;
		}),
	);
	const whileWaiting = await executions(({ status }) => status === 'waiting');
	const ended = ids.map(
		async (id) => (await world.api.waitForExecution(id, { timeoutMs: 300_000 })).status,
	);
	expect(await Promise.all(ended)).toEqual(['error', 'success']);
	return { signatures, whileWaiting };
}

interface Summary {
	id: string;
	status: string;
}

/** What n8n stores of these executions, as text, but for its own record of a resume URL's signature. */
async function executions(isAmong: (summary: Summary) => boolean): Promise<string[]> {
	const { results } = await world.api.get<{ results: Summary[] }>('/executions', { limit: 100 });
	const ids = results.filter(isAmong).map(({ id }) => id);
	const all = await Promise.all(ids.map(async (id) => await world.api.execution(id)));
	for (const { data } of all) {
		if ('resumeToken' in data) Object.assign(data, { resumeToken: '' });
	}
	return all.map((execution) => JSON.stringify(execution));
}

async function logs(): Promise<string> {
	const folder = join(world.n8n.userFolder, '.n8n');
	const names = (await readdir(folder)).filter((name) => name.endsWith('.log'));
	const files = await Promise.all(names.map(async (name) => await readFile(join(folder, name))));
	return [world.n8n.log(), ...files.map(String)].join('\n');
}

function linesWith(secret: string, text: string): string[] {
	const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
	return text
		.split('\n')
		.filter((line) => forms.some((form) => line.includes(form)))
		.map((line) => line.slice(0, 300));
}
