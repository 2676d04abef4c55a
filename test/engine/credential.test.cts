import nock from 'nock';

import type { Options } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import type { NodeResult } from './harness/engine.cts';
import { Fixture } from './harness/fixture.cts';
import { Front } from './harness/front.cts';
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
	const sync = async (data: object = {}, parameters = {}) =>
		await fixture.sync(connection(), parameters, {
			credential: fixture.credential({ ...good, ...data }),
		});

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
		const connectionId = { __rl: true, mode: 'id', value: '={{ $json.id }}' };
		const result = await fixture.sync(
			'',
			{ connectionId },
			{ items, credential: fixture.credential(good) },
		);
		expect(result.items.map(({ status }) => status)).toEqual(Array(10).fill('succeeded'));
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(1);
	});

	test('a token that was stored and is void by now is renewed once', async () => {
		const { items } = await sync({ accessToken: 'from-last-year' });
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(1);
		expect(fixture.airbyte.audit.calls[0].status).toBe(401);
	});

	test('a token that becomes void in the middle of a wait is renewed exactly once', async () => {
		const id = connection(600);
		fixture.airbyte.audit.onCall(({ route }) => {
			const { audit } = fixture.airbyte;
			if (route === LOOK && audit.count(LOOK) === 40) fixture.airbyte.expireTokens();
		});
		const run = { credential: fixture.credential(good) };
		const { items } = await fixture.sync(id, {}, run);
		const { calls } = fixture.airbyte.audit;
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(calls.filter(({ status }) => status === 401)).toHaveLength(1);
		// The first one, of course, and the new one.
		expect(fixture.airbyte.audit.count(TOKEN)).toBe(2);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
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
			['v1/nowhere', /did not return a token from .*\/v1\/nowhere \(404\)/],
			['nowhere', /did not return a token from .*\/nowhere \(404\)/],
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
				/did not return a token from .*\/settings \(405\).*"405 Not Allowed"/,
			);
			expect(words(result)).toContain("'Token Endpoint' and 'Server URL'");
		});
	});

	const secretsAdvice = /'Client ID' and 'Client Secret'.*User settings > Applications/;
	const endpointAdvice = /'Token Endpoint' and 'Server URL'.*'Authentication' to 'None'/;
	test.each([
		[
			'400',
			{ kind: 'status', status: 400 },
			/did not accept the client ID and secret \(400\)/,
			secretsAdvice,
		],
		[
			'401',
			{ kind: 'status', status: 401 },
			/did not accept the client ID and secret \(401\)/,
			secretsAdvice,
		],
		[
			'403',
			{ kind: 'status', status: 403 },
			/did not accept the client ID and secret \(403\)/,
			secretsAdvice,
		],
		[
			'404',
			{ kind: 'status', status: 404 },
			/did not return a token from http.* \(404\)/,
			endpointAdvice,
		],
		[
			'405',
			{ kind: 'status', status: 405 },
			/did not return a token from http.* \(405\)/,
			endpointAdvice,
		],
		[
			'a login page',
			{ kind: 'html', status: 200 },
			/did not return a token from http.* \(200\)/,
			endpointAdvice,
		],
		[
			'a forbidding page',
			{ kind: 'html', status: 403 },
			/did not return a token from http.* \(403\)/,
			endpointAdvice,
		],
		[
			'an empty 200',
			{ kind: 'empty', status: 200 },
			/did not return a token from http.* \(200\)/,
			endpointAdvice,
		],
		[
			'no token in the answer',
			{ kind: 'status', status: 200, body: { token: 'x' } },
			/did not return a token from/,
			endpointAdvice,
		],
		[
			'a token that is no text',
			{ kind: 'status', status: 200, body: { access_token: 5 } },
			/did not return a token from/,
			endpointAdvice,
		],
		[
			'an empty token',
			{ kind: 'status', status: 200, body: { access_token: '' } },
			/did not return a token from/,
			endpointAdvice,
		],
		[
			'a redirect',
			{
				kind: 'status',
				status: 308,
				headers: { location: 'https://airbyte.acme.com/api/x?secret=1' },
			},
			/redirects to another address \(308\)/,
			/It points to https:\/\/airbyte\.acme\.com\/api\/x\. .*'Server URL'/,
		],
	] as const)(
		'a token call answered by %s fails at once',
		async (_what, fault, message, description) => {
			fixture.airbyte.faults.add({ route: TOKEN, ...fault });
			const result = await sync();
			expect(result.error?.message).toMatch(message);
			expect(result.error?.description).toMatch(description);
			expect(fixture.airbyte.audit.calls).toHaveLength(1);
			expectNoSecret(result, 'cl1ent-s3cret');
		},
	);

	test.each([
		['500, which wrong secrets of a database are', { kind: 'status', status: 500 }, secretsAdvice],
		['502', { kind: 'status', status: 502 }, /"502 Bad Gateway".*Airbyte is up/],
		['503', { kind: 'empty', status: 503 }, /Airbyte is up/],
		['429', { kind: 'status', status: 429 }, /"You are being rate limited\."/],
		['a reset', { kind: 'reset' }, /Airbyte is up/],
		['half an answer', { kind: 'cut' }, /Airbyte is up/],
	] as const)(
		'a token call answered by %s is tried again for two minutes',
		async (_what, fault, description) => {
			fixture.airbyte.faults.add({ route: TOKEN, times: 99, ...fault });
			const before = fixture.time.shared.now();
			const result = await sync();
			expect(result.error?.description).toMatch(description);
			expect(fixture.time.shared.now() - before).toBeGreaterThanOrEqual(120_000);
			expect(fixture.time.shared.now() - before).toBeLessThan(180_000);
			expectNoSecret(result, 'cl1ent-s3cret');
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
		const body = { message: 'No client with secret cl1ent-s3cret' };
		fixture.airbyte.faults.add({ route: TOKEN, kind: 'status', status: 401, body });
		const result = await sync();
		expect(words(result)).toContain('No client with secret ***');
		expectNoSecret(result, 'cl1ent-s3cret');
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
			/did not return a token from .* \(404\).*set 'Authentication' to 'None'/,
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
		expect(words(result)).toMatch(/did not accept the sign-in .*\(401\)/);
		expect(words(result)).toContain("'Authentication'");
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
