import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { resumeWebhooks, waitingNodeTooltip, webhook } from '../airbyte/deferred';
import { runItems } from '../airbyte/node/execute';
import { readStatusOrder } from '../airbyte/node/parameters';
import { properties } from './description';

/** Reads, waits for or cancels an Airbyte job that exists: what an asynchronous sync is chained to. */
export class AirbyteJobStatus implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Airbyte Job Status',
		name: 'airbyteJobStatus',
		icon: { light: 'file:../../icons/airbyte.svg', dark: 'file:../../icons/airbyte.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["operation"] }}',
		description: 'Read, wait for or cancel an Airbyte job',
		defaults: { name: 'Airbyte Job Status' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'airbyteApi', required: true }],
		webhooks: resumeWebhooks,
		waitingNodeTooltip,
		properties,
	};

	webhook = webhook;

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return [await runItems(this, readStatusOrder)];
	}
}
