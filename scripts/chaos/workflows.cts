import type { INode, INodeParameters } from 'n8n-workflow';

import type { SavedCredential } from '../n8n/api.cts';
import type { NodeSettings, WorkflowDefinition } from '../n8n/workflow.cts';
import {
	airbyteNode,
	connectionById,
	emitItems,
	webhookTrigger,
	workflow,
} from '../n8n/workflow.cts';
import type { PlannedRun } from './plan.cts';

/** The nodes whose outputs and errors tell what came of the syncs. */
export const SYNC = 'Sync';
export const STATUS = 'Status';

interface Place {
	/** One for each of the run's syncs. */
	connectionIds: string[];
	credential: SavedCredential;
	/** Of the webhook that starts it. */
	path: string;
}

/** The run as a user would build it: started from outside, one item a connection. */
export function workflowOf(run: PlannedRun, place: Place): WorkflowDefinition {
	const { path, connectionIds } = place;
	const items = emitItems(connectionIds.map((id) => ({ id })));
	return workflow(run.name, [webhookTrigger(path), ...items, ...airbyteNodes(run, place)]);
}

function airbyteNodes(run: PlannedRun, { credential }: Place): INode[] {
	const { waitSeconds, timeout, onError } = run;
	const settings: NodeSettings = { onError };
	const [first, second] = modesOf(run);
	const waiting = { waitSeconds, timeout };
	const start = airbyteNode(
		'airbyteTriggerSync',
		SYNC,
		{ ...syncParameters(run), mode: first, ...(second ? {} : waiting) },
		credential,
		settings,
	);
	if (!second) return [start];
	const parameters = {
		operation: 'wait',
		mode: second,
		...waiting,
		options: { batchSize: run.options.batchSize },
	};
	return [start, airbyteNode('airbyteJobStatus', STATUS, parameters, credential, settings)];
}

/** Of the node that starts the job and, if there is one, of the node that waits for it. */
function modesOf({ way }: PlannedRun): [string, string?] {
	switch (way) {
		case 'asynchronous, then synchronous':
			return ['asynchronous', 'synchronous'];
		case 'asynchronous, then deferrable':
			return ['asynchronous', 'deferrable'];
		default:
			return [way];
	}
}

const syncParameters = ({ jobType, options }: PlannedRun): INodeParameters => ({
	connectionId: connectionById('={{ $json.id }}'),
	jobType,
	options,
});
