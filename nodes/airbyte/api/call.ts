/** What every call of Airbyte has in common. */
import type { AirbyteCredential } from './credential';
import { secretsOf, signsInByHeader } from './credential';
import type { ShownProxy } from './proxy';
import { parseProxy } from './proxy';

/** What a call is for. */
export interface Purpose {
	/** E.g. `starting a sync`, as in "Airbyte refused access while …". */
	doing: string;
	/** The field that names the thing asked for, e.g. `Connection`, if there is one. */
	field?: string;
	/** The least role in the workspace that Airbyte lets do it; Reader, unless named. */
	role?: 'Runner' | 'Editor';
	/** Whether it is a trigger's, whose pace is set by other fields. */
	isPoll?: boolean;
	/** Whether it goes to the configuration API, which Airbyte does not promise to keep. */
	isConfigApi?: boolean;
}

/** What the user is told about where the call went, and what must never show up in it. */
export interface CallContext extends Purpose {
	/** Scheme, host and port of the server called, e.g. `https://api.airbyte.com`. */
	server: string;
	/** The whole address without its query, in which secrets may be. */
	url: string;
	/** The field that names the server. */
	serverField: string;
	/** The fields that the path is made of, in quotes, to check where it is wrong. */
	pathFields: string;
	/** The proxy in between, if there is one. */
	proxy?: ShownProxy;
	/** The credential's, or `header` where one of its headers signs in. */
	authentication: AirbyteCredential['authentication'] | 'header';
	/** Secrets that a server may echo; those that the request is really sent with come to them. */
	secrets: string[];
}

export interface Answer {
	statusCode: number;
	headers: Record<string, unknown>;
	body: unknown;
}

/** Whether its status is 2xx. */
export function isSuccess({ statusCode }: Answer): boolean {
	return statusCode >= 200 && statusCode < 300;
}

/** Milliseconds that a call may take. One object, so that tests need not wait that long. */
export const timeouts = {
	read: 30_000,
	/**
	 * Airbyte holds `POST /jobs` until the job has an id, and says 409 after a minute, or after 115 s where its workers
	 * do not answer (seen on Airbyte 2.1). It holds `DELETE /jobs/…` until the job has really stopped.
	 */
	submit: 130_000,
	/** To know why a job failed is not worth a longer wait. */
	explain: 10_000,
	/** A log can have tens of megabytes. */
	log: 30_000,
	/** Lists are shown without names that take longer. */
	names: 10_000,
};

/** What the node calls itself: Cloud answers 403 to callers without a User-Agent. */
export const USER_AGENT = 'n8n-nodes-airbyte';

/** What a problem's words need to know about a call to `url`. */
export function callContext(
	credential: AirbyteCredential,
	url: string,
	purpose: Purpose,
	fields = fieldsOf(credential, url, purpose),
): CallContext {
	const { origin, pathname } = new URL(url);
	return {
		...purpose,
		server: origin,
		url: origin + pathname,
		...fields,
		proxy: parseProxy(credential, url)?.shown,
		authentication: signsInByHeader(credential) ? 'header' : credential.authentication,
		secrets: secretsOf(credential),
	};
}

/** The version is named only where somebody has changed it: not every node has that field, nor has the credential. */
function fieldsOf(
	{ apiUrl }: AirbyteCredential,
	url: string,
	{ isConfigApi }: Purpose,
): Pick<CallContext, 'serverField' | 'pathFields'> {
	const serverField = isConfigApi || apiUrl === '' ? 'Server URL' : 'API URL';
	const version = apiUrl !== '' || url.includes('/v1/') ? '' : ", and 'API Version'";
	return { serverField, pathFields: `'${serverField}' in the credential${version}` };
}
