/**
 * What a person does with the package in the editor, from the credential to an error panel. With SCREENSHOTS=<folder>,
 * each step leaves a picture there.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import type { Browser } from 'playwright-core';

import { Editor, browserLacks, openBrowser } from '../../scripts/n8n/editor.cts';
import { manualTrigger, workflow } from '../../scripts/n8n/workflow.cts';
import { timelines } from '../../simulator/index.cts';
import { testUnless } from './harness/testUnless.cts';
import { until } from './harness/until.cts';
import { World } from './harness/world.cts';

const lacking = browserLacks();
const testWhereItRuns = testUnless(lacking);
const pictures = process.env.SCREENSHOTS;

let world: World;
let browser: Browser;
let editor: Editor;
beforeAll(async () => {
	if (lacking) return;
	if (pictures) await mkdir(pictures, { recursive: true });
	world = await World.setUp();
	browser = await openBrowser();
	editor = await Editor.signIn(browser, world.n8n.url);
}, 300_000);
afterAll(async () => {
	if (lacking) return;
	await browser.close();
	await World.tearDown(world);
}, 60_000);

async function picture(name: string): Promise<void> {
	if (pictures) await editor.take(join(pictures, `${name}.png`));
}

/** The editor draws a moment after a click; what stays different is told in full. */
async function comesToShow<T>(read: () => Promise<T>, expected: T): Promise<void> {
	await until(async () => isDeepStrictEqual(await read(), expected), 60_000).catch(() => undefined);
	expect(await read()).toEqual(expected);
}

const credentialFields = async () => await editor.credentialFields();
const nodeFields = async () => await editor.nodeFields();

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
		await picture('credential-new');
		await editor.openChoices('authentication');
		await picture('credential-authentication');
		await editor.chooseFromOpen('Basic Auth');
		const withPassword = ['Authentication', 'Server URL *', 'Username', 'Password'];
		await comesToShow(credentialFields, [...withPassword, ...inAnyCase]);
		await picture('credential-basic-auth');
		await editor.chooseIn('authentication', 'None');
		await comesToShow(credentialFields, ['Authentication', 'Server URL *', ...inAnyCase]);
		await picture('credential-none');

		await editor.chooseIn('authentication', 'Client Credentials');
		await editor.fillIn('host', airbyte.url);
		await editor.fillIn('clientId', airbyte.settings.clientId);
		await editor.fillIn('clientSecret', 'wrong');
		await editor.saveCredential();
		const verdict = await editor.credentialVerdict();
		expect(verdict).toContain('Airbyte did not accept the client ID and secret');
		expect(verdict).toContain("Check 'Client ID' and 'Client Secret'");
		await picture('credential-fails');

		await editor.fillIn('clientSecret', airbyte.settings.clientSecret);
		await editor.saveCredential();
		await comesToShow(
			async () => await editor.credentialVerdict(),
			'Connection tested successfully',
		);
		await picture('credential-passes');
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
		await picture('nodes-found');
		const offered = async () => await editor.actionsOffered();
		await editor.openFound('Airbyte');
		await comesToShow(offered, ['On cancelled', 'On failed', 'On succeeded']);
		await picture('nodes-trigger');
		await editor.backToFound();
		await editor.openFound('Airbyte Trigger Sync');
		await comesToShow(offered, ['Add to workflow']);
		await picture('nodes-trigger-sync');
		await editor.backToFound();
		await editor.openFound('Airbyte Job Status');
		await comesToShow(offered, ['Cancel a job', 'Get the status of a job', 'Wait for a job']);
		await picture('nodes-job-status');
		await editor.dragIn('Wait for a job');
		expect(await editor.shownIn('operation')).toBe('Wait');
		await picture('nodes-dragged');
	},
	300_000,
);

testWhereItRuns(
	'a workflow is built and run: node, credential, connection by typing, then the output and a hint',
	async () => {
		const site = await world.airbyte();
		for (let at = 0; at < 30; at++) site.airbyte.addConnection({ name: `Table ${at} → Lake` });
		const name = 'Shop orders → Warehouse';
		const jobs = timelines.succeedsAfter(30, { rows: 12_480, bytes: 5_242_880 });
		const ends = { sourceName: 'Shop orders', destinationName: 'Warehouse' };
		const { connectionId } = site.airbyte.addConnection({ name, ...ends, jobs });

		await editor.newWorkflow();
		await editor.searchNodes('manual', 'Manual Trigger');
		await editor.addFound('Manual Trigger');
		await editor.searchNodes('Airbyte', 'Airbyte Trigger Sync');
		await editor.openFound('Airbyte Trigger Sync');
		await editor.addToWorkflow();
		await picture('node-added');
		await editor.chooseCredential(site.credential.name);

		await editor.openList('connectionId');
		await picture('connection-list');
		await editor.typeIntoList('orders');
		await comesToShow(async () => (await editor.listed()).length, 1);
		await picture('connection-typed');
		await editor.choose(name);
		await comesToShow(async () => await editor.chosenIn('connectionId'), name);
		await picture('connection-chosen');
		await editor.closeNode();
		await picture('workflow-built');

		site.airbyte.startJob(connectionId);
		await editor.execute();
		await picture('workflow-done');
		await editor.openNode('Airbyte Trigger Sync');
		expect(await editor.outputHints()).toEqual([
			`Attached to a job that was already running: job 1 of connection '${name}'.`,
		]);
		await editor.showOutputAsTable();
		await comesToShow(async () => (await editor.outputTable()).rowsSynced, '12480');
		expect(await editor.outputTable()).toMatchObject({
			jobId: '1',
			connectionId,
			jobType: 'sync',
			status: 'succeeded',
			attached: 'true',
		});
		await picture('output-table');
		await editor.showOutputAsJson();
		await until(async () => (await editor.outputText()).includes('"succeeded"'));
		expect(await editor.outputText()).toMatch(/"rowsSynced"\s*:\s*12480/);
		await picture('output-json');
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
				'Failure Details',
				'If a Job Is Already Running',
				'If the Connection Is Inactive',
				'Include Streams',
				'Log Lines',
				'Maximum Rejected Rows',
				'Maximum Running Jobs',
				'Minimum Rows',
				'Queue Timeout',
				'Retries',
				'Retry Delay',
				'Skip If Synced Within',
			],
		};
		const notWaiting = {
			fields: ['Connection', 'Mode', 'Job Type', 'Timeout', 'Options'],
			options: [
				'API Version',
				'Batch Size',
				'Cancel On Stop',
				'If a Job Is Already Running',
				'If the Connection Is Inactive',
				'Maximum Running Jobs',
				'Skip If Synced Within',
			],
		};
		await comesToShow(nodeFields, whileWaiting.fields);
		await editor.openChoices('mode');
		await picture('modes');
		await editor.chooseFromOpen('Asynchronous');
		await comesToShow(nodeFields, notWaiting.fields);
		expect(await editor.optionsOffered()).toEqual(notWaiting.options);
		await picture('mode-asynchronous');
		for (const mode of ['Deferrable', 'Synchronous']) {
			await editor.chooseIn('mode', mode);
			await comesToShow(nodeFields, whileWaiting.fields);
			expect(await editor.optionsOffered()).toEqual(whileWaiting.options);
			await picture(`mode-${mode.toLowerCase()}`);
		}
		await editor.openChoices('jobType');
		await picture('job-types');
		await editor.chooseFromOpen('Sync');
		await editor.addOption('If a Job Is Already Running');
		await editor.openChoices('onActiveJob');
		await picture('on-active-job');
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
			'Failure Details',
			'Include Streams',
			'Log Lines',
		]);
		await editor.openChoices('operation');
		await picture('operations');
		await editor.chooseFromOpen('Wait');
		const waits = ['Operation', 'Job ID', 'Mode', 'Wait Seconds', 'Timeout', 'Options'];
		for (const mode of ['Synchronous', 'Deferrable']) {
			await editor.chooseIn('mode', mode);
			await comesToShow(nodeFields, waits);
			expect(await editor.optionsOffered()).toEqual([
				'Adaptive Polling',
				'API Version',
				'Batch Size',
				'Failure Details',
				'Include Streams',
				'Log Lines',
				'Maximum Rejected Rows',
				'Minimum Rows',
				'Queue Timeout',
			]);
			await picture(`operation-wait-${mode.toLowerCase()}`);
		}
		await editor.chooseIn('operation', 'Cancel');
		await comesToShow(nodeFields, fields);
		expect(await editor.optionsOffered()).toEqual(['API Version', 'Batch Size']);
		await picture('operation-cancel');
		await editor.closeNode();
		expect(await editor.captionOf('Status')).toContain('cancel');
		await picture('operation-on-canvas');
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
		await picture('workflow-failed');
		await editor.openNode('Sync');
		const { message, description } = await editor.errorShown();
		expect(message).toBe('Airbyte job 1 failed');
		expect(description).toContain("connection 'CRM contacts → Warehouse'");
		expect(description).toContain('failed in the source (config_error)');
		expect(description).toContain('The password for user "reader" is wrong');
		expect(description).toContain('Check the settings of the connector in Airbyte');
		const page = `${site.airbyte.url}/workspaces/${workspaceId}/connections/${connectionId}`;
		expect(description).toContain(page);
		await picture('error');
	},
	300_000,
);
