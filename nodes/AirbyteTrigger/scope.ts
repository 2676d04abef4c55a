/**
 * What a trigger's memory is a memory of: which Airbyte, as whom, and what is watched in it.
 *
 * It is stored, so its text must not change: a trigger whose scope differs starts afresh, and what finished since its
 * last poll is lost. A field that is added later is left out of it while it has its default.
 */
import type { Watch } from './parameters';

/**
 * E.g. `airbyte=https://api.airbyte.com/v1 clientCredentials 1a2b&events=failed&jobTypes=refresh,sync`, with
 * `connections` and `workspace` where they are named.
 *
 * @param identity of the client, see `AirbyteClient.identity`
 */
export function scopeOf(identity: string, watch: Watch): string {
	const list = (values: string[]) => [...values].sort().join(',');
	const parts = {
		airbyte: identity,
		events: list(watch.events),
		jobTypes: list(watch.jobTypes),
		connections: list(watch.connectionIds),
		workspace: watch.workspaceId ?? '',
	};
	return Object.entries(parts)
		.filter(([, value]) => value !== '')
		.map(([name, value]) => `${name}=${value}`)
		.join('&');
}
