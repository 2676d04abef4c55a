/** The editor in a real browser, as a person sees it. */
import type { INodeParameters } from 'n8n-workflow';
import type { Browser } from 'playwright-core';

import { Editor, browserLacks, openBrowser } from '../../scripts/n8n/editor.cts';
import { manualTrigger, noOperation, workflow } from '../../scripts/n8n/workflow.cts';
import { timelines } from '../../simulator/index.cts';
import { resumeUrl } from './deferrable/scenarios.cts';
import { testUnless } from './harness/testUnless.cts';
import { until } from './harness/until.cts';
import { World } from './harness/world.cts';

const lacking = browserLacks();
const testWhereItRuns = testUnless(lacking);

const notChosen: INodeParameters = { connectionId: { __rl: true, mode: 'list', value: '' } };

let world: World;
let browser: Browser;
beforeAll(async () => {
	if (lacking) return;
	world = await World.setUp();
	browser = await openBrowser();
}, 300_000);
afterAll(async () => {
	if (lacking) return;
	await browser.close();
	await World.tearDown(world);
}, 60_000);

testWhereItRuns(
	'a deferred sync run by hand shows as waiting, with its job as it was last seen and the resume URL, then as done with its data',
	async () => {
		const site = await world.airbyte();
		const connectionId = site.connection(
			timelines.pendingThen(45, timelines.succeedsAfter(45, { rows: 77 })),
		);
		const nodes = [
			manualTrigger(),
			site.syncNode(connectionId, { mode: 'deferrable' }),
			noOperation('After'),
		];
		const id = await world.api.createWorkflow(workflow('By hand', nodes));
		const editor = await Editor.signIn(browser, world.n8n.url);
		await editor.start(id);
		const waiting = async () =>
			(await world.api.executions(id)).find(
				({ mode, status }) => mode === 'manual' && status === 'waiting',
			);
		await until(async () => (await waiting()) !== undefined);
		const parked = await world.api.execution((await waiting())?.id ?? '');
		const url = resumeUrl(world, parked);

		await editor.openNode('Sync');
		await until(async () => (await editor.outputText()).includes('Airbyte job 1: pending at'));
		expect(await editor.outputText()).toContain(url);
		// A lookout has told of it, and the same execution waits on.
		await until(async () => (await editor.outputText()).includes('Airbyte job 1: running at'));
		expect(await editor.outputText()).toContain(url);
		expect((await waiting())?.id).toBe(parked.id);

		await until(() => site.airbyte.job(1)?.status === 'succeeded');
		await world.api.call(url);
		await editor.untilRun();
		await editor.showOutputAsJson();
		await until(async () => (await editor.outputText()).includes('"succeeded"'));
		expect(await editor.outputText()).toMatch(/"rowsSynced"\s*:\s*77/);
	},
	300_000,
);

testWhereItRuns(
	'a connection is chosen from the list by typing, and its name shows in the field and on the canvas',
	async () => {
		const site = await world.airbyte();
		const finance = site.airbyte.addWorkspace({ name: 'Finance' });
		for (let at = 0; at < 1_000; at++) {
			const workspaceId = at % 2 ? finance.workspaceId : undefined;
			const ends = { sourceName: `Shop ${at % 20}`, destinationName: 'Warehouse' };
			site.airbyte.addConnection({ ...ends, name: `Orders ${at}`, workspaceId });
		}
		const sync = site.syncNode('', notChosen);
		const other = { ...site.syncNode('={{ $json.id }}', { jobType: 'clear' }), name: 'Other' };
		const nodes = [manualTrigger(), sync, other];
		const id = await world.api.createWorkflow(workflow('Choose', nodes));
		const editor = await Editor.signIn(browser, world.n8n.url);
		await editor.openWorkflow(id);
		expect(await editor.captionOf('Other')).toContain('clear (synchronous)');
		await editor.openNode('Sync');

		await editor.openList('connectionId');
		expect((await editor.listed())[3]).toBe('Orders 3 (Shop 3 → Warehouse) · Finance');
		const before = (await editor.listed()).length;
		await editor.scrollList();
		await until(async () => (await editor.listed()).length > before);

		await editor.typeIntoList('shop 17 977');
		const name = 'Orders 977 (Shop 17 → Warehouse) · Finance';
		await until(async () => (await editor.listed()).join() === name);
		await editor.choose(name);
		expect(await editor.chosenIn('connectionId')).toBe(name);
		expect(await editor.offersToOpen('connectionId')).toBe(true);
		await editor.closeNode();
		expect(await editor.captionOf('Sync')).toContain(`sync: ${name} (synchronous)`);
	},
	300_000,
);

testWhereItRuns(
	'a list that cannot be had says why, and what to check',
	async () => {
		const site = await world.airbyte();
		const route = 'GET /connections';
		site.airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
		const nodes = [manualTrigger(), site.syncNode('', notChosen)];
		const id = await world.api.createWorkflow(workflow('No access', nodes));
		const editor = await Editor.signIn(browser, world.n8n.url);
		await editor.openWorkflow(id);
		await editor.openNode('Sync');
		await editor.openList('connectionId');
		const words = await editor.listError();
		expect(words).toContain('Airbyte refused access while listing connections');
		expect(words).toContain('role in the workspace');
	},
	300_000,
);
