/** Fields of the panel that more than one node has. */
import type { IDisplayOptions, INodeProperties } from 'n8n-workflow';

import { MOST_LOG_LINES } from '../api/logEnd';
import { deferrableModes } from '../deferred';

/** For fields that differ between a node and the tool of an AI agent that n8n makes of it. */
export const notAsTool = { hide: { '@tool': [true] } };
export const asTool = { show: { '@tool': [true] } };

/** What an agent is told of a tool; n8n would take the node's description, which is for people. */
export function toolDescription(text: string, show: IDisplayOptions['show'] = {}): INodeProperties {
	return {
		displayName: 'Description',
		name: 'toolDescription',
		type: 'string',
		typeOptions: { rows: 3 },
		default: text,
		required: true,
		description: 'What the agent is told about this tool',
		displayOptions: { show: { ...asTool.show, ...show } },
	};
}

export const connectionId: INodeProperties = {
	displayName: 'Connection',
	name: 'connectionId',
	type: 'resourceLocator',
	default: { mode: 'list', value: '' },
	required: true,
	modes: [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Choose a connection',
			typeOptions: { searchListMethod: 'searchConnections', searchable: true },
		},
		{
			displayName: 'By ID',
			name: 'id',
			type: 'string',
			placeholder: 'e.g. 1a2b3c4d-1a2b-1a2b-…',
		},
		{
			displayName: 'By URL',
			name: 'url',
			type: 'string',
			placeholder: "e.g. the address of the connection's page in Airbyte",
		},
	],
};

export const workspaceId: INodeProperties = {
	displayName: 'Workspace ID',
	name: 'workspaceId',
	type: 'string',
	default: '',
	placeholder: 'e.g. 1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f',
};

/** For operations that wait for what somebody else has started. */
export const waitMode: INodeProperties = {
	displayName: 'Mode',
	name: 'mode',
	type: 'options',
	default: 'synchronous',
	description: 'How to wait',
	options: [
		{
			name: 'Synchronous',
			value: 'synchronous',
			description: 'Wait in the running execution',
		},
		...deferrableModes,
	],
};

export const waitSeconds: INodeProperties = {
	displayName: 'Wait Seconds',
	name: 'waitSeconds',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: 3600 },
	default: 3,
	description: 'Shortest time between two checks of the job, in seconds',
};

export const timeout: INodeProperties = {
	displayName: 'Timeout',
	name: 'timeout',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: 2592000 },
	default: 3600,
};

export const adaptivePolling: INodeProperties = {
	displayName: 'Adaptive Polling',
	name: 'adaptivePolling',
	type: 'boolean',
	default: true,
	description:
		'Whether to look less often the longer it waits: the interval grows to 1.8 % of the time waited, up to 10 minutes',
};

export const apiVersion: INodeProperties = {
	displayName: 'API Version',
	name: 'apiVersion',
	type: 'string',
	default: 'v1',
	description: "Version of Airbyte's public API, as in its paths",
};

export const batchSize: INodeProperties = {
	displayName: 'Batch Size',
	name: 'batchSize',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: 100 },
	default: 10,
	description: 'How many items to process at the same time',
};

export const failureDetails: INodeProperties = {
	displayName: 'Include Reason',
	name: 'failureDetails',
	type: 'boolean',
	default: true,
	description:
		"Whether to ask Airbyte's configuration API why a job failed. If that API does not answer, the node carries on without the reason.",
};

export const includeStreams: INodeProperties = {
	displayName: 'Include Streams',
	name: 'includeStreams',
	type: 'boolean',
	default: false,
	description:
		"Whether to add 'streams' to the output: rows, bytes and rejected rows of each, from Airbyte's configuration API",
};

export const simplify: INodeProperties = {
	displayName: 'Simplify',
	name: 'simplify',
	type: 'boolean',
	default: true,
	description: 'Whether to return a simplified version of the response instead of the raw data',
};

export const logLines: INodeProperties = {
	displayName: 'Log Lines',
	name: 'logLines',
	type: 'number',
	typeOptions: { minValue: 0, maxValue: MOST_LOG_LINES },
	default: 0,
	description:
		"How many of the last lines of a failed job's log to add to 'failure.log'; the error shows a few of them. 0 means none.",
};

export const maximumRejectedRows: INodeProperties = {
	displayName: 'Maximum Rejected Rows',
	name: 'maximumRejectedRows',
	type: 'number',
	typeOptions: { minValue: 0 },
	default: '',
	placeholder: 'e.g. 0',
	description:
		'A sync that succeeds counts as failed if the destination rejected more rows than this, or if Airbyte does not tell how many (before 1.8). Empty means any number.',
};

export const minimumRows: INodeProperties = {
	displayName: 'Minimum Rows',
	name: 'minimumRows',
	type: 'number',
	typeOptions: { minValue: 0 },
	default: 0,
	description: 'A sync that succeeds with fewer rows, or without a row count, counts as failed',
};

export const queueTimeout: INodeProperties = {
	displayName: 'Queue Timeout',
	name: 'queueTimeout',
	type: 'number',
	typeOptions: { minValue: 0, maxValue: 2592000 },
	default: 0,
};
