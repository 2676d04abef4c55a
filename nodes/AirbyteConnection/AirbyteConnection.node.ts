import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { resumeWebhooks, waitingNodeTooltip, webhook } from '../airbyte/deferred';
import { searchConnections } from '../airbyte/node/connectionPicker';
import { runItems } from '../airbyte/node/execute';
import { properties } from './description';
import { runOperations } from './execute';
import { WAIT_FOR_SYNC, readAwaitOrder } from './parameters';

/** As in `getStatus: Orders (Shop → Warehouse)`; see Airbyte Trigger Sync for where the name comes from. */
const subtitle =
	'={{ ((name) => $parameter["operation"] + (name ? ": " + name : ""))($parameter["operation"] !== "getMany" && $parameter.toJSON?.()?.connectionId?.cachedResultName) }}';

/** Lists Airbyte connections, tells how fresh their data is, waits for syncs of others, and switches them on and off. */
export class AirbyteConnection implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Airbyte Connection',
		name: 'airbyteConnection',
		icon: { light: 'file:../../icons/airbyte.svg', dark: 'file:../../icons/airbyte.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle,
		description:
			'List Airbyte connections, check how fresh their data is, wait for a sync, switch them on and off',
		defaults: { name: 'Airbyte Connection' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'airbyteApi', required: true }],
		webhooks: resumeWebhooks,
		waitingNodeTooltip,
		properties,
	};

	methods = { listSearch: { searchConnections } };

	webhook = webhook;

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const isWait = this.getNodeParameter('operation', 0, '') === WAIT_FOR_SYNC;
		return [isWait ? await runItems(this, readAwaitOrder) : await runOperations(this)];
	}
}
