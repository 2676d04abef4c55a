import { setMaxListeners } from 'node:events';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { Answer } from './answers.cts';
import { Refusal } from './answers.cts';
import type { AuditedCall } from './audit.cts';
import { configRoutes } from './configApi.cts';
import type { Breakage, Faults } from './faults.cts';
import { serveFaulty } from './faults.cts';
import { inventoryRoutes } from './inventoryRoutes.cts';
import { jobRoutes } from './jobRoutes.cts';
import { contentTypeIs } from './parameters.cts';
import { hateoas } from './problems.cts';
import type { Call, Query, Route, Stage } from './routes.cts';
import { passIngress, passToken, passUserAgent, publicTokenRoute } from './signIn.cts';
import { Threads } from './threads.cts';
import { otherRoute, unknownPath } from './webApp.cts';

const publicRoutes = [publicTokenRoute, ...jobRoutes, ...inventoryRoutes];

/** Reference: a self-managed Airbyte sends `/v1` to its web app. */
const PUBLIC_BASES = { selfManaged: ['/api/public/v1'], cloud: ['/api/public/v1', '/v1'] };

/** One life of the HTTP server: it goes down with all its connections and never comes back. */
export class Server {
	/** How many requests are being served now. */
	inFlight = 0;
	private readonly app: FastifyInstance;
	private readonly lifetime = new AbortController();
	private readonly threads: Threads;

	constructor(
		private readonly stage: Stage,
		private readonly faults: Faults,
	) {
		this.threads = new Threads(stage.settings.clock);
		setMaxListeners(0, this.lifetime.signal);
		this.app = fastify({
			forceCloseConnections: true,
			routerOptions: { maxParamLength: 1000, ignoreTrailingSlash: true },
			exposeHeadRoutes: true,
		});
		this.readBodiesAsText();
		this.mountRoutes();
	}

	/** Answers with the port. */
	async listen(port: number): Promise<number> {
		await this.app.listen({ host: '127.0.0.1', port });
		return (this.app.server.address() as AddressInfo).port;
	}

	async close(): Promise<void> {
		this.lifetime.abort();
		await this.app.close();
	}

	/** The routes parse, since Airbyte answers a wrong body by the call it came with. */
	private readBodiesAsText(): void {
		this.app.removeAllContentTypeParsers();
		this.app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) =>
			done(null, body),
		);
	}

	private mountRoutes(): void {
		const { flavour } = this.stage.settings;
		for (const base of PUBLIC_BASES[flavour]) this.mountAll(publicRoutes, base);
		this.mountAll(configRoutes);
		this.app.setNotFoundHandler(async (request, reply) => this.answer(otherRoute, request, reply));
	}

	private mountAll(routes: Route[], base = ''): void {
		for (const route of routes) this.mount(route, base);
	}

	private mount(route: Route, base = ''): void {
		const [method, path] = route.key.split(' ');
		this.app.route({
			method: method as HTTPMethods,
			url: (base + path).replace(/\{(\w+)\}/g, ':$1'),
			handler: async (request, reply) => this.answer(route, request, reply),
		});
	}

	private async answer(
		route: Route,
		request: FastifyRequest,
		reply: FastifyReply,
	): Promise<unknown> {
		this.inFlight += 1;
		const fault = this.faults.draw(route.key);
		const audited = { ...this.auditedCall(route, request), fault: fault?.kind };
		this.stage.audit.callArrived(audited);
		try {
			const call = this.callFrom(request, reply);
			const scene = { ...call, expireTokens: () => this.stage.tokens.expireAll() };
			const answer = await serveFaulty(fault, scene, () => this.serve(route, call));
			audited.status = typeof answer === 'string' ? answer : answer.status;
			if (typeof answer !== 'string') return this.send(answer, reply);
			return await breakOff(answer, request, reply);
		} finally {
			this.inFlight -= 1;
			this.stage.audit.callServed(audited);
		}
	}

	private async serve(route: Route, call: Call): Promise<Answer | Breakage> {
		try {
			passIngress(call, this.stage);
			if (route !== otherRoute) passUserAgent(call, this.stage);
			if (!route.anonymous) passToken(call, this.stage);
			if (call.url.includes('|')) return hateoas(400, '/', 'Malformed URI');
			if (takesNoSuchBody(route, call)) return unknownPath(call, this.stage);
			if (!isPublic(route)) return await route.serve(call, this.stage);
			const work = async () => await route.serve(call, this.stage);
			return (await this.threads.hold(call.gone, work)) ?? 'hang';
		} catch (error) {
			if (error instanceof Refusal) return error.answer;
			throw error;
		}
	}

	/** As bytes, since a text would get a charset that Airbyte does not name. */
	private send({ status, headers, body }: Answer, reply: FastifyReply): FastifyReply {
		const date = new Date(this.stage.settings.clock.now()).toUTCString();
		reply.code(status).headers({ date, ...headers });
		return body === '' ? reply.send() : reply.send(Buffer.from(body));
	}

	private callFrom(request: FastifyRequest, reply: FastifyReply): Call {
		const hungUp = new AbortController();
		reply.raw.once('close', () => hungUp.abort());
		return {
			method: request.method,
			url: this.urlOf(request),
			path: pathOf(request),
			query: request.query as Query,
			params: request.params as Record<string, string>,
			headers: request.headers,
			body: (request.body as string | undefined) ?? '',
			lifetime: this.lifetime.signal,
			gone: AbortSignal.any([this.lifetime.signal, hungUp.signal]),
		};
	}

	/** Reference: in front of Cloud's API stands a gateway that adds the base path. */
	private urlOf({ url }: FastifyRequest): string {
		const isShort = this.stage.settings.flavour === 'cloud' && !url.startsWith('/api/');
		return isShort ? `/api/public${url}` : url;
	}

	private auditedCall(route: Route, request: FastifyRequest): AuditedCall {
		return {
			method: request.method,
			route: route.key,
			path: pathOf(request),
			query: { ...(request.query as Query) },
			at: this.stage.settings.clock.now(),
			authorization: authorizationOf(request),
			userAgent: request.headers['user-agent'],
			status: 'open',
		};
	}
}

/** Seen: the five threads serve these; the sign-in has others. */
const isPublic = (route: Route): boolean => !route.anonymous && publicRoutes.includes(route);

const takesNoSuchBody = (route: Route, call: Call): boolean =>
	!route.anonymous && call.body !== '' && !contentTypeIs(call, 'application/json');

const pathOf = (request: FastifyRequest): string => request.url.split('?')[0];

function authorizationOf({ headers }: FastifyRequest): AuditedCall['authorization'] {
	const scheme = headers.authorization?.split(' ')[0].toLowerCase();
	return scheme === 'bearer' || scheme === 'basic' ? scheme : 'none';
}

/** Leaves the caller without a whole answer; a real socket, so that its client really notices. */
async function breakOff(
	breakage: Breakage,
	{ raw: { socket } }: FastifyRequest,
	reply: FastifyReply,
): Promise<void> {
	reply.hijack();
	if (breakage === 'reset') socket.resetAndDestroy();
	if (breakage === 'cut') cutShort(reply);
	if (breakage === 'hang' && !socket.destroyed) {
		await new Promise((resolve) => socket.once('close', resolve));
	}
}

function cutShort({ raw }: FastifyReply): void {
	raw.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
	raw.write('{"data":[{"jobId":', () => raw.destroy());
}
