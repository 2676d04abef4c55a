/** Tables and numbers for people, in Markdown. */
import type { Spread } from './statistics.cts';

/** A table with its columns lined up; the first row is the head, the first column text, the others numbers. */
export function tableOf(rows: string[][]): string {
	const widths = rows[0].map((_, column) =>
		Math.max(3, ...rows.map((cells) => cells[column].length)),
	);
	const line = (cells: string[]) =>
		`| ${cells.map((cell, column) => padded(cell, widths[column], column)).join(' | ')} |`;
	const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
	const [head, ...body] = rows;
	return [line(head), rule, ...body.map(line)].join('\n');
}

const padded = (cell: string, width: number, column: number): string =>
	column === 0 ? cell.padEnd(width) : cell.padStart(width);

/** Three digits that mean something, and no more. */
export function numberOf(value: number): string {
	if (!Number.isFinite(value)) return '–';
	if (Number.isInteger(value)) return value.toLocaleString('en-US');
	const size = Math.abs(value);
	if (size >= 100) return Math.round(value).toLocaleString('en-US');
	return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** The middle, and from where to where, if that is not the same. */
export function spreadIn({ median, least, most }: Spread, unit = ''): string {
	if (least === most) return `${numberOf(median)}${unit}`;
	return `${numberOf(median)}${unit} (${numberOf(least)}–${numberOf(most)})`;
}

/** How many times as much as what it is compared with. */
export function ratioOf(value: number, base: number): string {
	const ratio = value / base;
	return Number.isFinite(ratio) ? `${ratio.toFixed(2)} ×` : '–';
}
