/**
 * What an Airbyte has, read from its lists page by page as far as somebody asks for it, and each page once.
 */
import type { AirbyteClient, ListedConnection, Named, NamedList } from '../api/client';
import { NAMED_LISTS, PAGE_SIZE } from '../api/client';
import { clock } from '../api/clock';

/** Pages read side by side: Airbyte answers its whole public API with five threads. */
const SIDE_BY_SIDE = 3;

/** Pages that are searched for names at most. */
const MOST_NAMED = 30;

/** How long what was read counts as what there is, in milliseconds. */
const FRESH = 60_000;

export type Lists = Pick<AirbyteClient, 'listConnections' | 'listNames'>;

/** A connection with what its ids are called, as far as Airbyte tells. */
export interface Entry {
	connectionId: string;
	name: string;
	status?: string;
	workspaceId?: string;
	source?: string;
	destination?: string;
	/** Only if there are several. */
	workspace?: string;
}

interface Page<Row> {
	index: number;
	rows: Row[];
}

export class Inventory {
	readonly readAt = clock.now();
	private readonly pages = new PagedList<ListedConnection>();
	private readonly names: Record<NamedList, PagedList<Named>> = {
		sources: new PagedList(),
		destinations: new PagedList(),
		workspaces: new PagedList(),
	};

	get isFresh(): boolean {
		return clock.now() - this.readAt < FRESH;
	}

	/** The connections that were not deleted, from a page on. Whom earlier pages had are not there again. */
	async *connections(lists: Lists, from: number): AsyncGenerator<Page<Entry>> {
		const read = async (offset: number) => await lists.listConnections(offset);
		for await (const { index, rows } of this.pages.from(from, read)) {
			const seen = new Set((await this.pages.before(index)).map((row) => row.connectionId));
			const fresh = rows.filter(({ connectionId, status }) => {
				const isFresh = !seen.has(connectionId) && status !== 'deprecated';
				seen.add(connectionId);
				return isFresh;
			});
			yield { index, rows: await this.entries(lists, fresh) };
		}
	}

	private async entries(lists: Lists, rows: ListedConnection[]): Promise<Entry[]> {
		const namesIn = async (list: NamedList) => {
			const ids = rows.map((row) => row[NAMED_LISTS[list]]);
			return await this.namesOf(lists, list, ids);
		};
		const [sources, destinations, workspaces] = await Promise.all([
			namesIn('sources'),
			namesIn('destinations'),
			namesIn('workspaces'),
		]);
		return rows.map(({ sourceId = '', destinationId = '', ...row }) => ({
			...row,
			name: row.name ?? row.connectionId,
			source: sources.get(sourceId),
			destination: destinations.get(destinationId),
			workspace: workspaces.size > 1 ? workspaces.get(row.workspaceId ?? '') : undefined,
		}));
	}

	/** A list that cannot be read, for instance for lack of a role, has no names. */
	private async namesOf(
		lists: Lists,
		list: NamedList,
		ids: Array<string | undefined>,
	): Promise<Map<string, string>> {
		const names = new Map<string, string>();
		if (ids.length === 0) return names;
		const read = async (offset: number) => await lists.listNames(list, offset).catch(() => []);
		for await (const { index, rows } of this.names[list].from(0, read)) {
			for (const { id, name } of rows) names.set(id, name);
			const isComplete = ids.every((id) => id === undefined || names.has(id));
			if (isComplete || index + 1 === MOST_NAMED) break;
		}
		return names;
	}
}

/** A list whose pages are asked for once; one that could not be had is asked for again. */
class PagedList<Row> {
	private readonly pages = new Map<number, Promise<Row[]>>();

	/** The pages from one on, until an empty one. Those behind a full one are read side by side. */
	async *from(
		first: number,
		read: (offset: number) => Promise<Row[]>,
	): AsyncGenerator<Page<Row>, void> {
		let width = 1;
		for (let index = first; ;) {
			const wave = Array.from({ length: width }, (_, at) => this.page(index + at, read));
			for (const rows of await Promise.all(wave)) {
				if (rows.length === 0) return;
				yield { index, rows };
				index += 1;
				width = rows.length === PAGE_SIZE ? SIDE_BY_SIDE : 1;
			}
		}
	}

	/** The rows of the pages before one that have been asked for. */
	async before(index: number): Promise<Row[]> {
		const earlier = [...this.pages].filter(([at]) => at < index).map(([, page]) => page);
		return (await Promise.all(earlier)).flat();
	}

	private async page(index: number, read: (offset: number) => Promise<Row[]>): Promise<Row[]> {
		const known = this.pages.get(index);
		if (known) return await known;
		const page = read(index * PAGE_SIZE);
		this.pages.set(index, page);
		page.catch(() => this.pages.delete(index));
		return await page;
	}
}
