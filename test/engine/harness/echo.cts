import type { ServerResponse } from 'node:http';

import type { Asked } from '../../support/localServer.cts';
import { LocalServer, passOn } from '../../support/localServer.cts';

/** How an answer repeats what it was asked with. */
export interface Echo {
	status: number;
	shape: (said: string) => { body: string; headers?: Record<string, string>; reason?: string };
}

/**
 * A server, or a proxy, that answers some calls with all that it was sent and ever saw, secrets included, and passes the
 * others on.
 */
export class EchoServer extends LocalServer {
	/** Every `Authorization` and `Proxy-Authorization` that came, without its scheme. */
	readonly seen = new Set<string>();
	/** What it says besides, such as other secrets. */
	gossip = '';

	constructor(
		private readonly target: string,
		private readonly strikes: (asked: { method: string; path: string }) => Echo | undefined,
	) {
		super();
	}

	protected answer(asked: Asked, response: ServerResponse): void {
		const { method, headers, body } = asked;
		// A proxy is asked for a whole address.
		const { pathname, search } = new URL(asked.path, this.target);
		for (const name of ['authorization', 'proxy-authorization']) {
			const [, value] = String(headers[name] ?? '').split(' ');
			if (value) this.seen.add(value);
		}
		const echo = this.strikes({ method, path: pathname });
		if (!echo) return passOn(this.target, { ...asked, path: pathname + search }, response);
		const { seen, gossip } = this;
		const said = `${JSON.stringify(headers)} ${body} ${[...seen].join(' ')} ${gossip}`;
		const answer = echo.shape(said);
		response.statusMessage = answer.reason ?? 'Told';
		response.writeHead(echo.status, answer.headers).end(answer.body);
	}
}
