/** Fields of the panel that more than one node has. */
import type { INodeProperties, IWebhookDescription } from 'n8n-workflow';

export const waitSeconds: INodeProperties = {
	displayName: 'Wait Seconds',
	name: 'waitSeconds',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: 3600 },
	default: 3,
	description: 'Shortest time between two looks at the job, in seconds',
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
		"Whether to look less often at older jobs, so that the delay stays below 2 % of the job's age",
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
	description: 'How many items are worked on side by side',
};

/** The address that a parked execution is looked after by; see waitParked.ts. */
export const resumeWebhooks: IWebhookDescription[] = [
	{
		name: 'default',
		httpMethod: 'POST',
		responseMode: 'onReceived',
		path: '',
		restartWebhook: true,
	},
];

/** What the editor shows at the node meanwhile. */
export const waitingNodeTooltip =
	'={{ "Waiting for the Airbyte job in n8n\'s database. To look at once, call POST " + $execution.resumeUrl }}';
