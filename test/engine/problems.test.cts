import type { FaultEffect } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { timeouts } from '../../nodes/airbyte/api/call';
import { Front } from '../support/front.cts';
import type { NodeResult } from './harness/engine.cts';
import { Fixture, byId } from './harness/fixture.cts';
import { expectNoSecret } from './harness/secrets.cts';

const SECRET = 'cl1ent-s3cret';
const fixture = Fixture.forEachTest({ clientSecret: SECRET });

/** Airbyte's are UUIDs. */
const errorId = '7f0c1d2e-1a2b-4a2b-8a2b-1a2b3c4d5e6f';

const REFERENCE = 'https://reference.airbyte.com/reference/errors#';

/** Airbyte's own problem, shape 1. */
const problem = (status: number, title: string, message: string): FaultEffect => ({
	kind: 'status',
	status,
	body: {
		status,
		type: REFERENCE + title,
		title,
		detail: 'A constant that helps nobody.',
		documentationUrl: null,
		data: { message },
	},
});

const answered = (status: number, body: unknown): FaultEffect => ({ kind: 'status', status, body });

type Row = [what: string, fault: FaultEffect, message: string, description: string];

const check = "Check 'Connection'.";
const up = 'Check that Airbyte is up; its server log has the reason.';
const signIn =
	"Check 'Client ID' and 'Client Secret' in the credential: the application may have been deleted, or belong to another Airbyte.";
const role =
	"Check 'Connection': Airbyte answers the same for an ID that does not exist and for one that these credentials may not see. The application's user needs at least the ROLE role in the workspace for this.";
const busy =
	"If this happens often, raise 'Wait Seconds' or lower 'Batch Size' where the node has them.";
const pathFields = "'Server URL' in the credential";
const unknownThere = `Asked: URL. The address was reached, but what answered there does not know this host name or path. Check ${pathFields}, and 'Headers' if it expects a certain 'Host'.`;
const turnedAway =
	"Asked: URL. Something in front of Airbyte turns the call away, such as a firewall or a login page. Let calls to the API pass, or set what it asks for in 'Headers' in the credential.";
const somethingElse = `Asked: URL. Check ${pathFields}, and that no login page or proxy stands between n8n and Airbyte.`;
const page = "A web page answered instead of Airbyte's API";

/** What users see, whichever call it happens to; `…` stands for what the call was for. */
const rows: Row[] = [
	[
		'400 as a problem',
		problem(400, 'bad-request', 'Invalid order by clause provided: x'),
		'Airbyte did not accept the request (400) while …',
		`Airbyte says: "Invalid order by clause provided: x". ${check}`,
	],
	[
		'400 with nothing but an id',
		answered(400, { errorId }),
		'Airbyte did not accept the request (400) while …',
		`Airbyte says: "error id ${errorId}". ${check}`,
	],
	[
		'400 of a known exception',
		answered(400, {
			errorId,
			message: 'Known.',
			exceptionClassName: 'X',
			exceptionStack: ['secret'],
		}),
		'Airbyte did not accept the request (400) while …',
		`Airbyte says: "Known.". ${check}`,
	],
	[
		"400 in the framework's words",
		answered(400, {
			message: 'Bad Request',
			_links: { self: { href: '/jobs', templated: false } },
			_embedded: { errors: [{ message: 'Failed to convert argument [jobId]' }] },
		}),
		'Airbyte did not accept the request (400) while …',
		`Airbyte says: "Failed to convert argument [jobId]". ${check}`,
	],
	[
		'400 without a body',
		{ kind: 'empty', status: 400 },
		"HOST answered with an empty body instead of Airbyte's API (400) while …",
		unknownThere,
	],
	[
		'400 of a web server that expected https',
		{
			kind: 'html',
			status: 400,
			body: '<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>',
		},
		"HOST answered with a web page instead of Airbyte's API (400) while …",
		`It says: "400 The plain HTTP request was sent to HTTPS port". ${unknownThere}`,
	],
	[
		'401 although the token is new',
		{ kind: 'status', status: 401 },
		'Airbyte did not accept the sign-in while … (401)',
		`Airbyte says: "Unauthorized". ${signIn}`,
	],
	[
		'401 as Cloud documents it',
		answered(401, { status: '401', title: 'invalid-access-token' }),
		'Airbyte did not accept the sign-in while … (401)',
		`Airbyte says: "invalid-access-token". ${signIn}`,
	],
	[
		'403',
		problem(403, 'forbidden', 'Caller does not have the required WORKSPACE_RUNNER permissions.'),
		'Airbyte refused access while … (403)',
		`Airbyte says: "Caller does not have the required WORKSPACE_RUNNER permissions.". ${role}`,
	],
	[
		'403 of a firewall in front',
		{ kind: 'html', status: 403 },
		"HOST answered with a web page instead of Airbyte's API (403) while …",
		`It says: "403 Forbidden". ${turnedAway}`,
	],
	[
		'403 of a path that Airbyte does not know',
		answered(403, { message: 'Forbidden', _links: {}, _embedded: {} }),
		'Airbyte does not know this path (403) while …',
		`Airbyte says: "Forbidden". Asked: URL. Check ${pathFields}.`,
	],
	[
		'404 of a thing that Airbyte does not have',
		answered(404, {
			type: `${REFERENCE}resource-not-found`,
			title: 'resource-not-found',
			detail: 'The requested resource was not found.',
			data: { resourceType: 'connection', resourceId: 'x' },
		}),
		"Airbyte found nothing for 'Connection' (404) while …",
		`Airbyte says: "The requested resource was not found.". Check 'Connection': it may have been deleted, or belong to another Airbyte.`,
	],
	[
		'404 of an address that nobody has',
		{ kind: 'status', status: 404 },
		'Airbyte does not know this path (404) while …',
		`Airbyte says: "Not Found". Asked: URL. Check ${pathFields}.`,
	],
	[
		"a router's 404",
		answered(404, '404 page not found'),
		"HOST answered with something else instead of Airbyte's API (404) while …",
		`It says: "404 page not found". ${unknownThere}`,
	],
	[
		'422',
		problem(422, 'unprocessable-entity', 'Refreshes are not supported in the public API'),
		'Airbyte did not accept the request (422) while …',
		`Airbyte says: "Refreshes are not supported in the public API". ${check}`,
	],
	[
		'429',
		{ kind: 'status', status: 429 },
		'Airbyte is receiving too many requests (429) while …',
		`It says: "You are being rate limited.". ${busy}`,
	],
	['408', { kind: 'empty', status: 408 }, 'Airbyte did not answer in time (408) while …', busy],
	[
		'500 with nothing but an id',
		answered(500, { errorId }),
		'Airbyte is not able to answer (500) while …',
		`Airbyte says: "error id ${errorId}". ${up}`,
	],
	[
		'500 without a body',
		{ kind: 'empty', status: 500 },
		'Airbyte is not able to answer (500) while …',
		up,
	],
	[
		'501',
		problem(501, 'not-implemented', 'Not available in this edition.'),
		'This Airbyte does not support that (501) while …',
		'Airbyte says: "Not available in this edition.". It may need a newer or another edition of Airbyte.',
	],
	...([502, 503, 504] as const).map((status): Row => [
		`${status} as a page of a gateway`,
		{ kind: 'html', status, body: `<html><head><title>${status} nginx</title></head></html>` },
		`The gateway in front of Airbyte is not able to answer (${status}) while …`,
		`${page}: "${status} nginx". ${up}`,
	]),
	[
		'503 in plain text',
		answered(503, 'upstream connect error or disconnect/reset before headers'),
		'The gateway in front of Airbyte is not able to answer (503) while …',
		`It says: "upstream connect error or disconnect/reset before headers". ${up}`,
	],
	[
		'a redirect to a login page',
		{ kind: 'status', status: 302, headers: { location: 'https://login.acme.com/start?state=x' } },
		'HOST redirects to another address (302) while …',
		"It points to https://login.acme.com/start. Enter the address that it points to as 'Server URL' in the credential, often with https:// instead of http://. If it is a login page, let calls to the API pass without it.",
	],
	[
		'a connection that is reset',
		{ kind: 'reset' },
		'The connection to HOST was cut while …',
		'Check that Airbyte is up.',
	],
	[
		'half an answer',
		{ kind: 'cut' },
		'The connection to HOST was cut while …',
		'Reported: "ERR_BAD_RESPONSE: stream has been aborted". Check that Airbyte is up.',
	],
	[
		'words with colours, line ends and control characters',
		answered(400, {
			errorId,
			message: '\u001b[31mBad\u001b[0m\r\n\tthing\u0000 happened\u202e',
		}),
		'Airbyte did not accept the request (400) while …',
		`Airbyte says: "Bad thing happened". ${check}`,
	],
	[
		'words that n8n would replace the message for',
		answered(400, { errorId, message: 'connect ECONNREFUSED; EPERM; ENOTFOUND; getaddrinfo' }),
		'Airbyte did not accept the request (400) while …',
		`Airbyte says: "connect ECONNREFUSED; EPERM; ENOTFOUND; getaddrinfo". ${check}`,
	],
	[
		'a secret that the server repeats',
		answered(400, { errorId, message: `bad client ${SECRET}` }),
		'Airbyte did not accept the request (400) while …',
		`Airbyte says: "bad client ***". ${check}`,
	],
	[
		'a novel',
		answered(400, { errorId, message: 'n'.repeat(50_000) }),
		'Airbyte did not accept the request (400) while …',
		`Airbyte says: "${'n'.repeat(399)}…". ${check}`,
	],
];

const calls = [
	['GET /connections/{connectionId}', 'reading the connection', 'Reader'],
	['GET /jobs', "reading the connection's jobs", 'Reader'],
	['POST /jobs', 'starting a sync', 'Runner'],
] as const;

const credential = (data: object = {}) => fixture.credential({ clientSecret: SECRET, ...data });
const connection = () => fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(30) });

function expectWords({ error }: NodeResult, message: string, description: string): void {
	expect(error?.message).toBe(message);
	// Which path was asked depends on the call.
	const asked = new RegExp(`Asked: ${fixture.airbyte.url}/api/public/v1/\\S+\\. `);
	const told = error?.description?.replace(asked, 'Asked: URL. ');
	// Once the connection was read, the words say whose they are.
	expect(told?.replace(" It is about connection 'Source → Destination'.", '')).toBe(description);
}

test.each<[FaultEffect, string]>([
	[{ kind: 'status', status: 404 }, "Check 'Server URL' in the credential, and 'API Version'."],
	[{ kind: 'router' }, "Check 'Server URL' in the credential, and 'API Version',"],
])('an API version that was changed is named: %j', async (fault, words) => {
	fixture.airbyte.faults.add({ route: '*', ...fault, skip: 1, times: 99 });
	const { connectionId } = connection();
	const { error } = await fixture.sync(
		connectionId,
		{ options: { apiVersion: 'v2' } },
		{ credential: credential() },
	);
	expect(error?.description).toContain(words);
});

test('to clear data takes a higher role than to sync', async () => {
	fixture.airbyte.faults.add({ route: 'POST /jobs', kind: 'status', status: 403 });
	const { error } = await fixture.sync(
		connection().connectionId,
		{ jobType: 'clear' },
		{ credential: credential() },
	);
	expect(error?.description).toContain('at least the Editor role');
});

const isUnclearStatus = (status: number) => status === 408 || (status >= 500 && status !== 501);

/** What may have started a job, which is then searched for three times. */
const isUnclear = (fault: FaultEffect) =>
	fault.kind === 'reset' ||
	fault.kind === 'cut' ||
	('status' in fault && isUnclearStatus(fault.status ?? 0));
const mayCome =
	" Airbyte may still start the sync that was asked for: check connection 'Source → Destination' in Airbyte before running this again.";

test('a connection that Airbyte does not get to read holds up no sync', async () => {
	const route = 'GET /connections/{connectionId}';
	fixture.airbyte.faults.add({ route, kind: 'cut', times: 99 });
	const run = { credential: credential() };
	const { items } = await fixture.sync(connection().connectionId, {}, run);
	expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
});

describe.each(calls)('what users see of a fault of %s', (route, doing, atLeast) => {
	const isSubmission = route === 'POST /jobs';
	const isTelling = (fault: FaultEffect) =>
		route !== 'GET /connections/{connectionId}' || !['reset', 'cut'].includes(fault.kind);

	test.each(rows.filter(([, fault]) => isTelling(fault)))('%s', async (...row) => {
		const [, fault, message, description] = row;
		fixture.airbyte.faults.add({ route, times: 99, ...fault });
		const result = await fixture.sync(connection().connectionId, {}, { credential: credential() });
		const host = fixture.airbyte.url;
		expect(result.status).toBe('error');
		expectWords(
			result,
			message.replace('…', doing).replace('HOST', host),
			description.replace('HOST', host).replace('ROLE', atLeast) +
				(isSubmission && isUnclear(fault) ? mayCome : ''),
		);
		expect(fixture.airbyte.audit.startedJobs()).toEqual([]);
		expectNoSecret(result, SECRET, 'eyJ0eXAi');
	});
});

/** On these a look comes first, and a connection that exists is in a state that Airbyte does not name. */
describe.each(calls.slice(0, 2))(
	'what users see of a conflict or a wrong answer to %s',
	(route, doing) => {
		test.each<Row>([
			[
				'409 without a reason',
				problem(409, 'state-conflict', 'Could not fulfill request'),
				"Airbyte refused because of the connection's current state (409) while …",
				'Airbyte says: "Could not fulfill request". Check in Airbyte that the connection is enabled, and that its source and destination work.',
			],
			[
				'a web page with status 200',
				{ kind: 'html', status: 200, body: '<!doctype html><title>Airbyte</title>' },
				"HOST answered with a web page instead of Airbyte's API while …",
				`It says: "Airbyte". ${somethingElse}`,
			],
			[
				'nothing with status 200',
				{ kind: 'empty', status: 200 },
				"HOST answered with an empty body instead of Airbyte's API while …",
				somethingElse,
			],
			[
				"another server's JSON",
				answered(200, { hello: 'world' }),
				"HOST answered with something else instead of Airbyte's API while …",
				somethingElse,
			],
		])('%s', async (what, fault, message, description) => {
			fixture.airbyte.faults.add({ route, times: 99, ...fault });
			const result = await fixture.sync(
				connection().connectionId,
				{},
				{ credential: credential() },
			);
			const host = fixture.airbyte.url;
			expectWords(result, message.replace('…', doing).replace('HOST', host), description);
			// What is not Airbyte's answer may pass.
			if (what === '409 without a reason') {
				const before = calls.findIndex(([key]) => key === route);
				expect(fixture.airbyte.audit.calls).toHaveLength(before + 2);
			}
			expectNoSecret(result, SECRET, 'eyJ0eXAi');
		});
	},
);

describe('what users see of a POST /jobs whose job never appears', () => {
	test.each<[string, FaultEffect, RegExp]>([
		[
			'a conflict without a reason',
			problem(409, 'state-conflict', 'Could not fulfill request'),
			/^Airbyte refused because .*\(409\) while starting a sync$/,
		],
		[
			'a web page with status 200',
			{ kind: 'html', status: 200 },
			/answered with a web page .* while starting a sync$/,
		],
		[
			'nothing with status 200',
			{ kind: 'empty', status: 200 },
			/answered with an empty body .* while starting a sync$/,
		],
	])('%s', async (_what, fault, message) => {
		fixture.airbyte.faults.add({ route: 'POST /jobs', times: 99, ...fault });
		const result = await fixture.sync(connection().connectionId, {}, { credential: credential() });
		expect(result.error?.message).toMatch(message);
		expect(result.error?.description).toMatch(/\.$/);
		expect(fixture.airbyte.audit.startedJobs()).toEqual([]);
		expectNoSecret(result, SECRET, 'eyJ0eXAi');
	});

	test('a job that Airbyte says is running, but does not list', async () => {
		const { connectionId } = connection();
		const fault = problem(409, 'try-again-later', `A sync is already running for: ${connectionId}`);
		fixture.airbyte.faults.add({ route: 'POST /jobs', times: 99, ...fault });
		const result = await fixture.sync(connectionId, {}, { credential: credential() });
		expectWords(
			result,
			'Airbyte says a job is running on this connection, but lists none (409)',
			`Airbyte says: "A sync is already running for: ${connectionId}". Check the connection in Airbyte: cancel a job that is stuck, or wait for a refresh to end.`,
		);
	});
});

describe('what users see of a network that lets nothing through', () => {
	const sync = async (data: object) =>
		await fixture.sync(connection().connectionId, {}, { credential: credential(data) });
	const address =
		"Check the 'Server URL' in the credential, and that n8n can reach it from where it runs.";

	test('a host that does not exist', async () => {
		const result = await sync({ host: 'https://airbyte.invalid' });
		expectWords(
			result,
			'The host name was not found: no connection to https://airbyte.invalid',
			address,
		);
		expectNoSecret(result, SECRET);
	});

	test('a port where nobody listens', async () => {
		const result = await sync({ host: 'http://127.0.0.1:1' });
		expectWords(result, 'The connection was refused: no connection to http://127.0.0.1:1', address);
		expectNoSecret(result, SECRET);
	});

	test('a certificate that nobody vouches for', async () => {
		const front = await Front.https(fixture.airbyte.url);
		const host = front.url;
		const result = await sync({ host });
		await front.stop();
		expect(result.error?.message).toBe(`Could not establish a secure connection to ${host}`);
		expect(result.error?.description).toMatch(
			// Node 24 goes on with a hint of its own.
			/^Reported: ".*self-signed certificate.*"\. .*'Ignore TLS Issues'/,
		);
		expect(front.requests).toEqual([]);
		expectNoSecret(result, SECRET);
	});

	test("a certificate that nobody vouches for, with 'Ignore TLS Issues'", async () => {
		const front = await Front.https(fixture.airbyte.url);
		const { items } = await sync({ host: front.url, allowUnauthorizedCerts: true });
		await front.stop();
		expect(items).toMatchObject([{ status: 'succeeded' }]);
	});

	test('https:// for a server that speaks plain http', async () => {
		const host = fixture.airbyte.url.replace('http:', 'https:');
		const result = await sync({ host });
		expect(result.error?.message).toBe(`Could not establish a secure connection to ${host}`);
		expect(result.error?.description).toMatch(
			/^Reported: ".*wrong version number"\. Check whether the 'Server URL' should start with http/,
		);
		expectNoSecret(result, SECRET);
	});

	test('http:// for a server that speaks https', async () => {
		const front = await Front.https(fixture.airbyte.url);
		const result = await sync({ host: front.url.replace('https:', 'http:') });
		await front.stop();
		expect(result.error?.message).toMatch(/^The connection to http:.* was cut while signing in$/);
		expectNoSecret(result, SECRET);
	});

	test('a server that never answers', async () => {
		const patience = jest.replaceProperty(timeouts, 'read', 50);
		fixture.airbyte.faults.add({
			route: '*',
			kind: 'hang',
			skip: 2,
			times: 99,
		});
		const result = await sync({});
		patience.restore();
		expectWords(
			result,
			`${fixture.airbyte.url} gave no answer in time while reading the connection's jobs`,
			'Check that Airbyte is up.',
		);
		expectNoSecret(result, SECRET, 'eyJ0eXAi');
	});
});

test.each<[string, FaultEffect]>([
	['403', problem(403, 'forbidden', 'Caller does not have the required permissions.')],
	['404', problem(404, 'resource-not-found', 'Could not find job.')],
	['409', problem(409, 'state-conflict', 'Job is not currently running')],
])("%s of a job that no field names: 'Job ID' is not to be checked", async (status, fault) => {
	fixture.airbyte.faults.add({ route: 'GET /jobs/{jobId}', times: 999, ...fault });
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	const { error } = await fixture.sync(connectionId, {}, { credential: credential() });
	expect(error?.message).toContain(`(${status})`);
	expect(error?.description).not.toContain('Job ID');
});

describe('what users see of a job that Airbyte Job Status cannot have', () => {
	const status = async (parameters: object) =>
		await fixture.jobStatus({ jobId: '4711', ...parameters }, { credential: credential() });

	test.each([['get'], ['wait'], ['cancel']])('403 on %s', async (operation) => {
		const result = await status({ operation });
		expect(result.error?.message).toBe('Airbyte refused access while looking at job 4711 (403)');
		expect(result.error?.description).toContain(
			"Check 'Job ID': Airbyte answers the same for an ID",
		);
		expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(1);
		expectNoSecret(result, SECRET, 'eyJ0eXAi');
	});

	test.each([['get'], ['wait'], ['cancel']])(
		'409, which instance admins get, on %s',
		async (operation) => {
			const fault = problem(409, 'state-conflict', 'Job is not currently running');
			fixture.airbyte.faults.add({ route: 'GET /jobs/{jobId}', times: 99, ...fault });
			const result = await status({ operation });
			expectWords(
				result,
				'Airbyte has no running job with this ID (409) while looking at job 4711',
				`Airbyte says: "Job is not currently running". Check 'Job ID': the job may have ended, or never existed.`,
			);
		},
	);

	test.each(rows.filter(([what]) => !/404 of a thing|429|408|50|reset|half/.test(what)))(
		'%s ends a wait within two minutes, naming the field',
		async (_what, fault, message) => {
			fixture.airbyte.faults.add({ route: 'GET /jobs/{jobId}', times: 99, ...fault });
			const before = fixture.time.shared.now();
			const result = await status({ operation: 'wait' });
			expect(result.error?.message).toBe(
				message.replace('…', 'looking at job 4711').replace('HOST', fixture.airbyte.url),
			);
			// What stands in front of Airbyte may be starting again.
			const isAirbytes = message.startsWith('Airbyte');
			const waited = fixture.time.shared.now() - before;
			expect(waited).toBeGreaterThanOrEqual(isAirbytes ? 0 : 120_000);
			expect(waited).toBeLessThanOrEqual(isAirbytes ? 0 : 180_000);
			expectNoSecret(result, SECRET, 'eyJ0eXAi');
		},
	);
});

test('the HTTP status is there for workflows that branch by it', async () => {
	const { error } = await fixture.sync(
		connection().connectionId,
		{},
		{
			credential: credential({ clientSecret: 'wr0ng-s3cret' }),
		},
	);
	expect(error).toMatchObject({ name: 'NodeApiError', httpCode: '400' });
});

test('of an item that was skipped, it is told why, in the error of another one', async () => {
	const off = fixture.airbyte.addConnection({ status: 'inactive' }).connectionId;
	const missing = '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f';
	const { error } = await fixture.sync(
		off,
		{ connectionId: byId('={{ $json.id }}'), options: { onInactive: 'skip' } },
		{ items: [{ id: off }, { id: missing }], credential: credential() },
	);
	expect(error?.description).toContain('Of the other items: item 0: skipped (inactive).');
});

test('of several items the failed one is named, and what came of the others told', async () => {
	const good = connection().connectionId;
	const missing = '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f';
	const result = await fixture.sync(
		good,
		{ connectionId: byId('={{ $json.id }}') },
		{
			items: [{ id: good }, { id: missing }],
			credential: credential(),
		},
	);
	expect(result.error?.message).toBe('Airbyte refused access while reading the connection (403)');
	expect(result.error?.context.itemIndex).toBe(1);
	expect(result.error?.description).toContain('Of the other items: item 0: job 1 succeeded.');
	expectNoSecret(result, SECRET, 'eyJ0eXAi');
});
