import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { searchConnections } from '../airbyte/node/connectionPicker';
import { properties } from './description';
import { runOperations } from './execute';

/** As in `getStatus: Orders (Shop → Warehouse)`; see Airbyte Trigger Sync for where the name comes from. */
const subtitle =
	'={{ ((name) => $parameter["operation"] + (name ? ": " + name : ""))($parameter["operation"] !== "getMany" && $parameter.toJSON?.()?.connectionId?.cachedResultName) }}';

/** Lists Airbyte connections, tells how fresh their data is, and switches them on and off. */
export class AirbyteConnection implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Airbyte Connection',
		name: 'airbyteConnection',
		icon: { light: 'file:../../icons/airbyte.svg', dark: 'file:../../icons/airbyte.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle,
		description: 'List Airbyte connections, check how fresh their data is, switch them on and off',
		defaults: { name: 'Airbyte Connection' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'airbyteApi', required: true }],
		properties,
	};

	methods = { listSearch: { searchConnections } };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return [await runOperations(this)];
	}
}
