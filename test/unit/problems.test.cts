import { notAirbyte, problemInAnswer } from '../../nodes/airbyte/api/answers';
import type { Answer, CallContext } from '../../nodes/airbyte/api/call';
import { cleanText, isWebPage } from '../../nodes/airbyte/api/clean';
import { problemInFault } from '../../nodes/airbyte/api/faults';
import { ProblemError, invalid } from '../../nodes/airbyte/api/problem';

const call: CallContext = {
	doing: 'starting a sync',
	server: 'https://airbyte.acme.com',
	url: 'https://airbyte.acme.com/api/public/v1/jobs',
	serverField: 'Server URL',
	pathFields: "'Server URL' in the credential",
	field: 'Connection',
	role: 'Runner',
	authentication: 'clientCredentials',
	secrets: ['s3cr3t-of-the-client'],
};

const proxied: CallContext = {
	...call,
	proxy: { address: 'http://proxy.acme.com:8080', field: 'HTTPS Proxy' },
};

const answer = (statusCode: number, body: unknown = {}, headers = {}): Answer => ({
	statusCode,
	headers,
	body,
});

const page = (title: string) => `<html><head><title>${title}</title></head><body>x</body></html>`;

/** Airbyte's own shapes: of its catalogue, of its framework, and an id of its log. */
const problem = (status: number, title: string, message = 'Words.') => ({
	status,
	type: `https://reference.airbyte.com/reference/errors#${title}`,
	title,
	detail: 'Constant.',
	documentationUrl: null,
	data: { message },
});
const framework = (message: string) => ({
	message,
	_links: { self: { href: '/api/public/v1/jobs', templated: false } },
	_embedded: { errors: [{ message, _links: {}, _embedded: {} }] },
});
const logged = { errorId: '7f0c1d2e-1a2b-4a2b-8a2b-1a2b3c4d5e6f' };
const stateConflict = (message: string) => problem(409, 'state-conflict', message);
const alreadyRunning = problem(409, 'try-again-later', 'A sync is already running for: c');
const notFound = {
	...problem(404, 'resource-not-found'),
	data: { resourceType: 'STANDARD_SYNC', resourceId: 'c' },
};

/** Odd shapes only; the usual ones are in engine/problems.test. */
describe("Airbyte's own words", () => {
	test.each([
		['a null', { title: 'bad-request', detail: 'Words.', data: null }],
		['wrong types', { data: { message: 5 }, detail: null, message: ' ', title: 'Words.' }],
	])('are found beside %s', (_what, body) => {
		const { description } = problemInAnswer(answer(400, body), call);
		expect(description).toMatch(/^(Airbyte|It) says: "Words\."\. /);
	});

	test.each([[undefined], [null], [''], ['  '], [{}], [[]], [5]])(
		'%j says nothing, and nothing is quoted',
		(body) => {
			const { description } = problemInAnswer(answer(400, body), call);
			expect(description).toMatch(/^Asked: /);
		},
	);
});

describe("somebody else's text is made fit to show", () => {
	test.each([
		['control characters', 'a\u0000b\u0007c\u001bd\u009be', 'a b c d e'],
		['line ends and tabs', 'one\r\n\ttwo\u2028three', 'one two three'],
		['colours', '\u001b[31mred\u001b[0m \u001b[1;4mbold\u001b[m', 'red bold'],
		['cursor movements', '\u001b[2K\u001b[1Gdone\u001b[?25h', 'done'],
		['characters that turn the direction of text', 'a\u202eb\u2066c', 'a b c'],
		['zero-width characters', 'pass\u200bword\ufeff', 'pass word'],
		['halves of a character', 'a\ud83db', 'a b'],
		['blanks', '   a   b   ', 'a b'],
		['nothing but these', '\u0000\n\u001b[0m', ''],
		['but not letters of any script, nor emoji', 'Größe 数据 🚀', 'Größe 数据 🚀'],
	])('%s', (_what, text, clean) => {
		expect(cleanText(text)).toBe(clean);
	});

	test('400 characters are not cut, and a cut leaves no half of one', () => {
		expect(cleanText('x'.repeat(400))).toBe('x'.repeat(400));
		expect(cleanText(`${'x'.repeat(398)}${'🚀'.repeat(9)}`)).toBe(`${'x'.repeat(398)}…`);
	});

	test.each([
		[
			'its title',
			'<!DOCTYPE html><html><head><title> 502 Bad\nGateway </title></head><h1>no</h1>',
			'502 Bad Gateway',
		],
		['its heading', '<html><body><h1 class="x">Sign in</h1><p>more</p></body></html>', 'Sign in'],
		[
			'its heading if the title is empty',
			'<html><title></title><h1>Sign in</h1></html>',
			'Sign in',
		],
		['its text without the tags', '<html><body><p>Just <b>text</b></p></body></html>', 'Just text'],
		['nothing', '<html><body></body></html>', ''],
	])('of a web page it keeps %s', (_what, html, kept) => {
		expect(cleanText(html)).toBe(kept);
	});

	test.each([
		['once', 'secret hunter22 is wrong', ['hunter22'], 'secret *** is wrong'],
		['each time', 'hunter22hunter22 hunter22', ['hunter22'], '****** ***'],
		['several', 'hunter22 and letmein!', ['hunter22', 'letmein!'], '*** and ***'],
		['with characters that mean something in patterns', 'x a.*+?(b) y', ['a.*+?(b)'], 'x *** y'],
		[
			'one that begins with another, wholly',
			'hunter22-and-more',
			['hunter22', 'hunter22-and-more'],
			'***',
		],
		['not what is too short to be told from ordinary words', 'a cat', ['a', 'cat'], 'a cat'],
		['not empty ones', 'all well', [''], 'all well'],
		[
			'a token nobody has told',
			'Bearer 0paque-Token, Basic QmFzaWNBdXRoOnh4',
			[],
			'Bearer ***, Basic ***',
		],
		['not words after Basic', 'The basic information of', [], 'The basic information of'],
		['not words after Bearer', 'Bearer authentication', [], 'Bearer authentication'],
	])('secrets are blotted out: %s', (_what, text, secrets, safe) => {
		expect(cleanText(text, secrets)).toBe(safe);
	});

	/** Blanks, markup, quotes, a slash, an umlaut and half of a pair. */
	const nasty = 'p&ss  w<r>d"\'/\\ö\ud83d+é';
	test.each<[string, (secret: string) => string]>([
		['as it is', (secret) => secret],
		['in a web page', (secret) => `<html><title>${inHtml(secret)}</title></html>`],
		['in a web page by numbers', (secret) => `<html><p>${byNumbers(secret)}</p></html>`],
		['in JSON', (secret) => JSON.stringify({ secret })],
		['in JSON with slashes escaped', (secret) => JSON.stringify(secret).replace(/\//g, '\\/')],
		[
			'in JSON as some servers write markup',
			(secret) =>
				JSON.stringify(secret).replace(
					/[<>&']/g,
					(sign) => `\\u00${sign.charCodeAt(0).toString(16)}`,
				),
		],
		['in an address', (secret) => `https://x/?a=${encodeURIComponent(secret)}`],
		['in a form', (secret) => new URLSearchParams({ secret }).toString()],
	])('a secret with signs of its own is blotted out %s', (_where, write) => {
		const secret = /address|form/.test(_where) ? nasty.replace('\ud83d', '') : nasty;
		expect(cleanText(`so ${write(secret)} it is`, [secret])).toContain('***');
		expect(cleanText(`so ${write(secret)} it is`, [secret])).not.toMatch(/ss|w.?r.?d|é/);
	});

	test('a secret is blotted out before the text is cut, so that no beginning of it stays', () => {
		const cut = cleanText(`${'x'.repeat(390)} s3cr3t-of-the-client`, call.secrets);
		expect(cut).not.toContain('s3cr');
	});

	test.each([
		[
			'in an error of Airbyte',
			problemInAnswer(answer(400, { ...logged, message: 'no s3cr3t-of-the-client' }), call),
		],
		['in a web page', notAirbyte(answer(200, page('s3cr3t-of-the-client')), call)],
		[
			'in the target of a redirect',
			problemInAnswer(answer(302, '', { location: 'https://x/s3cr3t-of-the-client' }), call),
		],
		['in the words of a fault', problemInFault(new Error('bad s3cr3t-of-the-client'), call)],
	])('a secret that is echoed %s', (_where, problem) => {
		expect(JSON.stringify(problem)).toContain('***');
		expect(JSON.stringify(problem)).not.toContain('s3cr3t');
	});
});

test.each([
	['<!DOCTYPE html><html>', true],
	['\n  <html lang="en">', true],
	['<HEAD>', true],
	['<?xml version="1.0"?>', true],
	['{"html":"<html>"}', false],
	['text <html>', false],
	['', false],
	[undefined, false],
	[{}, false],
])('%j is a web page: %s', (body, is) => {
	expect(isWebPage(body)).toBe(is);
});

/** Kinds and flags; the words of most are in engine/problems.test. */
type Meaning = [
	status: number,
	body: unknown,
	kind: string,
	passing: boolean,
	mayHaveArrived: boolean,
	words?: RegExp,
];

const unknownPath =
	/does not know this path \(4\d\d\).*Asked: \S+\/api\/public\/v1\/jobs\. Check 'Server/;

describe('what a status means, in the words of Airbyte itself', () => {
	test.each<Meaning>([
		[400, framework('Bad Request'), 'refused', false, false],
		[400, logged, 'refused', false, false],
		[401, framework('Unauthorized'), 'signIn', false, false],
		[401, problem(401, 'invalid-access-token'), 'signIn', false, false],
		[403, problem(403, 'forbidden'), 'forbidden', false, false],
		[403, framework('Forbidden'), 'wrongPath', false, false],
		[404, notFound, 'notFound', false, false],
		[
			404,
			logged,
			'notFound',
			false,
			false,
			/nothing for 'Connection' \(404\).*may have been deleted/,
		],
		[404, framework('Page Not Found'), 'wrongPath', false, false],
		[404, 'Object not found.', 'wrongPath', false, false, unknownPath],
		[405, framework('Method Not Allowed'), 'wrongPath', false, false, unknownPath],
		[415, framework('Unsupported Media Type'), 'wrongPath', false, false, unknownPath],
		[409, alreadyRunning, 'alreadyRunning', false, false],
		[409, stateConflict('Job is not currently running'), 'notRunning', false, true],
		[409, stateConflict('Could not find job with id: 5'), 'notRunning', false, true],
		[409, stateConflict('Could not fulfill request'), 'conflict', false, true],
		[422, problem(422, 'unprocessable-entity'), 'refused', false, false],
		[500, logged, 'unavailable', true, true],
		[501, problem(501, 'not-implemented'), 'refused', false, false],
	])('%d %j', expectMeaning);
});

describe("what a status means, in somebody else's words", () => {
	const unknownHost =
		/^https:\/\/airbyte\.acme\.com answered with (a web page|something else) .*\(4\d\d\).* does not know this host name or path/;
	const turnedAway = /(a web page|something else) .*\(40[13]\).* turns the call away/;
	test.each<Meaning>([
		[404, page('404'), 'notAirbyte', false, false, unknownHost],
		[404, '404 page not found', 'notAirbyte', false, false],
		[404, '', 'notAirbyte', false, false, /answered with an empty body .*\(404\)/],
		[404, {}, 'notAirbyte', false, false, /\(404\).*does not know this host name or path/],
		[404, { message: 'no Route matched' }, 'notAirbyte', false, false, unknownHost],
		[404, { type: 'https://tools.ietf.org', title: 'Not Found' }, 'notAirbyte', false, false],
		[400, page('400'), 'notAirbyte', false, false],
		[405, page('405'), 'notAirbyte', false, false, unknownHost],
		[413, page('413'), 'notAirbyte', false, false, unknownHost],
		[409, 'busy', 'notAirbyte', false, true, unknownHost],
		[401, page('401'), 'notAirbyte', false, false, turnedAway],
		[401, { message: 'Unauthorized' }, 'notAirbyte', false, false, turnedAway],
		[403, page('Attention Required!'), 'notAirbyte', false, false, turnedAway],
		[403, 'error code: 1020', 'notAirbyte', false, false, turnedAway],
		[400, { errorId: 'oae1XcLrjVFQSmvKAPWDY-N2w' }, 'notAirbyte', false, false],
		[403, { ...logged, errorCode: 'E0000006' }, 'notAirbyte', false, false, turnedAway],
		[407, {}, 'unreachable', false, false, /^The proxy asks for .*\(407\).*HTTP_PROXY/],
		[408, {}, 'unavailable', true, true, /did not answer in time \(408\)/],
		[425, {}, 'unavailable', true, false, /in time \(425\).*'Batch Size'/],
		[429, {}, 'unavailable', true, false],
		[501, page('501'), 'unavailable', true, true, /^The gateway in front of Airbyte .*\(501\)/],
		[502, page('502 Bad Gateway'), 'unavailable', true, true],
		[503, '', 'unavailable', true, true, /^Airbyte is not able to answer \(503\).*Airbyte is up/],
		[503, 'no healthy upstream', 'unavailable', true, true],
		[504, page('504'), 'unavailable', true, true],
		[599, {}, 'unavailable', true, true, /\(599\).*Airbyte is up/],
	])('%d %j', expectMeaning);

	test('nobody is told to switch the sign-in off', () => {
		for (const status of [400, 401, 403, 404, 405]) {
			const told = problemInAnswer(answer(status, page('x')), call);
			expect(told.description).not.toContain("'None'");
		}
	});
});

function expectMeaning(...[status, body, kind, passing, mayHaveArrived, words = /./]: Meaning) {
	const told = problemInAnswer(answer(status, body), call);
	expect(told).toMatchObject({ kind, passing, mayHaveArrived, httpStatus: status });
	expect(`${told.message} ${told.description}`).toMatch(words);
	expect(told.description).toMatch(/\.$/);
}

test('of internals that Airbyte lets slip the first line is shown, shortened', () => {
	const sql = `SQL [select x from jobs]; ERROR: OFFSET must not be negative ${'x'.repeat(500)}\n  at org.jooq.Exec`;
	const { description } = problemInAnswer(
		answer(500, problem(500, 'unexpected-problem', sql)),
		call,
	);
	expect(description).toMatch(/^Airbyte says: "SQL .{1,117}…"\. Check that Airbyte is up/);
	expect(description).not.toContain('jooq');
});

describe('a call of the configuration API', () => {
	const config = { ...call, isConfigApi: true, field: undefined };

	test('403 in the shape of the framework is about a role as well as about the call', () => {
		const told = problemInAnswer(answer(403, framework('Forbidden')), config);
		expect(told.kind).toBe('forbidden');
		expect(told.description).toMatch(/Runner role.*does not have this call answers the same\.$/);
	});
});

describe('where a status means more', () => {
	test.each([301, 302, 303, 307, 308])('%d: the server redirects to another address', (status) => {
		const problem = problemInAnswer(answer(status, '', { location: 'https://x/y?state=z' }), call);
		expect(problem).toMatchObject({ kind: 'notAirbyte', passing: false, mayHaveArrived: false });
		expect(problem.message).toContain(`redirects to another address (${status})`);
		expect(problem.description).toMatch(/^It points to https:\/\/x\/y\. /);
	});

	test('a redirect without a target names none', () => {
		expect(problemInAnswer(answer(304), call).description).toMatch(/^Enter the address/);
	});

	test('with a proxy in between, a 502 that is not in JSON may be its own', () => {
		expect(problemInAnswer(answer(502, 'No route'), proxied).message).toMatch(
			/^The gateway in front of Airbyte or the proxy http:\/\/proxy\.acme\.com:8080 is not able to answer \(502\)/,
		);
		expect(problemInAnswer(answer(502, logged), proxied).message).toMatch(/^Airbyte is not able/);
	});

	test('a call that names no field points to the address', () => {
		const fieldless = { ...call, field: undefined };
		expect(problemInAnswer(answer(400, logged), fieldless).description).toMatch(
			/ Check 'Server URL'/,
		);
		expect(problemInAnswer(answer(404, notFound), fieldless).message).toMatch(
			/^Airbyte found nothing \(404\)/,
		);
		expect(
			problemInAnswer(answer(403, problem(403, 'forbidden', '')), fieldless).description,
		).toMatch(/The application's user/);
	});
});

describe('Retry-After', () => {
	beforeEach(() => jest.useFakeTimers({ now: Date.UTC(2026, 0, 5, 3, 0, 0) }));
	afterEach(() => jest.useRealTimers());

	test.each([
		['a number', '30', 30],
		['zero', '0', 0],
		['a fraction', '1.5', 1.5],
		['a number that some proxy parsed', 7, 7],
		['in the past', '-5', 0],
		['a date', 'Mon, 05 Jan 2026 03:01:30 GMT', 90],
		['a date that is over', 'Mon, 05 Jan 2026 02:00:00 GMT', 0],
		['words', 'soon', undefined],
		['nothing', undefined, undefined],
		['a list', ['30'], undefined],
		['endless', 'Infinity', undefined],
	])('is read when it is %s', (_what, header, seconds) => {
		const problem = problemInAnswer(answer(429, {}, { 'retry-after': header }), call);
		expect(problem.retryAfterSeconds).toBe(seconds);
	});

	test.each([503, 500, 408, 409])('is read from a %d too', (status) => {
		const problem = problemInAnswer(answer(status, {}, { 'retry-after': '9' }), call);
		expect(problem.retryAfterSeconds).toBe(9);
	});
});

describe('a good status with something else than an answer of the API', () => {
	test.each([
		[page('Airbyte'), 'a web page'],
		['', 'an empty body'],
		[null, 'an empty body'],
		[{ ok: true }, 'something else'],
		['It works!', 'something else'],
	])('%j', (body, what) => {
		const problem = notAirbyte(answer(200, body), call);
		expect(problem).toMatchObject({ kind: 'notAirbyte', passing: false, mayHaveArrived: true });
		expect(problem.message).toContain(`answered with ${what} instead of Airbyte's API`);
	});
});

function inHtml(text: string): string {
	const names: Record<string, string> = {
		'&': '&amp;',
		'<': '&lt;',
		'>': '&gt;',
		'"': '&quot;',
		"'": '&#x27;',
	};
	return text.replace(/[&<>"']/g, (sign) => names[sign]);
}

function byNumbers(text: string): string {
	return [...text].map((sign) => (/\w/.test(sign) ? sign : `&#${sign.codePointAt(0)};`)).join('');
}

/** As n8n throws it: its error around axios' around Node's. */
function asN8nThrows(code: string, message: string): Error {
	const node = Object.assign(new Error(message), { code });
	const axios = Object.assign(new Error(message, { cause: node }), { code });
	return new Error('The service is perhaps offline', { cause: axios });
}

describe('no answer at all', () => {
	test.each([
		['ENOTFOUND', 'The host name was not found'],
		['EAI_AGAIN', 'The name server gave no answer'],
		['ECONNREFUSED', 'The connection was refused'],
		['EHOSTUNREACH', 'The host cannot be reached'],
		['ENETUNREACH', 'The network cannot be reached'],
		['EADDRNOTAVAIL', 'The address is not available'],
		['ENETDOWN', 'The network is down'],
	])('%s: never sent', (code, words) => {
		const problem = problemInFault(asN8nThrows(code, `connect ${code} 10.0.0.7:443`), call);
		expect(problem).toMatchObject({ kind: 'unreachable', mayHaveArrived: false });
		expect(problem.passing).toBe(true);
		expect(problem.message).toBe(`${words}: no connection to https://airbyte.acme.com`);
		expect(problem.description).toMatch(/'Server URL'/);
	});

	test.each([
		['ECONNRESET', 'read ECONNRESET', /was cut/, /^Check that Airbyte is up/],
		['ECONNRESET', 'socket hang up', /was cut/, /^Reported: "socket hang up"\./],
		['EPIPE', 'write EPIPE', /was cut/, /Airbyte is up/],
		['ERR_BAD_RESPONSE', 'stream has been aborted', /was cut/, /stream has been aborted/],
		[
			'ECONNABORTED',
			'timeout of 30000ms exceeded',
			/no answer in time/,
			/^Check that Airbyte is up/,
		],
		['ETIMEDOUT', 'connect ETIMEDOUT 10.0.0.7:443', /no answer in time/, /Airbyte is up/],
		['ERR_CANCELED', 'canceled', /was cut/, /canceled/],
		// Of a connection that was there.
		['EHOSTUNREACH', 'read EHOSTUNREACH', /was cut/, /Airbyte is up/],
		['ENETUNREACH', 'write ENETUNREACH', /was cut/, /Airbyte is up/],
		['ENETDOWN', 'read ENETDOWN', /was cut/, /Airbyte is up/],
	])('%s %j: sent, outcome unknown', (code, text, message, description) => {
		const problem = problemInFault(asN8nThrows(code, text), call);
		expect(problem).toMatchObject({ kind: 'unanswered', passing: true, mayHaveArrived: true });
		expect(problem.message).toMatch(message);
		expect(problem.message).toContain('https://airbyte.acme.com');
		expect(problem.message).toContain('while starting a sync');
		expect(problem.description).toMatch(description);
	});

	test.each([
		['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'],
		['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'],
		['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate'],
		['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unable to get local issuer certificate'],
		['CERT_HAS_EXPIRED', 'certificate has expired'],
		['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames"],
		['EPROTO', 'write EPROTO 80: SSL routines: wrong version number'],
		['ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version number'],
	])('%s: no secure connection', (code, text) => {
		const problem = problemInFault(asN8nThrows(code, text), call);
		expect(problem).toMatchObject({ kind: 'unreachable', passing: false, mayHaveArrived: false });
		expect(problem.message).toBe(
			'Could not establish a secure connection to https://airbyte.acme.com',
		);
		expect(problem.description).toMatch(/^Reported: ".+"\. .*'Ignore TLS Issues'/);
	});

	/** Of n8n 2.41: the credential's own list, and its protection against requests to its own network. */
	test.each([
		'Domain not allowed: This credential is restricted from accessing https://airbyte.acme.com.',
		'The request was blocked because the destination hostname is restricted',
		'The request was blocked because it resolves to a restricted IP address',
	])('n8n forbids it: %s', (text) => {
		const problem = problemInFault(new Error(text), call);
		expect(problem).toMatchObject({ kind: 'unreachable', passing: false, mayHaveArrived: false });
		expect(problem.message).toBe('n8n does not allow calls of https://airbyte.acme.com');
		expect(problem.description).toMatch(/^Reported: ".+"\. .*'Allowed Domains'.*N8N_SSRF/);
	});

	test("of OpenSSL's words the reason is kept", () => {
		const text =
			'write EPROTO 80CCC7A0CA7F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/openssl/ssl3_record.c:350:';
		const { description } = problemInFault(asN8nThrows('EPROTO', text), call);
		expect(description).toMatch(/^Reported: "wrong version number"\. Check/);
	});

	test.each([
		['ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.9:8080', 'The connection was refused', true],
		['ENOTFOUND', 'getaddrinfo ENOTFOUND proxy.acme.com', 'The host name was not found', true],
		['', 'Proxy connection ended before receiving CONNECT response', 'did not let the call', true],
		['', 'tunneling socket could not be established', 'did not let the call', true],
		['ERR_BAD_RESPONSE', 'HTTP 407 from upstream', 'did not let the call', false],
		['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:40712', 'The connection was refused', true],
	])('through a proxy, %s %j names it and its field', (code, text, words, passing) => {
		const problem = problemInFault(asN8nThrows(code, text), proxied);
		expect(problem).toMatchObject({ kind: 'unreachable', passing, mayHaveArrived: false });
		expect(problem.message).toContain(words);
		expect(problem.message).toContain('proxy http://proxy.acme.com:8080');
		expect(problem.message).toContain('https://airbyte.acme.com');
		expect(problem.description).toContain("Check 'HTTPS Proxy' in the credential");
	});

	test('through a proxy, a port with 407 in it is not taken for a refusal', () => {
		const problem = problemInFault(
			asN8nThrows('ECONNRESET', 'read ECONNRESET 1.2.3.4:40712'),
			proxied,
		);
		expect(problem).toMatchObject({ kind: 'unanswered', passing: true, mayHaveArrived: true });
		expect(problem.message).toContain('through the proxy http://proxy.acme.com:8080');
	});

	test('several addresses that all refuse (no message of its own, only a code)', () => {
		const refused = ['::1', '127.0.0.1'].map((ip) => new Error(`connect ECONNREFUSED ${ip}:8000`));
		const fault = new AggregateError(refused);
		const problem = problemInFault(Object.assign(fault, { code: 'ECONNREFUSED' }), call);
		expect(problem.message).toMatch(/^The connection was refused/);
	});

	test.each([[undefined], [null], ['text'], [{}], [new Error('')]])(
		'whatever is thrown: %p',
		(fault) => {
			expect(problemInFault(fault, call)).toMatchObject({
				kind: 'unanswered',
				mayHaveArrived: true,
			});
		},
	);

	test('a problem that n8n wrapped on its way is told as it is', () => {
		const told = invalid("'Server URL' is empty", 'Enter it.');
		const wrapped = new Error('outer', { cause: new Error('middle', { cause: told }) });
		expect(problemInFault(wrapped, call)).toBe(told.problem);
	});

	test('causes that go round in a circle end', () => {
		const first: Error & { cause?: unknown } = new Error('first');
		first.cause = new Error('second', { cause: first });
		expect(problemInFault(first, call).kind).toBe('unanswered');
	});

	const replaced =
		'ECONNREFUSED ECONNRESET ENOTFOUND ETIMEDOUT EADDRNOTAVAIL ECONNABORTED EHOSTUNREACH ' +
		'EAI_AGAIN ENOENT EISDIR ENOTDIR EACCES EEXIST EPERM';
	test.each(replaced.split(' '))(
		'the message has no %s, for which n8n would replace it',
		(code) => {
			for (const context of [call, proxied]) {
				const { message } = problemInFault(asN8nThrows(code, `getaddrinfo ${code} host`), context);
				expect(message.toUpperCase()).not.toContain(code);
				expect(message.toUpperCase()).not.toContain('GETADDRINFO');
			}
		},
	);
});

test("a problem's error says what happened and what to do, as n8n's credential test shows nothing else", () => {
	const error = new ProblemError(
		problemInAnswer(answer(501, problem(501, 'not-implemented', '')), call),
	);
	expect(error.message).toBe(
		'This Airbyte does not support that (501) while starting a sync. Airbyte says: "Constant.". It may need a newer or another edition of Airbyte.',
	);
});
