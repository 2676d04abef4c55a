/** The ways in which a request leaves. */
import type {
	ICredentialDataDecryptedObject,
	IExecuteFunctions,
	IHttpRequestOptions,
} from 'n8n-workflow';

import { discard } from './answerStream';
import { addressOf, authenticate } from './authenticate';
import type { Answer } from './call';
import type { AirbyteCredential } from './credential';
import {
	credentialLost,
	readCredential,
	secretsOf,
	storedToken,
	tokenOf,
	tokenOwner,
} from './credential';
import { ProblemError, invalid } from './problem';
import type { HttpRequest } from './signIn';
import { signIn } from './signIn';

/** What a client needs of n8n; execute, webhook, poll and picker functions all have it. */
export interface ClientContext {
	getCredentials(type: string): Promise<ICredentialDataDecryptedObject>;
	helpers: Pick<IExecuteFunctions['helpers'], 'httpRequestWithAuthentication'>;
}

/**
 * How a request leaves: signed in, answering every status except that it may throw on 401 and faults.
 *
 * @param secrets gets those that it is sent with, which the answer may repeat
 */
export type Send = (request: IHttpRequestOptions, secrets: string[]) => Promise<unknown>;

/**
 * n8n keeps the token, for all processes, and renews it once on a 401. The credential is read anew for each request, so
 * that it can be mended in the middle of a wait.
 *
 * @param publicApi where the credential led to when the client was opened
 */
export function sendThroughN8n(
	context: ClientContext,
	publicApi: string,
	apiVersion: string,
): Send {
	return async (request, secrets) => {
		const { data, credential, address } = await readAnew(context, apiVersion).catch((fault) => {
			throw new ProblemError(credentialLost(fault));
		});
		secrets.push(...secretsOf(credential));
		if (address.publicApi !== publicApi) {
			throw invalid(
				'The Airbyte credential was pointed at another Airbyte in the meantime',
				`This goes on at ${publicApi} only. Use a credential for each Airbyte.`,
			);
		}
		return await context.helpers.httpRequestWithAuthentication
			.call(
				context as IExecuteFunctions,
				'airbyteApi',
				// n8n renews the token only when a 401 is thrown; every other status is ours to read.
				{ ...request, ignoreHttpStatusErrors: { ignore: true, except: [401] } },
				{ credentialsDecrypted: { id: '', name: '', type: 'airbyteApi', data } },
			)
			// n8n has put a new token into it.
			.finally(() => secrets.push(...secretsOf(readCredential(data))));
	};
}

async function readAnew(context: ClientContext, apiVersion: string) {
	const data = await context.getCredentials('airbyteApi');
	const credential = readCredential(data);
	return { data, credential, address: addressOf(credential, apiVersion) };
}

/** Lets the first request finish before the others start, so that many items ask for one token, not for one each. */
export function firstAlone(send: Send): Send {
	let first: Promise<unknown> | undefined;
	return async (request, secrets) => {
		if (first === undefined) {
			const answer = send(request, secrets);
			first = answer.catch(() => undefined);
			return await answer;
		}
		await first;
		return await send(request, secrets);
	};
}

/**
 * Signs in by itself, where n8n's authenticated requests do not work, or cost much: see `AirbyteClient.withOwnSignIn`. All in
 * this process share a token, and renew it together, once, when Airbyte refuses it.
 */
export function sendWithOwnSignIn(httpRequest: HttpRequest, credential: AirbyteCredential): Send {
	const owner = tokenOwner(credential);
	const renew = async () => await signIn(httpRequest, credential);
	return async (request, secrets) => {
		const attempt = async (token: string) => {
			secrets.push(token);
			return (await httpRequest(
				authenticate(
					{ ...credential, accessToken: storedToken(owner, token) },
					{ ...request, ignoreHttpStatusErrors: true },
				),
			)) as Answer;
		};
		if (credential.authentication !== 'clientCredentials') return await attempt('');
		const token =
			tokens.get(owner) ?? tokenOf(credential) ?? (await tokens.renewed(owner, '', renew));
		const answer = await attempt(token);
		if (answer.statusCode !== 401) return answer;
		discard(answer);
		return await attempt(await tokens.renewed(owner, token, renew));
	};
}

/** The tokens that requests without n8n's help have got in this process, by whose they are. */
class Tokens {
	/** So many are kept: more than an n8n has credentials for. */
	private static readonly MOST = 100;
	private readonly known = new Map<string, string>();
	private readonly renewals = new Map<string, Promise<string>>();

	get(owner: string): string | undefined {
		return this.known.get(owner);
	}

	/**
	 * A token that Airbyte has not refused yet.
	 *
	 * @param refused the token that Airbyte refused; if another one is known by now, that is given
	 */
	async renewed(
		owner: string,
		refused: string,
		signInAgain: () => Promise<string>,
	): Promise<string> {
		const known = this.known.get(owner);
		if (known !== undefined && known !== refused) return known;
		const renewal = this.renewals.get(owner) ?? this.renew(owner, signInAgain);
		this.renewals.set(owner, renewal);
		return await renewal;
	}

	private async renew(owner: string, signInAgain: () => Promise<string>): Promise<string> {
		try {
			const token = await signInAgain();
			// Set anew, so that the one that was renewed longest ago is the first.
			this.known.delete(owner);
			this.known.set(owner, token);
			const [oldest] = this.known.keys();
			if (this.known.size > Tokens.MOST) this.known.delete(oldest);
			return token;
		} finally {
			this.renewals.delete(owner);
		}
	}
}

const tokens = new Tokens();

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
