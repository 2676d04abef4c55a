import type { IDataObject, INode } from 'n8n-workflow';

import type { N8nApi, SavedCredential } from '../n8n/api.cts';
import { errorOf, type Execution, outputOf, runsOf } from '../n8n/execution.cts';
import { airbyteNode, connectionById, manualTrigger, workflow } from '../n8n/workflow.cts';

/** A sync in a real Airbyte may take long. */
const LONGEST_SYNC_MS = 3_600_000;

interface Mode {
	name: string;
	/** Airbyte nodes, in order; the last one's output is the result. */
	nodes: (credential: SavedCredential, connectionId: string) => INode[];
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
];

/** Runs a sync in each mode, one after the other on the same connection; tells if all went well. */
export async function runModes(
	api: N8nApi,
	credential: SavedCredential,
	connectionId: string,
): Promise<boolean> {
	const rows: string[][] = [['Mode', 'Job', 'Status', 'Rows', 'Duration', 'Node time']];
	let allSucceeded = true;
	for (const { name, nodes } of MODES) {
		console.log(`Running a sync, ${name}…`);
		const chain = nodes(credential, connectionId);
		const execution = await run(api, `Demo: ${name}`, chain);
		allSucceeded &&= execution.status === 'success';
		rows.push(row(name, chain, execution));
	}
	console.log(`\n${table(rows)}`);
	return allSucceeded;
}

async function run(api: N8nApi, name: string, nodes: INode[]): Promise<Execution> {
	const id = await api.runWorkflow(workflow(name, [manualTrigger(), ...nodes]));
	return await api.waitForExecution(id, { timeoutMs: LONGEST_SYNC_MS });
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
