import { Server } from 'proxy-chain';

interface Passed {
	/** `CONNECT` for a tunnel to an https target, else the call itself. */
	kind: 'call' | 'CONNECT';
	target: string;
	user: string;
	password: string;
}

/** A real forward proxy that asks for a password. */
export class ForwardProxy {
	readonly passed: Passed[] = [];
	private server?: Server;
	private port = 0;

	constructor(
		private readonly user: string,
		private readonly password: string,
	) {}

	async start(): Promise<this> {
		this.server = new Server({
			host: '127.0.0.1',
			port: this.port,
			prepareRequestFunction: ({ request, isHttp, username, password }) => {
				const kind = isHttp ? 'call' : 'CONNECT';
				this.passed.push({ kind, target: request.url ?? '', user: username, password });
				return { requestAuthentication: username !== this.user || password !== this.password };
			},
		});
		await this.server.listen();
		this.port = this.server.port;
		return this;
	}

	async stop(): Promise<void> {
		await this.server?.close(true);
		this.server = undefined;
	}

	/** Without scheme and password, as messages may name it. */
	get address(): string {
		return `127.0.0.1:${this.port}`;
	}

	urlWith(password: string): string {
		return `http://${this.user}:${password}@${this.address}`;
	}
}
