/**
 * Which of a connection's streams an order means by the names in it.
 */
import type { Stream } from '../api/connectionStreams';
import { fullName } from '../api/connectionStreams';
import type { Problem } from '../api/problem';
import { invalid } from '../api/problem';
import { joinNames } from '../api/prose';

/**
 * @param names `name` or `namespace.name`; a name may have dots itself
 * @param known all streams of the connection
 */
export function chooseStreams(
	names: string[],
	known: Stream[],
): { streams: Stream[] } | { problem: Problem } {
	const chosen = names.map((name) => matching(name, known));
	const missing = names.filter((_, index) => chosen[index].length === 0);
	if (missing.length > 0) return { problem: unknownStreams(missing, known) };
	const ambiguous = chosen.findIndex(({ length }) => length > 1);
	if (ambiguous >= 0) {
		return { problem: ambiguousStream(names[ambiguous], chosen[ambiguous]) };
	}
	const byName = new Map(chosen.flat().map((stream) => [JSON.stringify(stream), stream]));
	return { streams: [...byName.values()] };
}

function matching(text: string, known: Stream[]): Stream[] {
	const whole = known.filter((stream) => fullName(stream) === text);
	if (whole.length > 0) return whole;
	const named = known.filter(({ name }) => name === text);
	if (named.length > 0 || known.some(({ namespace }) => namespace !== undefined)) return named;
	// Older versions of Airbyte do not tell namespaces. Airbyte itself refuses one that there is not.
	return known
		.filter(({ name }) => text.endsWith(`.${name}`) && text.length > name.length + 1)
		.map(({ name }) => ({ name, namespace: text.slice(0, -name.length - 1) }));
}

function unknownStreams(missing: string[], known: Stream[]): Problem {
	return invalid(
		`The connection has no stream ${quoted(missing)}`,
		known.length === 0
			? "Nothing was started: Airbyte does not tell the connection's streams. Leave 'Streams' empty for all of them."
			: `Nothing was started. Check 'Streams'; it has ${quoted(known.map(fullName))}.`,
	).problem;
}

function ambiguousStream(name: string, streams: Stream[]): Problem {
	return invalid(
		`The connection has more than one stream ${quoted([name])}`,
		`Nothing was started. In 'Streams', write one of ${quoted(streams.map(fullName))}.`,
	).problem;
}

function quoted(names: string[]): string {
	return joinNames(names.map((name) => `'${name}'`));
}
