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
	return readDescriptors(fieldsIn(fieldsIn(connection)?.configurations)?.streams) ?? [];
}

/** Whether both may be the same stream: older versions of Airbyte do not tell namespaces. */
export function isSameStream(one: Stream, other: Stream): boolean {
	const namespaces = new Set([one.namespace, other.namespace].filter(Boolean));
	return one.name === other.name && namespaces.size < 2;
}

/** Streams by their names; undefined where it is no list of any. */
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
