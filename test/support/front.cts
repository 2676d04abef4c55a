import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import * as https from 'node:https';
import { join } from 'node:path';

import type { Asked } from './localServer.cts';
import { LocalServer, passOn } from './localServer.cts';

/** Stands in front of the simulator and sees what really arrives, over TLS if wanted. */
export class Front extends LocalServer {
	readonly requests: Asked[] = [];

	private constructor(
		private readonly target: string,
		...over: ConstructorParameters<typeof LocalServer>
	) {
		super(...over);
	}

	static async http(target: string): Promise<Front> {
		return await new Front(target).start();
	}

	/** With a certificate for localhost that nobody vouches for. */
	static async https(target: string): Promise<Front> {
		const pem = (name: string) => readFileSync(join(__dirname, 'fixtures', name));
		const server = https.createServer({
			key: pem('selfSigned.key.pem'),
			cert: pem('selfSigned.cert.pem'),
		});
		return await new Front(target, server, 'https').start();
	}

	protected answer(asked: Asked, response: ServerResponse): void {
		this.requests.push(asked);
		passOn(this.target, asked, response);
	}
}
