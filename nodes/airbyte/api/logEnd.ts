/**
 * The end of an attempt's log, from the answer of `POST /attempt/get_for_job`. That can have tens of megabytes, so it is
 * read piece by piece, and only its last lines are kept.
 */

export const MOST_LOG_LINES = 200;

/** Bytes of the lines together, and characters of one. */
const MOST_BYTES = 65_536;
const LONGEST_LINE = 4_000;

/** Characters of JSON that are kept for them: events hold more than their line. */
const MOST_JSON = 1_000_000;

/** Makes Airbyte's words fit to show, cut to so many characters. */
type Clean = (text: string, longest: number) => string;

/**
 * @param body the answer as it comes in
 * @param lines how many to keep, at most {@link MOST_LOG_LINES}
 * @returns the last lines with line breaks in between, at most 64 kB; empty where there are none
 */
export async function readLogEnd(
	body: AsyncIterable<Uint8Array>,
	lines: number,
	clean: Clean,
): Promise<string> {
	const scan = new LogScan(Math.min(lines, MOST_LOG_LINES));
	const decoder = new TextDecoder();
	for await (const chunk of body) scan.push(decoder.decode(chunk, { stream: true }));
	return lastBytes(scan.last.map((json) => clean(lineOf(json), LONGEST_LINE)));
}

/** The lists of a log's lines: as texts, or as events since Airbyte 1.2. */
const LISTS = new Set(['logLines', 'events']);

const CODE = { quote: 34, openList: 91, backslash: 92, closeList: 93, open: 123, close: 125 };

/** Finds the elements of `logs.logLines` or `logs.events` in JSON that comes in pieces, and keeps the last ones. */
class LogScan {
	/** The JSON of the elements. */
	readonly last: string[] = [];
	private size = 0;
	/** What of the JSON is still needed, and how far it has been read. */
	private text = '';
	private at = 0;
	/** Where the present element, or a string outside of one, began; -1: neither. */
	private start = -1;
	private isElement = false;
	private isInString = false;
	private isEscaped = false;
	/** The last string outside of an element. */
	private word = '';
	/** The keys of the objects and lists that are open. */
	private readonly path: string[] = [];

	constructor(private readonly most: number) {}

	push(piece: string): void {
		this.text += piece;
		for (; this.at < this.text.length; this.at++) this.read(this.text.charCodeAt(this.at));
		const from = this.start < 0 ? this.at : this.start;
		this.text = this.text.slice(from);
		this.at -= from;
		if (this.start >= 0) this.start = 0;
	}

	private read(code: number): void {
		if (this.isInString) return this.readInString(code);
		switch (code) {
			case CODE.quote:
				this.isInString = true;
				if (!this.isElement) this.start = this.at;
				return;
			case CODE.open:
			case CODE.openList:
				if (!this.isElement && this.isInLog) {
					this.isElement = true;
					this.start = this.at;
				}
				this.path.push(this.word);
				return;
			case CODE.close:
			case CODE.closeList:
				this.path.pop();
				if (this.isElement && this.isInLog) this.keep();
		}
	}

	private readInString(code: number): void {
		if (this.isEscaped) this.isEscaped = false;
		else if (code === CODE.backslash) this.isEscaped = true;
		else if (code === CODE.quote) {
			this.isInString = false;
			if (this.isElement) return;
			if (this.isInLog) return this.keep();
			this.word = this.text.slice(this.start + 1, this.at);
			this.start = -1;
		}
	}

	private get isInLog(): boolean {
		return this.path.length === 3 && this.path[1] === 'logs' && LISTS.has(this.path[2]);
	}

	private keep(): void {
		const json = this.text.slice(this.start, this.at + 1);
		this.start = -1;
		this.isElement = false;
		this.last.push(json);
		this.size += json.length;
		while (this.last.length > this.most || (this.size > MOST_JSON && this.last.length > 1)) {
			this.size -= this.last.shift()?.length ?? 0;
		}
	}
}

/** An event reads as the formatted lines do. */
function lineOf(json: string): string {
	const element = JSON.parse(json) as string | Record<string, unknown>;
	if (typeof element === 'string') return element;
	const { timestamp, logSource, level, message } = element;
	const time = typeof timestamp === 'number' ? new Date(timestamp).toISOString() : '';
	const words = [
		time.slice(0, 19).replace('T', ' '),
		typeof logSource === 'string' ? `${logSource} >` : '',
		typeof level === 'string' ? level.toUpperCase() : '',
		typeof message === 'string' ? message : '',
	];
	return words.filter(Boolean).join(' ');
}

function lastBytes(lines: string[]): string {
	let left = MOST_BYTES;
	let from = lines.length;
	for (; from > 0; from--) {
		left -= Buffer.byteLength(lines[from - 1]) + 1;
		if (left < 0) break;
	}
	return lines.slice(from).join('\n');
}
