import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
	IWebhookFunctions,
	IWebhookResponseData,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { ring } from '../airbyte/alarmClock';
import { roleOf } from '../airbyte/childWorkflow';
import { readSyncOrder } from '../airbyte/fields';
import { deliver, hold } from '../airbyte/messenger';
import { resumeWebhooks, waitingNodeTooltip } from '../airbyte/properties';
import { runItems } from '../airbyte/runItems';
import { lookParked } from '../airbyte/waitParked';
import { properties } from './description';

/** Starts a job of an Airbyte connection, and waits for it or not. */
export class AirbyteTriggerSync implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Airbyte Trigger Sync',
		name: 'airbyteTriggerSync',
		icon: { light: 'file:../../icons/airbyte.svg', dark: 'file:../../icons/airbyte.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["jobType"] + " (" + $parameter["mode"] + ")" }}',
		description: 'Start a sync of an Airbyte connection and wait for it',
		defaults: { name: 'Airbyte Trigger Sync' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'airbyteApi', required: true }],
		webhooks: resumeWebhooks,
		waitingNodeTooltip,
		properties,
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		switch (roleOf(this)) {
			case 'ring':
				return [await ring(this)];
			case 'hold':
				return [await hold(this)];
			case 'deliver':
				return [deliver(this)];
			default:
				return [await runItems(this, readSyncOrder)];
		}
	}

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		return await lookParked(this);
	}
}
