import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { readSyncOrder } from '../airbyte/fields';
import { runItems } from '../airbyte/runItems';
import { properties } from './description';

/** Starts a job of an Airbyte connection, and waits for it or not. */
export class AirbyteTriggerSync implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Airbyte Trigger Sync',
		name: 'airbyteTriggerSync',
		icon: { light: 'file:../../icons/airbyte.svg', dark: 'file:../../icons/airbyte.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["jobType"] + ", " + $parameter["mode"] }}',
		description: 'Start a sync of an Airbyte connection and wait for it',
		defaults: { name: 'Airbyte Trigger Sync' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'airbyteApi', required: true }],
		properties,
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return [await runItems(this, readSyncOrder)];
	}
}
