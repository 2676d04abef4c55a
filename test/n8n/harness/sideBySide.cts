/** So many at once; more of them make n8n too slow to answer on two cores. */
const LANES = 14;

/**
 * Waits on a real n8n take real time, so the scenarios of a file run side by side: they are started once the world is
 * up, and each test tells how its scenario ended.
 */
export function sideBySide<World>(
	setUp: () => Promise<World>,
	tearDown: (world: World) => Promise<void>,
	/** Milliseconds for the slowest of them. */
	timeoutMs = 300_000,
) {
	const scenarios: Array<(world: World) => Promise<void>> = [];
	const outcomes: Array<Promise<{ fault?: unknown }>> = [];
	let world: World | undefined;

	beforeAll(async () => {
		world = await setUp();
		const ready = world;
		const lanes: Array<Promise<unknown>> = Array.from({ length: LANES }, async () => {});
		for (const [index, play] of scenarios.entries()) {
			// Told by its own test; an unhandled rejection would end the whole run.
			const outcome = lanes[index % LANES].then(async () => {
				return await play(ready).then(
					() => ({}),
					(fault: unknown) => ({ fault }),
				);
			});
			lanes[index % LANES] = outcome;
			outcomes.push(outcome);
		}
	}, 300_000);

	afterAll(async () => {
		await Promise.all(outcomes);
		if (world !== undefined) await tearDown(world);
	}, timeoutMs);

	return (name: string, play: (world: World) => Promise<void>): void => {
		const index = scenarios.push(play) - 1;
		test(
			name,
			async () => {
				const { fault } = await outcomes[index];
				if (fault !== undefined) throw fault;
			},
			timeoutMs,
		);
	};
}
