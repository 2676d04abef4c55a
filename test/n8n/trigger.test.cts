/** The Airbyte Trigger in a real n8n, which is killed and restarted, judged by the executions that n8n stored. */
import { pointedAt, readExamples } from '../../scripts/demo/examples.cts';
import { outputOf } from '../../scripts/n8n/execution.cts';
import type { N8n } from '../../scripts/n8n/server.cts';
import { airbyteNode, connectionById, noOperation, workflow } from '../../scripts/n8n/workflow.cts';
import { timelines } from '../../simulator/index.cts';
import { until } from '../../scripts/until.cts';
import { World } from './harness/world.cts';
import type { Site } from './harness/world.cts';

interface Scheduled {
	how: string;
	env: Record<string, string>;
	whyBackedOff: unknown;
}

/** n8n's new pollers. Only with cursors does it ask why a poll failed. */
const SCHEDULED: Scheduled[] = [
	{ how: 'by its scheduler', env: {}, whyBackedOff: undefined },
	{
		how: 'with durable cursors',
		env: { N8N_POLLER_DURABLE_CURSORS_ENABLED: 'true' },
		whyBackedOff: expect.stringContaining('"cause":"temporarily-unavailable"'),
	},
];

let world: World<N8n>;
/** They mostly wait for n8n's next minute, so they do that beside the other tests. */
let scheduled: Array<Promise<void>>;

beforeAll(async () => {
	world = await World.setUp();
	scheduled = SCHEDULED.map(surviveKillAndOutage);
	// The tests that wait for them tell what went wrong.
	for (const one of scheduled) one.catch(() => {});
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

test('each job starts the workflow once, over kill -9, restarts and an Airbyte that is away', async () => {
	const site = await world.airbyte();
	// Over before it watches.
	run(site, 0);
	const id = await triggerWorkflow(site);
	await world.api.activate(id);
	// Jobs that are over before its first poll do not count.
	await until(() => site.airbyte.audit.count('GET /jobs') > 0);

	// While n8n runs; one of them goes on over all that follows.
	const expected = [run(site, 2), run(site, 3)];
	const long = run(site, 100);
	await untilFired(world, id, expected);

	// While n8n is down, without warning.
	await world.n8n.kill();
	const piled = Array.from({ length: 500 }, () => run(site, 1));
	await ended(site, ...piled);
	await world.n8n.restart();
	expected.push(...piled);
	await untilFired(world, id, expected);

	// While Airbyte is away; n8n restarts meanwhile, as an operator would do it.
	const late = run(site, 1);
	await ended(site, late);
	await site.airbyte.goDown();
	await world.n8n.restart();
	await until(() => world.n8n.log().includes('It polls again later'));
	const failed = async () =>
		(await world.api.executions(id)).some(({ status }) => status === 'error');
	await until(failed);
	await site.airbyte.comeUp();
	expected.push(late, long);
	await untilFired(world, id, expected);
	await anotherPoll(site);
	expect(await sortedFired(world, id)).toEqual(expected.sort((a, b) => a - b));
}, 900_000);

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

test.each(SCHEDULED.map(({ how }, index) => [how, index] as const))(
	'polled %s, each job starts the workflow once, over kill -9 and an Airbyte that is away',
	async (_how, index) => await scheduled[index],
	900_000,
);

async function surviveKillAndOutage({ env, whyBackedOff }: Scheduled): Promise<void> {
	const own = await World.setUp({
		env: {
			N8N_LOG_FORMAT: 'json',
			N8N_SCHEDULER_ENABLED: 'true',
			N8N_SCHEDULER_POLL_TRIGGERS_ENABLED: 'true',
			...env,
		},
	});
	try {
		const { api, n8n } = own;
		const site = await own.airbyte();
		// Over before it watches.
		run(site, 0);
		const id = await triggerWorkflow(site);
		await api.activate(id);
		await until(() => site.airbyte.audit.count('GET /jobs') > 0);

		const expected = [run(site, 1), run(site, 2)];
		await untilFired(own, id, expected);

		await n8n.kill();
		const piled = Array.from({ length: 120 }, () => run(site, 1));
		await ended(site, ...piled);
		await n8n.restart();
		expected.push(...piled);
		await untilFired(own, id, expected);

		await site.airbyte.goDown();
		await until(async () => (await api.executions(id)).some(({ status }) => status === 'error'));
		const backedOff = () => n8n.log().match(/.*Poll failed; backing off.*/)?.[0];
		// What n8n logs comes through a pipe, some time later.
		if (whyBackedOff !== undefined) await until(backedOff);
		expect(backedOff()).toEqual(whyBackedOff);
		await site.airbyte.comeUp();
		const late = run(site, 1);
		expected.push(late);
		await untilFired(own, id, expected);
		await anotherPoll(site);

		expect(await sortedFired(own, id)).toEqual(expected);
	} finally {
		await World.tearDown(own);
	}
}
