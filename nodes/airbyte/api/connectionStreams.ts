/** Streams: the tables of a connection. */

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

/** As the configuration API takes them. */
export function descriptors(streams: Stream[]) {
	return streams.map(({ name, namespace }) => ({ streamName: name, streamNamespace: namespace }));
}
