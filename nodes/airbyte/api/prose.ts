/** Parts of messages. */

/** A text of somebody else's as a sentence of ours; empty when there is none. */
export function quote(words: string, who: string): string {
	return words === '' ? '' : `${who}: "${words}".`;
}

/** How many names a message has at most. */
const MOST_LISTED = 10;

/** As many names as a message has room for. */
export function joinNames(names: string[]): string {
	const shown = names.slice(0, MOST_LISTED);
	return shown.join(', ') + (names.length > shown.length ? ' and more' : '');
}

export function sentences(...parts: string[]): string {
	return parts.filter(Boolean).join(' ');
}
