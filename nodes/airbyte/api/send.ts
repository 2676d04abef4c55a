/** The ways in which a request leaves. */
import type {
	ICredentialDataDecryptedObject,
	IExecuteFunctions,
	IHttpRequestOptions,
} from 'n8n-workflow';

import type { Answer } from './call';
import type { AirbyteCredential } from './credential';
import type { HttpRequest } from './signIn';
import { authenticate, signIn } from './signIn';

/** What a client needs of n8n; execute, webhook, poll and picker functions all have it. */
export interface ClientContext {
	getCredentials(type: string): Promise<ICredentialDataDecryptedObject>;
	helpers: Pick<IExecuteFunctions['helpers'], 'httpRequestWithAuthentication'>;
}

/** How a request leaves: signed in, answering every status except that it may throw on 401 and faults. */
export type Send = (request: IHttpRequestOptions) => Promise<unknown>;

export function sendThroughN8n(context: ClientContext): Send {
	return async (request) =>
		await context.helpers.httpRequestWithAuthentication.call(
			context as IExecuteFunctions,
			'airbyteApi',
			// n8n renews the token only when a 401 is thrown; every other status is ours to read.
			{ ...request, ignoreHttpStatusErrors: { ignore: true, except: [401] } },
		);
}

/** Lets the first request finish before the others start, so that many items ask for one token, not for one each. */
export function firstAlone(send: Send): Send {
	let first: Promise<unknown> | undefined;
	return async (request) => {
		if (first === undefined) {
			const answer = send(request);
			first = answer.catch(() => undefined);
			return await answer;
		}
		await first;
		return await send(request);
	};
}

/** Signs in by itself, with the token that the credential held at the start for as long as it lives. */
export function sendUnaided(httpRequest: HttpRequest, credential: AirbyteCredential): Send {
	let current = credential;
	return async (request) => {
		const attempt = async () =>
			(await httpRequest(
				authenticate(current, { ...request, ignoreHttpStatusErrors: true }),
			)) as Answer;
		const answer = await attempt();
		if (answer.statusCode !== 401 || credential.authentication !== 'clientCredentials')
			return answer;
		current = { ...credential, accessToken: await signIn(httpRequest, credential) };
		return await attempt();
	};
}

/**
 * The 401 inside what n8n threw; its error wraps the HTTP library's. Other statuses are not thrown: an error that
 * holds one is an answer that was cut off.
 */
export function refusal(fault: unknown): Answer | undefined {
	const response = (
		fault as { cause?: { response?: { status?: number; headers?: object; data?: unknown } } }
	)?.cause?.response;
	if (response?.status !== 401) return undefined;
	return { statusCode: 401, headers: { ...response.headers }, body: response.data };
}
