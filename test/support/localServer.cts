import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
	method: string;
	/** With its query. */
	path: string;
	headers: http.IncomingHttpHeaders;
	body: string;
}

/** A server on this machine. */
export abstract class LocalServer {
	constructor(
		private readonly server = http.createServer(),
		private readonly scheme = 'http',
	) {
		server.on('request', (request, response) => void this.serve(request, response));
	}

	get url(): string {
		return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	async start(): Promise<this> {
		await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
		return this;
	}

	async stop(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}

	protected abstract answer(asked: Asked, response: http.ServerResponse): void;

	private async serve(request: http.IncomingMessage, response: http.ServerResponse) {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const { method = '', url: path = '', headers } = request;
		this.answer({ method, path, headers, body: Buffer.concat(chunks).toString() }, response);
	}
}

/** Lets another server answer. */
export function passOn(
	target: string,
	{ method, path, headers, body }: Asked,
	response: http.ServerResponse,
): void {
	http
		.request(target + path, { method, headers }, (answer) => {
			response.writeHead(answer.statusCode ?? 502, answer.headers);
			answer.pipe(response);
		})
		.on('error', () => response.destroy())
		.end(body);
}
