import type { INodeProperties } from 'n8n-workflow';

import { deferrableModes, notInRole, roleProperties } from '../airbyte/deferred';
import {
	adaptivePolling,
	apiVersion,
	asTool,
	batchSize,
	connectionId,
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
	waitSeconds,
} from '../airbyte/node/properties';

const connectionToRun: INodeProperties = {
	...connectionId,
	description: 'The Airbyte connection to run',
	displayOptions: notInRole,
};

const mode: INodeProperties = {
	displayName: 'Mode',
	name: 'mode',
	type: 'options',
	default: 'synchronous',
	description: 'Whether and how to wait for the job',
	displayOptions: notAsTool,
	options: [
		{
			name: 'Synchronous',
			value: 'synchronous',
			description: 'Wait until the job ends, in the running execution',
		},
		{
			name: 'Asynchronous',
			value: 'asynchronous',
			description: "Don't wait: go on as soon as Airbyte has given the job its ID",
		},
		...deferrableModes,
	],
};

/** An agent should not be kept from answering for as long as a sync takes. */
const modeAsTool: INodeProperties = {
	displayName: 'Mode',
	name: 'mode',
	type: 'options',
	default: 'asynchronous',
	description: 'Whether the agent waits for the job',
	displayOptions: asTool,
	options: [
		{
			name: 'Asynchronous',
			value: 'asynchronous',
			description:
				"Don't wait: the agent gets the job's ID, and can ask an Airbyte Job Status tool",
		},
		{
			name: 'Synchronous',
			value: 'synchronous',
			description: "The agent waits until the job ends or 'Timeout' is over",
		},
	],
};

const jobType: INodeProperties = {
	displayName: 'Job Type',
	name: 'jobType',
	type: 'options',
	default: 'sync',
	description: 'What Airbyte does with the connection',
	displayOptions: notAsTool,
	options: [
		{
			name: 'Clear',
			value: 'clear',
			description:
				"Delete the connection's data in the destination, which cannot be undone; needs the Editor role in Airbyte",
		},
		{
			name: 'Refresh',
			value: 'refresh',
			description:
				"Read all data from the source again. Needs Airbyte's configuration API, and a destination that can refresh.",
		},
		{
			name: 'Reset',
			value: 'reset',
			description: 'The same as Clear, under its old name',
			// Shown only where a workflow has it stored.
			displayOptions: { show: { jobType: ['reset'] } },
		},
		{ name: 'Sync', value: 'sync', description: 'Move data from the source to the destination' },
	],
};

/** Whether an agent may delete data is decided by whoever builds the workflow. */
const jobTypeAsTool: INodeProperties = {
	...jobType,
	noDataExpression: true,
	description: 'What Airbyte does with the connection; the agent has no say in it',
	displayOptions: asTool,
};

const refreshMode: INodeProperties = {
	displayName: 'Refresh Mode',
	name: 'refreshMode',
	type: 'options',
	default: 'merge',
	description: 'What becomes of the records in the destination',
	displayOptions: { show: { jobType: ['refresh'] } },
	options: [
		{
			name: 'Merge',
			value: 'merge',
			description: 'Keep them, those too that the source no longer has',
		},
		{
			name: 'Truncate',
			value: 'truncate',
			description:
				'Replace them once the new ones are there; what the source no longer has is gone',
		},
	],
};

const streams: INodeProperties = {
	displayName: 'Streams',
	name: 'streams',
	type: 'string',
	default: '',
	placeholder: 'e.g. users, sales.orders',
	description:
		"Names of the streams, separated by commas, each with its namespace in front if it has one. Leave it empty for all. Naming some needs Airbyte's configuration API.",
	displayOptions: { show: { jobType: ['clear', 'refresh', 'reset'] } },
};

const waitsInOptions = { show: { '/mode': ['synchronous', 'deferrable'] } };

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options: [
		adaptivePolling,
		apiVersion,
		batchSize,
		{
			displayName: 'Cancel On Stop',
			name: 'cancelOnStop',
			type: 'boolean',
			default: true,
			description: 'Whether stopping the execution in n8n cancels the job that it started',
		},
		{
			displayName: 'Cancel On Timeout',
			name: 'cancelOnTimeout',
			type: 'boolean',
			default: true,
			description: "Whether to cancel the job that the node started when 'Timeout' is over",
			displayOptions: waitsInOptions,
		},
		{
			displayName: 'If a Job Is Already Running',
			name: 'onActiveJob',
			type: 'options',
			default: 'attach',
			description: 'Airbyte runs one job at a time on a connection',
			options: [
				{
					name: 'Attach to It',
					value: 'attach',
					description: 'Continue as if this node had started it, but never cancel it',
				},
				{ name: 'Fail', value: 'fail', description: 'Start nothing and fail' },
				{
					name: 'Queue Behind It',
					value: 'queue',
					description: "Wait until it ends, up to 'Timeout', then start a new one",
				},
				{
					name: 'Replace It',
					value: 'replace',
					description: 'Cancel it, whoever started it, then start a new one',
				},
				{
					name: 'Skip',
					value: 'skip',
					description: 'Start nothing and continue; the output has the running job',
				},
			],
		},
		{
			displayName: 'If the Connection Is Inactive',
			name: 'onInactive',
			type: 'options',
			default: 'fail',
			description: 'What to do with a connection that is switched off in Airbyte',
			options: [
				{ name: 'Fail', value: 'fail', description: 'Start nothing and fail' },
				{ name: 'Skip', value: 'skip', description: 'Start nothing and continue' },
			],
		},
		{
			...failureDetails,
			description: `${failureDetails.description} 'Retries' relies on it.`,
			displayOptions: waitsInOptions,
		},
		{ ...includeStreams, displayOptions: waitsInOptions },
		{ ...logLines, displayOptions: waitsInOptions },
		{ ...maximumRejectedRows, displayOptions: waitsInOptions },
		{
			displayName: 'Maximum Running Jobs',
			name: 'maximumRunningJobs',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 1000 },
			default: 0,
			description:
				"Start only while fewer jobs run in the connection's workspace; until then wait, up to 'Timeout'. 0 means no limit.",
		},
		{ ...minimumRows, displayOptions: waitsInOptions },
		{
			...queueTimeout,
			description:
				"Seconds that the job may wait for Airbyte's capacity; after that it is treated like a timeout. 0 means no separate limit.",
			displayOptions: waitsInOptions,
		},
		{
			displayName: 'Retries',
			name: 'retries',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 10 },
			default: 0,
			description:
				"How many new jobs to start after failed ones. Cancelled jobs and, with 'Include Reason', configuration errors are not retried.",
			displayOptions: waitsInOptions,
		},
		{
			displayName: 'Retry Delay',
			name: 'retryDelay',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 86400 },
			default: 300,
			description: 'Seconds before each retry',
			displayOptions: waitsInOptions,
		},
		simplify,
		{
			displayName: 'Skip If Synced Within',
			name: 'skipIfSyncedWithin',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 2592000 },
			default: 0,
			description:
				'Seconds; a connection whose last successful sync ended within them is not synced again, and the output has that job. 0 means always sync.',
		},
	],
};

const GIVES =
	"and gives the job's ID and status. The job has ended when the status is succeeded, failed or cancelled.";

/** By the job type, so that no model takes for a sync what deletes data. */
const toolDescriptions: INodeProperties[] = [
	toolDescription(`Starts a sync of an Airbyte connection ${GIVES}`, { jobType: ['sync'] }),
	toolDescription(
		`Deletes the data of an Airbyte connection in its destination, which cannot be undone, ${GIVES}`,
		{ jobType: ['clear', 'reset'] },
	),
	toolDescription(
		`Reads all data of an Airbyte connection from its source again, by a refresh, ${GIVES}`,
		{ jobType: ['refresh'] },
	),
];

export const properties: INodeProperties[] = [
	...toolDescriptions,
	...roleProperties,
	connectionToRun,
	mode,
	modeAsTool,
	jobType,
	jobTypeAsTool,
	refreshMode,
	streams,
	// Shown with 'Asynchronous', too, for the wait before the start: n8n drops the value of a field that is hidden.
	{
		...waitSeconds,
		description: `${waitSeconds.description}. With 'Asynchronous', of a job that it waits for before the start.`,
	},
	{
		...timeout,
		description:
			"Seconds to wait once the job exists. Then the node fails and, unless 'Cancel On Timeout' is off, cancels the job it started. With 'Asynchronous', it only limits the wait before the start: behind another job, or for 'Maximum Running Jobs'.",
	},
	options,
];
