import pLimit from 'p-limit';

/** So many at once; more of them make n8n too slow to answer on two cores. */
const LANES = 14;

/**
 * Waits on a real n8n take real time, so the scenarios of a file run side by side: they are started once the world is
 * up, in their order, and each test tells how its scenario ended.
 */
export function sideBySide<World>(
	setUp: () => Promise<World>,
	tearDown: (world: World) => Promise<void>,
	/** Milliseconds for the slowest of them. */
	timeoutMs = 300_000,
) {
	const scenarios: Array<(world: World) => Promise<void>> = [];
	let outcomes: Array<Promise<{ fault?: unknown }>> = [];
	let world: World | undefined;

	beforeAll(async () => {
		world = await setUp();
		const ready = world;
		const inLane = pLimit(LANES);
		outcomes = scenarios.map(
			async (play) =>
				await inLane(play, ready).then(
					() => ({}),
					// Told by its own test; an unhandled rejection would end the whole run.
					(fault: unknown) => ({ fault }),
				),
		);
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
