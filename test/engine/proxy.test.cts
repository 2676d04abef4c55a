import { timelines } from '../../simulator/index.cts';
import { ForwardProxy } from '../support/forwardProxy.cts';
import { Front } from '../support/front.cts';
import { longestGap } from '../support/gaps.cts';
import type { NodeResult } from './harness/engine.cts';
import { Fixture } from './harness/fixture.cts';
import { expectNoSecret } from './harness/secrets.cts';

const fixture = Fixture.forEachTest();
const PASSWORD = 'pr0xy-s3cret';
let proxy: ForwardProxy;
let plain: Front;
let secure: Front;

beforeEach(async () => {
	proxy = await new ForwardProxy('operator', PASSWORD).start();
	plain = await Front.http(fixture.airbyte.url);
	secure = await Front.https(fixture.airbyte.url);
});

afterEach(async () => {
	await Promise.all([proxy.stop(), plain.stop(), secure.stop()]);
});

/** Nobody listens there. */
const NOBODY = 'http://127.0.0.1:1';

const words = ({ error }: NodeResult) => `${error?.message} | ${error?.description}`;

async function sync(data: object): Promise<NodeResult> {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(60) });
	return await fixture.sync(connectionId, {}, { credential: fixture.credential(data) });
}

/** Both kinds of target, each with the field that its proxy is in. */
const kinds = [
	['http', 'httpProxy', 'HTTP Proxy', 'httpsProxy'],
	['https', 'httpsProxy', 'HTTPS Proxy', 'httpProxy'],
] as const;

describe.each(kinds)('a proxy for an %s target', (scheme, field, label, otherField) => {
	const target = () => (scheme === 'http' ? plain : secure);
	const through = async (url: string, data: object = {}) =>
		await sync({ host: target().url, allowUnauthorizedCerts: true, [field]: url, ...data });

	test('takes all calls, and the token call too', async () => {
		const { items } = await through(proxy.urlWith(PASSWORD));
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		const seen = target().requests;
		expect(seen[0].path).toBe('/api/public/v1/applications/token');
		expect(seen.length).toBeGreaterThan(5);
		expect(proxy.passed).toHaveLength(seen.length);
		const host = target().url.replace(/^https?:\/\//, '');
		expect(proxy.passed.map(({ target: to }) => to)).toEqual(
			seen.map(({ path }) => (scheme === 'http' ? target().url + path : host)),
		);
		expect(new Set(proxy.passed.map(({ kind }) => kind))).toEqual(
			new Set([scheme === 'http' ? 'call' : 'CONNECT']),
		);
	});

	test("keeps its password to itself: Airbyte sees its own sign-in and nothing of the proxy's", async () => {
		await through(proxy.urlWith(PASSWORD));
		for (const { path, headers } of target().requests) {
			expect(headers).not.toHaveProperty('proxy-authorization');
			if (path.endsWith('/token')) expect(headers).not.toHaveProperty('authorization');
			else expect(headers.authorization).toMatch(/^Bearer /);
			expectNoSecret(headers, PASSWORD, `operator:${PASSWORD}`);
		}
	});

	test(`is the one in '${label}', whatever the other field holds`, async () => {
		const { items } = await through(proxy.urlWith(PASSWORD), { [otherField]: NOBODY });
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(proxy.passed.length).toBeGreaterThan(5);
	});

	test.each([
		['without a scheme', (url: string) => url.replace('http://', '')],
		['with blanks around it', (url: string) => `  ${url}\n`],
		['with a slash behind it', (url: string) => `${url}/`],
		['in capitals', (url: string) => url.replace('http:', 'HTTP:')],
	])('is understood %s', async (_how, write) => {
		const { items } = await through(write(proxy.urlWith(PASSWORD)));
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(proxy.passed.length).toBeGreaterThan(5);
	});

	test.each([
		['p@ss:w/rd?#', encodeURIComponent('p@ss:w/rd?#')],
		['100%', '100%25'],
		['100%', '100%'],
		['p%41', 'p%2541'],
		['a b&c=d+e', 'a%20b&c=d+e'],
		['p@ss', 'p@ss'],
		['a:b:c', 'a:b:c'],
		[`'"<>{}|^`, encodeURIComponent(`'"<>{}|^`)],
		[`'<>{}|^`, `'<>{}|^`],
	])('takes the password %j written as %j', async (password, written) => {
		const strict = await new ForwardProxy('operator', password).start();
		const { items } = await through(strict.urlWith(written));
		await strict.stop();
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(strict.passed[0]).toMatchObject({ user: 'operator', password });
	});

	test.each([['wr0ng-w0rd'], ['wr%40ng-w0rd'], ['wr%ng-w0rd']])(
		'that does not accept the password %s is named, without it',
		async (password) => {
			const result = await through(proxy.urlWith(password));
			expect(result.error?.message).toBe(
				`The proxy http://${proxy.address} asks for the right user and password while signing in (407)`,
			);
			expect(result.error?.description).toContain(`Check '${label}' in the credential`);
			expect(fixture.airbyte.audit.calls).toEqual([]);
			expectNoSecret(result, password, decodeSafely(password), 'client-secret');
		},
	);

	test('that wants a password where none is given says so', async () => {
		const result = await through(`http://${proxy.address}`);
		expect(words(result)).toMatch(new RegExp(`${proxy.address} asks for .*407.*'${label}'`));
	});

	test('that is down is named with its field, without its password', async () => {
		await proxy.stop();
		const result = await through(proxy.urlWith(PASSWORD));
		expect(result.error?.message).toBe(
			`The connection was refused: no connection to ${target().url} through the proxy http://${proxy.address}`,
		);
		expect(result.error?.description).toMatch(
			new RegExp(`^Check '${label}' in the credential: .*n8n can reach http://${proxy.address}`),
		);
		expectNoSecret(result, PASSWORD, `operator:${PASSWORD}`);
	});

	test('whose host does not exist is named with its field', async () => {
		const result = await through(`http://operator:${PASSWORD}@proxy.invalid:3128`);
		expect(result.error?.message).toBe(
			`The host name was not found: no connection to ${target().url} through the proxy http://proxy.invalid:3128`,
		);
		expect(result.error?.description).toContain(`'${label}'`);
		expectNoSecret(result, PASSWORD);
	});

	test('that cannot reach Airbyte either is named', async () => {
		const { url } = target();
		await target().stop();
		const result = await sync({ host: url, [field]: proxy.urlWith(PASSWORD) });
		expect(words(result)).toMatch(new RegExp(`^[^|]*the proxy http://${proxy.address}`, 'i'));
		expectNoSecret(result, PASSWORD);
	});

	test('that is away in the middle of a wait does not end it', async () => {
		const looks = () =>
			fixture.airbyte.audit.calls.filter(({ route }) => route === 'GET /jobs/{jobId}');
		let isAway: Promise<void> | undefined;
		fixture.airbyte.audit.onCall(() => {
			if (looks().length === 3) isAway ??= proxy.stop();
		});
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(600) });
		const back = fixture.time.shared.now() + 120_000;
		const credential = fixture.credential({
			host: target().url,
			allowUnauthorizedCerts: true,
			[field]: proxy.urlWith(PASSWORD),
		});
		const comesBack = async () => {
			await isAway;
			await proxy.start();
		};
		const run = { credential, onStart: () => fixture.time.at(back, comesBack) };
		const { items } = await fixture.sync(connectionId, {}, run);
		expect(longestGap(looks().map(({ at }) => at))).toBeGreaterThan(100_000);
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test.each([
		['my proxy'],
		['http://'],
		['socks5://operator:pr0xy-s3cret@127.0.0.1:1080'],
		['http://operator:pr0xy-s3cret@127.0.0.1:notaport'],
		['http://operator:pr0xy-s3cret#1@127.0.0.1:8080'],
		['http://operator:12/pr0xy-s3cret@127.0.0.1:8080'],
		['operator:pr0xy-s3cret@'],
	])(
		'that is none, %j, is refused before anything is sent, without repeating it',
		async (typed) => {
			const result = await through(typed);
			expect(result.error?.message).toBe(
				`'${label}' of the Airbyte credential is not a proxy's address`,
			);
			expect(result.error?.description).toContain('percent-encoded');
			expect(target().requests).toEqual([]);
			expect(proxy.passed).toEqual([]);
			expectNoSecret(result, PASSWORD);
		},
	);

	test('is not used when its field is blank', async () => {
		const { items } = await through('  ');
		expect(items).toMatchObject([{ status: 'succeeded' }]);
		expect(proxy.passed).toEqual([]);
	});
});

test('a proxy that repeats its own password finds it blotted out', async () => {
	const body = `operator:${PASSWORD} may not do this`;
	fixture.airbyte.faults.add({ route: '*', kind: 'status', status: 400, body, times: 99 });
	const result = await sync({ httpProxy: proxy.urlWith(PASSWORD), host: plain.url });
	expect(words(result)).toContain('operator:*** may not do this');
	expectNoSecret(result, PASSWORD);
});

test('basic auth for Airbyte and a password for the proxy do not mix', async () => {
	await sync({
		authentication: 'basicAuth',
		username: 'airbyte',
		password: 'ingress-w0rd',
		host: plain.url,
		httpProxy: proxy.urlWith(PASSWORD),
	});
	const basic = `Basic ${Buffer.from('airbyte:ingress-w0rd').toString('base64')}`;
	expect(plain.requests[0].headers.authorization).toBe(basic);
	expect(plain.requests[0].headers).not.toHaveProperty('proxy-authorization');
	expect(proxy.passed[0]).toMatchObject({ user: 'operator', password: PASSWORD });
});

test("without 'Ignore TLS Issues' a certificate that nobody vouches for is refused through a proxy too", async () => {
	const result = await sync({ host: secure.url, httpsProxy: proxy.urlWith(PASSWORD) });
	expect(words(result)).toMatch(
		/Could not establish a secure connection to https:\/\/127.* through the proxy http:\/\/127/,
	);
	expect(words(result)).toContain("'Ignore TLS Issues'");
	expect(secure.requests).toEqual([]);
	expectNoSecret(result, PASSWORD, 'client-secret');
});

function decodeSafely(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
