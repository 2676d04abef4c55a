import { request } from 'node:http';
import type { Options } from '../../../simulator/index.cts';
import { Caller, MORNING } from './caller.cts';

let caller: Caller;

async function start(options: Options = {}): Promise<void> {
	caller = await new Caller(options).start();
}

afterEach(async () => await caller.simulator.stop());

const unauthorized = { message: 'Unauthorized', _embedded: { errors: [{}] } };
const WORKSPACES = '/api/public/v1/workspaces';

describe('the token', () => {
	it.each([
		['/api/public/v1', 'selfManaged'],
		['/v1', 'cloud'],
	] as const)('is handed out at %s with its lifetime', async (base, flavour) => {
		await start({ tokenLifetimeSeconds: 180, flavour });
		const { status, body } = await caller.signIn(undefined, base);
		expect(status).toBe(200);
		expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 180 });
		const payload = Buffer.from(body.access_token.split('.')[1], 'base64url').toString();
		expect(JSON.parse(payload)).toMatchObject({
			iss: expect.any(String),
			aud: 'airbyte-server',
			sub: expect.any(String),
			exp: MORNING / 1000 + 180,
		});
	});

	it('is all that the config API answers', async () => {
		await start();
		const { body } = await caller.signIn(undefined, '/api/v1');
		expect(body).toEqual({ access_token: expect.any(String) });
	});

	it.each([
		['application/x-www-form-urlencoded', 'client_id=client-id&client_secret=client-secret', 200],
		['text/plain', '{"client_id":"client-id","client_secret":"client-secret"}', 401],
		['application/json', '{"client_id":"client-id"', 400],
		['application/json', '', 500],
		['application/json', '{"client_id":"client-id"}', 400],
		[
			'application/json; charset=utf-8',
			'{"client_id":"client-id","client_secret":"client-secret","grant-type":"whatever"}',
			200,
		],
	])('asked for with %s %s is %d', async (type, body, status) => {
		await start();
		const path = '/api/public/v1/applications/token';
		const reply = await caller.request('POST', path, body, { 'content-type': type });
		expect(reply.status).toBe(status);
	});

	it('is needed, must be known and expires by the clock or at once', async () => {
		await start({ tokenLifetimeSeconds: 60, reportedTokenLifetimeSeconds: 900 });
		expect(await caller.request('GET', WORKSPACES)).toMatchObject({
			status: 401,
			body: unauthorized,
		});
		const forged = { authorization: 'Bearer forged' };
		expect((await caller.request('GET', WORKSPACES, undefined, forged)).status).toBe(401);
		expect((await caller.call('GET', '/workspaces')).status).toBe(200);
		caller.seconds(59);
		expect((await caller.call('GET', '/workspaces')).status).toBe(200);
		caller.seconds(1);
		expect((await caller.call('GET', '/workspaces')).status).toBe(401);
		const { body } = await caller.signIn();
		expect(body.expires_in).toBe(900);
		const fresh = { authorization: `Bearer ${body.access_token}` };
		expect((await caller.request('GET', WORKSPACES, undefined, fresh)).status).toBe(200);
		caller.simulator.expireTokens();
		expect((await caller.request('GET', WORKSPACES, undefined, fresh)).status).toBe(401);
	});
});

describe('other ways in', () => {
	it('none: no token call, no header needed', async () => {
		await start({ authentication: 'none' });
		const token = await caller.signIn();
		expect(token).toMatchObject({ status: 404, text: 'Object not found.' });
		const missing = await caller.request('GET', '/api/public/v2/jobs');
		expect(missing).toMatchObject({ status: 404, text: 'Object not found.' });
		expect(missing.headers.get('content-type')).toBe('application/json');
		expect((await caller.request('GET', WORKSPACES)).status).toBe(200);
	});

	it('Cloud turns away who names no User-Agent', async () => {
		await start({ flavour: 'cloud' });
		expect(await statusWithoutUserAgent('/v1/workspaces')).toBe(403);
		expect((await caller.request('GET', '/v1/workspaces')).status).toBe(401);
	});
});

async function statusWithoutUserAgent(path: string): Promise<number | undefined> {
	return await new Promise((resolve, reject) => {
		const call = request(caller.simulator.url + path, (response) => {
			response.resume();
			resolve(response.statusCode);
		});
		call.on('error', reject).end();
	});
}

describe('roles', () => {
	it.each([
		['reader', 403, 403, 403],
		['user', 200, 200, 200],
	] as const)(
		'a %s gets %d for a sync, %d for a clear, %d for a cancel',
		async (role, ...allowed) => {
			await start({ role });
			const { connectionId } = caller.simulator.addConnection();
			const sync = await caller.sync(connectionId);
			const clear = await caller.sync(connectionId, 'clear');
			if (!caller.simulator.activeJob(connectionId)) caller.simulator.startJob(connectionId);
			const cancel = await caller.call('DELETE', '/jobs/1');
			expect([sync, clear, cancel].map(({ status }) => status)).toEqual(allowed);
		},
	);
});

describe('other addresses', () => {
	it.each(['/', '/jobs', '/v1/jobs', '/workspaces/1/connections/2/status', '/apis'])(
		'GET %s is a page of the web app',
		async (path) => {
			await start();
			const { status, text, headers } = await caller.request('GET', path);
			expect(status).toBe(200);
			expect(headers.get('content-type')).toContain('text/html');
			expect(text).toContain('<title>Airbyte</title>');
			expect(caller.simulator.audit.count('other')).toBe(1);
		},
	);

	it.each([
		['GET', '/api/v1/jobs'],
		['GET', '/api'],
		['GET', '/api/public/v2/jobs'],
		['PUT', '/api/public/v1/jobs'],
	])(
		'%s %s is refused like a wrong token, and with a right one forbidden',
		async (method, path) => {
			await start();
			expect(await caller.request(method, path)).toMatchObject({ status: 401, body: unauthorized });
			await caller.call('GET', '/jobs');
			const forbidden = { message: 'Forbidden', _links: { self: { href: path } } };
			expect(await caller.request(method, path, undefined, caller.bearer)).toMatchObject({
				status: 403,
				body: forbidden,
			});
		},
	);

	it('the token call without v1 is one of them on Cloud', async () => {
		await start({ flavour: 'cloud' });
		const { status, body } = await caller.signIn(undefined, '');
		expect(status).toBe(401);
		expect(body._links.self.href).toBe('/api/public/applications/token');
	});

	it('so are bodies of another type', async () => {
		await start();
		await caller.call('GET', '/jobs');
		const type = { 'content-type': 'text/plain' };
		const headers = { ...caller.bearer, ...type };
		const reply = await caller.request('POST', '/api/public/v1/jobs', '{}', headers);
		expect(reply).toMatchObject({ status: 403, body: { message: 'Forbidden' } });
	});

	it('answers name no charset', async () => {
		await start();
		const { headers } = await caller.call('GET', '/jobs');
		expect(headers.get('content-type')).toBe('application/json');
	});

	it('POST to the web app is not allowed', async () => {
		await start();
		const { status, text } = await caller.request('POST', '/applications/token', {});
		expect(status).toBe(405);
		expect(text).toContain('<html>');
	});
});
