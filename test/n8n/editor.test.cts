/** The editor in a real browser, as a person sees it. */
import type { Browser } from 'playwright-core';

import { Editor, browserLacks, openBrowser } from '../../scripts/n8n/editor.cts';
import { manualTrigger, noOperation, workflow } from '../../scripts/n8n/workflow.cts';
import { timelines } from '../../simulator/index.cts';
import { call, resumeUrl } from './deferrable/scenarios.cts';
import { until } from './harness/until.cts';
import { World } from './harness/world.cts';

const lacking = browserLacks();
const testWhereItRuns = lacking ? test.skip : test;

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
	'a deferred sync run by hand shows as waiting, with job and resume URL, then as done with its data',
	async () => {
		const site = await world.airbyte();
		const connectionId = site.connection(timelines.succeedsAfter(30, { rows: 77 }));
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
		await until(async () => (await editor.outputText()).includes('Airbyte job 1'));
		expect(await editor.outputText()).toContain(url);

		await until(() => site.airbyte.job(1)?.status === 'succeeded');
		await call(url);
		await editor.untilRun();
		await editor.showOutputAsJson();
		await until(async () => (await editor.outputText()).includes('"succeeded"'));
		expect(await editor.outputText()).toMatch(/"rowsSynced"\s*:\s*77/);
	},
	300_000,
);
