/**
 * Waits on a real n8n take real time, so the scenarios of a file run side by side once its world is up: as many at once
 * as `maxConcurrency` in jest.config.js says.
 */
export function sideBySide<World>(
	setUp: () => Promise<World>,
	tearDown: (world: World) => Promise<void>,
	/** Milliseconds for the slowest of them. */
	timeoutMs = 300_000,
) {
	let world: World | undefined;

	beforeAll(async () => void (world = await setUp()), 300_000);

	afterAll(async () => {
		if (world !== undefined) await tearDown(world);
	}, 60_000);

	return (name: string, play: (world: World) => Promise<void>): void =>
		test.concurrent(name, async () => await play(world as World), timeoutMs);
}
