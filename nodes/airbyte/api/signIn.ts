/** Signing in: the call for a token. */
import type { IHttpRequestOptions } from 'n8n-workflow';

import { isWholeUrl, tokenUrl } from './addresses';
import type { ProblemWords } from './answers';
import { notAirbyte, problemInAnswer } from './answers';
import { addressOf, authenticate, withHeaders } from './authenticate';
import type { Answer, CallContext } from './call';
import { USER_AGENT, callContext, timeouts } from './call';
import type { AirbyteCredential } from './credential';
import { NO_TOKEN } from './credential';
import { problemInFault } from './faults';
import type { Problem } from './problem';
import { ProblemError, invalid } from './problem';
import { sentences } from './prose';
import { parseProxy } from './proxy';
import { fieldsIn, readText, rowsIn } from './read';
import { describe, shapeOf } from './shape';

export type HttpRequest = (request: IHttpRequestOptions) => Promise<unknown>;

/**
 * Gets what later calls sign in with.
 *
 * Client credentials are exchanged for a token. Without tokens, Airbyte is asked for a workspace, so that n8n's
 * credential test can tell in plain words what is wrong with the address or password; n8n then keeps the stand-in and
 * does not come here again.
 *
 * @returns the access token
 * @throws {ProblemError}
 */
export async function signIn(
	httpRequest: HttpRequest,
	credential: AirbyteCredential,
): Promise<string> {
	if (credential.authentication !== 'clientCredentials') {
		await probe(httpRequest, credential);
		return NO_TOKEN;
	}
	requireClient(credential);
	const url = tokenUrl(addressOf(credential), credential.tokenEndpoint);
	const root = credential.apiUrl === '' ? 'Server URL' : 'API URL';
	const fields = {
		serverField: isWholeUrl(credential.tokenEndpoint) ? 'Token Endpoint' : root,
		pathFields: `'Token Endpoint' and '${root}' in the credential`,
	};
	const call = callContext(credential, url, { doing: 'signing in' }, fields);
	const answer = await askForToken(httpRequest, credential, call, url);
	const token = readText(fieldsIn(answer.body)?.access_token);
	if (answer.statusCode === 200 && token !== undefined) return token;
	throw failed(tokenProblem(answer, call));
}

/**
 * Airbyte takes JSON in all its versions, and forms since 1.6. Identity providers take nothing but forms, and say so in
 * many ways: 415, that they miss what the JSON body holds, or in a shape of their own.
 */
async function askForToken(
	httpRequest: HttpRequest,
	credential: AirbyteCredential,
	call: CallContext,
	url: string,
): Promise<Answer> {
	const ask = async (request: Pick<IHttpRequestOptions, 'body' | 'headers'>) =>
		await send(httpRequest, call, {
			method: 'POST',
			url,
			proxy: parseProxy(credential, url)?.settings,
			skipSslCertificateValidation: credential.allowUnauthorizedCerts,
			...request,
			headers: withHeaders(credential, url, request.headers),
		});
	const { clientId, clientSecret } = credential;
	const client = { client_id: clientId, client_secret: clientSecret };
	const grant = { grant_type: 'client_credentials' };
	// Airbyte reads the hyphen and requires the underscore in its schema; both satisfy every version.
	const answer = await ask({ body: { ...client, 'grant-type': 'client_credentials', ...grant } });
	if (!mayWantForm(answer)) return answer;
	const form = await ask({
		body: new URLSearchParams({ ...client, ...grant }).toString(),
		headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
	});
	// What takes nothing but JSON has less to say to a form.
	const isWorse = isRefusal(form) && oauthError(form) === undefined;
	return isWorse && oauthError(answer) !== undefined ? answer : form;
}

function mayWantForm(answer: Answer): boolean {
	const { statusCode, body } = answer;
	const error = oauthError(answer);
	if (!isRefusal(answer)) return false;
	if (error !== undefined) return !isMomentary(error);
	return statusCode === 415 || (shapeOf(body) === undefined && ![401, 403].includes(statusCode));
}

/** Whether it is the request that is refused, and not its moment, nor the proxy's password. */
function isRefusal({ statusCode }: Answer): boolean {
	return statusCode >= 400 && statusCode < 500 && ![407, 408, 425, 429].includes(statusCode);
}

/** What OAuth 2.0 has for refusals (RFC 6749, section 5.2), e.g. `invalid_client`; Okta says it as a code, too. */
function oauthError({ body }: Answer): string | undefined {
	const { error, errorCode } = fieldsIn(body) ?? {};
	const isWord = (value: unknown) => typeof value === 'string' && /^[a-z]+(_[a-z]+)+$/.test(value);
	return [error, errorCode].find(isWord) as string | undefined;
}

/** Of the moment, though some send it with 400. */
function isMomentary(error: string): boolean {
	return error === 'temporarily_unavailable' || error === 'server_error';
}

async function probe(httpRequest: HttpRequest, credential: AirbyteCredential): Promise<void> {
	const url = `${addressOf(credential).publicApi}/workspaces?limit=1`;
	const call = callContext(credential, url, { doing: 'signing in' });
	const answer = await send(httpRequest, call, authenticate(credential, { url }));
	if (answer.statusCode !== 200) throw failed(problemInAnswer(answer, call));
	if (!rowsIn(answer.body)) throw failed(notAirbyte(answer, call));
}

/** What the sign-in was for has not been asked for, or was refused with 401. */
function failed(problem: Problem): ProblemError {
	return new ProblemError({ ...problem, mayHaveArrived: false });
}

async function send(
	httpRequest: HttpRequest,
	call: CallContext,
	request: IHttpRequestOptions,
): Promise<Answer> {
	const complete = {
		...request,
		headers: { 'User-Agent': USER_AGENT, ...request.headers },
		json: true,
		timeout: timeouts.read,
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
		disableFollowRedirect: true,
	};
	return await httpRequest(complete).then(
		(answer) => answer as Answer,
		(fault) => {
			throw failed(problemInFault(fault, call));
		},
	);
}

/**
 * Wrong secrets answer 400 (community), 401 with an id (Cloud), 400 or 401 with an OAuth error (identity providers) or
 * 500 with an id (applications kept in the database); a path that does not exist 401 in the shape of Airbyte's framework,
 * or 404 where sign-in is switched off.
 */
function tokenProblem(answer: Answer, call: CallContext): Problem {
	const { statusCode } = answer;
	const problem = statusCode < 300 ? notAirbyte(answer, call) : problemInAnswer(answer, call);
	const shape = shapeOf(answer.body);
	if (statusCode === 500 && shape === 'exception') {
		const advice = 'Some versions answer so to a wrong client ID or secret: check those, too.';
		return { ...problem, description: sentences(problem.description, advice) };
	}
	if (problem.passing || (statusCode >= 300 && !isRefusal(answer))) return problem;
	const error = oauthError(answer);
	if (error !== undefined) return { ...problem, ...oauthRefusal(error, answer, call) };
	if (shape === undefined) return problem;
	const hasNoSuchPath =
		problem.kind === 'wrongPath' ||
		statusCode === 404 ||
		(statusCode === 401 && shape === 'hateoas');
	return { ...problem, ...tokenRefusal(answer, call, hasNoSuchPath) };
}

/** What an identity provider refuses. Only one of its errors is about who asks (RFC 6749, section 5.2). */
function oauthRefusal(error: string, answer: Answer, call: CallContext): ProblemWords {
	const endpoint = `The token endpoint ${call.url}`;
	const status = `(${answer.statusCode}, ${error})`;
	if (isMomentary(error)) {
		return {
			kind: 'unavailable',
			passing: true,
			message: `${endpoint} is not able to answer ${status}`,
			description: describe(answer, call),
		};
	}
	if (error === 'invalid_client') {
		return {
			kind: 'signIn',
			message: `${endpoint} did not accept the client ID and secret (${answer.statusCode})`,
			description: describe(answer, call, `${CHECK_CLIENT}.`),
		};
	}
	const advice = ADVICE.get(error) ?? `Check ${call.pathFields}.`;
	return {
		kind: 'signIn',
		message: `${endpoint} did not accept the request ${status}`,
		description: describe(answer, call, advice),
	};
}

/** Of what it does not allow the client: no field of ours is the cause. */
const ADVICE = new Map([
	['unauthorized_client', 'Allow this client the client credentials grant there.'],
	['access_denied', 'Grant this client the access there.'],
]);

const CHECK_CLIENT = "Check 'Client ID' and 'Client Secret' in the credential";

/** What Airbyte's own token endpoint refuses: its path, or who asks. */
function tokenRefusal(answer: Answer, call: CallContext, hasNoSuchPath: boolean): ProblemWords {
	const { statusCode } = answer;
	if (hasNoSuchPath) {
		const adviceIfOff =
			statusCode === 404
				? "An Airbyte with sign-in switched off has no token endpoint: set 'Authentication' to 'None' for it."
				: '';
		return {
			kind: 'wrongPath',
			message: `Airbyte has no token endpoint at ${call.url} (${statusCode})`,
			description: describe(answer, call, `Check ${call.pathFields}.`, adviceIfOff),
		};
	}
	return {
		kind: 'signIn',
		message: `Airbyte did not accept the client ID and secret (${statusCode})`,
		description: describe(
			answer,
			call,
			`${CHECK_CLIENT}: copy both again from your application in Airbyte, under User settings > Applications.`,
		),
	};
}

function requireClient({ clientId, clientSecret }: AirbyteCredential): void {
	const missing = [
		clientId === '' ? "'Client ID'" : '',
		clientSecret === '' ? "'Client Secret'" : '',
	].filter(Boolean);
	if (missing.length === 0) return;
	throw invalid(
		`${missing.join(' and ')} of the Airbyte credential must be filled in`,
		"Copy client ID and secret from an application in Airbyte, under User settings > Applications. For an Airbyte with sign-in switched off, set 'Authentication' to 'None'.",
	);
}
