import { setTimeout as pause } from 'node:timers/promises';

import axios from 'axios';
import type { IDataObject, INode } from 'n8n-workflow';
import pLimit from 'p-limit';

import type { SavedCredential } from '../n8n/api.cts';
import {
	errorOf,
	type Execution,
	hasEnded,
	outputOf,
	resumeUrlOf,
	runsOf,
} from '../n8n/execution.cts';
import { airbyteNode, connectionById, manualTrigger, workflow } from '../n8n/workflow.cts';
import type { DemoApi } from './remote.cts';

/** A sync in a real Airbyte may take long. */
const LONGEST_SYNC_MS = 3_600_000;

/** How long the simulated syncs take, and a little more. */
const SIMULATED_SYNC_MS = 22_000;

interface Mode {
	name: string;
	/** Airbyte nodes, in order; the last one's output is the result. */
	nodes: (credential: SavedCredential, connectionId: string) => INode[];
	/** What the demo does while it runs. */
	meanwhile?: (api: DemoApi, executionId: string) => Promise<void>;
}

const sync = (mode: string, credential: SavedCredential, connectionId: string): INode =>
	airbyteNode(
		'airbyteTriggerSync',
		'Airbyte Trigger Sync',
		{ mode, connectionId: connectionById(connectionId) },
		credential,
	);

const MODES: Mode[] = [
	{
		name: 'synchronous',
		nodes: (credential, connectionId) => [sync('synchronous', credential, connectionId)],
	},
	{
		name: 'asynchronous, then wait',
		nodes: (credential, connectionId) => [
			sync('asynchronous', credential, connectionId),
			airbyteNode(
				'airbyteJobStatus',
				'Airbyte Job Status',
				{ operation: 'wait', jobId: '={{ $json.jobId }}' },
				credential,
			),
		],
	},
	{
		name: 'deferrable',
		nodes: (credential, connectionId) => [sync('deferrable', credential, connectionId)],
		meanwhile: callResumeUrl,
	},
];

/** Runs a sync in each mode, side by side if each has a connection of its own; tells if all went well. */
export async function runModes(
	api: DemoApi,
	credential: SavedCredential,
	connectionIds: string[],
): Promise<boolean> {
	const inTurn = pLimit(connectionIds.length < MODES.length ? 1 : MODES.length);
	const runs = MODES.map(async (mode, at) => {
		const nodes = mode.nodes(credential, connectionIds[at % connectionIds.length]);
		const execution = await inTurn(async () => await run(api, mode, nodes));
		return { execution, row: row(mode.name, nodes, execution) };
	});
	const done = await Promise.all(runs);
	const head = ['Mode', 'Job', 'Status', 'Rows', 'Duration', 'Node time'];
	console.log(`\n${table([head, ...done.map(({ row: cells }) => cells)])}`);
	return done.every(({ execution }) => execution.status === 'success');
}

async function run(api: DemoApi, { name, meanwhile }: Mode, nodes: INode[]): Promise<Execution> {
	console.log(`Running a sync, ${name}…`);
	const id = await api.runWorkflow(workflow(`Demo: ${name}`, [manualTrigger(), ...nodes]));
	await meanwhile?.(api, id);
	return await api.waitForExecution(id, { timeoutMs: LONGEST_SYNC_MS });
}

/**
 * Calls the resume URL of a deferred execution, at once and when a simulated sync has ended. Without the calls it
 * ends all the same, some seconds after the sync.
 */
async function callResumeUrl(api: DemoApi, executionId: string): Promise<void> {
	const execution = await api.waitForExecution(executionId, {
		until: (now) => now.status === 'waiting' || hasEnded(now),
	});
	if (hasEnded(execution) || !execution.data.resumeToken) return;
	const url = resumeUrlOf(api, execution);
	console.log(`Execution ${executionId} waits in n8n's database. Its resume URL:\n  POST ${url}`);
	await tell(url);
	await pause(SIMULATED_SYNC_MS);
	await tell(url);
}

async function tell(url: string): Promise<void> {
	const { data } = await axios.post(url, {}, { proxy: false, validateStatus: () => true });
	// Where n8n itself answers, its words are enough.
	console.log(`  ${data.message ?? JSON.stringify(data)}`);
}

function row(mode: string, nodes: INode[], execution: Execution): string[] {
	const [item] = outputOf(execution, nodes[nodes.length - 1].name);
	const times = nodes.map(({ name }) => `${(nodeTime(execution, name) / 1000).toFixed(1)} s`);
	return [mode, ...resultCells(execution, item), times.join(' + ')];
}

function resultCells(execution: Execution, item?: IDataObject): string[] {
	if (!item) return ['', errorOf(execution)?.message ?? execution.status, '', ''];
	const { jobId, status, rowsSynced, durationSeconds } = item;
	const duration = durationSeconds === undefined ? '' : `${String(durationSeconds)} s`;
	return [String(jobId), String(status), String(rowsSynced ?? ''), duration];
}

function nodeTime(execution: Execution, node: string): number {
	return runsOf(execution, node).reduce((sum, { executionTime }) => sum + executionTime, 0);
}

function table(rows: string[][]): string {
	const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
	return rows
		.map((cells) =>
			cells
				.map((cell, column) => cell.padEnd(widths[column]))
				.join('   ')
				.trimEnd(),
		)
		.join('\n');
}
