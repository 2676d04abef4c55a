/** Times between moments that follow one another; with fewer than two moments there is none, and nothing to judge. */
function gapsBetween(moments: number[]): number[] {
	if (moments.length < 2) throw new Error(`There are no gaps between ${moments.length} moments`);
	return moments.slice(1).map((moment, index) => moment - moments[index]);
}

export function longestGap(moments: number[]): number {
	return Math.max(...gapsBetween(moments));
}

export function shortestGap(moments: number[]): number {
	return Math.min(...gapsBetween(moments));
}
