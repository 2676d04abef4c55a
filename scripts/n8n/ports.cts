import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

import { N8N_HOST } from './settings.cts';

/**
 * Below the range that systems give to outgoing connections (from 32768 on Linux): a server that is killed and
 * started again must find its port as free as it was.
 */
const LOWEST = 15_000;
const HIGHEST = 32_000;
const MOST_TRIES = 100;

/** A port that nobody listens on right now, and that no outgoing connection will take. */
export async function freePort(): Promise<number> {
	for (let tries = 0; tries < MOST_TRIES; tries++) {
		const port = randomInt(LOWEST, HIGHEST);
		if (await isFree(port)) return port;
	}
	throw new Error(`No free port was found between ${LOWEST} and ${HIGHEST}`);
}

async function isFree(port: number): Promise<boolean> {
	const server = createServer();
	return await new Promise((resolve) => {
		server.on('error', () => resolve(false));
		server.listen(port, N8N_HOST, () => server.close(() => resolve(true)));
	});
}
