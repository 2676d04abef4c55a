/** What is measured on n8n's engine alone, in a process of its own: `adaptive` and `code`. Prints one JSON. */
import { runAdaptive } from './adaptive.cts';
import { runNodeCode } from './nodeCode.cts';

async function main(): Promise<unknown> {
	const [what, ...args] = process.argv.slice(2);
	switch (what) {
		case 'adaptive': {
			const [count, seed] = args.map(Number);
			return await runAdaptive(count, seed);
		}
		case 'code':
			return await runNodeCode(JSON.parse(args[0]) as Parameters<typeof runNodeCode>[0]);
		default:
			throw new Error(`Nothing here is called '${what}'`);
	}
}

main().then(
	(result) => process.stdout.write(JSON.stringify(result), () => process.exit(0)),
	(error: Error) => {
		console.error(error.stack);
		process.exit(1);
	},
);
