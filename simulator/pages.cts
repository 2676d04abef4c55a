import type { Answer } from './answers.cts';
import { json } from './answers.cts';
import type { Page } from './parameters.cts';
import type { Stage } from './routes.cts';

/** A list as Airbyte pages it: rows, and links that only look usable. */
export function pageOf<T>(stage: Stage, { path, kept, page, rows, show }: Listing<T>): Answer {
	const { limit, offset } = page;
	const data = rows.slice(offset, offset + limit);
	const root = `${linkRoot(stage)}${path}?${new URLSearchParams([...kept, ['limit', `${limit}`]])}`;
	const next = data.length ? `${root}&offset=${offset + limit}` : '';
	const before = Math.max(0, offset - limit);
	const previous = offset > 0 ? `${root}&limit=${limit}&offset=${before}` : '';
	return json({ data: data.map(show), next, previous });
}

interface Listing<T> {
	path: string;
	/** The few parameters that survive in the links. */
	kept: Array<[string, string]>;
	page: Page;
	rows: T[];
	show(row: T): object;
}

/** Reference: a self-managed Airbyte writes its own inner address into the links. */
const linkRoot = ({ settings, url }: Stage): string =>
	settings.flavour === 'cloud' ? `${url()}/v1` : 'http://localhost:8001/api/public/v1';
