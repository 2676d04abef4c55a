/** Opening the client that all items of an execution share. */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { openClient } from '../api/client';
import { readCredential } from '../api/credential';
import { invalid } from '../api/problem';
import { readApiVersion, readBatchSize } from './parameters';

/** What counts for all items of an execution. */
export interface Opened {
	client: AirbyteClient;
	apiVersion: string;
	/** How many items' jobs run side by side. */
	batchSize: number;
}

/** @throws {ProblemError} when the credential, or what counts for all items, makes no sense */
export async function open(context: IExecuteFunctions): Promise<Opened> {
	const apiVersion = readApiVersion(context);
	const client = await openClient(context, apiVersion);
	await requireOneCredential(context);
	return { client, apiVersion, batchSize: readBatchSize(context) };
}

/**
 * n8n signs in with the credential as it is for the first item, whichever item a call is for. An expression in the
 * credential can make it another Airbyte's for another item; that one is refused rather than sent to the first item's.
 */
async function requireOneCredential(context: IExecuteFunctions): Promise<void> {
	const read = async (item: number) => {
		const credential = readCredential(await context.getCredentials('airbyteApi', item));
		return JSON.stringify({ ...credential, accessToken: '' });
	};
	const items = context.getInputData().length;
	const first = items > 1 ? await read(0) : '';
	for (let item = 1; item < items; item++) {
		if ((await read(item)) === first) continue;
		throw invalid(
			`The Airbyte credential is not the same for item ${item} as for the first one`,
			"n8n signs in with the first item's. Put a Loop Over Items node with 'Batch Size' 1 in front, or use a credential and a node for each Airbyte.",
		);
	}
}
