import { type AddressInfo, createServer } from 'node:net';

import { N8N_HOST } from './settings.cts';

/** A port that nobody listens on right now. */
export async function freePort(): Promise<number> {
	const server = createServer();
	return await new Promise((resolve, reject) => {
		server.on('error', reject);
		server.listen(0, N8N_HOST, () => {
			const { port } = server.address() as AddressInfo;
			server.close(() => resolve(port));
		});
	});
}
