/** Airbyte's public API: one method a call. */
import { connectionPage } from './addresses';
import { notAirbyte } from './answers';
import { addressOf } from './authenticate';
import type { Purpose } from './call';
import { timeouts } from './call';
import { clock } from './clock';
import { ConfigApi } from './configApi';
import type { ListedConnection, SettableStatus } from './connection';
import { isSameId, readConnection } from './connection';
import type { Stream } from './connectionStreams';
import { readStreams } from './connectionStreams';
import { readCredential } from './credential';
import type { Job, JobType } from './job';
import { isOn, readJob } from './job';
import { JobLists } from './jobLists';
import { Pages } from './pages';
import { ProblemError } from './problem';
import type { Request } from './requests';
import { Requests } from './requests';
import type { ClientContext, Send } from './send';
import { firstAlone, sendThroughN8n, sendWithOwnSignIn } from './send';
import type { HttpRequest } from './signIn';

/** The lists that tell what the ids in a connection are called. */
export const NAMED_LISTS = {
	sources: 'sourceId',
	destinations: 'destinationId',
	workspaces: 'workspaceId',
} as const;
export type NamedList = keyof typeof NAMED_LISTS;

export interface Named {
	id: string;
	name: string;
}

/** Milliseconds for n8n to give the credential, after which the known one has to do. */
const REOPENING = 10_000;

interface OwnSignInContext {
	helpers: { httpRequest: HttpRequest };
}

/**
 * The only way out to Airbyte: one method a call of the public API, each of which either returns what
 * Airbyte told or throws a {@link ProblemError}. It does not try again; that is the run's decision.
 */
export class AirbyteClient {
	/** The configuration API, for what the public one lacks. */
	readonly config: ConfigApi;
	/** Its lists of jobs. */
	readonly jobs: JobLists;
	private readonly pages: Pages;

	constructor(private readonly requests: Requests) {
		this.config = new ConfigApi(requests);
		this.pages = new Pages(requests);
		this.jobs = new JobLists(
			requests,
			async (connectionId) => (await this.getConnection(connectionId)).connection.status,
		);
	}

	/**
	 * The same client, but signing in by itself: for after a stop and outside of an execution, where n8n's authenticated
	 * requests do not work, and for webhooks, where each of those costs n8n an isolate.
	 */
	withOwnSignIn({ helpers }: OwnSignInContext): AirbyteClient {
		const httpRequest: HttpRequest = async (request) => await helpers.httpRequest(request);
		return this.sending(sendWithOwnSignIn(httpRequest, this.requests.credential));
	}

	/** The same client with the credential as it is by now, unless that cannot be read or leads to another server. */
	async reopened(context: ClientContext): Promise<AirbyteClient> {
		const { address, credential: known, send } = this.requests;
		const read = context.getCredentials('airbyteApi').then(readCredential);
		const done = new AbortController();
		const inTime = clock.sleep(REOPENING, done.signal).then(() => known);
		const credential = await Promise.race([read, inTime]).catch(() => known);
		done.abort();
		const isSameServer = credential.host === known.host && credential.apiUrl === known.apiUrl;
		return isSameServer ? new AirbyteClient(new Requests(credential, address, send)) : this;
	}

	async createJob(connectionId: string, jobType: JobType): Promise<Job> {
		const isAsked = (job: Job) => isOn(connectionId, job);
		return await this.job(isAsked, {
			method: 'POST',
			path: '/jobs',
			body: { connectionId, jobType },
			timeout: timeouts.submit,
			doing: `starting a ${jobType}`,
			role: jobType === 'clear' ? 'Editor' : 'Runner',
			field: 'Connection',
		});
	}

	/** @param field the node's field that names the job, if one does */
	async getJob(jobId: number, field?: string): Promise<Job> {
		return await this.job((job) => job.jobId === jobId, {
			method: 'GET',
			path: `/jobs/${jobId}`,
			doing: `looking at job ${jobId}`,
			field,
		});
	}

	/**
	 * Asks Airbyte to cancel. It cancels whatever runs on the job's connection, and answers with this job's
	 * record all the same: look at the job first.
	 */
	async cancelJob(jobId: number, field?: string): Promise<Job> {
		return await this.job((job) => job.jobId === jobId, {
			method: 'DELETE',
			path: `/jobs/${jobId}`,
			timeout: timeouts.submit,
			doing: `cancelling job ${jobId}`,
			role: 'Runner',
			field,
		});
	}

	/** @param purpose where it is not the node's own connection that is read */
	async getConnection(
		connectionId: string,
		purpose: Purpose = { doing: 'reading the connection', field: 'Connection' },
	): Promise<{ connection: ListedConnection; streams: Stream[] }> {
		return await this.connection(connectionId, { method: 'GET', ...purpose });
	}

	/** Fails if there is no such workspace for these credentials. */
	async requireWorkspace(workspaceId: string): Promise<void> {
		await this.requests.answered({
			method: 'GET',
			path: `/workspaces/${workspaceId}`,
			doing: `reading workspace ${workspaceId}`,
			field: 'Workspace ID',
		});
	}

	/** Switches a connection on or off; a sync that runs goes on, one that Airbyte has queued is cancelled. */
	async setConnectionStatus(
		connectionId: string,
		status: SettableStatus,
	): Promise<ListedConnection> {
		const { connection } = await this.connection(connectionId, {
			method: 'PATCH',
			body: { status },
			doing: `making the connection ${status}`,
			role: 'Editor',
			field: 'Connection',
		});
		return connection;
	}

	/**
	 * A page of the connections in all workspaces that the credential sees, or in one. Airbyte's link to the next page is
	 * there on every page but an empty one, and leads nowhere: the list has ended when a page is empty.
	 */
	async listConnections(offset: number, workspaceId?: string): Promise<ListedConnection[]> {
		const read = (row: unknown) => readConnection(row, this.requests.address);
		return await this.pages.rows('connections', offset, timeouts.read, read, {
			...(workspaceId && { workspaceIds: workspaceId }),
		});
	}

	/** A page of what sources, destinations or workspaces are called. */
	async listNames(list: NamedList, offset: number): Promise<Named[]> {
		return await this.pages.rows(list, offset, timeouts.names, (row) => {
			const { [NAMED_LISTS[list]]: id, name } = row;
			return typeof id === 'string' && typeof name === 'string' ? { id, name } : undefined;
		});
	}

	/** The base of the calls, e.g. `https://api.airbyte.com/v1`: what a wait is bound to. */
	get publicApi(): string {
		return this.requests.address.publicApi;
	}

	/**
	 * Which Airbyte it calls, and as whom, e.g. `https://api.airbyte.com/v1 clientCredentials 1a2b`: equal for clients that
	 * see the same. Triggers store it: where its text changes, they start afresh. Holds no secret.
	 */
	get identity(): string {
		const { authentication, clientId, username } = this.requests.credential;
		const users: Record<string, string> = { clientCredentials: clientId, basicAuth: username };
		return [this.publicApi, authentication, users[authentication]].filter(Boolean).join(' ').trim();
	}

	/** The same client, no call of which lasts beyond a moment (milliseconds since the epoch). */
	until(deadline: number): AirbyteClient {
		return this.sending(async (request, secrets) => {
			const left = Math.max(1, deadline - clock.now());
			const timeout = Math.min(request.timeout ?? left, left);
			return await this.requests.send({ ...request, timeout }, secrets);
		});
	}

	private sending(send: Send): AirbyteClient {
		return new AirbyteClient(new Requests(this.requests.credential, this.requests.address, send));
	}

	/** The page of a connection in Airbyte's web app. */
	connectionPage(workspaceId: string, connectionId: string): string {
		return connectionPage(this.requests.address, workspaceId, connectionId);
	}

	private async connection(
		connectionId: string,
		request: Omit<Request, 'path'>,
	): Promise<{ connection: ListedConnection; streams: Stream[] }> {
		const path = `/connections/${connectionId}`;
		const { answer, call } = await this.requests.answered({ ...request, path });
		const connection = readConnection(answer.body, this.requests.address);
		if (!connection || !isSameId(connection.connectionId, connectionId)) {
			throw new ProblemError(notAirbyte(answer, call));
		}
		return { connection, streams: readStreams(answer.body) };
	}

	/** @param isAsked whether the answer is about the job asked for, as a proxy may mix up answers */
	private async job(isAsked: (job: Job) => boolean, request: Request): Promise<Job> {
		const { answer, call } = await this.requests.answered(request);
		const job = readJob(answer.body);
		if (job === undefined || !isAsked(job)) throw new ProblemError(notAirbyte(answer, call));
		return job;
	}
}

/**
 * A client that signs in through n8n, which keeps the token and renews it once on a 401.
 *
 * @param apiVersion path segment of the public API, e.g. `v1`
 * @throws {ProblemError} when the credential's address or proxy makes no sense
 */
export async function openClient(
	context: ClientContext,
	apiVersion: string,
): Promise<AirbyteClient> {
	const credential = readCredential(await context.getCredentials('airbyteApi'));
	const address = addressOf(credential, apiVersion);
	const send = firstAlone(sendThroughN8n(context, address.publicApi, apiVersion));
	return new AirbyteClient(new Requests(credential, address, send));
}
