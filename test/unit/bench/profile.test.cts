import { type Profile, sharesOf } from '../../../scripts/bench/profile.cts';

/** A profile with one function for each address, all having run as long as said. */
function profileOf(times: Array<[functionName: string, url: string, ms: number]>): Profile {
	return {
		nodes: times.map(([functionName, url], id) => ({
			id,
			callFrame: { functionName, url, scriptId: '0', lineNumber: 0, columnNumber: 0 },
		})),
		startTime: 0,
		endTime: 0,
		samples: times.map((_, id) => id),
		timeDeltas: times.map(([, , ms]) => ms * 1_000),
	};
}

test("time belongs to the module whose function runs, an idle process's to nobody", () => {
	const shares = sharesOf(
		profileOf([
			['step', 'file:///x/node_modules/n8n-nodes-airbyte/dist/nodes/airbyte/syncRun/machine.js', 2],
			['step', '/repository/nodes/airbyte/syncRun/machine.ts', 1],
			['init', '/x/node_modules/@n8n/expression-runtime/dist/bridge.js', 4],
			['query', '/x/node_modules/n8n/node_modules/@n8n/typeorm/driver.js', 8],
			['run', '/x/node_modules/n8n-core/dist/engine.js', 16],
			['request', '/x/node_modules/axios/index.js', 32],
			['(idle)', '', 1_000],
			['(garbage collector)', '', 64],
			['emit', 'node:events', 128],
		]),
	);
	expect(Object.fromEntries(shares)).toEqual({
		'this package': 3,
		"n8n's expression engine": 4,
		"n8n's database": 8,
		"the rest of n8n's code": 16,
		"n8n's HTTP client": 32,
		'garbage collection': 64,
		'Node.js': 128,
	});
});
