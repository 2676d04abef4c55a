/** Airbyte's lists, page by page. */
import type { IDataObject } from 'n8n-workflow';

import { notAirbyte } from './answers';
import { ProblemError } from './problem';
import { rowsIn } from './read';
import type { Requests } from './requests';

/** How many rows a page of a list has: as many as Airbyte gives at once. */
export const PAGE_SIZE = 100;

/** The fewest rows that a page is cut to where more take Airbyte too long: large configurations come with each connection. */
const LEAST_PAGE = 10;

export class Pages {
	/** By list, how many rows are asked for at once where a whole page took too long. */
	private readonly sizes = new Map<string, number>();

	constructor(private readonly requests: Requests) {}

	/**
	 * Rows from an offset on, as many as {@link PAGE_SIZE} unless the list ends. Where Airbyte takes too long for that many,
	 * pages are halved from then on, down to {@link LEAST_PAGE}.
	 */
	async rows<T>(
		path: string,
		offset: number,
		timeout: number,
		read: (row: Record<string, unknown>) => T | undefined,
		narrowed: IDataObject = {},
	): Promise<T[]> {
		const rows: unknown[] = [];
		for (let from = offset; from < offset + PAGE_SIZE;) {
			const limit = Math.min(this.sizes.get(path) ?? PAGE_SIZE, offset + PAGE_SIZE - from);
			const page = await this.page(path, { ...narrowed, limit, offset: from }, timeout).catch(
				(fault) => {
					if (!tookTooLong(fault) || limit <= LEAST_PAGE) throw fault;
					this.sizes.set(path, Math.max(LEAST_PAGE, Math.floor(limit / 2)));
				},
			);
			// Again, with fewer.
			if (page === undefined) continue;
			if (page.length === 0) break;
			rows.push(...page);
			from += limit;
		}
		return rows
			.map((row) => read({ ...(row as object) }))
			.filter((row): row is Awaited<T> & NonNullable<T> => row !== undefined);
	}

	private async page(path: string, qs: IDataObject, timeout: number): Promise<unknown[]> {
		const { answer, call } = await this.requests.answered({
			method: 'GET',
			path: `/${path}`,
			qs,
			timeout,
			doing: `listing ${path}`,
			field: qs.workspaceIds === undefined ? undefined : 'Workspace ID',
		});
		const rows = rowsIn(answer.body);
		if (!rows) throw new ProblemError(notAirbyte(answer, call));
		return rows;
	}
}

function tookTooLong(fault: unknown): boolean {
	if (!(fault instanceof ProblemError)) return false;
	const { kind, httpStatus } = fault.problem;
	return kind === 'unanswered' || httpStatus === 408 || httpStatus === 504;
}
