/** Rule 8 in a real n8n: its executions, those that wake deferred ones too, and its log hold no secret. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { startTestN8n } from '../../scripts/n8n/forTests.cts';
import type { N8n } from '../../scripts/n8n/server.cts';
import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { until } from './harness/until.cts';
import type { Site } from './harness/world.cts';
import { World } from './harness/world.cts';

const SECRETS = ['cl13nt-s3cret-w0rd', 'ingr3ss-w0rd', 'pr0xy-w0rd'];
const [CLIENT_SECRET, PASSWORD, PROXY_PASSWORD] = SECRETS;

let world: World<N8n>;

beforeAll(async () => {
	world = World.of(await startTestN8n({ env: { N8N_LOG_LEVEL: 'debug' } }));
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

/** Every path, one after the other; then all that n8n has of them is searched. */
test('no secret is in what n8n stores or logs, whatever fails', async () => {
	const ended = [
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
	expect(ended).toEqual(Array(ended.length).fill('error'));
	const tokens = await deferred();
	const kept = await allThatIsKept();
	expect(kept.log.length).toBeGreaterThan(10_000);
	expect(kept.log).toContain('debug');
	for (const secret of [...SECRETS, ...tokens]) {
		expect(linesWith(secret, kept.executions)).toEqual([]);
		expect(linesWith(secret, kept.log)).toEqual([]);
	}
}, 600_000);

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

/** One that fails and one that succeeds; gives the signatures of their resume URLs. */
async function deferred(): Promise<string[]> {
	const where = await site();
	const starts = [leaking(30), timelines.succeedsAfter(30)].map(
		async (jobs) =>
			await where.start([where.syncNode(where.connection(jobs), { mode: 'deferrable' })]),
	);
	const ids = await Promise.all(starts);
	const signatures = await Promise.all(
		ids.map(async (id) => {
			const { data } = await world.api.waitForExecution(id, {
				until: ({ status }) => status === 'waiting',
			});
			return (data as unknown as { resumeToken: string }).resumeToken;
		}),
	);
	const ended = ids.map(
		async (id) => (await world.api.waitForExecution(id, { timeoutMs: 300_000 })).status,
	);
	expect(await Promise.all(ended)).toEqual(['error', 'success']);
	await clocksEnd();
	return signatures;
}

/** The two clocks that look ring once more, and see that the wait is over; the spare one of each rings much later. */
async function clocksEnd(): Promise<void> {
	const waiting = async () =>
		(await summaries()).filter(({ status }) => status === 'waiting').length;
	await until(async () => (await waiting()) === 2, 300_000);
}

async function summaries(): Promise<Array<{ id: string; status: string }>> {
	const { results } = await world.api.get<{ results: Array<{ id: string; status: string }> }>(
		'/executions',
		{ limit: 100 },
	);
	return results;
}

async function allThatIsKept(): Promise<{ executions: string; log: string }> {
	const all = await summaries();
	// Seven that failed, two that were deferred, three clocks of each.
	expect(all.length).toBeGreaterThanOrEqual(15);
	const executions = await Promise.all(all.map(async ({ id }) => await world.api.execution(id)));
	for (const { data } of executions) {
		const { resumeToken } = data as unknown as { resumeToken?: string };
		// n8n's own record of the signature, in its own place; nobody else may hold it.
		if (resumeToken) Object.assign(data, { resumeToken: '' });
	}
	const folder = join(world.n8n.userFolder, '.n8n');
	const names = (await readdir(folder)).filter((name) => name.endsWith('.log'));
	const files = await Promise.all(names.map(async (name) => await readFile(join(folder, name))));
	return {
		executions: executions.map((execution) => JSON.stringify(execution)).join('\n'),
		log: [world.n8n.log(), ...files.map(String)].join('\n'),
	};
}

function linesWith(secret: string, text: string): string[] {
	const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
	return text
		.split('\n')
		.filter((line) => forms.some((form) => line.includes(form)))
		.map((line) => line.slice(0, 300));
}
