import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface SeenRequest {
	method: string;
	path: string;
	headers: http.IncomingHttpHeaders;
	body: string;
}

/** Stands in front of the simulator and sees what really arrives, over TLS if wanted. */
export class Front {
	readonly requests: SeenRequest[] = [];

	private constructor(
		private readonly server: http.Server,
		private readonly scheme: 'http' | 'https',
		target: string,
	) {
		server.on('request', (request, response) => void this.passOn(target, request, response));
	}

	static async http(target: string): Promise<Front> {
		return await new Front(http.createServer(), 'http', target).listen();
	}

	/** With a certificate for localhost that nobody vouches for. */
	static async https(target: string): Promise<Front> {
		const pem = (name: string) => readFileSync(join(__dirname, '..', 'fixtures', name));
		const server = https.createServer({
			key: pem('selfSigned.key.pem'),
			cert: pem('selfSigned.cert.pem'),
		});
		return await new Front(server, 'https', target).listen();
	}

	get url(): string {
		return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	async stop(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}

	private async listen(): Promise<this> {
		await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
		return this;
	}

	private async passOn(
		target: string,
		request: http.IncomingMessage,
		response: http.ServerResponse,
	): Promise<void> {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const { method = '', url = '', headers } = request;
		const body = Buffer.concat(chunks).toString();
		this.requests.push({ method, path: url, headers, body });
		http
			.request(target + url, { method, headers }, (answer) => {
				response.writeHead(answer.statusCode ?? 502, answer.headers);
				answer.pipe(response);
			})
			.on('error', () => response.destroy())
			.end(body);
	}
}
