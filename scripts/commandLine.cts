/** What commands of this repository have in common on the command line. */

/** Prints lines with the time since it was made. */
export function reporter(): (line: string) => void {
	const startedAt = Date.now();
	return (line) => {
		const seconds = Math.round((Date.now() - startedAt) / 1_000);
		const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
		console.log(`${clock.padStart(6)}  ${line}`);
	};
}

/** Resolves at Ctrl-C; it comes once from the terminal and once from `scripts/run.js`. */
export async function untilInterrupted(): Promise<number> {
	return await new Promise((resolve) => {
		for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => resolve(130));
	});
}

/** @throws {Error} in words for whoever typed it */
export function wholeNumber(name: string, text: string, least: number, most: number): number {
	const value = /^\d+$/.test(text) ? Number(text) : NaN;
	if (value >= least && value <= most) return value;
	throw new Error(`--${name} takes a whole number from ${least} to ${most}, not '${text}'`);
}

/**
 * Runs a command with the options that it was called with, and ends the process: with the code that it gives, with 2
 * for options that make no sense, with 1 when it fails.
 */
export function runCommand<Options>(
	usage: string,
	readOptions: (args: string[]) => Options,
	main: (options: Options) => Promise<number>,
): void {
	let options: Options;
	try {
		options = readOptions(process.argv.slice(2));
	} catch (error) {
		console.error(`${(error as Error).message}\n${usage}`);
		process.exit(2);
	}
	main(options).then(
		(code) => process.exit(code),
		(error: Error) => {
			console.error(error.stack);
			process.exit(1);
		},
	);
}
