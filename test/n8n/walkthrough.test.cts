/** What a person does with the package in the editor, from an empty canvas to an error panel. */
import { isDeepStrictEqual } from 'node:util';

import type { INodeParameters } from 'n8n-workflow';
import type { Browser } from 'playwright-core';

import { Editor, browserLacks, openBrowser } from '../../scripts/n8n/editor.cts';
import { resumeUrlOf } from '../../scripts/n8n/execution.cts';
import { manualTrigger, noOperation, workflow } from '../../scripts/n8n/workflow.cts';
import { timelines } from '../../simulator/index.cts';
import { testUnless } from './harness/testUnless.cts';
import { until } from '../../scripts/until.cts';
import { World } from './harness/world.cts';

const lacking = browserLacks();
const testWhereItRuns = testUnless(lacking);

const notChosen: INodeParameters = { connectionId: { __rl: true, mode: 'list', value: '' } };

/**
 * From an empty canvas to rows, by Tab from field to field of the credential; who clicks into each needs two more.
 * One click is n8n's own: it shows a page with 'Add to workflow' for each node that is not of its making.
 */
const CLICKS_TO_ROWS = 9;

let world: World;
let browser: Browser;
let editor: Editor;
beforeAll(async () => {
	if (lacking) return;
	world = await World.setUp();
	browser = await openBrowser();
	editor = await Editor.signIn(browser, world.n8n.url);
}, 300_000);
afterAll(async () => {
	if (lacking) return;
	await browser.close();
	await World.tearDown(world);
}, 60_000);

/** The editor draws a moment after a click; what stays different is told in full. */
async function comesToShow<T>(read: () => Promise<T>, expected: T): Promise<void> {
	await until(async () => isDeepStrictEqual(await read(), expected), 60_000).catch(() => undefined);
	expect(await read()).toEqual(expected);
}

const credentialFields = async () => await editor.credentialFields();
const nodeFields = async () => await editor.nodeFields();

testWhereItRuns(
	'a newcomer gets from an empty canvas to rows in a few clicks, and to a hint when running it again',
	async () => {
		// First of all tests here: n8n has no credential yet.
		const airbyte = await world.simulator();
		for (let at = 0; at < 30; at++) airbyte.addConnection({ name: `Table ${at} → Lake` });
		const name = 'Shop orders → Warehouse';
		const jobs = timelines.succeedsAfter(10, { rows: 12_480, bytes: 5_242_880 });
		const ends = { sourceName: 'Shop orders', destinationName: 'Warehouse' };
		const { connectionId } = airbyte.addConnection({ name, ...ends, jobs });

		await editor.newWorkflow();
		await editor.searchNodes('airbyte', 'Airbyte Trigger Sync');
		await editor.openFound('Airbyte Trigger Sync');
		await editor.addToWorkflow();
		await editor.connect();
		await editor.fillIn('host', airbyte.url);
		await editor.fillInNext('clientId', airbyte.settings.clientId);
		await editor.fillInNext('clientSecret', airbyte.settings.clientSecret);
		await editor.saveCredential();
		await editor.openList('connectionId');
		await editor.typeIntoList('orders');
		await comesToShow(async () => (await editor.listed()).length, 1);
		await editor.choose(name);
		await comesToShow(async () => await editor.chosenIn('connectionId'), name);
		await editor.executeStep();
		await comesToShow(async () => (await editor.outputTable()).rowsSynced, '12480');
		expect(await editor.columnsInSight()).toContain('rowsSynced');
		expect(await editor.clicks()).toBe(CLICKS_TO_ROWS);
		expect(await editor.outputTable()).toMatchObject({
			jobId: '1',
			connectionId,
			connectionName: name,
			jobType: 'sync',
			status: 'succeeded',
			attached: 'false',
		});

		airbyte.startJob(connectionId, { timeline: timelines.runsForever() });
		const looks = () => airbyte.audit.calls.filter(({ path }) => path.endsWith('/jobs/2')).length;
		// By the second look it is waited for.
		const ended = until(() => looks() > 1).then(() => airbyte.completeJob(2));
		await Promise.all([editor.executeStep(), ended]);
		await comesToShow(async () => (await editor.outputTable()).attached, 'true');
		expect(await editor.outputHints()).toEqual([
			`Attached to a job that was already running: job 2 of connection '${name}'.`,
		]);
	},
	300_000,
);

testWhereItRuns(
	'a credential is made: a wrong secret is told, the right one passes, each way to sign in has its fields',
	async () => {
		const { airbyte } = await world.airbyte();
		const inAnyCase = [
			'API URL',
			'Headers',
			'HTTP Proxy',
			'HTTPS Proxy',
			'Ignore TLS Issues',
			// n8n's own.
			'Allowed HTTP Request Domains',
		];
		await editor.newCredential('Airbyte API');
		await comesToShow(credentialFields, [
			'Authentication',
			'Server URL *',
			'Client ID',
			'Client Secret',
			'Token Endpoint',
			...inAnyCase,
		]);
		await editor.openChoices('authentication');
		await editor.chooseFromOpen('Basic Auth');
		const withPassword = ['Authentication', 'Server URL *', 'Username', 'Password'];
		await comesToShow(credentialFields, [...withPassword, ...inAnyCase]);
		await editor.chooseIn('authentication', 'None');
		await comesToShow(credentialFields, ['Authentication', 'Server URL *', ...inAnyCase]);

		await editor.chooseIn('authentication', 'Client Credentials');
		await editor.fillIn('host', airbyte.url);
		await editor.fillIn('clientId', airbyte.settings.clientId);
		await editor.fillIn('clientSecret', 'wrong');
		await editor.saveCredential();
		const verdict = await editor.credentialVerdict();
		expect(verdict).toContain('Airbyte did not accept the client ID and secret');
		expect(verdict).toContain("Check 'Client ID' and 'Client Secret'");

		await editor.fillIn('clientSecret', airbyte.settings.clientSecret);
		await editor.saveCredential();
		await comesToShow(
			async () => await editor.credentialVerdict(),
			'Connection tested successfully',
		);
	},
	300_000,
);

testWhereItRuns(
	'the nodes panel finds all nodes, with icons and actions, and an action can be dragged in',
	async () => {
		await editor.newWorkflow();
		// Without a trigger n8n offers some of its own with each node.
		await editor.searchNodes('manual', 'Manual Trigger');
		await editor.addFound('Manual Trigger');
		const found = await editor.searchNodes('Airbyte', 'Airbyte Trigger Sync');
		// n8n leaves 'Trigger' out at the end of a name.
		expect([...found].sort()).toEqual([
			'Airbyte',
			'Airbyte Connection',
			'Airbyte Job Status',
			'Airbyte Trigger Sync',
		]);
		await until(async () => await editor.foundHaveIcons());
		const offered = async () => await editor.actionsOffered();
		await editor.openFound('Airbyte');
		await comesToShow(offered, ['On cancelled', 'On failed', 'On succeeded']);
		await editor.backToFound();
		await editor.openFound('Airbyte Trigger Sync');
		await comesToShow(offered, ['Add to workflow']);
		await editor.backToFound();
		await editor.openFound('Airbyte Job Status');
		await comesToShow(offered, ['Cancel a job', 'Get the status of a job', 'Wait for a job']);
		await editor.dragIn('Wait for a job');
		expect(await editor.shownIn('operation')).toBe('Wait');
	},
	300_000,
);

testWhereItRuns(
	'Airbyte Trigger Sync shows in each mode the fields and options that it uses',
	async () => {
		const site = await world.airbyte();
		const nodes = [manualTrigger(), site.syncNode('')];
		await editor.openWorkflow(await world.api.createWorkflow(workflow('Modes', nodes)));
		await editor.openNode('Sync');
		const whileWaiting = {
			fields: ['Connection', 'Mode', 'Job Type', 'Wait Seconds', 'Timeout', 'Options'],
			options: [
				'Adaptive Polling',
				'API Version',
				'Batch Size',
				'Cancel On Stop',
				'Cancel On Timeout',
				'If a Job Is Already Running',
				'If the Connection Is Inactive',
				'Include Reason',
				'Include Streams',
				'Log Lines',
				'Maximum Rejected Rows',
				'Maximum Running Jobs',
				'Minimum Rows',
				'Queue Timeout',
				'Retries',
				'Retry Delay',
				'Simplify',
				'Skip If Synced Within',
			],
		};
		const notWaiting = {
			fields: ['Connection', 'Mode', 'Job Type', 'Wait Seconds', 'Timeout', 'Options'],
			options: [
				'Adaptive Polling',
				'API Version',
				'Batch Size',
				'Cancel On Stop',
				'If a Job Is Already Running',
				'If the Connection Is Inactive',
				'Maximum Running Jobs',
				'Simplify',
				'Skip If Synced Within',
			],
		};
		await comesToShow(nodeFields, whileWaiting.fields);
		await editor.openChoices('mode');
		await editor.chooseFromOpen('Asynchronous');
		await comesToShow(nodeFields, notWaiting.fields);
		expect(await editor.optionsOffered()).toEqual(notWaiting.options);
		for (const mode of ['Deferrable', 'Synchronous']) {
			await editor.chooseIn('mode', mode);
			await comesToShow(nodeFields, whileWaiting.fields);
			expect(await editor.optionsOffered()).toEqual(whileWaiting.options);
		}
		await editor.openChoices('jobType');
		await editor.chooseFromOpen('Sync');
		await editor.addOption('If a Job Is Already Running');
		await editor.openChoices('onActiveJob');
		await editor.chooseFromOpen('Skip');
		await comesToShow(nodeFields, [...whileWaiting.fields, 'If a Job Is Already Running']);
	},
	300_000,
);

testWhereItRuns(
	'Airbyte Job Status shows for each operation the fields and options that it uses',
	async () => {
		const site = await world.airbyte();
		const nodes = [manualTrigger(), site.statusNode()];
		await editor.openWorkflow(await world.api.createWorkflow(workflow('Operations', nodes)));
		await editor.openNode('Status');
		const fields = ['Operation', 'Job ID', 'Options'];
		await comesToShow(nodeFields, fields);
		expect(await editor.optionsOffered()).toEqual([
			'API Version',
			'Batch Size',
			'Include Reason',
			'Include Streams',
			'Log Lines',
			'Simplify',
		]);
		await editor.openChoices('operation');
		await editor.chooseFromOpen('Wait');
		const waits = ['Operation', 'Job ID', 'Mode', 'Wait Seconds', 'Timeout', 'Options'];
		for (const mode of ['Synchronous', 'Deferrable']) {
			await editor.chooseIn('mode', mode);
			await comesToShow(nodeFields, waits);
			expect(await editor.optionsOffered()).toEqual([
				'Adaptive Polling',
				'API Version',
				'Batch Size',
				'Include Reason',
				'Include Streams',
				'Log Lines',
				'Maximum Rejected Rows',
				'Minimum Rows',
				'Queue Timeout',
				'Simplify',
			]);
		}
		await editor.chooseIn('operation', 'Cancel');
		await comesToShow(nodeFields, fields);
		expect(await editor.optionsOffered()).toEqual(['API Version', 'Batch Size', 'Simplify']);
		await editor.closeNode();
		expect(await editor.captionOf('Status')).toContain('cancel');
	},
	300_000,
);

testWhereItRuns(
	"a failed job's error panel says what happened, why, and where to look",
	async () => {
		const site = await world.airbyte();
		const { connectionId, workspaceId } = site.airbyte.addConnection({
			name: 'CRM contacts → Warehouse',
			jobs: timelines.failsAfter(2, {
				origin: 'source',
				type: 'config_error',
				message: 'The password for user "reader" is wrong.',
				retryable: false,
			}),
		});
		const nodes = [manualTrigger(), site.syncNode(connectionId)];
		await editor.openWorkflow(await world.api.createWorkflow(workflow('Fails', nodes)));
		await editor.execute();
		await editor.openNode('Sync');
		const { message, description } = await editor.errorShown();
		expect(message).toBe('Airbyte job 1 failed');
		expect(description).toContain("connection 'CRM contacts → Warehouse'");
		expect(description).toContain('failed in the source (config_error)');
		expect(description).toContain('The password for user "reader" is wrong');
		expect(description).toContain('Check the settings of the connector in Airbyte');
		const page = `${site.airbyte.url}/workspaces/${workspaceId}/connections/${connectionId}`;
		expect(description).toContain(page);
	},
	300_000,
);

testWhereItRuns(
	'a deferred sync run by hand shows as waiting, with its job as it was last seen and the resume URL, then as done with its data',
	async () => {
		const site = await world.airbyte();
		const connectionId = site.connection(
			timelines.pendingThen(60, { ...timelines.runsForever(), rows: 77 }),
		);
		const nodes = [
			manualTrigger(),
			site.syncNode(connectionId, { mode: 'deferrable' }),
			noOperation('After'),
		];
		const id = await world.api.createWorkflow(workflow('By hand', nodes));
		await editor.start(id);
		const waiting = async () =>
			(await world.api.executions(id)).find(
				({ mode, status }) => mode === 'manual' && status === 'waiting',
			);
		const parked = await world.api.execution((await until(waiting)).id);
		const url = resumeUrlOf(world.n8n, parked);

		await editor.openNode('Sync');
		await until(async () => (await editor.outputText()).includes('Airbyte job 1: pending at'));
		expect(await editor.outputText()).toContain(url);
		// A lookout has told of it, and the same execution waits on.
		await until(async () => (await editor.outputText()).includes('Airbyte job 1: running at'));
		expect(await editor.outputText()).toContain(url);
		expect((await waiting())?.id).toBe(parked.id);

		site.airbyte.completeJob(1);
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
	'a list with nothing to choose says why, and what to do',
	async () => {
		const empty = await world.airbyte();
		const refusing = await world.airbyte();
		const route = 'GET /connections';
		refusing.airbyte.faults.add({ route, kind: 'status', status: 403, times: Infinity });
		const { url } = empty.airbyte;
		const mistyped = await world.credentialFor(url, { clientSecret: 'wrong' });
		const words = {
			empty: ['Airbyte lists no connections', 'Create one in Airbyte, or give'],
			refusing: ['Airbyte refused access while listing', 'Reader role', 'Check your credential'],
			mistyped: ['did not accept the client ID and secret', "Check 'Client ID' and"],
		};
		const nodes = [
			{ ...empty.syncNode('', notChosen), name: 'empty' },
			{ ...refusing.syncNode('', notChosen), name: 'refusing' },
			{ ...empty.syncNode('', notChosen), name: 'mistyped', credentials: { airbyteApi: mistyped } },
		];
		const all = workflow('Nothing to choose', [manualTrigger(), ...nodes]);
		await editor.openWorkflow(await world.api.createWorkflow(all));
		for (const [node, parts] of Object.entries(words)) {
			await editor.openNode(node);
			await editor.openList('connectionId');
			const shown = await editor.listError();
			for (const part of parts) expect(shown).toContain(part);
			await editor.closeNode();
		}
	},
	300_000,
);
