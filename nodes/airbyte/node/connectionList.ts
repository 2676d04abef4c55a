/**
 * What an Airbyte has, read from its lists page by page as far as somebody asks for it, and each page once.
 */
import type { AirbyteClient, Named, NamedList } from '../api/client';
import { NAMED_LISTS } from '../api/client';
import { clock } from '../api/clock';
import type { ListedConnection } from '../api/connection';
import { PAGE_SIZE } from '../api/pages';

/** Pages of sources, destinations or workspaces that are read for names, unless said otherwise. */
const NAME_PAGES = 30;

/** Milliseconds for which what was read is used again. */
const KEPT_FOR = 60_000;

export type Lists = Pick<AirbyteClient, 'listConnections' | 'listNames'>;
type NameLists = Pick<Lists, 'listNames'>;

/** Whether to go on without the names of a list that failed in this way, for instance for lack of a role. */
type MayLackNames = (fault: unknown) => boolean;

/** A connection with what its ids are called, as far as Airbyte tells. */
export interface NamedConnection extends Omit<ListedConnection, 'sourceId' | 'destinationId'> {
	name: string;
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

	/** The connections read so far, by ID. */
	readonly known = new Map<string, NamedConnection>();

	private readonly pages = new PagedList<ListedConnection>((row) => row.connectionId);
	private readonly names: Record<NamedList, PagedList<Named>> = {
		sources: new PagedList((row) => row.id),
		destinations: new PagedList((row) => row.id),
		workspaces: new PagedList((row) => row.id),
	};

	/** The lists of names that failed: they are not asked for again with each page of connections. */
	private readonly lacking = new Set<NamedList>();

	/** @param namePages pages of each list that are read for names at most */
	constructor(private readonly namePages = NAME_PAGES) {}

	get isFresh(): boolean {
		return clock.now() - this.readAt < KEPT_FOR;
	}

	/** The connections that were not deleted, from a page on, with their names. */
	async *connections(
		lists: Lists,
		from: number,
		mayLackNames?: MayLackNames,
	): AsyncGenerator<Page<NamedConnection>> {
		const read = async (offset: number) => await lists.listConnections(offset);
		for await (const { index, rows } of this.pages.from(from, read)) {
			const kept = rows.filter(({ status }) => status !== 'deprecated');
			const named = await this.named(lists, kept, mayLackNames);
			for (const one of named) this.known.set(one.connectionId, one);
			yield { index, rows: named };
		}
	}

	/** Adds what sources, destinations and workspaces are called. */
	async named(
		lists: NameLists,
		rows: ListedConnection[],
		mayLackNames: MayLackNames = () => true,
	): Promise<NamedConnection[]> {
		const namesIn = async (list: NamedList) => {
			const ids = rows.map((row) => row[NAMED_LISTS[list]]);
			return await this.namesOf(lists, list, ids, mayLackNames);
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

	/** The names in a list, as far as it can be read. */
	private async namesOf(
		lists: NameLists,
		list: NamedList,
		ids: Array<string | undefined>,
		mayLackNames: MayLackNames,
	): Promise<Map<string, string>> {
		const names = new Map<string, string>();
		if (this.lacking.has(list)) return names;
		await this.addNames(names, lists, list, ids).catch((fault: unknown) => {
			if (!mayLackNames(fault)) throw fault;
			this.lacking.add(list);
		});
		return names;
	}

	private async addNames(
		names: Map<string, string>,
		lists: NameLists,
		list: NamedList,
		ids: Array<string | undefined>,
	): Promise<void> {
		if (ids.length === 0) return;
		const read = async (offset: number) => await lists.listNames(list, offset);
		for await (const { index, rows } of this.names[list].from(0, read)) {
			for (const { id, name } of rows) names.set(id, name);
			const isComplete = ids.every((id) => id === undefined || names.has(id));
			if (isComplete || index + 1 >= this.namePages) break;
		}
	}
}

/** A list whose pages are asked for once; one that could not be had is asked for again. */
class PagedList<Row> {
	private readonly pages = new Map<number, Promise<Row[]>>();

	constructor(private readonly idOf: (row: Row) => string) {}

	/**
	 * The pages from one on, without the rows that an earlier page had: rows move to the next page when one is added
	 * meanwhile. The list ends with a page that has nothing new; a short page is no end, as rows may be left out of it.
	 */
	async *from(
		first: number,
		read: (offset: number) => Promise<Row[]>,
	): AsyncGenerator<Page<Row>, void> {
		for (let index = first; ; index += 1) {
			const page = await this.page(index, read);
			const known = new Set((await this.before(index)).map(this.idOf));
			const rows = page.filter((row) => !known.has(this.idOf(row)));
			if (rows.length === 0) return;
			yield { index, rows };
		}
	}

	/** The rows of the pages before one that have been asked for. */
	private async before(index: number): Promise<Row[]> {
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
