import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

import nock from 'nock';

import { AirbyteApi } from '../../credentials/AirbyteApi.credentials';
import type { FaultEffect, Options } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Front } from '../support/front.cts';
import type { Asked } from '../support/localServer.cts';
import { LocalServer } from '../support/localServer.cts';
import { StoredCredential } from './harness/credentials.cts';
import { EchoServer } from './harness/echo.cts';
import type { NodeResult } from './harness/engine.cts';
import { runNode } from './harness/engine.cts';
import { Fixture, byId } from './harness/fixture.cts';
import { expectNoSecret } from './harness/secrets.cts';

const TOKEN = 'POST /applications/token';
const LOOK = 'GET /jobs/{jobId}';
const HOUR = 3_600;

/** What users see: the message, then the description. */
const words = ({ error }: NodeResult) => `${error?.message} | ${error?.description}`;

describe('client credentials', () => {
	const fixture = Fixture.forEachTest({ clientSecret: 'cl1ent-s3cret' });
	const good = { clientSecret: 'cl1ent-s3cret' };
	const connection = (seconds = 30) =>
		fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(seconds) }).connectionId;
	const sync = async (data: object = {}) =>
		await fixture.sync(connection(), {}, { credential: fixture.credential({ ...good, ...data }) });

	test('the token call is JSON with the keys that Airbyte reads, and carries no sign-in', async () => {
		const front = await Front.http(fixture.airbyte.url);
		const { items } = await sync({ host: front.url });
		await front.stop();
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		const [token, ...calls] = front.requests;
		expect(token).toMatchObject({ method: 'POST', path: '/api/public/v1/applications/token' });
		expect(token.headers['content-type']).toMatch(/^application\/json\b/);
		expect(token.headers.authorization).toBeUndefined();
		expect(JSON.parse(token.body)).toEqual({
			client_id: 'client-id',
			client_secret: 'cl1ent-s3cret',
			'grant-type': 'client_credentials',
			grant_type: 'client_credentials',
		});
		expect(calls.length).toBeGreaterThan(3);
		for (const { headers, path } of calls) {
			expect(headers.authorization).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
			expect(path).not.toContain('token');
		}
	});

	test('every call says who calls: Cloud turns away those who do not', async () => {
		await sync();
		const agents = fixture.airbyte.audit.calls.map(({ userAgent }) => userAgent);
		expect(agents.length).toBeGreaterThan(4);
		expect(new Set(agents)).toEqual(new Set(['n8n-nodes-airbyte']));
	});

	test('one token serves all calls of an item, and later executions', async () => {
		const credential = fixture.credential(good);
		await fixture.sync(connection(), {}, { credential });
		await fixture.sync(connection(), {}, { credential });
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(1);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
	});

	test('one token serves ten items side by side', async () => {
		const items = Array.from({ length: 10 }, () => ({ id: connection() }));
		const credential = fixture.credential(good);
		const result = await fixture.sync('={{ $json.id }}', {}, { items, credential });
		expect(result.items.map(({ status }) => status)).toEqual(Array(10).fill('succeeded'));
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(1);
	});

	test('a token that was stored and is void by now is renewed once', async () => {
		const credential = fixture.credential(good);
		await fixture.sync(connection(), {}, { credential });
		fixture.airbyte.expireTokens();
		const { items } = await fixture.sync(connection(), {}, { credential });
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(2);
		expect(fixture.airbyte.audit.calls.filter(({ status }) => status === 401)).toHaveLength(1);
	});

	test.each([
		['of an application that was entered before', { clientId: 'client-2' }],
		['of an Airbyte that was entered before', {}],
		['that nobody knows whose it is', { accessToken: 'from-last-year' }],
	])('a token %s is not sent, but a new one asked for', async (what, change) => {
		const credential = fixture.credential(good);
		await fixture.sync(connection(), {}, { credential });
		const front = await Front.http(fixture.airbyte.url);
		const host = /Airbyte/.test(what) ? front.url : fixture.airbyte.url;
		const { accessToken } = credential;
		const edited = fixture.credential({ ...good, accessToken, host, ...change });
		const before = fixture.airbyte.audit.count(TOKEN);
		await fixture.sync(connection(), {}, { credential: edited });
		await front.stop();
		const { calls } = fixture.airbyte.audit;
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(before + 1);
		expect(calls.filter(({ status }) => status === 401)).toEqual([]);
		const sent = front.requests.map(({ headers }) => headers.authorization ?? '');
		expect(sent.filter((value) => value.includes(String(accessToken).split(':')[1]))).toEqual([]);
	});

	test.each(['GET /connections/{connectionId}', 'GET /jobs', 'POST /jobs', LOOK] as const)(
		'a token that becomes void just before %s is renewed, and the call repeated: one job',
		async (route) => {
			fixture.airbyte.faults.add({ route, kind: 'expireTokens' });
			const { items } = await sync();
			expect(items).toMatchObject([{ status: 'succeeded' }]);
			expect(fixture.airbyte.audit.count(TOKEN)).toBe(2);
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
		},
	);

	test('a token that becomes void just before the cancel of a timeout is renewed', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
		fixture.airbyte.faults.add({ route: 'DELETE /jobs/{jobId}', kind: 'expireTokens' });
		const run = { credential: fixture.credential(good) };
		const { error } = await fixture.sync(connectionId, { timeout: 60 }, run);
		expect(error?.message).toContain('and was cancelled');
		expect(fixture.airbyte.audit.cancels).toHaveLength(1);
	});

	test('tokens that become void twice in a row do not end a wait', async () => {
		fixture.airbyte.faults.add({ route: LOOK, kind: 'expireTokens', times: 4 });
		const { items } = await sync();
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	// The first call of all is believed at once; later a token may have expired as soon as it was renewed.
	test.each([
		['GET /connections/{connectionId}', 1],
		['POST /jobs', 4],
		[LOOK, 4],
	] as const)(
		'when %s accepts no token at all, the node fails after %i renewals: no endless renewal',
		async (route, renewals) => {
			fixture.airbyte.faults.add({ route, kind: 'status', status: 401, times: 99 });
			const result = await sync();
			expect(words(result)).toMatch(
				/did not accept the sign-in .*401.*'Client ID' and 'Client Secret'/,
			);
			expect(fixture.airbyte.audit.count(TOKEN)).toBe(1 + renewals);
			expect(fixture.airbyte.audit.count(route)).toBe(2 * renewals);
			expectNoSecret(result, 'cl1ent-s3cret', 'eyJ');
		},
	);

	test('blanks around the client ID and secret, as copying leaves them, do no harm', async () => {
		const { items } = await sync({ clientId: ' client-id\n', clientSecret: '\tcl1ent-s3cret ' });
		expect(items).toMatchObject([{ status: 'succeeded' }]);
	});

	test.each([
		['Client ID', { clientId: '' }, /^'Client ID' of the Airbyte credential must be filled in/],
		['Client Secret', { clientSecret: '  ' }, /^'Client Secret' of the Airbyte credential must/],
		['both', { clientId: '', clientSecret: '' }, /^'Client ID' and 'Client Secret' of the/],
	])('a credential without %s is told before anything is sent', async (_what, data, text) => {
		const result = await sync(data);
		expect(words(result)).toMatch(text);
		expect(words(result)).toContain("'None'");
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});

	test.each([
		['my airbyte', /'Server URL' is not a web address/],
		['', /'Server URL' is empty/],
		['ftp://127.0.0.1', /'Server URL' must start with http/],
		['http://me:h1dden-w0rd@127.0.0.1', /'Server URL' must not hold a user name or password/],
	])('the Server URL %j is told before anything is sent', async (host, text) => {
		const result = await sync({ host });
		expect(words(result)).toMatch(text);
		expectNoSecret(result, 'h1dden-w0rd', 'cl1ent-s3cret');
	});

	describe('the token endpoint', () => {
		test.each([
			['', TOKEN],
			['v1/applications/token', TOKEN],
			['/v1/applications/token', TOKEN],
			['api/v1/applications/token', 'POST /api/v1/applications/token'],
			['/api/v1/applications/token', 'POST /api/v1/applications/token'],
		])('%j below the server is asked', async (tokenEndpoint, route) => {
			const { items } = await sync({ tokenEndpoint });
			expect(items).toMatchObject([{ status: 'succeeded' }]);
			expect(fixture.airbyte.audit.count(route)).toBe(1);
			expect(fixture.airbyte.audit.calls[0].route).toBe(route);
		});

		test('a whole URL of another host is asked there, and the calls still go to the server', async () => {
			const front = await Front.http(fixture.airbyte.url);
			const { items } = await sync({ tokenEndpoint: `${front.url}/api/v1/applications/token` });
			await front.stop();
			expect(items).toMatchObject([{ status: 'succeeded' }]);
			expect(front.requests.map(({ path }) => path)).toEqual(['/api/v1/applications/token']);
		});

		test.each([
			['v1/nowhere', /has no token endpoint at .*\/v1\/nowhere \(40[14]\)/],
			['nowhere', /has no token endpoint at .*\/nowhere \(40[14]\)/],
			['ftp://example.com', /'Token Endpoint' must start with http/],
		])('%j where there is none fails at once, naming the field', async (tokenEndpoint, text) => {
			// Of a gateway in front; Airbyte itself says 401 of an unknown path.
			fixture.airbyte.faults.add({ route: 'other', kind: 'status', status: 404 });
			const result = await sync({ tokenEndpoint });
			expect(words(result)).toMatch(text);
			expect(words(result)).toContain("'Token Endpoint'");
			expect(fixture.airbyte.audit.calls.length).toBeLessThanOrEqual(1);
			expectNoSecret(result, 'cl1ent-s3cret');
		});

		test('a page of the web app, where nobody takes a POST', async () => {
			const result = await sync({ tokenEndpoint: `${fixture.airbyte.url}/settings` });
			expect(words(result)).toMatch(
				/answered with a web page instead of Airbyte's API \(405\) while signing in.*"405 Not Allowed".*\/settings\./,
			);
			expect(words(result)).toContain("'Token Endpoint' and 'Server URL'");
		});
	});

	const secretsAdvice = /'Client ID' and 'Client Secret'.*User settings > Applications/;
	const endpointAdvice = /'Token Endpoint' and 'Server URL' in the credential/;
	const problemOf = (status: number, title: string) => ({
		kind: 'status' as const,
		status,
		body: { status, type: 'x', title, data: { message: 'Words.' } },
	});
	const refused = /did not accept the client ID and secret \(40[013]\)/;
	const unknownEndpoint = /has no token endpoint at http.*\/v1\/applications\/token \(40[145]\)/;
	const notThere = { kind: 'status', status: 404, body: 'Object not found.' } as const;
	const location = 'https://airbyte.acme.com/api/x?secret=1';
	test.each<[FaultEffect, RegExp, RegExp]>([
		[{ kind: 'status', status: 400 }, refused, secretsAdvice],
		[{ kind: 'status', status: 401, body: { errorId: randomUUID() } }, refused, secretsAdvice],
		[problemOf(403, 'forbidden'), refused, secretsAdvice],
		// Of a path that Airbyte does not know.
		[{ kind: 'status', status: 401 }, unknownEndpoint, endpointAdvice],
		[{ kind: 'status', status: 405 }, unknownEndpoint, endpointAdvice],
		// Of an Airbyte without sign-in.
		[notThere, unknownEndpoint, /'Token Endpoint' and 'Server URL'.*'Authentication' to 'None'/],
	])('a token call answered by %j fails at once', async (fault, message, description) => {
		fixture.airbyte.faults.add({ route: TOKEN, ...fault });
		const result = await sync();
		expect(result.error?.message).toMatch(message);
		expect(result.error?.description).toMatch(description);
		expect(fixture.airbyte.audit.calls).toHaveLength(1);
		expectNoSecret(result, 'cl1ent-s3cret');
	});

	const triedForTwoMinutes = async (fault: FaultEffect) => {
		fixture.airbyte.faults.add({ route: TOKEN, times: 99, ...fault });
		const before = fixture.time.shared.now();
		const result = await sync();
		const waited = fixture.time.shared.now() - before;
		expect(waited).toBeGreaterThanOrEqual(120_000);
		expect(waited).toBeLessThan(180_000);
		expectNoSecret(result, 'cl1ent-s3cret');
		return result;
	};

	test.each<[FaultEffect, RegExp, RegExp]>([
		[{ kind: 'router' }, /something else .* \(404\) while signing in/, endpointAdvice],
		...[
			{ kind: 'html', status: 200 } as const,
			{ kind: 'empty', status: 200 } as const,
			...[{ token: 'x' }, { access_token: 5 }, { access_token: '' }].map(
				(body) => ({ kind: 'status', status: 200, body }) as const,
			),
		].map((fault): [FaultEffect, RegExp, RegExp] => [
			fault,
			/instead of Airbyte's API while signing in/,
			endpointAdvice,
		]),
		[
			{ kind: 'html', status: 403 },
			/a web page .* \(403\) while/,
			/turns the call away.*'Headers'/,
		],
		[
			{ kind: 'status', status: 308, headers: { location } },
			/redirects to another address \(308\)/,
			/It points to https:\/\/airbyte\.acme\.com\/api\/x\. .*'Server URL'/,
		],
	])(
		'a token call answered by %j, which is not from Airbyte, fails after two minutes',
		async (fault, message, description) => {
			const { error } = await triedForTwoMinutes(fault);
			expect(error?.message).toMatch(message);
			expect(error?.description).toMatch(description);
		},
	);

	test.each([
		[
			'500 with an id, which wrong secrets of a database are',
			{ kind: 'status', status: 500 },
			/server log has the reason.*wrong client ID or secret/,
		],
		['a plain 500', { kind: 'html', status: 500 }, /^A web page.*its server log has the reason\.$/],
		['502', { kind: 'status', status: 502 }, /"502 Bad Gateway".*Airbyte is up/],
		['503', { kind: 'empty', status: 503 }, /Airbyte is up/],
		['429', { kind: 'status', status: 429 }, /"You are being rate limited\."/],
		['a reset', { kind: 'reset' }, /Airbyte is up/],
		['half an answer', { kind: 'cut' }, /Airbyte is up/],
	] as const)(
		'a token call answered by %s is tried again for two minutes',
		async (_what, fault, description) => {
			const { error } = await triedForTwoMinutes(fault);
			expect(error?.description).toMatch(description);
		},
	);

	test('a token call that fails in between does not fail the node', async () => {
		fixture.airbyte.faults.add({ route: TOKEN, kind: 'status', status: 503, times: 3 });
		const { items } = await sync();
		expect(items).toMatchObject([{ status: 'succeeded' }]);
	});

	test('a token call that fails in the middle of a wait does not end it', async () => {
		const id = connection(600);
		fixture.airbyte.faults.add({ route: LOOK, kind: 'expireTokens', skip: 5 });
		fixture.airbyte.faults.add({ route: TOKEN, kind: 'status', status: 503, skip: 1, times: 4 });
		const { items } = await fixture.sync(id, {}, { credential: fixture.credential(good) });
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('a secret that the server repeats is blotted out', async () => {
		const body = { errorId: randomUUID(), message: 'No client with secret cl1ent-s3cret' };
		fixture.airbyte.faults.add({ route: TOKEN, kind: 'status', status: 401, body });
		const result = await sync();
		expect(words(result)).toContain('No client with secret ***');
		expectNoSecret(result, 'cl1ent-s3cret');
	});

	test.each<[string, FaultEffect]>([
		['503', { kind: 'status', status: 503 }],
		['a reset', { kind: 'reset' }],
	])(
		'a submission whose token call got %s was not sent, and no job is searched for',
		async (_what, fault) => {
			fixture.airbyte.faults.add({ route: 'POST /jobs', kind: 'expireTokens' });
			fixture.airbyte.faults.add({ route: TOKEN, skip: 1, ...fault });
			const before = fixture.time.shared.now();
			const { items } = await sync();
			expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
			const [{ at }] = fixture.airbyte.audit.startedJobs();
			expect(at - before).toBeLessThan(30_000);
		},
	);

	test("Airbyte's own refusal of the secret is not answered by a form", async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		const credential = fixture.credential({ clientSecret: 'wr0ng' });
		await fixture.sync(connectionId, {}, { credential });
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(1);
	});

	test('with Continue On Fail every item tells what is wrong with the credential', async () => {
		const run = {
			items: [{}, {}],
			onError: 'continueRegularOutput' as const,
			credential: fixture.credential({ clientSecret: 'wr0ng-s3cret' }),
		};
		const result = await fixture.sync(connection(), {}, run);
		expect(result.items).toMatchObject([
			{ error: expect.stringMatching(/did not accept the client ID and secret/) },
			{ error: expect.stringMatching(/did not accept the client ID and secret/) },
		]);
		expectNoSecret(result, 'wr0ng-s3cret');
	});
});

describe("a company's identity provider", () => {
	const fixture = Fixture.forEachTest({ authentication: 'none' });
	let provider: Provider;
	beforeEach(async () => void (provider = await new Provider().start()));
	afterEach(async () => await provider.stop());

	const sync = async (data: object = {}, seconds = 30) => {
		const front = await Front.http(fixture.airbyte.url);
		const { tokenEndpoint } = provider;
		const credential = fixture.credential({ tokenEndpoint, host: front.url, ...data });
		const jobs = timelines.succeedsAfter(seconds);
		const { connectionId } = fixture.airbyte.addConnection({ jobs });
		const result = await fixture.sync(connectionId, {}, { credential });
		await front.stop();
		return { result, front };
	};

	const refusals = [
		['415', 415, { error: 'HTTP 415 Unsupported Media Type' }],
		['a page', 415, '<html></html>'],
		['a missing parameter', 400, { error: 'invalid_request', error_description: 'No grant_type' }],
		['an unknown client', 401, { error: 'invalid_client' }],
		['an unknown grant', 400, { error: 'unsupported_grant_type' }],
		["Okta's error", 400, okta('E0000021', 'Bad request. Accept and/or Content-Type headers')],
		["Okta's unknown client", 401, okta('invalid_client', "Invalid value for 'client_id'")],
	] as const;

	test.each(refusals)(
		'that wants a form and says so by %s gets one',
		async (_what, status, body) => {
			provider.refuses = { status, body };
			const { front } = await sync({ clientSecret: 'a b&c=d+é' });
			expect(provider.asked.map(({ type }) => type)).toEqual([
				expect.stringMatching(/^application\/json/),
				'application/x-www-form-urlencoded',
			]);
			expect(Object.fromEntries(new URLSearchParams(provider.asked[1].body))).toEqual({
				client_id: 'client-id',
				client_secret: 'a b&c=d+é',
				grant_type: 'client_credentials',
			});
			expect(front.requests[0].headers.authorization).toBe('Bearer of-the-provider');
		},
	);

	test.each<[string, (address: string) => string]>([
		['does not answer', () => 'http://127.0.0.1:1/token'],
		['does not speak https', (address) => address.replace('http:', 'https:')],
		['redirects', (address) => address],
	])('that %s: the field to check is the one that has its address', async (_what, typed) => {
		provider.refuses = { status: 302, body: {} };
		const { result } = await sync({ tokenEndpoint: typed(provider.tokenEndpoint) });
		expect(result.error?.description).toContain("'Token Endpoint'");
		expect(result.error?.description).not.toContain("'Server URL'");
	});

	test('that takes JSON is asked once', async () => {
		provider.refuses = undefined;
		await sync();
		expect(provider.asked).toHaveLength(1);
	});

	test.each([
		['a firewall', 403, '<html><title>Blocked</title></html>'],
		['what is busy', 400, { error: 'temporarily_unavailable' }],
	])('that is %s is not asked again with a form', async (_what, status, body) => {
		provider.refuses = { status, body };
		await sync();
		const types = new Set(provider.asked.map(({ type }) => type.split(';')[0]));
		expect([...types]).toEqual(['application/json']);
	});

	test.each(['temporarily_unavailable', 'server_error', 'invalid_scope'])(
		'that says %s for a moment in the middle of a wait does not end it',
		async (error) => {
			fixture.airbyte.faults.add({ route: LOOK, kind: 'status', status: 401, skip: 3 });
			// From when it has given a token.
			fixture.airbyte.audit.onCall(() => {
				provider.refuses = { status: 400, body: { error } };
				provider.refusesForms = true;
			});
			const { result } = await sync({}, 300);
			expect(result.items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
			expect(provider.asked.length).toBeGreaterThan(1);
			expect(fixture.airbyte.audit.cancels).toEqual([]);
		},
	);

	test('that wants forms and is busy for a moment is asked again', async () => {
		provider.refuses = { status: 400, body: { error: 'invalid_request' } };
		provider.busyForms = 2;
		const { result } = await sync();
		expect(result.items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(provider.asked).toHaveLength(6);
	});

	test('whose token is no JWT: a gateway that repeats it is not quoted with it', async () => {
		const shape = (body: string) => ({ body, headers: { 'content-type': 'text/plain' } });
		const gateway = new EchoServer(fixture.airbyte.url, ({ path }) =>
			path.includes('/connections/') ? { status: 403, shape } : undefined,
		);
		const { result } = await sync({ host: (await gateway.start()).url });
		await gateway.stop();
		expect(words(result)).toContain('Bearer ***');
		expectNoSecret(result, ...gateway.seen);
	});

	test("that refuses in Okta's words is quoted", async () => {
		provider.refuses = { status: 400, body: okta('E0000001', 'Api validation failed') };
		provider.refusesForms = true;
		const { result } = await sync();
		expect(words(result)).toContain('It says: "Api validation failed".');
		expect(words(result)).not.toContain('client ID and secret');
	});

	test.each([
		[
			'invalid_client',
			/^The token endpoint http\S+ did not accept the client ID and secret \(401\) \| .*"Words of it". Check 'Client ID' and 'Client Secret' in the credential\.$/,
		],
		[
			'unauthorized_client',
			/did not accept the request \(401, unauthorized_client\) \| .*"Words of it". Allow this client the client credentials grant there\.$/,
		],
		['access_denied', /did not accept the request \(401, access_denied\) \| .*"Words of it"/],
		[
			'invalid_scope',
			/token endpoint http\S+ did not accept the request \(401, invalid_scope\).*'Token Endpoint'/,
		],
	])('that says %s to the form as well is quoted', async (error, text) => {
		const body = { error, error_description: 'Words of it' };
		provider.refuses = { status: 401, body };
		provider.refusesForms = true;
		const { result } = await sync();
		expect(words(result)).toMatch(text);
		expect(provider.asked).toHaveLength(2);
	});
});

/** As Okta's own API writes errors; what it has of OAuth comes as `error`, or in the place of the code. */
function okta(errorCode: string, errorSummary: string) {
	const errorId = 'oae1XcLrjVFQSmvKAPWDY-N2w';
	return { errorCode, errorSummary, errorLink: errorCode, errorId, errorCauses: [] };
}

/** A token endpoint of somebody else's. */
class Provider extends LocalServer {
	readonly asked: Array<{ type: string; body: string }> = [];
	refuses?: { status: number; body: unknown };
	refusesForms = false;
	/** So many forms are answered by 503. */
	busyForms = 0;

	get tokenEndpoint(): string {
		return `${this.url}/oauth/token`;
	}

	protected answer({ headers, body }: Asked, response: ServerResponse): void {
		const type = headers['content-type'] ?? '';
		this.asked.push({ type, body });
		const isRefused = this.refusesForms || type.includes('json');
		const token = { status: 200, body: { access_token: 'of-the-provider' } };
		const isBusy = !type.includes('json') && this.busyForms-- > 0;
		const told = isBusy ? { status: 503, body: {} } : (isRefused && this.refuses) || token;
		const isText = typeof told.body === 'string';
		response.writeHead(told.status, { 'content-type': isText ? 'text/html' : 'application/json' });
		response.end(isText ? told.body : JSON.stringify(told.body));
	}
}

describe('headers of the credential', () => {
	const fixture = Fixture.forEachTest();
	const SECRET = 'hea/der s3cret';
	const values = [
		{ name: 'CF-Access-Client-Secret', value: SECRET },
		{ name: 'host', value: 'airbyte.internal' },
		{ name: 'User-Agent', value: 'Mozilla' },
	];
	const sync = async (data: object) => {
		const front = await Front.http(fixture.airbyte.url);
		const { connectionId } = fixture.airbyte.addConnection();
		const credential = fixture.credential({ host: front.url, ...data });
		const result = await fixture.sync(connectionId, {}, { credential });
		await front.stop();
		return { result, requests: front.requests };
	};

	test.each([['clientCredentials'], ['basicAuth'], ['none']])(
		"with %s they come with every call, the token's included",
		async (authentication) => {
			const { requests } = await sync({ authentication, headers: { values } });
			expect(requests.length).toBeGreaterThan(0);
			for (const { headers } of requests) {
				expect(headers['cf-access-client-secret']).toBe(SECRET);
				expect(headers.host).toBe('airbyte.internal');
				expect(headers['user-agent']).toBe('Mozilla');
			}
		},
	);

	test('Host goes to Airbyte alone, the others to an identity provider, too', async () => {
		const provider = await Front.http(fixture.airbyte.url);
		const { host } = new URL(provider.url);
		const tokenEndpoint = `${provider.url}/api/v1/applications/token`;
		const { requests } = await sync({ tokenEndpoint, headers: { values } });
		await provider.stop();
		expect(requests[0].headers.host).toBe('airbyte.internal');
		expect(provider.requests).toMatchObject([
			{ headers: { host, 'cf-access-client-secret': SECRET } },
		]);
	});

	test.each([
		["Airbyte's public API", 'http://gateway.test/v1/jobs', 'airbyte.internal'],
		["Airbyte's configuration API", 'https://airbyte.test/api/v1/jobs/list', 'airbyte.internal'],
		['anybody else', 'https://airbyte.test:8443/', undefined],
	])("Host goes from n8n's HTTP Request node to %s: %s, %s", async (_whom, uri, host) => {
		const data = { host: 'https://airbyte.test', apiUrl: 'http://gateway.test/v1' };
		const credential = { ...data, authentication: 'none', headers: { values } };
		const { headers } = await new AirbyteApi().authenticate(credential, { uri } as never);
		expect(headers?.host).toBe(host);
	});

	test('values that are repeated are blotted out', async () => {
		const body = `You sent ${SECRET} and ${encodeURIComponent(SECRET)}`;
		fixture.airbyte.faults.add({ route: '*', kind: 'status', status: 403, body, times: 99 });
		const { result } = await sync({ headers: { values } });
		expect(words(result)).toContain('You sent *** and ***');
		expectNoSecret(result, SECRET);
	});

	test('a value that is new in the middle of a wait is blotted out, too', async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		const credential = fixture.credential({ headers: { values } });
		const renewed = [{ name: 'X-Gateway', value: 'n3w-s3cret' }];
		fixture.airbyte.audit.onCall(() => credential.change({ headers: { values: renewed } }));
		const body = { title: 'forbidden', data: { message: 'You sent n3w-s3cret' } };
		fixture.airbyte.faults.add({ route: LOOK, kind: 'status', status: 403, body });
		const result = await fixture.sync(connectionId, {}, { credential });
		expect(words(result)).toContain('You sent ***');
	});

	test.each([
		['a line break', [{ name: 'X-A', value: 'a\r\nX-B: c' }], /has a header that cannot be sent/],
		['a blank in the name', [{ name: 'X A', value: 'a' }], /has a header that cannot be sent/],
		['a value without a name', [{ name: '', value: SECRET }], /has a header that cannot be sent/],
		[
			'a sign-in of their own',
			[{ name: 'authorization', value: 'x' }],
			/must not have Authorization/,
		],
		['a number', [{ name: 'X-A', value: 5 }], /'Headers' of .* must be text, not a number/],
	])('with %s they are refused before anything is sent', async (_what, rows, text) => {
		const { result, requests } = await sync({ headers: { values: rows } });
		expect(words(result)).toMatch(text);
		expect(requests).toEqual([]);
		expectNoSecret(result, SECRET);
	});

	test('a sign-in of their own is what None is for', async () => {
		const rows = [{ name: 'Authorization', value: 'Bearer of-mine' }];
		const { requests } = await sync({ authentication: 'none', headers: { values: rows } });
		for (const { headers } of requests) expect(headers.authorization).toBe('Bearer of-mine');
	});

	test('may be a list, as an expression gives it', async () => {
		const { requests } = await sync({ headers: values });
		for (const { headers } of requests)
			expect(headers).toMatchObject({ 'cf-access-client-secret': SECRET });
	});

	test.each([
		['Airbyte', { kind: 'status', status: 401 }],
		['a gateway', { kind: 'firewall', status: 403 }],
		['an ingress', { kind: 'html', status: 401 }],
	] as const)('that %s does not accept is what to check', async (_who, fault) => {
		fixture.airbyte.faults.add({ route: '*', times: Infinity, ...fault });
		const rows = [{ name: 'Authorization', value: 'Bearer of-mine' }];
		const { result } = await sync({ authentication: 'none', headers: { values: rows } });
		expect(result.error?.description).toContain("'Headers'");
		expect(result.error?.description).not.toContain("'Authentication'");
	});
});

test.each([
	['host', 5, "'Server URL' of the Airbyte credential must be text, not a number"],
	['host', '', "'Server URL' is empty"],
	['host', null, "'Server URL' is empty"],
	['clientId', 5, "'Client ID' of the Airbyte credential must be text, not a number"],
	[
		'clientSecret',
		{ a: 's3cret-w0rd' },
		"'Client Secret' of the Airbyte credential must be text, not an object",
	],
	['clientSecret', undefined, "'Client Secret' of the Airbyte credential must be filled in"],
	['tokenEndpoint', ['x'], "'Token Endpoint' of the Airbyte credential must be text, not a list"],
	['httpProxy', true, "'HTTP Proxy' of the Airbyte credential must be text, not a boolean"],
	['apiUrl', 7, "'API URL' of the Airbyte credential must be text, not a number"],
	['headers', { values: 'x' }, "'Headers' of the Airbyte credential must be a list, not a string"],
	[
		'allowUnauthorizedCerts',
		'yes',
		"'Ignore TLS Issues' of the Airbyte credential must be true or false, not a string",
	],
	['authentication', 'magic', "'Authentication' of the Airbyte credential has none of its choices"],
])(
	'an expression that makes %s %j is told by the name of the field',
	async (field, value, message) => {
		const credential = new StoredCredential({
			host: 'http://127.0.0.1:1',
			clientId: 'client-id',
			clientSecret: 'client-secret',
			[field]: value,
		});
		const { error } = await runNode({
			node: 'airbyteTriggerSync',
			parameters: { connectionId: byId('1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f') },
			credential,
		});
		expect(error?.message).toBe(message);
		expectNoSecret(error, 's3cret-w0rd');
	},
);

describe('an API that is not below the Server URL', () => {
	const fixture = Fixture.forEachTest();

	test('is called at its own address, and links lead to the web app', async () => {
		const front = await Front.http(`${fixture.airbyte.url}/api/public/v1`);
		const { connectionId } = fixture.airbyte.addConnection();
		const data = { apiUrl: `${front.url}/`, host: 'https://airbyte.acme.com' };
		const credential = fixture.credential({ ...data, tokenEndpoint: 'applications/token' });
		const { items } = await fixture.sync(connectionId, {}, { credential });
		await front.stop();
		expect(items).toMatchObject([
			{
				status: 'succeeded',
				jobUrl: expect.stringMatching(/^https:\/\/airbyte\.acme\.com\/workspaces\//),
			},
		]);
		expect(front.requests.map(({ path }) => path.split('?')[0])).toContain('/jobs');
	});

	test('where nobody answers is the field to check', async () => {
		const credential = new StoredCredential({
			authentication: 'none',
			host: 'https://airbyte.acme.com',
			apiUrl: 'http://127.0.0.1:1/v1',
		});
		const { error } = await fixture.sync(
			'1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f',
			{},
			{ credential },
		);
		expect(error?.description).toContain("Check the 'API URL' in the credential");
	});
});

describe('a credential that expressions make another one for each item', () => {
	const fixture = Fixture.forEachTest();

	test.each([
		['airbyteTriggerSync', {}],
		['airbyteConnection', { operation: 'setStatus', status: 'inactive' }],
	] as const)('is refused by %s before anything is sent', async (node, rest) => {
		const { connectionId } = fixture.airbyte.addConnection();
		const parameters = { connectionId: byId(connectionId), ...rest };
		const credential = fixture.credential();
		const first = await credential.getDecrypted();
		jest.spyOn(credential, 'getDecrypted').mockImplementation(async (...given: unknown[]) => {
			const { itemIndex = 0 } = (given[6] ?? {}) as { itemIndex?: number };
			return { ...first, ...(itemIndex === 1 && { host: 'https://other.example' }) };
		});
		const { error } = await runNode({ node, parameters, credential, items: [{}, {}] });
		expect(error?.message).toBe(
			'The Airbyte credential is not the same for item 1 as for the first one',
		);
		expect(error?.description).toContain('Loop Over Items');
		expect(fixture.airbyte.audit.calls).toEqual([]);
	});

	test('that is pointed elsewhere in the middle of a wait is not followed there', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(600) });
		const credential = fixture.credential();
		const first = await credential.getDecrypted();
		const other = await Front.http(fixture.airbyte.url);
		let data = first;
		jest.spyOn(credential, 'getDecrypted').mockImplementation(async () => ({ ...data }));
		fixture.airbyte.audit.onCall(() => {
			const { accessToken } = credential;
			data = { ...first, accessToken: accessToken as string };
			if (fixture.airbyte.audit.count(LOOK) === 3) data = { ...data, host: other.url };
		});
		const { error } = await fixture.sync(connectionId, {}, { credential });
		await other.stop();
		expect(error?.message).toBe(
			'The Airbyte credential was pointed at another Airbyte in the meantime',
		);
		expect(other.requests).toEqual([]);
		expect(fixture.airbyte.audit.cancels).toEqual([]);
	});
});

describe('a credential that is deleted', () => {
	const fixture = Fixture.forEachTest();
	const gone = 'Credential with ID "1" does not exist for type "airbyteApi".';

	test.each([
		['in the middle of a wait', LOOK],
		['just before the start', 'GET /connections/{connectionId}'],
	] as const)('%s may come back, and is told as such', async (_when, route) => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
		const credential = fixture.credential();
		const data = await credential.getDecrypted();
		jest.spyOn(credential, 'getDecrypted').mockImplementation(async () => {
			if (fixture.airbyte.audit.count(route) > 0) throw new Error(gone);
			return data;
		});
		const result = await fixture.sync(connectionId, { timeout: 60 }, { credential });
		expect(words(result)).toContain('The Airbyte credential of this node cannot be used any more');
		expect(words(result)).toContain(`n8n says: ${gone}`);
		expect(words(result)).not.toMatch(/Airbyte is up/);
		expect(fixture.airbyte.audit.count('POST /jobs')).toBe(route === LOOK ? 1 : 0);
	});

	test('nor does a slip in one of its fields end the wait, if it is mended', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(300) });
		const credential = fixture.credential();
		const start = fixture.time.shared.now();
		const { url } = fixture.airbyte;
		fixture.time.at(start + 30_000, async () => credential.change({ host: 'http://' }));
		fixture.time.at(start + 90_000, async () => credential.change({ host: url }));
		const { items } = await fixture.sync(connectionId, {}, { credential });
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	});
});

describe('tokens that live three minutes', () => {
	const fixture = Fixture.forEachTest({
		tokenLifetimeSeconds: 180,
		reportedTokenLifetimeSeconds: 900,
	});

	test('are renewed once each time over a one-hour job, which nobody notices', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(HOUR) });
		const { items } = await fixture.sync(connectionId, { timeout: 2 * HOUR });
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		const { audit } = fixture.airbyte;
		const refused = audit.calls.filter(({ status }) => status === 401).length;
		expect(audit.count(TOKEN)).toBe(1 + refused);
		expect(refused).toBeGreaterThanOrEqual(HOUR / 180 - 5);
		expect(refused).toBeLessThanOrEqual(HOUR / 180);
		expect(audit.startedJobs()).toHaveLength(1);
	});
});

describe.each<[string, Options, RegExp]>([
	[
		'self-managed',
		{ flavour: 'selfManaged' },
		/\(400\) \| Airbyte says: "Invalid client id or token"/,
	],
	['Cloud', { flavour: 'cloud' }, /\(401\) \| Airbyte says: "error id [\w-]+"/],
])('wrong secrets in the words of %s', (_edition, options, text) => {
	const fixture = Fixture.forEachTest(options);

	test.each([
		['a wrong secret', { clientSecret: 'wr0ng-s3cret' }],
		['a wrong client ID', { clientId: 'somebody-else' }],
	])('%s fails at once and names the fields', async (_what, data) => {
		const { connectionId } = fixture.airbyte.addConnection();
		const credential = fixture.credential(data);
		const result = await fixture.sync(connectionId, {}, { credential });
		expect(words(result)).toMatch(/^Airbyte did not accept the client ID and secret/);
		expect(words(result)).toMatch(text);
		expect(words(result)).toMatch(/'Client ID' and 'Client Secret'/);
		expect(fixture.airbyte.audit.calls).toHaveLength(1);
		expectNoSecret(result, 'wr0ng-s3cret', 'client-secret');
	});
});

describe('authentication switched off', () => {
	const fixture = Fixture.forEachTest({ authentication: 'none' });

	test('no call has an Authorization header, and no token is asked for', async () => {
		const front = await Front.http(fixture.airbyte.url);
		const { connectionId } = fixture.airbyte.addConnection();
		const credential = fixture.credential({ authentication: 'none', host: front.url });
		const { items } = await fixture.sync(connectionId, {}, { credential });
		await front.stop();
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(front.requests.length).toBeGreaterThan(4);
		for (const { headers } of front.requests) expect(headers).not.toHaveProperty('authorization');
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(0);
	});

	test('the address is tried once, not before every call', async () => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(60) });
		await fixture.sync(
			connectionId,
			{},
			{ credential: fixture.credential({ authentication: 'none' }) },
		);
		expect(fixture.airbyte.audit.count('GET /workspaces')).toBe(1);
	});

	test("client credentials for it get no token, and 'None' is advised", async () => {
		const { connectionId } = fixture.airbyte.addConnection();
		const result = await fixture.sync(connectionId);
		expect(words(result)).toMatch(
			/has no token endpoint at .* \(404\).*set 'Authentication' to 'None'/,
		);
	});
});

describe('basic auth in front of Airbyte', () => {
	const password = 'pä:ss wörd/%@';
	const fixture = Fixture.forEachTest({
		authentication: 'basicAuth',
		username: 'opérator',
		password,
	});
	const basic = { authentication: 'basicAuth', username: 'opérator', password };
	const sync = async (data: object) =>
		await fixture.sync(
			fixture.airbyte.addConnection().connectionId,
			{},
			{
				credential: fixture.credential({ ...basic, ...data }),
			},
		);

	test('user name and password travel with every call, whatever characters they hold', async () => {
		const { items } = await sync({});
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		const schemes = fixture.airbyte.audit.calls.map(({ authorization }) => authorization);
		expect(new Set(schemes)).toEqual(new Set(['basic']));
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(0);
	});

	test.each([
		['password', { password: 'wr0ng-w0rd' }],
		['user name', { username: 'nobody' }],
		['no password', { password: '' }],
	])('a wrong %s fails at once, naming the fields', async (_what, data) => {
		const result = await sync(data);
		expect(words(result)).toMatch(
			/did not accept the sign-in .*\(401\) \| A web page answered .*"401 Authorization Required".*'Username' and 'Password'/,
		);
		expect(fixture.airbyte.audit.calls).toHaveLength(1);
		expectNoSecret(result, 'wr0ng-w0rd', password, `opérator:${password}`);
	});

	test("'None' in front of an ingress that asks for a password", async () => {
		const result = await sync({ authentication: 'none' });
		expect(words(result)).toMatch(/a web page .*\(401\).*"401 Authorization Required"/);
		expect(words(result)).toContain("'Authentication' to 'Basic Auth'");
	});
});

describe('the wrong kind of authentication', () => {
	const fixture = Fixture.forEachTest();

	test.each([
		['none', /set 'Authentication' to 'Client Credentials'/],
		['basicAuth', /'Username' and 'Password'.*'Client Credentials'/],
	])(
		'%s for an Airbyte that asks for a token says which to choose',
		async (authentication, text) => {
			const { connectionId } = fixture.airbyte.addConnection();
			const credential = fixture.credential({ authentication, password: 'p4ss-w0rd' });
			const result = await fixture.sync(connectionId, {}, { credential });
			expect(words(result)).toMatch(/did not accept the sign-in .*\(401\)/);
			expect(words(result)).toMatch(text);
			expectNoSecret(result, 'p4ss-w0rd');
		},
	);
});

describe("an address of Airbyte Cloud's web app", () => {
	const fixture = Fixture.forEachTest();
	afterEach(() => nock.cleanAll());
	afterAll(() => nock.restore());

	test('leads to the API of Cloud, with all calls over https', async () => {
		const connectionId = '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f';
		const job = { jobId: 9, status: 'pending', jobType: 'sync', connectionId };
		const signedIn = { reqheaders: { authorization: 'Bearer cloud-token' } };
		nock('https://api.airbyte.com', { badheaders: ['authorization'] })
			.post('/v1/applications/token', (body) => body['grant-type'] === 'client_credentials')
			.reply(200, { access_token: 'cloud-token', token_type: 'Bearer', expires_in: 900 });
		const cloud = nock('https://api.airbyte.com', signedIn)
			.get(`/v1/connections/${connectionId}`)
			.reply(200, { connectionId, name: 'c', status: 'active', workspaceId: 'w' })
			.get('/v1/jobs')
			.query({ connectionId, limit: '10', orderBy: 'createdAt|DESC' })
			.reply(200, { data: [] })
			.post('/v1/jobs', { connectionId, jobType: 'sync' })
			.reply(200, job);
		const credential = fixture.credential({
			host: 'https://cloud.airbyte.com/workspaces/w/connections',
		});
		const { items } = await fixture.sync(connectionId, { mode: 'asynchronous' }, { credential });
		expect(items).toMatchObject([
			{
				jobId: 9,
				jobUrl: `https://cloud.airbyte.com/workspaces/w/connections/${connectionId}/timeline?jobId=9`,
			},
		]);
		expect(cloud.isDone()).toBe(true);
	});
});
