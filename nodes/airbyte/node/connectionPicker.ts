/**
 * The lists of connections that fields offer in the editor: to choose one, and to choose several.
 *
 * For one, the editor asks for the first page when the list is opened, for the next one when it is scrolled to its
 * end, and anew at each pause in typing. Airbyte cannot search, so a search reads all pages. What was read is kept for
 * a minute, so that scrolling and typing on ask for nothing twice; opening the list reads anew.
 *
 * For several, the editor asks once, for all, and searches among them itself.
 */
import type {
	IExecuteFunctions,
	ILoadOptionsFunctions,
	INode,
	INodeListSearchItems,
	INodeListSearchResult,
	INodePropertyOptions,
} from 'n8n-workflow';
import { NodeApiError, NodeOperationError } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { openClient } from '../api/client';
import { ProblemError, invalid } from '../api/problem';
import type { Lists, NamedConnection } from './connectionList';
import { Inventory } from './connectionList';
import { readApiVersion } from './parameters';

/** A search that has found so many fills the list, and goes on only when somebody scrolls. */
const FULL = 50;

/** n8n's `listSearch` method for connections. The token is the number of the page to go on with. */
export async function searchConnections(
	this: ILoadOptionsFunctions,
	filter = '',
	paginationToken?: string,
): Promise<INodeListSearchResult> {
	return await offer(this, wordsIn(filter), paginationToken).catch((fault) => {
		throw toPickerError(this.getNode(), fault);
	});
}

/** n8n's `loadOptions` method for connections. */
export async function getConnections(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	return await offerAll(this).catch((fault) => {
		throw toPickerError(this.getNode(), fault);
	});
}

async function offerAll(context: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	const client = await openClient(context, 'v1');
	const inventory = inventoryOf(context.getNode(), client, true);
	const { connections } = await findConnections(client, inventory, [], 0, Infinity);
	return toResults(connections, [...inventory.known.values()]);
}

async function offer(
	context: ILoadOptionsFunctions,
	words: string[],
	token: string | undefined,
): Promise<INodeListSearchResult> {
	const client = await openClient(context, readApiVersion(parametersOf(context)));
	const isOpened = words.length === 0 && token === undefined;
	const inventory = inventoryOf(context.getNode(), client, isOpened);
	const { connections, next } = await findConnections(client, inventory, words, Number(token ?? 0));
	// The editor would only say that there are no results.
	if (isOpened && connections.length === 0) throw nothingListed();
	return {
		results: toResults(connections, [...inventory.known.values()]),
		paginationToken: next === undefined ? undefined : String(next),
	};
}

function nothingListed(): ProblemError {
	return invalid(
		'Airbyte lists no connections',
		"Create one in Airbyte, or give the application's user at least the Reader role in the workspace that has them.",
	);
}

/** What was read with which credential, as whom: n8n lets only those call with a credential who may use it. */
const inventories = new Map<string, Inventory>();

function inventoryOf(node: INode, client: AirbyteClient, isOpened: boolean): Inventory {
	for (const [key, { isFresh }] of inventories) if (!isFresh) inventories.delete(key);
	const key = JSON.stringify([node.credentials?.airbyteApi?.id, client.identity]);
	const known = isOpened ? undefined : inventories.get(key);
	const inventory = known ?? new Inventory();
	inventories.set(key, inventory);
	return inventory;
}

/**
 * The connections that have all the words, from a page on. It reads on until there are enough: without words, one
 * page's.
 *
 * @returns the page to go on with, unless the list has ended
 */
export async function findConnections(
	lists: Lists,
	inventory: Inventory,
	words: string[],
	from: number,
	enough = words.length === 0 ? 1 : FULL,
): Promise<{ connections: NamedConnection[]; next?: number }> {
	const connections: NamedConnection[] = [];
	for await (const { index, rows } of inventory.connections(lists, from)) {
		connections.push(...rows.filter((connection) => matches(connection, words)));
		if (connections.length >= enough) return { connections, next: index + 1 };
	}
	return { connections };
}

export function wordsIn(filter: string): string[] {
	return filter.toLowerCase().split(/\s+/).filter(Boolean);
}

/** Any shorter piece is in some IDs by chance, where there are many. */
const SHORTEST_ID = 8;

/** Whether all words are somewhere in what is known of the connection. */
export function matches(connection: NamedConnection, words: string[]): boolean {
	const { source, destination, connectionId } = connection;
	const text = [label(connection), source, destination].join('\n').toLowerCase();
	return words.every(
		(word) => text.includes(word) || (word.length >= SHORTEST_ID && connectionId.includes(word)),
	);
}

/** As in `Orders (Shop → Warehouse) · Finance [inactive]`. */
export function label({ name, source, destination, workspace, status }: NamedConnection): string {
	const isNamed = source !== undefined || destination !== undefined;
	const ends = ` (${source ?? '?'} → ${destination ?? '?'})`;
	return [
		name,
		isNamed && !saysBoth(name, source, destination) ? ends : '',
		workspace === undefined ? '' : ` · ${workspace}`,
		status === undefined || status === 'active' ? '' : ` [${status}]`,
	].join('');
}

/** Airbyte's own suggestion for a connection's name is `source → destination`. */
function saysBoth(name: string, source = '?', destination = '?'): boolean {
	const at = name.indexOf(source);
	return at >= 0 && name.includes(destination, at + source.length);
}

const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/**
 * In the order of their names; those that look the same are told apart by their ids.
 *
 * @param known these and all others that were read, as those of earlier pages stay in the editor's list
 */
export function toResults(
	connections: NamedConnection[],
	known: NamedConnection[],
): INodeListSearchItems[] {
	const count = new Map<string, number>();
	for (const shown of known.map(label)) count.set(shown, (count.get(shown) ?? 0) + 1);
	return connections
		.map((connection) => {
			const { connectionId, url } = connection;
			const shown = label(connection);
			return {
				name: count.get(shown) === 1 ? shown : `${shown} · ${connectionId.slice(0, 8)}`,
				value: connectionId,
				url,
			};
		})
		.sort((a, b) => byName.compare(a.name, b.name));
}

/** The editor sends the parameters as they are entered, expressions worked out. */
function parametersOf(context: ILoadOptionsFunctions): Pick<IExecuteFunctions, 'getNodeParameter'> {
	const getNodeParameter = (name: string, _item: number, fallback: unknown) =>
		context.getCurrentNodeParameter(name) ?? fallback;
	return { getNodeParameter } as Pick<IExecuteFunctions, 'getNodeParameter'>;
}

/**
 * The editor shows the description of this kind of error only, and the message without its hyphens, which would
 * break host names: so they become hyphens that it does not know.
 */
function toPickerError(node: INode, fault: unknown) {
	if (!(fault instanceof ProblemError)) return new NodeOperationError(node, fault as Error);
	const { description, httpStatus } = fault.problem;
	const message = fault.problem.message.replace(/-/g, '\u2011');
	const httpCode = httpStatus === undefined ? undefined : String(httpStatus);
	return new NodeApiError(node, { message }, { message, description, httpCode });
}
