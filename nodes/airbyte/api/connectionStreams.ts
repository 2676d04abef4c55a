/** Streams: the tables of a connection. */
import { dropUndefined, fieldsIn, readText } from './read';

export interface Stream {
	name: string;
	namespace?: string;
}

/** `namespace.name`, or the name alone where there is no namespace. */
export function fullName({ name, namespace }: Stream): string {
	return namespace === undefined ? name : `${namespace}.${name}`;
}

/** The streams that a connection of the public API syncs (`configurations.streams[]`), as far as it tells. */
export function readStreams(connection: unknown): Stream[] {
	const { configurations } = connection as { configurations?: { streams?: unknown } | null };
	const rows: unknown = configurations?.streams;
	if (!Array.isArray(rows)) return [];
	return rows.flatMap((row: Record<string, unknown> | null) => {
		if (typeof row?.name !== 'string') return [];
		const hasNamespace = typeof row.namespace === 'string' && row.namespace !== '';
		return [{ name: row.name, ...(hasNamespace && { namespace: row.namespace as string }) }];
	});
}

/** Whether both may be the same stream: older versions of Airbyte do not tell namespaces. */
export function isSameStream(one: Stream, other: Stream): boolean {
	const namespaces = new Set([one.namespace, other.namespace].filter(Boolean));
	return one.name === other.name && namespaces.size < 2;
}

/** Streams as the configuration API tells them; undefined where the answer is no list. */
export function readDescriptors(rows: unknown): Stream[] | undefined {
	if (!Array.isArray(rows)) return undefined;
	return rows.flatMap((row: unknown) => {
		const fields = fieldsIn(row);
		const [name, namespace] = [readText(fields?.name), readText(fields?.namespace)];
		return name === undefined ? [] : [dropUndefined({ name, namespace })];
	});
}

/** As the configuration API takes them. */
export function descriptors(streams: Stream[]) {
	return streams.map(({ name, namespace }) => ({ streamName: name, streamNamespace: namespace }));
}
