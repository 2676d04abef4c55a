/** How requests leave without n8n's help: all in a process share a token, and renew it together. */
import { randomUUID } from 'node:crypto';

import type { IHttpRequestOptions } from 'n8n-workflow';

import type { AirbyteCredential } from '../../nodes/airbyte/api/credential';
import { readCredential, storedToken, tokenOwner } from '../../nodes/airbyte/api/credential';
import { ProblemError } from '../../nodes/airbyte/api/problem';
import { sendWithOwnSignIn } from '../../nodes/airbyte/api/send';

let number = 0;

/** Of an Airbyte of its own, as tokens are kept for as long as the process lives. */
function credential(data: object = {}): AirbyteCredential {
	number += 1;
	const host = `http://airbyte${number}.test`;
	return readCredential({ host, clientId: 'id', clientSecret: 'secret', ...data });
}

/** An Airbyte that accepts the last token it issued. */
class Airbyte {
	issued = 0;
	readonly seen: string[] = [];
	refusesAll = false;
	hasTokens = true;

	readonly request = async (request: IHttpRequestOptions): Promise<unknown> => {
		// As long as a network takes.
		await new Promise((done) => setImmediate(done));
		if (request.url.endsWith('/token')) {
			if (!this.hasTokens) return { statusCode: 401, headers: {}, body: { errorId: randomUUID() } };
			this.issued += 1;
			return { statusCode: 200, headers: {}, body: { access_token: `token-${this.issued}` } };
		}
		const token = String(request.headers?.Authorization).replace('Bearer ', '');
		this.seen.push(token);
		const isGood = !this.refusesAll && token === `token-${this.issued}`;
		return { statusCode: isGood ? 200 : 401, headers: {}, body: {} };
	};
}

const look = { url: 'http://airbyte.test/api/public/v1/jobs/1' };

test('the first request gets a token, later ones and other waits use it', async () => {
	const airbyte = new Airbyte();
	const mine = credential();
	await sendWithOwnSignIn(airbyte.request, mine)(look, []);
	await sendWithOwnSignIn(airbyte.request, { ...mine })(look, []);
	expect(airbyte.issued).toBe(1);
	expect(airbyte.seen).toEqual(['token-1', 'token-1']);
});

test('many that begin together ask for one token', async () => {
	const airbyte = new Airbyte();
	const mine = credential();
	await Promise.all(
		Array.from(
			{ length: 50 },
			async () => await sendWithOwnSignIn(airbyte.request, mine)(look, []),
		),
	);
	expect(airbyte.issued).toBe(1);
});

test('many that are refused together renew it once, and one that comes late takes theirs', async () => {
	const airbyte = new Airbyte();
	const mine = credential();
	const send = sendWithOwnSignIn(airbyte.request, mine);
	await send(look, []);
	airbyte.issued += 1;
	const answers = await Promise.all(Array.from({ length: 50 }, async () => await send(look, [])));
	expect(answers).toEqual(Array(50).fill(expect.objectContaining({ statusCode: 200 })));
	expect(airbyte.issued).toBe(3);
	await send(look, []);
	expect(airbyte.issued).toBe(3);
});

test('the token that n8n has kept is used first, if it is of these fields', async () => {
	const airbyte = new Airbyte();
	airbyte.issued = 1;
	const mine = credential();
	const kept = { ...mine, accessToken: storedToken(tokenOwner(mine), 'token-1') };
	await sendWithOwnSignIn(airbyte.request, kept)(look, []);
	expect(airbyte.seen).toEqual(['token-1']);
	const other = { ...credential(), accessToken: kept.accessToken };
	await sendWithOwnSignIn(airbyte.request, other)(look, []);
	expect(airbyte.seen).toEqual(['token-1', 'token-2']);
});

test.each([
	['another Airbyte', { host: 'http://elsewhere.test' }],
	['another application', { clientId: 'other' }],
	['another secret', { clientSecret: 'other' }],
	['another API', { apiUrl: 'http://elsewhere.test/v1' }],
])('%s has a token of its own', async (_what, change) => {
	const airbyte = new Airbyte();
	const mine = credential();
	await sendWithOwnSignIn(airbyte.request, mine)(look, []);
	await sendWithOwnSignIn(airbyte.request, { ...mine, ...change })(look, []);
	expect(airbyte.issued).toBe(2);
});

test('a request that is refused with a new token is told so, after one renewal', async () => {
	const airbyte = new Airbyte();
	airbyte.refusesAll = true;
	const answer = await sendWithOwnSignIn(airbyte.request, credential())(look, []);
	expect(answer).toMatchObject({ statusCode: 401 });
	expect(airbyte.issued).toBe(2);
});

test('a sign-in that fails is told to all that waited for it, and tried again by the next', async () => {
	const airbyte = new Airbyte();
	airbyte.hasTokens = false;
	const send = sendWithOwnSignIn(airbyte.request, credential());
	const tries = await Promise.allSettled([send(look, []), send(look, [])]);
	for (const one of tries)
		expect(one).toMatchObject({ status: 'rejected', reason: expect.any(ProblemError) });
	airbyte.hasTokens = true;
	expect(await send(look, [])).toMatchObject({ statusCode: 200 });
});

test('each token that a request was sent with is among its secrets', async () => {
	const airbyte = new Airbyte();
	airbyte.refusesAll = true;
	const secrets: string[] = [];
	await sendWithOwnSignIn(airbyte.request, credential())(look, secrets);
	expect(secrets).toEqual(['token-1', 'token-2']);
});

test('without tokens there is none to get', async () => {
	const airbyte = new Airbyte();
	await sendWithOwnSignIn(airbyte.request, credential({ authentication: 'none' }))(look, []);
	expect(airbyte.issued).toBe(0);
});

test('no more than a hundred tokens are kept', async () => {
	const airbyte = new Airbyte();
	const first = credential();
	await sendWithOwnSignIn(airbyte.request, first)(look, []);
	for (let at = 0; at < 100; at++) await sendWithOwnSignIn(airbyte.request, credential())(look, []);
	const before = airbyte.issued;
	await sendWithOwnSignIn(airbyte.request, first)(look, []);
	expect(airbyte.issued).toBe(before + 1);
});
