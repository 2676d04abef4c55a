/** The Airbyte Trigger in a real n8n, which is killed and restarted, judged by the executions that n8n stored. */
import type { INodePropertyOptions } from 'n8n-workflow';

import { pointedAt, readExamples } from '../../scripts/demo/examples.cts';
import { outputOf } from '../../scripts/n8n/execution.cts';
import type { N8n } from '../../scripts/n8n/server.cts';
import { airbyteNode, connectionById, noOperation, workflow } from '../../scripts/n8n/workflow.cts';
import { timelines } from '../../simulator/index.cts';
import { until } from '../../scripts/until.cts';
import { World } from './harness/world.cts';
import type { Site } from './harness/world.cts';

interface Poller {
	how: string;
	env?: Record<string, string>;
	/** What n8n logs while Airbyte is away; without it, nothing of the polls that fail. */
	says?: RegExp;
}

const scheduler = {
	N8N_LOG_FORMAT: 'json',
	N8N_SCHEDULER_ENABLED: 'true',
	N8N_SCHEDULER_POLL_TRIGGERS_ENABLED: 'true',
};
const cursors = { ...scheduler, N8N_POLLER_DURABLE_CURSORS_ENABLED: 'true' };

/** n8n's new ones. Only with cursors does it ask why a poll failed. */
const NEW_POLLERS: Poller[] = [
	{ how: 'by its scheduler', env: scheduler },
	{
		how: 'with durable cursors',
		env: cursors,
		says: /Poll failed; backing off.*"cause":"temporarily-unavailable"/,
	},
];

let world: World<N8n>;
/** They mostly wait for n8n's next minute, so they do that beside the other tests. */
let beside: Array<Promise<void>>;

beforeAll(async () => {
	world = await World.setUp();
	beside = NEW_POLLERS.map(surviveOnOwnN8n);
	// The tests that wait for them tell what went wrong.
	for (const one of beside) one.catch(() => {});
}, 300_000);

afterAll(async () => await World.tearDown(world), 60_000);

const TRIGGER = 'Airbyte Trigger';

async function triggerWorkflow(site: Site, parameters = {}): Promise<string> {
	const everyMinute = { pollTimes: { item: [{ mode: 'everyMinute' }] } };
	const trigger = airbyteNode(
		'airbyteTrigger',
		TRIGGER,
		{ ...everyMinute, ...parameters },
		site.credential,
	);
	return await site.world.api.createWorkflow(workflow('Trigger', [trigger, noOperation('After')]));
}

/** Ids of the jobs that the workflow was executed for, oldest execution first. */
async function firedJobs({ api }: World, workflowId: string): Promise<unknown[]> {
	const executions = await api.executions(workflowId);
	const details = await Promise.all(
		executions
			.filter(({ mode }) => mode === 'trigger')
			.reverse()
			.map(async ({ id }) => await api.execution(id)),
	);
	return details.flatMap((execution) => outputOf(execution, 'After').map(({ jobId }) => jobId));
}

/** Until the workflow was executed for all of these jobs; n8n reads much for each asking. */
async function untilFired(of: World<N8n>, workflowId: string, jobIds: number[]) {
	let known = new Set<unknown>();
	const isFired = async () => {
		known = new Set(await firedJobs(of, workflowId));
		return jobIds.every((jobId) => known.has(jobId));
	};
	const what = () =>
		`${jobIds.length} jobs, of which ${known.size} came; n8n says: ${of.n8n.log().slice(-3_000)}`;
	await until(isFired, 400_000, 1_000, what);
}

async function sortedFired(of: World, workflowId: string): Promise<unknown[]> {
	return (await firedJobs(of, workflowId)).sort((a, b) => Number(a) - Number(b));
}

function run(site: Site, seconds: number, timeline = timelines.succeedsAfter(seconds)): number {
	return site.airbyte.startJob(site.connection(timeline)).jobId;
}

const ended = async (site: Site, ...jobIds: number[]) =>
	await until(() => jobIds.every((jobId) => site.airbyte.job(jobId)?.terminal === true));

/** Until the trigger has polled once more, with nothing new for it to see. */
async function anotherPoll(site: Site): Promise<void> {
	const calls = site.airbyte.audit.count('GET /jobs');
	await until(() => site.airbyte.audit.count('GET /jobs') > calls);
}

const EACH_ONCE = 'each job starts the workflow once, over kill -9 and an Airbyte that is away';

test(EACH_ONCE, async () => await survive(world, /It polls again later/), 900_000);

test('activated while Airbyte is away, it says why it cannot watch', async () => {
	const site = await world.airbyte();
	const id = await triggerWorkflow(site);
	await site.airbyte.goDown();
	await world.api.activate(id);
	// n8n activates in the background, and tries some times.
	const status = async () =>
		JSON.stringify(await world.api.get(`/workflows/${id}/publication-status`));
	await until(async () => (await status()).includes('The connection was refused'));
}, 120_000);

test('a test run shows the newest job as a sample, and says so when there is none', async () => {
	const site = await world.airbyte();
	const id = await triggerWorkflow(site, { events: ['failed'] });
	const first = await world.api.waitForExecution(await world.api.runWorkflow(id));
	expect(first.data.resultData.error?.message).toBe(
		'No finished job was found to show as a sample',
	);
	const failed = run(site, 0, timelines.failsAfter(0));
	const second = await world.api.waitForExecution(await world.api.runWorkflow(id));
	expect(outputOf(second, 'After')).toMatchObject([{ jobId: failed, status: 'failed' }]);
}, 120_000);

test('the connections to choose from are listed as the editor asks for them', async () => {
	const { airbyte, credential } = await world.airbyte();
	const { connectionId } = airbyte.addConnection({ name: 'Orders', status: 'inactive' });
	const options = await world.api.post<INodePropertyOptions[]>('/dynamic-node-parameters/options', {
		nodeTypeAndVersion: { name: 'n8n-nodes-airbyte.airbyteTrigger', version: 1 },
		path: 'parameters.connectionIds',
		methodName: 'getConnections',
		currentNodeParameters: { connectionIds: [] },
		credentials: { airbyteApi: { id: credential.id, name: credential.name } },
	});
	expect(options).toMatchObject([
		{ name: 'Orders (Source → Destination) [inactive]', value: connectionId },
	]);
});

test("the example 'notify on failure' puts the failure into words", async () => {
	const site = await world.airbyte();
	const example = (await readExamples()).find(({ name }) => name.includes('when a sync fails'))!;
	const nodes = example.nodes.map((node) => pointedAt(node, site.credential, connectionById('')));
	const id = await world.api.createWorkflow({ ...example, nodes });
	const failure = {
		origin: 'source',
		type: 'config_error',
		message: 'Wrong password',
		retryable: false,
	};
	const jobId = run(site, 0, timelines.failsAfter(0, failure));
	const execution = await world.api.waitForExecution(await world.api.runWorkflow(id));
	expect(outputOf(execution, 'Send it')).toEqual([
		{
			text: expect.stringContaining(
				`Airbyte job ${jobId} of 'Source → Destination' failed: Wrong password http`,
			),
		},
	]);
}, 120_000);

test('a connection that does not exist is told when the workflow is published', async () => {
	const site = await world.airbyte({ role: 'instanceAdmin' });
	const connectionIds = '00000000-0000-4000-8000-000000000000';
	const id = await triggerWorkflow(site, { connectionIds });
	await world.api.activate(id);
	const status = async () =>
		JSON.stringify(await world.api.get(`/workflows/${id}/publication-status`));
	await until(async () => (await status()).includes(`while reading connection ${connectionIds}`));
}, 120_000);

test.each(NEW_POLLERS.map(({ how }, index) => [how, index] as const))(
	`polled %s, ${EACH_ONCE}`,
	async (_how, index) => await beside[index],
	900_000,
);

async function surviveOnOwnN8n({ env, says }: Poller): Promise<void> {
	const own = await World.setUp({ env });
	try {
		await survive(own, says);
	} finally {
		await World.tearDown(own);
	}
}

async function survive(of: World<N8n>, says?: RegExp): Promise<void> {
	const { api, n8n } = of;
	const site = await of.airbyte();
	// Over before it watches.
	run(site, 0);
	const id = await triggerWorkflow(site);
	await api.activate(id);
	// Jobs that are over before its first poll do not count.
	await until(() => site.airbyte.audit.count('GET /jobs') > 0);

	// While n8n runs; one of them goes on over all that follows.
	const expected = [run(site, 2), run(site, 3)];
	const long = run(site, 100);
	await untilFired(of, id, expected);

	// While n8n is down, without warning.
	await n8n.kill();
	// More than Airbyte lists at once.
	const piled = Array.from({ length: 120 }, () => run(site, 1));
	await ended(site, ...piled);
	await n8n.restart();
	expected.push(...piled);
	await untilFired(of, id, expected);

	// While Airbyte is away; n8n restarts meanwhile, as an operator would do it.
	const late = run(site, 1);
	await ended(site, late);
	await site.airbyte.goDown();
	await n8n.restart();
	await until(async () => (await api.executions(id)).some(({ status }) => status === 'error'));
	// What n8n logs comes through a pipe, some time later.
	if (says) await until(() => says.test(n8n.log()));
	else expect(n8n.log()).not.toContain('Poll failed; backing off');
	await site.airbyte.comeUp();
	expected.push(late, long);
	await untilFired(of, id, expected);
	await anotherPoll(site);
	expect(await sortedFired(of, id)).toEqual(expected.sort((a, b) => a - b));
}
