import type { IHttpRequestOptions } from 'n8n-workflow';

import { parseAddress, tokenUrl } from './addresses';
import { notAirbyte, problemInAnswer, quoted } from './answers';
import type { Answer, CallContext } from './call';
import { USER_AGENT, callContext, timeouts } from './call';
import { isWebPage } from './clean';
import type { AirbyteCredential } from './credential';
import { NO_TOKEN } from './credential';
import { problemInFault } from './faults';
import type { Problem } from './problem';
import { ProblemError, invalid } from './problem';
import { throughProxy } from './proxy';
export type HttpRequest = (request: IHttpRequestOptions) => Promise<unknown>;
/**
 * Adds to a request what the credential asks for: sign-in, proxy, TLS.
 * A request with a `baseURL` comes from n8n's credential test; its path counts from the public API.
 */
export function authenticate(
	credential: AirbyteCredential,
	request: IHttpRequestOptions,
): IHttpRequestOptions {
	const { baseURL, ...rest } = request;
	const url =
		baseURL === undefined ? request.url : parseAddress(credential.host).publicApi + request.url;
	return { ...throughProxy(credential, { ...rest, url }), ...authorization(credential, request) };
}

/**
 * Gets what later calls sign in with.
 *
 * Client credentials are exchanged for a token; the body must be JSON, which Airbyte's own spec does not
 * say. Without tokens, Airbyte is asked for a workspace, so that n8n's credential test can tell in plain words
 * what is wrong with the address or password; n8n then keeps the stand-in and does not come here again.
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
	const url = tokenUrl(parseAddress(credential.host), credential.tokenEndpoint ?? '');
	const call = callContext(credential, url, { doing: 'signing in' });
	const answer = await send(
		httpRequest,
		call,
		throughProxy(credential, tokenRequest(credential, url)),
	);
	const token = (answer.body as { access_token?: unknown } | null)?.access_token;
	if (answer.statusCode === 200 && typeof token === 'string' && token !== '') return token;
	throw new ProblemError(tokenProblem(answer, call, url));
}
function tokenRequest(credential: AirbyteCredential, url: string): IHttpRequestOptions {
	return {
		method: 'POST',
		url,
		body: {
			client_id: credential.clientId?.trim(),
			client_secret: credential.clientSecret?.trim(),
			// Airbyte reads the hyphen and requires the underscore in its schema; both satisfy every version.
			'grant-type': 'client_credentials',
			grant_type: 'client_credentials',
		},
	};
}

async function probe(httpRequest: HttpRequest, credential: AirbyteCredential): Promise<void> {
	const url = `${parseAddress(credential.host).publicApi}/workspaces?limit=1`;
	const call = callContext(credential, url, { doing: 'signing in' });
	const answer = await send(httpRequest, call, authenticate(credential, { url }));
	if (answer.statusCode !== 200) throw new ProblemError(problemInAnswer(answer, call));
	if (!Array.isArray((answer.body as { data?: unknown } | null)?.data)) {
		throw new ProblemError(notAirbyte(answer, call));
	}
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
			throw new ProblemError(problemInFault(fault, call));
		},
	);
}

/**
 * Wrong secrets answer 400 (community), 401 (Cloud, Keycloak) or 500 (applications kept in the database);
 * a missing token endpoint 404, or a page of the web app.
 */
function tokenProblem(answer: Answer, call: CallContext, url: string): Problem {
	const problem =
		answer.statusCode === 200 ? notAirbyte(answer, call) : problemInAnswer(answer, call);
	const isAboutSignIn =
		answer.statusCode === 500 ||
		(problem.kind !== 'unavailable' && problem.kind !== 'unreachable' && !isRedirect(answer));
	if (!isAboutSignIn) return problem;
	const isPage = isWebPage(answer.body) && answer.statusCode < 500;
	const words = quoted(answer, call);
	const said = words && `${words} `;
	if (
		answer.statusCode === 404 ||
		answer.statusCode === 405 ||
		answer.statusCode === 200 ||
		isPage
	) {
		return {
			...problem,
			// What was typed behind the path may be a secret.
			message: `Airbyte did not return a token from ${url.split('?')[0]} (${answer.statusCode})`,
			description: `${said}Check 'Token Endpoint' and 'Server URL' in the credential. An Airbyte with sign-in switched off has no token endpoint: set 'Authentication' to 'None' for it.`,
		};
	}
	return {
		...problem,
		kind: problem.passing ? problem.kind : 'signIn',
		message: `Airbyte did not accept the client ID and secret (${answer.statusCode})`,
		description: `${said}Check 'Client ID' and 'Client Secret' in the credential: copy both again from your application in Airbyte, under User settings > Applications.`,
	};
}

function isRedirect({ statusCode }: Answer): boolean {
	return statusCode >= 300 && statusCode < 400;
}

function requireClient(credential: AirbyteCredential): void {
	const missing = [
		credential.clientId?.trim() ? '' : "'Client ID'",
		credential.clientSecret?.trim() ? '' : "'Client Secret'",
	].filter(Boolean);
	if (missing.length > 0) {
		throw invalid(
			`${missing.join(' and ')} of the Airbyte credential must be filled in`,
			"Copy client ID and secret from an application in Airbyte, under User settings > Applications. For an Airbyte with sign-in switched off, set 'Authentication' to 'None'.",
		);
	}
}

function authorization(
	credential: AirbyteCredential,
	request: IHttpRequestOptions,
): Pick<IHttpRequestOptions, 'headers' | 'auth'> {
	if (credential.authentication === 'basicAuth') {
		return {
			auth: { username: credential.username ?? '', password: credential.password ?? '' },
		};
	}
	if (credential.authentication === 'none') return {};
	return {
		headers: { ...request.headers, Authorization: `Bearer ${credential.accessToken ?? ''}` },
	};
}
