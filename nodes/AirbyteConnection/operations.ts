/** What the operations ask Airbyte, and what they make of its answers. */
import type { IDataObject } from 'n8n-workflow';

import type { AirbyteClient } from '../airbyte/api/client';
import { clock } from '../airbyte/api/clock';
import type { ListedConnection } from '../airbyte/api/connection';
import type { Job } from '../airbyte/api/job';
import { isCleared, isSyncSuccess, isTerminal, newestFirst } from '../airbyte/api/job';
import type { JobQuery } from '../airbyte/api/jobLists';
import { NEWEST } from '../airbyte/api/jobLists';
import { ProblemError, isPassing } from '../airbyte/api/problem';
import { dropUndefined } from '../airbyte/api/read';
import type { NamedConnection, Lists } from '../airbyte/node/connectionList';
import { Inventory } from '../airbyte/node/connectionList';
import { wordsIn } from '../airbyte/node/connectionPicker';
import { simplified, toOutput } from '../airbyte/node/output';
import type { ConnectionOrder, Filters } from './parameters';

/** Carries out what items ask for. What has been listed for one item is not listed again for the next. */
export class Operations {
	/** By workspace; without one, all that the credential sees. */
	private readonly inventories = new Map<string | undefined, Inventory>();

	constructor(private readonly client: AirbyteClient) {}

	/** The JSON of the items that come of an order. @throws {ProblemError} when Airbyte does not do it */
	async carryOut(order: ConnectionOrder): Promise<IDataObject[]> {
		switch (order.operation) {
			case 'getMany':
				return await this.getMany(order);
			case 'getStatus':
				return [await this.getStatus(order)];
			case 'setStatus':
				return [await this.setStatus(order)];
		}
	}

	private async getMany({
		limit,
		filters,
	}: ConnectionOrder & { operation: 'getMany' }): Promise<IDataObject[]> {
		const words = wordsIn(filters.nameContains);
		const mayLackNames = (fault: unknown) => words.length === 0 && !isPassing(fault);
		const inventory = this.inventory(filters.workspaceId);
		const pages = inventory.connections(this.listsOf(filters, words), 0, mayLackNames);
		const found: NamedConnection[] = [];
		let isEmpty = true;
		for await (const { rows } of pages) {
			isEmpty &&= rows.length === 0;
			found.push(...rows.filter((one) => passes(one, filters) && hasInNames(one, words)));
			if (found.length >= limit) break;
		}
		// Airbyte tells an instance admin of no connection, and of no error, for an ID that does not exist.
		if (isEmpty && filters.workspaceId) {
			await this.client.requireWorkspace(filters.workspaceId);
		}
		return found.slice(0, limit).map((connection) => this.describe(connection));
	}

	/** Workspaces' names are neither searched nor told. */
	private listsOf({ workspaceId }: Pick<Filters, 'workspaceId'>, words: string[]): Lists {
		const { client } = this;
		return {
			listConnections: async (offset) => await client.listConnections(offset, workspaceId),
			listNames: async (list, offset) => {
				if (list === 'workspaces') return [];
				return await client.listNames(list, offset).catch((fault: unknown) => {
					throw words.length === 0 ? fault : asNeeded(fault);
				});
			},
		};
	}

	private async getStatus({
		connectionId,
		maximumAge,
		simplify,
	}: ConnectionOrder & { operation: 'getStatus' }): Promise<IDataObject> {
		const { connection } = await this.client.getConnection(connectionId);
		const newest = await this.client.jobs.newest(connectionId, { withRefreshes: true });
		// Refreshes may come from a list of their own: only the newest ten tell how far back the other goes.
		const isAllKnown = newest.length < NEWEST || newest.slice(0, NEWEST).some(isSyncSuccess);
		const known = isAllKnown ? newest : [...newest, ...(await this.lastSuccess(connectionId))];
		const lastSuccess = newestFirst(known).find(isSyncSuccess);
		const ageSeconds = lastSuccess && ageInSeconds(lastSuccess);
		const isTooOld = maximumAge > 0 && (ageSeconds ?? 0) > maximumAge;
		const describeJob = (job: Job | undefined) => {
			const output = job && toOutput(job, { connection });
			return output && simplify ? simplified(output) : output;
		};
		return dropUndefined({
			...(simplify ? this.identify(connection) : await this.describeAlone(connection)),
			stale: lastSuccess === undefined || isTooOld || isCleared(lastSuccess, known),
			ageSeconds,
			// Only one job runs at a time: older records that have not ended are of jobs that died.
			activeJob: describeJob(newest.slice(0, 1).find((job) => !isTerminal(job))),
			lastJob: describeJob(newest.find(isTerminal)),
			lastSuccess: describeJob(lastSuccess),
		});
	}

	/** The last success behind the newest jobs, with the last clear. */
	private async lastSuccess(connectionId: string): Promise<Job[]> {
		const succeeded = await this.lastOf(['sync', 'refresh'], { connectionId, status: 'succeeded' });
		if (succeeded.length === 0) return [];
		return [...succeeded, ...(await this.lastOf(['clear', 'reset'], { connectionId }))];
	}

	/** Airbyte lists one type at a time; up to 2.0, refreshes only if asked for. */
	private async lastOf(
		jobTypes: string[],
		query: Pick<JobQuery, 'connectionId' | 'status'>,
	): Promise<Job[]> {
		const found: Job[] = [];
		for (const jobType of jobTypes) {
			const { jobs } = await this.client.jobs.list({
				...query,
				jobType,
				order: 'newestChangeFirst',
				offset: 0,
				limit: 1,
			});
			found.push(...jobs);
		}
		return found;
	}

	private async setStatus({
		connectionId,
		status,
	}: ConnectionOrder & { operation: 'setStatus' }): Promise<IDataObject> {
		return await this.describeAlone(await this.client.setConnectionStatus(connectionId, status));
	}

	private async describeAlone(connection: ListedConnection): Promise<IDataObject> {
		const [named] = await this.inventory(undefined).named(this.listsOf({}, []), [connection]);
		return this.describe(named);
	}

	/** Only which connection it is, for which no lists are read. */
	private identify(connection: ListedConnection): IDataObject {
		const { connectionId, name = connectionId, status, url } = connection;
		return { connectionId, name, status, connectionUrl: url };
	}

	private describe(connection: NamedConnection): IDataObject {
		const { connectionId, name, status, workspaceId, tags, schedule, url } = connection;
		return dropUndefined({
			connectionId,
			name,
			status,
			workspaceId,
			sourceName: connection.source,
			destinationName: connection.destination,
			tags,
			schedule: schedule && { ...schedule },
			connectionUrl: url,
		});
	}

	private inventory(workspaceId: string | undefined): Inventory {
		const known = this.inventories.get(workspaceId);
		if (known) return known;
		const inventory = new Inventory(Infinity);
		this.inventories.set(workspaceId, inventory);
		return inventory;
	}
}

/** Seconds since a job ended; not negative, as Airbyte's clock may be ahead of ours. */
function ageInSeconds({ lastUpdatedAt, startTime }: Job): number | undefined {
	const ended = Date.parse(lastUpdatedAt ?? startTime ?? '');
	return Number.isNaN(ended) ? undefined : Math.max(0, Math.round((clock.now() - ended) / 1_000));
}

function passes(connection: NamedConnection, { status, tags }: Filters): boolean {
	if (status !== undefined && connection.status !== status) return false;
	return tags.length === 0 || (connection.tags?.some((tag) => includes(tags, tag)) ?? false);
}

function hasInNames({ name, source, destination }: NamedConnection, words: string[]): boolean {
	const names = [name, source, destination].join('\n').toLowerCase();
	return words.every((word) => names.includes(word));
}

/** The fault of a list of names without which it is not known which connections were asked for. */
function asNeeded(fault: unknown): unknown {
	if (!(fault instanceof ProblemError)) return fault;
	const { problem } = fault;
	const why =
		"'Name Contains' looks at the names of sources and destinations, too. To filter by the connection's name alone, leave it empty and put a Filter node behind this one.";
	return new ProblemError({ ...problem, description: `${problem.description} ${why}`.trim() });
}

function includes(names: string[], name: string): boolean {
	return names.some((one) => one.toLowerCase() === name.toLowerCase());
}
