/**
 * Rule 8: no secret in an output, an error, a log line or what n8n stores, on whatever path a sync fails.
 *
 * The servers here repeat all that they were sent, and more, in every place of an answer.
 */
import type { OnError } from 'n8n-workflow';

import type { FaultEffect, RouteKey } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { Front } from '../support/front.cts';
import type { Echo } from './harness/echo.cts';
import { EchoServer } from './harness/echo.cts';
import { Fixture, byId } from './harness/fixture.cts';
import { givesUpSoon } from './harness/impatience.cts';
import { captureLog } from './harness/log.cts';
import { N8nServer } from './harness/n8nServer.cts';
import { expectNoSecret } from './harness/secrets.cts';

const CLIENT_SECRET = 'cl13nt/s3cret+q&a=%41';
const PASSWORD = 'ingr3ss/w0rd+q&a=';
const PROXY_PASSWORD = 'pr0xy/w0rd+q&a=';
const FIXED = [CLIENT_SECRET, PASSWORD, PROXY_PASSWORD];

jest.setTimeout(120_000);

const fixture = Fixture.forEachTest({ clientSecret: CLIENT_SECRET, password: PASSWORD });
let log: string[];
let server: EchoServer | undefined;
let n8n: N8nServer | undefined;

beforeEach(() => {
	log = captureLog();
});

afterEach(async () => {
	await Promise.all([server?.stop(), n8n?.close()]);
	server = n8n = undefined;
});

const credentialData = { clientSecret: CLIENT_SECRET };
const basicAuth = { authentication: 'basicAuth', username: 'airbyte', password: PASSWORD };

/** Runs a sync and searches all that comes of it. */
async function search(
	data: object,
	{ onError = 'stopWorkflow' as OnError, jobs = timelines.failsAfter(5), parameters = {} } = {},
) {
	const { connectionId } = fixture.airbyte.addConnection({ jobs });
	const credential = fixture.credential({ ...credentialData, ...data });
	const given = { timeout: 20, ...parameters };
	const result = await fixture.sync(connectionId, given, { credential, onError });
	await fixture.time.comesToRest();
	expectNoSecret([result, log], ...FIXED, ...tokens(credential.accessToken));
	return result;
}

/** The token in the end, and all that a server saw before. */
function tokens(last: unknown): string[] {
	// n8n keeps it behind a mark of whose it is.
	const [, token] = String(last ?? '').split(':');
	return [token ?? '', ...(server?.seen ?? [])].filter((one) => one.length > 10);
}

/** The forms that secrets travel in, and that a careless server may make of them. */
function gossipOf(...secrets: string[]): string {
	return secrets
		.flatMap((secret) => [
			secret,
			encodeURIComponent(secret),
			Buffer.from(secret).toString('base64'),
			JSON.stringify({ client_secret: secret }),
		])
		.join(' ');
}

/** Says what the credential holds; what others hold, nobody can know for a secret. */
async function gossiper(
	strikes: (asked: { method: string; path: string }) => Echo | undefined,
	...secrets: string[]
) {
	server = new EchoServer(fixture.airbyte.url, strikes);
	server.gossip = gossipOf(CLIENT_SECRET, ...secrets);
	return await server.start();
}

const json = (body: unknown) => ({
	body: JSON.stringify(body),
	headers: { 'content-type': 'application/json' },
});

/** A header's value has no line breaks and no umlauts; nothing here has. */
const SHAPES: Record<string, Echo['shape']> = {
	"Airbyte's problem": (said) => json({ title: said, detail: said, data: { message: said } }),
	"the framework's error": (said) => json({ message: said, _embedded: { errors: [{ said }] } }),
	'an exception': (said) =>
		json({ message: said, exceptionClassName: said, exceptionStack: [said], rootCause: said }),
	'a text': (said) => ({ body: said, headers: { 'content-type': 'text/plain' } }),
	'a web page': (said) => ({
		body: `<html><head><title>${said}</title></head><body>${said}</body></html>`,
		headers: { 'content-type': 'text/html' },
	}),
	'broken JSON': (said) => ({
		body: `{"data": "${said}`,
		headers: { 'content-type': 'application/json' },
	}),
	'headers alone': (said) => ({
		body: '',
		reason: said.slice(0, 2_000),
		headers: {
			'www-authenticate': said,
			'retry-after': said,
			location: `http://127.0.0.1:1/${encodeURIComponent(said)}?token=${said}#${said}`,
		},
	}),
};

const ROUTES: Record<string, (asked: { method: string; path: string }) => boolean> = {
	'the token': ({ path }) => path.endsWith('/applications/token'),
	'the connection': ({ path }) => path.includes('/connections/'),
	'the list of jobs': ({ method, path }) => method === 'GET' && path.endsWith('/v1/jobs'),
	'the submission': ({ method, path }) => method === 'POST' && path.endsWith('/v1/jobs'),
	'a look': ({ method, path }) => method === 'GET' && /\/jobs\/\d+$/.test(path),
	'the cancel': ({ method }) => method === 'DELETE',
	'the failure': ({ path }) => path.endsWith('/get_without_logs'),
};

const STATUSES = [200, 302, 400, 401, 403, 404, 407, 409, 422, 429, 500, 501, 503];
/** A third of them for each shape, so that every one comes with some: all with all would take minutes. */
function statusesFor(shape: string): number[] {
	const turn = Object.keys(SHAPES).indexOf(shape);
	return STATUSES.filter((_, index) => index % 3 === turn % 3);
}

const ON_ERROR: OnError[] = ['stopWorkflow', 'continueRegularOutput', 'continueErrorOutput'];

/** What makes a sync come to each of its calls. */
function lifeFor(route: string) {
	return route === 'the cancel' ? timelines.runsForever() : timelines.failsAfter(5);
}

describe.each(Object.keys(ROUTES))(
	'an Airbyte that repeats secrets in its answer to %s',
	(route) => {
		test.each(Object.keys(SHAPES))('as %s', async (shape) => {
			let struck = 0;
			for (const [index, status] of statusesFor(shape).entries()) {
				const { url } = await gossiper((asked) => {
					if (!ROUTES[route](asked)) return undefined;
					struck += 1;
					return { status, shape: SHAPES[shape] };
				});
				const onError = ON_ERROR[index % ON_ERROR.length];
				await search({ host: url }, { onError, jobs: lifeFor(route) });
				await server?.stop();
			}
			server = undefined;
			expect(struck).toBeGreaterThanOrEqual(statusesFor(shape).length);
		});
	},
);

test.each(ON_ERROR)('On Error %s: an Airbyte that tells why a job failed', async (onError) => {
	const message = `FATAL: password authentication failed: ${gossipOf(CLIENT_SECRET)}`;
	const failure = { origin: CLIENT_SECRET, type: 'config_error', message, retryable: false };
	const jobs = timelines.failsAfter(5, failure);
	const { outputs, error } = await search({}, { onError, jobs });
	expect(JSON.stringify([outputs, error?.description])).toContain('authentication failed');
});

describe.each<[string, string, (url: string) => object]>([
	['an ingress', `airbyte:${PASSWORD}`, (url) => ({ host: url, ...basicAuth })],
	[
		'a proxy',
		`operator:${PROXY_PASSWORD}`,
		(url) => ({
			httpProxy: url.replace('//', `//operator:${encodeURIComponent(PROXY_PASSWORD)}@`),
		}),
	],
])('%s with a password', (_what, login, credentialFor) => {
	test.each(Object.keys(SHAPES))('that repeats it as %s', async (shape) => {
		for (const [index, status] of statusesFor(shape).entries()) {
			const [, password] = login.split(':');
			const { url } = await gossiper(() => ({ status, shape: SHAPES[shape] }), password, login);
			await search(credentialFor(url), { onError: ON_ERROR[index % ON_ERROR.length] });
			expect([...server!.seen]).toContain(Buffer.from(login).toString('base64'));
			await server?.stop();
		}
		server = undefined;
	});
});

const FAULTS: FaultEffect[] = [
	...[400, 401, 403, 404, 409, 422, 429, 500, 501, 503].map((status): FaultEffect => ({
		kind: 'status',
		status,
	})),
	{ kind: 'html', status: 502 },
	{ kind: 'empty', status: 200 },
	{ kind: 'reset', when: 'after' },
	{ kind: 'cut', when: 'after' },
	{ kind: 'hang', when: 'after' },
	{ kind: 'expireTokens' },
];

describe.each<[RouteKey]>([
	['POST /applications/token'],
	['GET /connections/{connectionId}'],
	['GET /jobs'],
	['POST /jobs'],
	['GET /jobs/{jobId}'],
	['DELETE /jobs/{jobId}'],
	['POST /api/v1/jobs/get_without_logs'],
])('faults on %s', (route) => {
	test.each(
		FAULTS.map((fault) => [`${fault.kind} ${'status' in fault ? fault.status : ''}`, fault]),
	)('%s', async (_what, fault) => {
		const effect = fault as FaultEffect;
		const strikes = fixture.airbyte.faults.add({ ...effect, route, times: 8 });
		const jobs = route.startsWith('DELETE') ? timelines.runsForever() : timelines.failsAfter(5);
		const mayHang = () => effect.kind === 'hang' && strikes.fired < 8;
		const end = givesUpSoon(route, 100, mayHang);
		await search({}, { jobs }).finally(end);
		expect(strikes.fired).toBeGreaterThan(0);
	});
});

test.each([
	[
		'an address with a password',
		{ host: `http://airbyte:${encodeURIComponent(PASSWORD)}@127.0.0.1:1` },
	],
	['an address with a password and blanks', { host: `http://airbyte:${PASSWORD}@127.0 .0.1` }],
	['an address that is none', { host: `airbyte:${PASSWORD}` }],
	['an address with a token', { host: `http://127.0.0.1:1/?token=${CLIENT_SECRET}` }],
	['a token endpoint with a password', { tokenEndpoint: `http://a:${PASSWORD}@127.0.0.1:1/token` }],
	['a token endpoint with a query', { tokenEndpoint: `v1/token?secret=${CLIENT_SECRET}` }],
	['a proxy with a password', { httpProxy: `http://operator:${PROXY_PASSWORD}@127.0.0.1:1` }],
	['a proxy that is none', { httpProxy: `socks5://operator:${PROXY_PASSWORD}@127.0.0.1` }],
	['a host that nobody has', { host: 'http://airbyte.invalid', ...basicAuth }],
	['a port that nobody listens on', { host: 'http://127.0.0.1:1' }],
])('wrong input: %s', async (_what, data) => {
	for (const onError of ON_ERROR) await search(data, { onError });
});

test('a certificate that nobody vouches for', async () => {
	const front = await Front.https(fixture.airbyte.url);
	for (const onError of ON_ERROR) await search({ host: front.url }, { onError });
	await front.stop();
	expect(front.requests).toEqual([]);
});

test('a stop, with an Airbyte that repeats secrets when it is asked to cancel', async () => {
	const strikes = ROUTES['the cancel'];
	const { url } = await gossiper((asked) =>
		strikes(asked) ? { status: 403, shape: SHAPES["Airbyte's problem"] } : undefined,
	);
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const credential = fixture.credential({ ...credentialData, host: url });
	const result = await fixture.sync(
		connectionId,
		{},
		{
			credential,
			onStart: (stop) => fixture.time.at(fixture.time.shared.now() + 10_000, async () => stop()),
		},
	);
	await fixture.time.comesToRest();
	expect(fixture.airbyte.audit.calls.length).toBeGreaterThan(4);
	expectNoSecret([result, log], ...FIXED, ...tokens(credential.accessToken));
});

describe('the deferrable mode', () => {
	test.each(['none', 'a look', 'the cancel', 'the failure', 'the token'])(
		'with an Airbyte that repeats secrets in its answer to: %s',
		async (route) => {
			for (const status of [200, 401, 403, 500]) {
				let isParked = false;
				const { url } = await gossiper((asked) => {
					const strikes = isParked && ROUTES[route]?.(asked);
					return strikes ? { status, shape: SHAPES["Airbyte's problem"] } : undefined;
				});
				const jobs = route === 'the cancel' ? timelines.runsForever() : timelines.failsAfter(60);
				await searchDeferred(url, jobs, () => (isParked = true));
				await server?.stop();
			}
			server = undefined;
		},
	);
});

/** Parks a sync, lets it be woken, and searches all that n8n has stored, while it waits and in the end. */
async function searchDeferred(
	host: string,
	jobs: ReturnType<typeof timelines.runsForever>,
	whileParked: () => void,
): Promise<void> {
	n8n = new N8nServer(fixture.time);
	await n8n.listen();
	const { connectionId } = fixture.airbyte.addConnection({ jobs });
	const credential = fixture.credential({ ...credentialData, host });
	const id = n8n.start({
		node: 'airbyteTriggerSync',
		parameters: { connectionId: byId(connectionId), mode: 'deferrable', timeout: 200 },
		credential,
	});
	let parked: Map<string, string> | undefined;
	fixture.time.at(fixture.time.shared.now() + 30_000, async () => {
		if (n8n?.get(id).status === 'waiting') parked = storedBy(n8n);
		whileParked();
	});
	await n8n.comesToRest();
	expect(n8n.get(id).status).toBe('error');
	const secrets = [...FIXED, ...tokens(credential.accessToken)];
	const { resumeToken = '', resultData } = n8n.data(id);
	expect(resumeToken).toMatch(/^.{16,}$/);
	// The execution, its watcher and its watchdog, which hold the signed URL that they call.
	expect(parked?.size).toBeGreaterThanOrEqual(3);
	expectNoSecret([...(parked ?? [])], ...secrets);
	const stored = storedBy(n8n);
	expectNoSecret([...stored], ...secrets);
	const others = [...stored].filter(([other]) => other !== id);
	expectNoSecret(others, resumeToken);
	expectNoSecret([resultData, log], resumeToken, ...secrets);
	await n8n.close();
	n8n = undefined;
}

function storedBy({ executions }: N8nServer): Map<string, string> {
	return new Map([...executions].map(([id, { data }]) => [id, data]));
}
