import { setTimeout as pause } from 'node:timers/promises';
import type { Answer } from './answers.cts';
import { empty, html, json } from './answers.cts';
import type { Clock } from './clock.cts';
import {
	errorId,
	firewallPage,
	forbidden,
	hateoas,
	proxyPage,
	rateLimited,
	routerPage,
} from './problems.cts';
import type { RandomFaultOptions } from './randomFaults.cts';
import { RandomFaults } from './randomFaults.cts';
import type { RouteKey } from './routes.cts';

/** Before or after the call took effect in Airbyte; before, unless said otherwise. */
export type When = 'before' | 'after';

export type FaultEffect =
	| {
			kind: 'status';
			status: number;
			body?: unknown;
			headers?: Record<string, string>;
			when?: When;
	  }
	/** Another server's word: a router that knows no such host or path (404, plain text). */
	| { kind: 'router'; when?: When }
	/** Another server's word: a firewall's HTML; 403 unless said otherwise. */
	| { kind: 'firewall'; status?: 400 | 403 | 405 | 413; when?: When }
	| { kind: 'html'; status?: number; body?: string; when?: When }
	/** Late by so many real milliseconds. */
	| { kind: 'delay'; ms: number; when?: When }
	/** The socket is reset (ECONNRESET). */
	| { kind: 'reset'; when?: When }
	/** Headers and half a body, then the connection ends. */
	| { kind: 'cut'; when?: When }
	/** Never answered; freed when the caller gives up or the server goes down. */
	| { kind: 'hang'; when?: When }
	| { kind: 'empty'; status: number; when?: When }
	/** The first row of a list is no valid row; `when` is ignored. */
	| { kind: 'oddRow'; when?: When }
	/** All tokens handed out so far are void, this call's too. */
	| { kind: 'expireTokens'; when?: When };

export type FaultKind = FaultEffect['kind'];

type Fault = FaultEffect & {
	route: RouteKey | '*';
	/** How often it strikes; once, unless said otherwise here or by `seconds`. */
	times?: number;
	/** It strikes for so many seconds of Airbyte's time from now on. */
	seconds?: number;
	/** How many calls it lets pass first. */
	skip?: number;
};

export interface FaultHandle {
	/** How often it struck so far. */
	readonly fired: number;
	remove(): void;
}

interface Armed extends FaultHandle {
	fault: Fault;
	seen: number;
	fired: number;
	until: number;
}

/** What goes wrong, by route and count or by chance. Counted rules come first, in their order. */
export class Faults {
	private armed: Armed[] = [];
	private chance?: RandomFaults;

	constructor(private readonly clock: Clock) {}

	add(fault: Fault): FaultHandle {
		const until = this.clock.now() + (fault.seconds ?? Infinity) * 1000;
		const armed: Armed = { fault, seen: 0, fired: 0, until, remove: () => this.remove(armed) };
		this.armed.push(armed);
		return armed;
	}

	/** The same seed gives the same faults to the same sequence of calls. */
	random(options: RandomFaultOptions): void {
		this.chance = new RandomFaults(options);
	}

	clear(): void {
		this.armed = [];
		this.chance = undefined;
	}

	/** The fault that strikes this call, if any. */
	draw(route: RouteKey): FaultEffect | undefined {
		const struck = this.armed.find((armed) => strikes(armed, route, this.clock.now()));
		return struck?.fault ?? this.chance?.draw(route);
	}

	private remove(armed: Armed): void {
		this.armed = this.armed.filter((other) => other !== armed);
	}
}

function strikes(armed: Armed, route: RouteKey, now: number): boolean {
	const { route: target, seconds, times = seconds === undefined ? 1 : Infinity } = armed.fault;
	const { skip = 0 } = armed.fault;
	if ((target !== '*' && target !== route) || now >= armed.until) return false;
	if (armed.seen++ < skip || armed.fired >= times) return false;
	armed.fired += 1;
	return true;
}

/** Instead of an answer: what happens to the caller's connection. */
export type Breakage = 'reset' | 'cut' | 'hang';

interface Scene {
	url: string;
	/** Aborted when the server goes down. */
	lifetime: AbortSignal;
	expireTokens(): void;
}

/** Serves a call with a fault at its time, before or after `serve` has taken effect. */
export async function serveFaulty(
	effect: FaultEffect | undefined,
	scene: Scene,
	serve: () => Promise<Answer | Breakage>,
): Promise<Answer | Breakage> {
	if (!effect) return await serve();
	if (effect.kind === 'oddRow') return withOddRow(await serve());
	if (effect.when !== 'after') return (await play(effect, scene)) ?? (await serve());
	const answer = await serve();
	return (await play(effect, scene)) ?? answer;
}

type Interruption = Exclude<FaultEffect, { kind: 'oddRow' }>;

async function play(effect: Interruption, scene: Scene): Promise<Answer | Breakage | undefined> {
	switch (effect.kind) {
		case 'status':
			return statusAnswer(effect, scene.url);
		case 'html':
			return effect.body === undefined
				? proxyPage(effect.status ?? 502)
				: html(effect.body, effect.status ?? 502);
		case 'router':
			return routerPage();
		case 'firewall':
			return firewallPage(effect.status ?? 403);
		case 'empty':
			return empty(effect.status);
		case 'delay':
			return await delay(effect.ms, scene.lifetime);
		case 'expireTokens':
			scene.expireTokens();
			return undefined;
		default:
			return effect.kind;
	}
}

/** A server that goes down during the delay has not done what it was asked for. */
async function delay(ms: number, lifetime: AbortSignal): Promise<'reset' | undefined> {
	await pause(ms, undefined, { signal: lifetime }).catch(() => {});
	return lifetime.aborted ? 'reset' : undefined;
}

function withOddRow(answer: Answer | Breakage): Answer | Breakage {
	if (typeof answer === 'string') return answer;
	const body = JSON.parse(answer.body) as { data?: unknown[] };
	if (!body.data?.length) return answer;
	const [, ...others] = body.data;
	return { ...answer, body: JSON.stringify({ ...body, data: [{ status: 'odd' }, ...others] }) };
}

function statusAnswer(effect: FaultEffect & { kind: 'status' }, url: string): Answer {
	const { status, body, headers } = effect;
	const answer = body === undefined ? typicalAnswer(status, url) : bodyAnswer(body, status);
	return { ...answer, headers: { ...answer.headers, ...headers } };
}

const bodyAnswer = (body: unknown, status: number): Answer =>
	typeof body === 'string'
		? { status, headers: { 'content-type': 'text/plain' }, body }
		: json(body, status);

/** The shape in which such a status usually comes. */
function typicalAnswer(status: number, url: string): Answer {
	if (status === 429) return rateLimited();
	if (status === 403) return forbidden();
	if (status >= 502 && status <= 504) return proxyPage(status);
	return status >= 500 ? errorId(status) : hateoas(status, url);
}
