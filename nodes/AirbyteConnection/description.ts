import type { IDisplayOptions, INodeProperties } from 'n8n-workflow';

import {
	adaptivePolling,
	apiVersion,
	asTool,
	batchSize,
	connectionId,
	failureDetails,
	notAsTool,
	simplify,
	timeout,
	toolDescription,
	waitMode,
	waitSeconds,
	workspaceId,
} from '../airbyte/node/properties';

const operation: INodeProperties = {
	displayName: 'Operation',
	name: 'operation',
	type: 'options',
	noDataExpression: true,
	default: 'getStatus',
	options: [
		{
			name: 'Get Many',
			value: 'getMany',
			action: 'Get many connections',
			description: 'List connections with the names of their sources and destinations',
		},
		{
			name: 'Get Status',
			value: 'getStatus',
			action: 'Get the status of a connection',
			description: 'Get the running job, the last one, and the age of the data',
		},
		{
			name: 'Set Status',
			value: 'setStatus',
			action: 'Set the status of a connection',
			description: 'Switch a connection on or off',
		},
		{
			name: 'Wait for Sync',
			value: 'waitForSync',
			action: 'Wait for a sync of a connection',
			description: 'Wait until a sync that somebody else starts has succeeded',
		},
	],
};

const forOperations = (...operations: string[]): IDisplayOptions['show'] => ({
	operation: operations,
});

/** An agent gets the IDs from a tool that lists the connections. Written like this, the editor shows it as left to the model. */
const connectionAsTool: INodeProperties = {
	...connectionId,
	default: {
		__rl: true,
		mode: 'id',
		value: `={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('connectionId', \`ID of the Airbyte connection\`, 'string') }}`,
	},
	description: 'The Airbyte connection, by default chosen by the model',
	displayOptions: { show: { ...asTool.show, ...forOperations('getStatus', 'waitForSync') } },
};

const waits: IDisplayOptions = { show: forOperations('waitForSync') };

const waiting: INodeProperties[] = [
	{
		displayName: 'After',
		name: 'after',
		type: 'dateTime',
		default: '',
		description:
			'Only a sync that ended after this time counts. Leave it empty for the time at which this node starts.',
		displayOptions: waits,
	},
	// As a tool there is only one.
	{ ...waitMode, displayOptions: { ...waits, ...notAsTool } },
	{
		...waitSeconds,
		description: "Shortest time between two checks of the connection's jobs, in seconds",
		displayOptions: waits,
	},
	{
		...timeout,
		description:
			'Seconds from the start of the wait. Then the node fails; whatever runs in Airbyte goes on.',
		displayOptions: waits,
	},
];

/** For options, which are a level below. */
const whenWaiting = { show: { '/operation': ['waitForSync'] } };

const failOnFailure: INodeProperties = {
	displayName: 'Fail With the Job',
	name: 'failOnFailure',
	type: 'boolean',
	default: true,
	description:
		'Whether to fail as soon as a job of the connection fails. If off, the node waits for the next sync that succeeds.',
	displayOptions: whenWaiting,
};

const status: INodeProperties = {
	displayName: 'Status',
	name: 'status',
	type: 'options',
	default: 'active',
	description:
		'Whether Airbyte may sync the connection. A sync that is running goes on, one that is queued is cancelled. Needs the Editor role in Airbyte.',
	displayOptions: { show: forOperations('setStatus'), ...notAsTool },
	options: [
		{
			name: 'Active',
			value: 'active',
			description: 'On: its schedule runs, and syncs can be started',
		},
		{
			name: 'Inactive',
			value: 'inactive',
			description: 'Off: nothing starts until it is switched on',
		},
	],
};

const filters: INodeProperties = {
	displayName: 'Filters',
	name: 'filters',
	type: 'collection',
	placeholder: 'Add filter',
	default: {},
	displayOptions: { show: forOperations('getMany'), ...notAsTool },
	options: [
		{
			displayName: 'Name Contains',
			name: 'nameContains',
			type: 'string',
			default: '',
			placeholder: 'e.g. orders',
			description:
				'Words to find in the names of the connection, its source or its destination, in any order and case',
		},
		{
			displayName: 'Status',
			name: 'status',
			type: 'options',
			default: 'active',
			options: [
				{ name: 'Active', value: 'active' },
				{ name: 'Inactive', value: 'inactive' },
			],
		},
		{
			displayName: 'Tags',
			name: 'tags',
			type: 'string',
			default: '',
			placeholder: 'e.g. nightly, finance',
			description: 'Names of tags, separated by commas: connections that have any of them',
		},
		{
			...workspaceId,
			description:
				'ID of a workspace, or the address of any of its pages in Airbyte. Leave it empty for all that the credential can see.',
		},
	],
};

export const properties: INodeProperties[] = [
	toolDescription(
		'Lists Airbyte connections by parts of their names: their IDs, names, sources, destinations and whether they are active. Use it to find the ID of a connection.',
		forOperations('getMany'),
	),
	toolDescription(
		'Tells, for an Airbyte connection by its ID, how old its data is (ageSeconds), whether that is too old (stale), whether a sync is running (activeJob) and how the last one ended (lastJob).',
		forOperations('getStatus'),
	),
	toolDescription('Switches an Airbyte connection on or off.', forOperations('setStatus')),
	toolDescription(
		'Waits until the next sync of an Airbyte connection succeeds, by its ID, and gives its numbers of rows and bytes. It starts none.',
		forOperations('waitForSync'),
	),
	operation,
	{
		...connectionId,
		description: 'The Airbyte connection',
		displayOptions: { show: forOperations('getStatus', 'waitForSync'), ...notAsTool },
	},
	connectionAsTool,
	{
		...connectionId,
		description: 'The Airbyte connection to switch on or off',
		displayOptions: { show: forOperations('setStatus') },
	},
	status,
	{
		...status,
		// What a tool may switch, and to what, is decided by whoever builds the workflow.
		noDataExpression: true,
		displayOptions: { show: { ...asTool.show, ...forOperations('setStatus') } },
	},
	{
		displayName: 'Maximum Age',
		name: 'maximumAge',
		type: 'number',
		typeOptions: { minValue: 0 },
		default: 0,
		description:
			"Seconds since the end of the last successful sync after which 'stale' is true. 0 means that the age does not matter. A connection that has never synced is always stale.",
		displayOptions: { show: forOperations('getStatus') },
	},
	{
		displayName: 'Return All',
		name: 'returnAll',
		type: 'boolean',
		default: false,
		description: 'Whether to return all results or only up to a given limit',
		displayOptions: { show: forOperations('getMany') },
	},
	{
		displayName: 'Limit',
		name: 'limit',
		type: 'number',
		typeOptions: { minValue: 1 },
		default: 50,
		description: 'Max number of results to return',
		displayOptions: { show: { ...forOperations('getMany'), returnAll: [false] } },
	},
	...waiting,
	filters,
	{
		...filters,
		default: {
			nameContains: `={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('nameContains', \`Words in the names of the connection, its source or its destination; empty for all\`, 'string', '') }}`,
		},
		displayOptions: { show: { ...asTool.show, ...forOperations('getMany') } },
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: [
			{ ...adaptivePolling, displayOptions: whenWaiting },
			apiVersion,
			batchSize,
			failOnFailure,
			{ ...failureDetails, displayOptions: whenWaiting },
			{ ...simplify, displayOptions: { show: { '/operation': ['getStatus', 'waitForSync'] } } },
		],
	},
];
