import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

/** How an answer repeats what it was asked with. */
export interface Echo {
	status: number;
	shape: (said: string) => { body: string; headers?: Record<string, string>; reason?: string };
}

interface Asked {
	method: string;
	path: string;
}

/**
 * A server, or a proxy, that cannot keep a secret: it answers some calls with all that it was sent and ever saw, and
 * passes the others on.
 */
export class EchoServer {
	/** Every `Authorization` and `Proxy-Authorization` that came, without its scheme. */
	readonly seen = new Set<string>();
	/** What it says besides, as if it knew. */
	gossip = '';
	private readonly server = http.createServer(
		(request, response) => void this.answer(request, response),
	);

	constructor(
		private readonly target: string,
		private readonly strikes: (asked: Asked) => Echo | undefined,
	) {}

	get url(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	async start(): Promise<this> {
		await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
		return this;
	}

	async stop(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}

	private async answer(
		request: http.IncomingMessage,
		response: http.ServerResponse,
	): Promise<void> {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const body = Buffer.concat(chunks).toString();
		const { method = '', headers } = request;
		const { pathname, search } = new URL(request.url ?? '', this.target);
		for (const name of ['authorization', 'proxy-authorization']) {
			const [, value] = String(headers[name] ?? '').split(' ');
			if (value) this.seen.add(value);
		}
		const echo = this.strikes({ method, path: pathname });
		if (!echo) return this.passOn(method, pathname + search, headers, body, response);
		const { seen, gossip } = this;
		const said = `${JSON.stringify(headers)} ${body} ${[...seen].join(' ')} ${gossip}`;
		const answer = echo.shape(said);
		response.statusMessage = answer.reason ?? 'Told';
		response.writeHead(echo.status, answer.headers).end(answer.body);
	}

	private passOn(
		method: string,
		path: string,
		headers: http.IncomingHttpHeaders,
		body: string,
		response: http.ServerResponse,
	): void {
		http
			.request(this.target + path, { method, headers }, (answer) => {
				response.writeHead(answer.statusCode ?? 502, answer.headers);
				answer.pipe(response);
			})
			.on('error', () => response.destroy())
			.end(body);
	}
}
