/** Numbers from several runs. */

/** The middle of the values; halfway between the two middle ones of an even number. */
export function median(values: number[]): number {
	return quantile(values, 0.5);
}

/** The value below which that share of the values lies, interpolated between neighbours. */
export function quantile(values: number[], share: number): number {
	if (values.length === 0) return NaN;
	const sorted = [...values].sort((a, b) => a - b);
	const at = share * (sorted.length - 1);
	const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
	return low + (high - low) * (at - Math.floor(at));
}

export interface Spread {
	median: number;
	least: number;
	most: number;
}

export function spreadOf(values: number[]): Spread {
	return { median: median(values), least: quantile(values, 0), most: quantile(values, 1) };
}

/**
 * Values between two bounds, drawn so that every part of the range is met: one from each of as many equal parts, in
 * random order. No polling rhythm can be lucky with all of them.
 */
export function drawn(least: number, most: number, count: number, random: () => number): number[] {
	const part = (most - least) / count;
	const values = Array.from({ length: count }, (_, at) => least + (at + random()) * part);
	return shuffled(values, random);
}

function shuffled(values: number[], random: () => number): number[] {
	const rest = [...values];
	return values.map(() => rest.splice(Math.floor(random() * rest.length), 1)[0]);
}
