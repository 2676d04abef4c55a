import type { Options } from '../../../simulator/index.cts';
import { AirbyteSimulator, ManualClock } from '../../../simulator/index.cts';
import { until } from '../../../scripts/until.cts';

interface Reply {
	status: number;
	headers: Headers;
	text: string;
	/** Parsed where it is JSON. */
	body: any;
}

/** 2026-01-05T10:00:30Z: not at a full minute, so that timestamps keep their seconds. */
export const MORNING = Date.UTC(2026, 0, 5, 10, 0, 30);

/** A simulator on a clock that stands still, and somebody who calls it over a real socket. */
export class Caller {
	readonly clock = new ManualClock(MORNING);
	readonly simulator: AirbyteSimulator;
	private token?: string;

	constructor(options: Options = {}) {
		this.simulator = new AirbyteSimulator({
			clock: this.clock,
			tokenLifetimeSeconds: 1_000_000,
			...options,
		});
	}

	async start(): Promise<this> {
		await this.simulator.start();
		return this;
	}

	/** Signed in, on the public API. */
	async call(method: string, path: string, body?: unknown): Promise<Reply> {
		this.token ??= (await this.signIn()).body.access_token;
		return await this.request(method, `/api/public/v1${path}`, body, this.bearer);
	}

	/** Signed in, on the configuration API. */
	async config(path: string, body: unknown): Promise<Reply> {
		this.token ??= (await this.signIn()).body.access_token;
		return await this.request('POST', `/api/v1/${path}`, body, this.bearer);
	}

	async details(id: unknown): Promise<Reply> {
		return await this.config('jobs/get_without_logs', { id });
	}

	async sync(connectionId: string, jobType = 'sync'): Promise<Reply> {
		return await this.call('POST', '/jobs', { connectionId, jobType });
	}

	async signIn(secret = 'client-secret', base = '/api/public/v1'): Promise<Reply> {
		const body = { client_id: 'client-id', client_secret: secret };
		return await this.request('POST', `${base}/applications/token`, body);
	}

	/** As it is: neither signed in nor on any base path. */
	async request(
		method: string,
		path: string,
		body?: unknown,
		headers: Record<string, string> = {},
		signal?: AbortSignal,
	): Promise<Reply> {
		const json: Record<string, string> =
			body === undefined ? {} : { 'content-type': 'application/json' };
		const response = await fetch(this.simulator.url + path, {
			method,
			signal,
			headers: { ...json, ...headers },
			body: body === undefined ? undefined : asText(body),
		});
		const text = await response.text();
		return { status: response.status, headers: response.headers, text, body: parsed(text) };
	}

	/** The answer to a call that Airbyte holds back for so many seconds. */
	async after(seconds: number, answer: Promise<Reply>): Promise<Reply> {
		let isAnswered = false;
		void answer.finally(() => (isAnswered = true));
		await this.until(() => this.clock.asleep > 0);
		this.clock.advance(seconds * 1000 - 1);
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect(isAnswered).toBe(false);
		this.clock.advance(1);
		return await answer;
	}

	async until(holds: () => boolean): Promise<void> {
		await until(holds, 5_000, 2);
	}

	get bearer(): Record<string, string> {
		return { authorization: `Bearer ${this.token}` };
	}

	seconds(count: number): void {
		this.clock.advance(count * 1000);
	}
}

const asText = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body));

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** The code of the socket error that a call ended with. */
export async function failureCode(call: Promise<unknown>): Promise<string> {
	return await call.then(
		() => 'answered',
		(error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.name,
	);
}
