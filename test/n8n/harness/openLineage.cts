import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { Schema } from '@cfworker/json-schema';
import { Validator } from '@cfworker/json-schema';
import type { IDataObject } from 'n8n-workflow';

const FOLDER = resolve(__dirname, '..', 'fixtures', 'openlineage');
const FACETS = join(FOLDER, 'facets');

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Schema & { $id: string };
const core = read(join(FOLDER, 'OpenLineage.json'));
const facets = readdirSync(FACETS).map((name) => read(join(FACETS, name)));

/** What OpenLineage's own schemas say against an event and each of its facets; empty when all is well. */
export function faultsOf(event: IDataObject): string[] {
	const run = { $ref: `${core.$id}#/$defs/RunEvent` };
	return [...faults(run, event), ...facetsIn(event).flatMap(faultsOfFacet)];
}

function faultsOfFacet([name, facet]: [string, IDataObject]): string[] {
	const schema = facets.find(({ $id }) => String(facet._schemaURL).startsWith(`${$id}#`));
	if (!schema?.properties?.[name]) return [`There is no schema for '${name}'`];
	return faults(schema, { [name]: facet });
}

function faults(schema: Schema, value: unknown): string[] {
	const validator = new Validator(schema, '2020-12', false);
	for (const one of [core, ...facets]) if (one !== schema) validator.addSchema(one);
	return validator
		.validate(value)
		.errors.map((fault) => `${fault.instanceLocation} ${fault.error}`);
}

/** Each facet with its name, wherever it is. */
function facetsIn(value: unknown): Array<[string, IDataObject]> {
	if (typeof value !== 'object' || value === null) return [];
	return Object.entries(value).flatMap(([key, inner]) =>
		/^(facets|inputFacets|outputFacets)$/.test(key)
			? Object.entries(inner as Record<string, IDataObject>)
			: facetsIn(inner),
	);
}
