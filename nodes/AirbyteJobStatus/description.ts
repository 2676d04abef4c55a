import type { INodeProperties } from 'n8n-workflow';

import {
	adaptivePolling,
	apiVersion,
	asTool,
	batchSize,
	failureDetails,
	includeStreams,
	logLines,
	maximumRejectedRows,
	minimumRows,
	notAsTool,
	queueTimeout,
	simplify,
	timeout,
	toolDescription,
	waitMode,
	waitSeconds,
} from '../airbyte/node/properties';

const operation: INodeProperties = {
	displayName: 'Operation',
	name: 'operation',
	type: 'options',
	noDataExpression: true,
	default: 'get',
	options: [
		{
			name: 'Cancel',
			value: 'cancel',
			action: 'Cancel a job',
			description: 'Cancel the job if it is still running, and return what became of it',
		},
		{
			name: 'Get',
			value: 'get',
			action: 'Get the status of a job',
			description: 'Check the job once, whatever its status',
		},
		{
			name: 'Wait',
			value: 'wait',
			action: 'Wait for a job',
			description: 'Wait until the job ends; fail if it failed or was cancelled',
		},
	],
};

const jobId: INodeProperties = {
	displayName: 'Job ID',
	name: 'jobId',
	type: 'string',
	default: '={{ $json.jobId }}',
	placeholder: 'e.g. 4711',
	required: true,
	description: "Number of the Airbyte job, by default the one that 'Airbyte Trigger Sync' returned",
	displayOptions: notAsTool,
};

/** A tool has no input; the agent knows the job. Written like this, the editor shows it as left to the model. */
const jobIdAsTool: INodeProperties = {
	...jobId,
	default: `={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('jobId', \`Number of the Airbyte job\`, 'string') }}`,
	description: 'Number of the Airbyte job, by default chosen by the model',
	displayOptions: asTool,
};

const waits = { show: { operation: ['wait'] } };

// As a tool there is only one.
const mode: INodeProperties = { ...waitMode, displayOptions: { ...waits, ...notAsTool } };

/** For options, which are a level below. */
const whenWaiting = { show: { '/operation': ['wait'] } };
const unlessCancelling = { show: { '/operation': ['get', 'wait'] } };

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options: [
		{ ...adaptivePolling, displayOptions: whenWaiting },
		apiVersion,
		batchSize,
		{ ...failureDetails, displayOptions: unlessCancelling },
		{ ...includeStreams, displayOptions: unlessCancelling },
		{ ...logLines, displayOptions: unlessCancelling },
		{ ...maximumRejectedRows, displayOptions: whenWaiting },
		{ ...minimumRows, displayOptions: whenWaiting },
		{
			...queueTimeout,
			description:
				"Seconds that the job may wait for Airbyte's capacity; after that the node fails. 0 means no separate limit.",
			displayOptions: whenWaiting,
		},
		simplify,
	],
};

export const properties: INodeProperties[] = [
	toolDescription(
		'Gives the status of an Airbyte job by its ID, and the numbers of rows and bytes so far. The job has ended when the status is succeeded, failed or cancelled.',
		{ operation: ['get'] },
	),
	toolDescription(
		'Waits until an Airbyte job ends, by its ID, and gives its status and numbers of rows and bytes.',
		{ operation: ['wait'] },
	),
	toolDescription('Cancels an Airbyte job, by its ID, and tells what became of it.', {
		operation: ['cancel'],
	}),
	operation,
	jobId,
	jobIdAsTool,
	mode,
	{ ...waitSeconds, displayOptions: waits },
	{
		...timeout,
		description:
			'Seconds from the start of the wait. Then the node fails; the job goes on, because this node did not start it.',
		displayOptions: waits,
	},
	options,
];
