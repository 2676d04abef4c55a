import type { INodeProperties } from 'n8n-workflow';

import { simplify, workspaceId } from '../airbyte/node/properties';

const events: INodeProperties = {
	displayName: 'Events',
	name: 'events',
	type: 'multiOptions',
	default: ['succeeded', 'failed', 'cancelled'],
	required: true,
	description: 'How a job must have ended to start the workflow',
	options: [
		{ name: 'Cancelled', value: 'cancelled', description: 'Cancelled, whoever did it' },
		{ name: 'Failed', value: 'failed', description: 'Failed for good, after all its attempts' },
		{ name: 'Succeeded', value: 'succeeded' },
	],
};

const connectionIds: INodeProperties = {
	displayName: 'Connection Names or IDs',
	name: 'connectionIds',
	type: 'multiOptions',
	typeOptions: { loadOptionsMethod: 'getConnections' },
	default: [],
	description:
		'The connections to watch; leave it empty for all. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
};

const workspaceToWatch: INodeProperties = {
	...workspaceId,
	description:
		'ID of the workspace to watch, or the address of any of its pages in Airbyte. Leave it empty for all that the credential can see.',
};

const jobTypes: INodeProperties = {
	displayName: 'Job Types',
	name: 'jobTypes',
	type: 'multiOptions',
	default: ['refresh', 'sync'],
	required: true,
	description: 'What kind of jobs to watch',
	options: [
		{
			name: 'Clear or Reset',
			value: 'clear',
			description: 'Deleted the data in the destination; Airbyte uses both names for it',
		},
		{
			name: 'Refresh',
			value: 'refresh',
			description:
				'Moved all data again. Airbyte 2.0 and older list these jobs only if you choose no other type.',
		},
		{ name: 'Sync', value: 'sync', description: 'Moved data from the source to the destination' },
	],
};

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options: [simplify],
};

export const properties: INodeProperties[] = [
	events,
	connectionIds,
	workspaceToWatch,
	jobTypes,
	options,
];
