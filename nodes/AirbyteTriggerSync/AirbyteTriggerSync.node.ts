import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { resumeWebhooks, ring, waitingNodeTooltip, webhook } from '../airbyte/deferred';
import { searchConnections } from '../airbyte/node/connectionPicker';
import { runItems } from '../airbyte/node/execute';
import { readSyncOrder } from '../airbyte/node/parameters';
import { properties } from './description';

/**
 * As in `clear: Orders (Shop → Warehouse) (synchronous)`: what is done comes first, as the canvas cuts long texts.
 * The name is there if the connection was chosen from the list. `$parameter` gives only a resource locator's value, so
 * the name is taken from what is stored. A mode that an expression gives is not known before the first run.
 */
const subtitle =
	'={{ ((name) => $parameter["jobType"] + (name ? ": " + name : "") + ($parameter["mode"] ? " (" + $parameter["mode"] + ")" : ""))($parameter.toJSON?.()?.connectionId?.cachedResultName) }}';

/** Starts a job of an Airbyte connection, and waits for it or not. */
export class AirbyteTriggerSync implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Airbyte Trigger Sync',
		name: 'airbyteTriggerSync',
		icon: { light: 'file:../../icons/airbyte.svg', dark: 'file:../../icons/airbyte.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle,
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

	webhook = webhook;

	methods = { listSearch: { searchConnections } };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return [(await ring(this)) ?? (await runItems(this, readSyncOrder))];
	}
}
