import type { INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { getConnections } from '../airbyte/node/connectionPicker';
import { properties } from './description';
import { PollState, pollIn } from './poll';

/** Starts a workflow when Airbyte jobs finish. */
export class AirbyteTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Airbyte Trigger',
		name: 'airbyteTrigger',
		icon: { light: 'file:../../icons/airbyte.svg', dark: 'file:../../icons/airbyte.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{ [$parameter["events"]].flat().join(", ") }}',
		description: 'Start the workflow when Airbyte syncs succeed, fail or are cancelled',
		defaults: { name: 'Airbyte Trigger' },
		polling: true,
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'airbyteApi', required: true }],
		properties,
	};

	methods = { loadOptions: { getConnections } };

	/** n8n has one object of this class, for all triggers. */
	poll = pollIn(new PollState());
}
