/**
 * Names, types, choices and defaults of all fields. Saved workflows depend on them: a field that is renamed is lost, one
 * whose default changes does something else where it was left alone, as n8n does not store defaults.
 *
 * What fails here for a new field is only to be added to its table; anything else breaks what people have.
 */
import type {
	IDataObject,
	INodeProperties,
	INodePropertyCollection,
	INodePropertyOptions,
	INodeTypeDescription,
} from 'n8n-workflow';

import { AirbyteApi } from '../../credentials/AirbyteApi.credentials';
import { AirbyteConnection } from '../../nodes/AirbyteConnection/AirbyteConnection.node';
import { AirbyteJobStatus } from '../../nodes/AirbyteJobStatus/AirbyteJobStatus.node';
import { AirbyteTrigger } from '../../nodes/AirbyteTrigger/AirbyteTrigger.node';
import { AirbyteTriggerSync } from '../../nodes/AirbyteTriggerSync/AirbyteTriggerSync.node';
import { name as packageName } from '../../package.json';

/** Type, default, and choices where there are some. */
type Row = [type: string, byDefault: unknown, choices?: string];
type Table = Record<string, Row>;

/** What no person enters. */
const INTERNAL = ['role', 'toolDescription'];

/** Fields by their names, those in a collection as `options.name`, those for tools only as `name as tool`. */
function tableOf(properties: INodeProperties[], prefix = ''): Table {
	const table: Table = {};
	for (const property of properties.filter(({ name }) => !INTERNAL.includes(name))) {
		const isForTools = property.displayOptions?.show?.['@tool'] !== undefined;
		const key = prefix + property.name + (isForTools ? ' as tool' : '');
		// Two descriptions of one field must not differ in what is stored.
		if (table[key]) expect(rowOf(property)).toEqual(table[key]);
		table[key] = rowOf(property);
		if (property.type === 'collection') {
			Object.assign(table, tableOf(property.options as INodeProperties[], `${key}.`));
		}
	}
	return table;
}

function rowOf({ type, default: byDefault, options, modes }: INodeProperties): Row {
	const choices = type === 'resourceLocator' ? modes?.map(({ name }) => name) : valuesOf(options);
	const isChoice = ['options', 'multiOptions', 'resourceLocator'].includes(type);
	return isChoice && choices ? [type, byDefault, choices.sort().join(', ')] : [type, byDefault];
}

function valuesOf(options: INodeProperties['options']): string[] | undefined {
	return options?.map((option: INodePropertyOptions | INodeProperties | INodePropertyCollection) =>
		'value' in option ? String(option.value) : option.name,
	);
}

const waiting: Table = {
	waitSeconds: ['number', 3],
	timeout: ['number', 3600],
	options: ['collection', {}],
	'options.adaptivePolling': ['boolean', true],
	'options.apiVersion': ['string', 'v1'],
	'options.batchSize': ['number', 10],
	'options.failureDetails': ['boolean', true],
	'options.includeStreams': ['boolean', false],
	'options.logLines': ['number', 0],
	'options.maximumRejectedRows': ['number', ''],
	'options.minimumRows': ['number', 0],
	'options.queueTimeout': ['number', 0],
	'options.simplify': ['boolean', true],
};

const credential: Table = {
	authentication: ['options', 'clientCredentials', 'basicAuth, clientCredentials, none'],
	host: ['string', 'https://api.airbyte.com'],
	clientId: ['string', ''],
	clientSecret: ['string', ''],
	tokenEndpoint: ['string', 'v1/applications/token'],
	username: ['string', ''],
	password: ['string', ''],
	apiUrl: ['string', ''],
	headers: ['fixedCollection', {}],
	httpProxy: ['string', ''],
	httpsProxy: ['string', ''],
	allowUnauthorizedCerts: ['boolean', false],
	accessToken: ['hidden', ''],
};

const triggerSync: Table = {
	connectionId: ['resourceLocator', { mode: 'list', value: '' }, 'id, list, url'],
	mode: ['options', 'synchronous', 'asynchronous, deferrable, synchronous'],
	'mode as tool': ['options', 'asynchronous', 'asynchronous, synchronous'],
	jobType: ['options', 'sync', 'clear, refresh, reset, sync'],
	'jobType as tool': ['options', 'sync', 'clear, refresh, reset, sync'],
	refreshMode: ['options', 'merge', 'merge, truncate'],
	streams: ['string', ''],
	...waiting,
	'options.cancelOnStop': ['boolean', true],
	'options.cancelOnTimeout': ['boolean', true],
	'options.onActiveJob': ['options', 'attach', 'attach, fail, queue, replace, skip'],
	'options.onInactive': ['options', 'fail', 'fail, skip'],
	'options.maximumRunningJobs': ['number', 0],
	'options.skipIfSyncedWithin': ['number', 0],
	'options.retries': ['number', 0],
	'options.retryDelay': ['number', 300],
};

const jobStatus: Table = {
	operation: ['options', 'get', 'cancel, get, wait'],
	jobId: ['string', '={{ $json.jobId }}'],
	'jobId as tool': [
		'string',
		"={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('jobId', `Number of the Airbyte job`, 'string') }}",
	],
	mode: ['options', 'synchronous', 'deferrable, synchronous'],
	...waiting,
};

const filters: Table = {
	nameContains: ['string', ''],
	status: ['options', 'active', 'active, inactive'],
	tags: ['string', ''],
	workspaceId: ['string', ''],
};

const filtersOf = (key: string): Table =>
	Object.fromEntries(Object.entries(filters).map(([name, row]) => [`${key}.${name}`, row]));

const connection: Table = {
	operation: ['options', 'getStatus', 'getMany, getStatus, setStatus, waitForSync'],
	connectionId: ['resourceLocator', { mode: 'list', value: '' }, 'id, list, url'],
	'connectionId as tool': [
		'resourceLocator',
		{
			__rl: true,
			mode: 'id',
			value:
				"={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('connectionId', `ID of the Airbyte connection`, 'string') }}",
		},
		'id, list, url',
	],
	status: ['options', 'active', 'active, inactive'],
	'status as tool': ['options', 'active', 'active, inactive'],
	maximumAge: ['number', 0],
	after: ['dateTime', ''],
	mode: ['options', 'synchronous', 'deferrable, synchronous'],
	waitSeconds: ['number', 3],
	timeout: ['number', 3600],
	returnAll: ['boolean', false],
	limit: ['number', 50],
	filters: ['collection', {}],
	...filtersOf('filters'),
	'filters as tool': [
		'collection',
		{
			nameContains:
				"={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('nameContains', `Words in the names of the connection, its source or its destination; empty for all`, 'string', '') }}",
		},
	],
	...filtersOf('filters as tool'),
	options: ['collection', {}],
	'options.apiVersion': ['string', 'v1'],
	'options.batchSize': ['number', 10],
	'options.adaptivePolling': ['boolean', true],
	'options.failOnFailure': ['boolean', true],
	'options.failureDetails': ['boolean', true],
	'options.simplify': ['boolean', true],
};

const trigger: Table = {
	events: ['multiOptions', ['succeeded', 'failed', 'cancelled'], 'cancelled, failed, succeeded'],
	connectionIds: ['multiOptions', []],
	workspaceId: ['string', ''],
	jobTypes: ['multiOptions', ['refresh', 'sync'], 'clear, refresh, sync'],
	options: ['collection', {}],
	'options.simplify': ['boolean', true],
};

/** How n8n's server knows the address that a parked execution is called at. */
/** n8n's own resume URL, and the path below it that only Airbyte nodes have. */
const resume = ['', 'airbyte'].map((path) => ({
	name: 'default',
	httpMethod: 'POST',
	path,
	restartWebhook: true,
}));

test('the credential is the one that saved workflows name, with its fields', () => {
	const { name, properties } = new AirbyteApi();
	expect(name).toBe('airbyteApi');
	expect(tableOf(properties)).toEqual(credential);
});

test.each([301, 401, 403, 404])(
	"the credential's test names both fields that an address comes from: %d",
	(status) => {
		const rules = new AirbyteApi().test.rules as Array<{ properties: IDataObject }>;
		const told = rules.find(({ properties }) => properties.value === status);
		expect(told?.properties.message).toContain("'API URL' if it is filled in");
	},
);

describe.each<[string, INodeTypeDescription, Table, object[] | undefined]>([
	['airbyteTriggerSync', new AirbyteTriggerSync().description, triggerSync, resume],
	['airbyteJobStatus', new AirbyteJobStatus().description, jobStatus, resume],
	['airbyteConnection', new AirbyteConnection().description, connection, resume],
	['airbyteTrigger', new AirbyteTrigger().description, trigger, undefined],
])('%s', (name, description, fields, webhooks) => {
	test('is the node that saved workflows name', () => {
		expect(`${packageName}.${description.name}`).toBe(`n8n-nodes-airbyte.${name}`);
		expect(description.version).toBe(1);
		expect(description.credentials?.map((one) => one.name)).toEqual(['airbyteApi']);
		expect(description.webhooks?.length).toBe(webhooks?.length);
		if (webhooks) expect(description.webhooks).toMatchObject(webhooks);
	});

	test('has its fields, and no others', () => {
		expect(tableOf(description.properties)).toEqual(fields);
	});
});
