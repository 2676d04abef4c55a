/** Whose code the time of a CPU profile goes to. */
import type { Profiler, Runtime } from 'node:inspector';

/** A recorded profile, as V8 gives it and `node --cpu-prof` writes it. */
export type Profile = Profiler.Profile;

export const OWN = 'this package';

/** Whose a module is, by its name; the first that fits. */
const OWNERS: Array<[RegExp, string]> = [
	[/^n8n-nodes-airbyte$/, OWN],
	[/^(@n8n\/expression-runtime|isolated-vm)$/, "n8n's expression engine"],
	[/^(sqlite3|@n8n\/typeorm|@n8n\/db|tarn)$/, "n8n's database"],
	[/^(axios|follow-redirects|@n8n\/backend-network)$/, "n8n's HTTP client"],
	[/./, "the rest of n8n's code"],
];

/** Milliseconds by whose function was running; time in which nothing ran is nobody's. */
export function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profile): Map<string, number> {
	const owners = new Map(nodes.map(({ id, callFrame }) => [id, ownerOf(callFrame)]));
	const shares = new Map<string, number>();
	for (const [at, id] of samples.entries()) {
		const owner = owners.get(id);
		if (owner) shares.set(owner, (shares.get(owner) ?? 0) + timeDeltas[at] / 1_000);
	}
	return shares;
}

/** In the engine's own process this package's code is in its source folders, in a real n8n it is a module. */
function ownerOf({ url, functionName }: Runtime.CallFrame): string | undefined {
	if (functionName === '(idle)' || functionName === '(root)') return undefined;
	if (functionName === '(garbage collector)') return 'garbage collection';
	if (functionName === '(program)') return 'outside of JavaScript';
	const path = url.replaceAll('\\', '/');
	const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
	if (name) return OWNERS.find(([pattern]) => pattern.test(name))?.[1];
	if (/\/(nodes|credentials)\/[^/]+(\/|\.ts)/.test(path)) return OWN;
	return /\/(test|scripts)\//.test(path) ? 'the benchmark' : 'Node.js';
}
