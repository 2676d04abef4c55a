/** Airbyte's public API: one method a call. */
import type { IDataObject } from 'n8n-workflow';

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
import { DeadRecords } from './deadRecords';
import { readCredential } from './credential';
import type { Job, JobType } from './job';
import { isOn, newestFirst, readJob, readJobs } from './job';
import type { Problem } from './problem';
import { ProblemError } from './problem';
import type { Request } from './requests';
import { Requests } from './requests';
import type { ClientContext, Send } from './send';
import { firstAlone, sendThroughN8n, sendUnaided } from './send';
import type { HttpRequest } from './signIn';

/** How many of a connection's newest jobs a search reads. One runs at a time, so the first few decide. */
const NEWEST = 10;

/** Of jobs that have not ended, the likeliest first. */
const UNFINISHED_STATUSES = ['running', 'pending', 'incomplete', 'queued'];

/** Since 2026; an older Airbyte refuses to list jobs by it. */
const NEWEST_STATUS = 'queued';

const ELSEWHERE: Problem = {
	kind: 'notAirbyte',
	message: 'Airbyte answered with the jobs of another connection',
	description:
		'Check that no proxy or gateway between n8n and Airbyte drops the query of a request or answers from a cache.',
	passing: true,
	mayHaveArrived: true,
};

const OF_CONNECTION: Purpose = { doing: "reading the connection's jobs", field: 'Connection' };

/** How many rows a page of a list has: as many as Airbyte gives at once. */
export const PAGE_SIZE = 100;

/** The fewest rows that a page is cut to where more take Airbyte too long: large configurations come with each connection. */
const LEAST_PAGE = 10;

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

/** Which jobs to list: all that the credential sees, unless narrowed. */
export interface JobQuery {
	workspaceId?: string;
	/** Airbyte leaves the workspace aside when there is a connection. */
	connectionId?: string;
	status?: string;
	jobType?: string;
	/** Milliseconds; only jobs that changed then or later. */
	since?: number;
	order: 'oldestChangeFirst' | 'newestChangeFirst';
	offset: number;
	limit: number;
}

interface UnaidedContext {
	helpers: { httpRequest: HttpRequest };
}

/**
 * The only way out to Airbyte: one method a call of the public API, each of which either returns what
 * Airbyte told or throws a {@link ProblemError}. It does not try again; that is the run's decision.
 */
export class AirbyteClient {
	/** By list, how many rows are asked for at once where a whole page took too long. */
	private readonly pageSizes = new Map<string, number>();

	/** What the public API neither tells nor does. */
	readonly config: ConfigApi;

	/** Whether this Airbyte lists refreshes without being asked for them, once that is known. */
	private listsRefreshes?: boolean;

	private readonly deadRecords = new DeadRecords(
		async (job) => await this.isDead(job).catch(believed),
	);

	constructor(private readonly requests: Requests) {
		this.config = new ConfigApi(requests);
	}

	/**
	 * The same client, but signing in by itself: for after a stop and outside of an execution, where n8n's authenticated
	 * requests do not work, and for webhooks, where each of those costs n8n an isolate.
	 */
	unaided({ helpers }: UnaidedContext): AirbyteClient {
		const httpRequest: HttpRequest = async (request) => await helpers.httpRequest(request);
		return this.sending(sendUnaided(httpRequest, this.requests.credential));
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

	async getJob(jobId: number): Promise<Job> {
		return await this.job((job) => job.jobId === jobId, {
			method: 'GET',
			path: `/jobs/${jobId}`,
			doing: `looking at job ${jobId}`,
			field: 'Job ID',
		});
	}

	/**
	 * Asks Airbyte to cancel. It cancels whatever runs on the job's connection, and answers with this job's
	 * record all the same: look at the job first.
	 */
	async cancelJob(jobId: number): Promise<Job> {
		return await this.job((job) => job.jobId === jobId, {
			method: 'DELETE',
			path: `/jobs/${jobId}`,
			timeout: timeouts.submit,
			doing: `cancelling job ${jobId}`,
			role: 'Runner',
			field: 'Job ID',
		});
	}

	/**
	 * The connection's newest jobs, newest first. Airbyte lists the oldest first unless told otherwise.
	 *
	 * @param since milliseconds; where all of them began later, as many are read as Airbyte gives at once
	 * @param withRefreshes whether refreshes are wanted, too, from an Airbyte that lists them only if asked for
	 */
	async newestJobs(
		connectionId: string,
		{ since = Infinity, withRefreshes = false } = {},
	): Promise<Job[]> {
		const first = await this.newest(connectionId, NEWEST);
		const isEnough = first.length < NEWEST || first.some((job) => !beganAfter(job, since));
		const jobs = isEnough ? first : await this.newest(connectionId, PAGE_SIZE);
		if (!withRefreshes || (await this.hasRefreshes(connectionId, jobs))) return jobs;
		const refreshes = await this.newest(connectionId, NEWEST, 'refresh');
		return newestFirst([...jobs, ...refreshes.filter(({ jobType }) => jobType === 'refresh')]);
	}

	/** Whether a list of all types has refreshes in it: an Airbyte that knows the even newer {@link NEWEST_STATUS} does so. */
	private async hasRefreshes(connectionId: string, jobs: Job[]): Promise<boolean> {
		if (jobs.some(({ jobType }) => jobType === 'refresh')) return true;
		this.listsRefreshes ??= await this.jobRows(
			{ connectionId, status: NEWEST_STATUS, limit: 1 },
			OF_CONNECTION,
		).then(
			() => true,
			(fault) => {
				if (!isRefusal(fault)) throw fault;
				return false;
			},
		);
		return this.listsRefreshes;
	}

	private async newest(connectionId: string, limit: number, jobType?: string): Promise<Job[]> {
		const { jobs } = await this.jobRows(
			{ connectionId, limit, orderBy: 'createdAt|DESC', ...(jobType && { jobType }) },
			OF_CONNECTION,
		);
		const asked = jobs.filter((job) => isOn(connectionId, job));
		// A list of others' jobs only does not tell that there is none on the connection.
		if (jobs.length > 0 && asked.length === 0) throw new ProblemError(ELSEWHERE);
		return newestFirst(asked);
	}

	/** A page of jobs in the order of their last change, which for a finished job is its end. */
	async listJobs(
		query: JobQuery,
		purpose: Purpose = { doing: 'listing jobs' },
	): Promise<{ jobs: Job[]; isLast: boolean }> {
		const { workspaceId, connectionId, status, jobType, since, order, offset, limit } = query;
		const { jobs, rows } = await this.jobRows(
			{
				...(workspaceId && { workspaceIds: workspaceId }),
				...(connectionId && { connectionId }),
				...(status && { status }),
				...(jobType && { jobType }),
				...(since !== undefined && { updatedAtStart: wholeSeconds(since) }),
				orderBy: order === 'oldestChangeFirst' ? 'updatedAt|ASC' : 'updatedAt|DESC',
				limit,
				offset,
			},
			purpose,
		);
		const asked = connectionId ? jobs.filter((job) => isOn(connectionId, job)) : jobs;
		return { jobs: asked, isLast: rows < limit };
	}

	/**
	 * The jobs that run or are about to on other connections of a workspace, as Airbyte's lists have it: one for each
	 * connection, without records that are known to have nothing behind them.
	 *
	 * @param most with so many, it is not looked for more
	 */
	async runningElsewhere(asked: {
		workspaceId: string;
		connectionId: string;
		most: number;
	}): Promise<Job[]> {
		const { workspaceId, connectionId, most } = asked;
		let running: Job[] = [];
		for (const status of UNFINISHED_STATUSES) {
			const listed = await this.unfinished(workspaceId, status);
			const others = listed.filter((job) => !isSameId(job.connectionId, connectionId));
			running = newestOnEach([...running, ...others]);
			if (running.length < most) continue;
			running = await this.deadRecords.without(running, most);
			if (running.length >= most) break;
		}
		return running;
	}

	private async unfinished(workspaceId: string, status: string): Promise<Job[]> {
		const { jobs } = await this.jobRows(
			{ workspaceIds: workspaceId, status, limit: PAGE_SIZE },
			{ doing: 'counting the jobs that run' },
		).catch((fault) => {
			if (status === NEWEST_STATUS && isRefusal(fault)) return { jobs: [] };
			throw fault;
		});
		// What stands in front of Airbyte may drop the query.
		return jobs.filter((job) => job.status === status);
	}

	/**
	 * Whether a record that says that its job runs has nothing behind it: Airbyte has run a newer one on the connection
	 * since, and only one at a time, or the connection is switched off.
	 */
	private async isDead({ jobId, connectionId }: Job): Promise<boolean> {
		if (connectionId === undefined) return false;
		const [newest] = await this.newest(connectionId, 1);
		if (newest && newest.jobId > jobId) return true;
		const { status = 'active' } = (await this.getConnection(connectionId)).connection;
		return status !== 'active';
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
		return await this.list('connections', offset, timeouts.read, read, {
			...(workspaceId && { workspaceIds: workspaceId }),
		});
	}

	/** A page of what sources, destinations or workspaces are called. */
	async listNames(list: NamedList, offset: number): Promise<Named[]> {
		return await this.list(list, offset, timeouts.names, (row) => {
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
		return this.sending(async (request) => {
			const left = Math.max(1, deadline - clock.now());
			const timeout = Math.min(request.timeout ?? left, left);
			return await this.requests.send({ ...request, timeout });
		});
	}

	private sending(send: Send): AirbyteClient {
		return new AirbyteClient(new Requests(this.requests.credential, this.requests.address, send));
	}

	/** The page of a connection in Airbyte's web app. */
	connectionPage(workspaceId: string, connectionId: string): string {
		return connectionPage(this.requests.address, workspaceId, connectionId);
	}

	/**
	 * Rows from an offset on, as many as {@link PAGE_SIZE} unless the list ends. Where Airbyte takes too long for that many,
	 * pages are halved from then on, down to {@link LEAST_PAGE}.
	 */
	private async list<T>(
		path: string,
		offset: number,
		timeout: number,
		read: (row: Record<string, unknown>) => T | undefined,
		narrowed: IDataObject = {},
	): Promise<T[]> {
		const rows: unknown[] = [];
		for (let from = offset; from < offset + PAGE_SIZE;) {
			const limit = Math.min(this.pageSizes.get(path) ?? PAGE_SIZE, offset + PAGE_SIZE - from);
			const page = await this.page(path, { ...narrowed, limit, offset: from }, timeout).catch(
				(fault) => {
					if (!tookTooLong(fault) || limit <= LEAST_PAGE) throw fault;
					this.pageSizes.set(path, Math.max(LEAST_PAGE, Math.floor(limit / 2)));
				},
			);
			// Again, with fewer.
			if (page === undefined) continue;
			if (page.length === 0) break;
			rows.push(...page);
			from += limit;
		}
		return rows
			.map((row) => read({ ...(row as object) }))
			.filter((row): row is Awaited<T> & NonNullable<T> => row !== undefined);
	}

	/** @returns `rows`: how many there were, with those that are no jobs and are left out */
	private async jobRows(qs: IDataObject, purpose: Purpose): Promise<{ jobs: Job[]; rows: number }> {
		const { answer, call } = await this.requests.answered({
			method: 'GET',
			path: '/jobs',
			qs,
			...purpose,
		});
		const jobs = readJobs(answer.body);
		if (jobs === undefined) throw new ProblemError(notAirbyte(answer, call));
		return { jobs, rows: (answer.body as { data: unknown[] }).data.length };
	}

	private async page(path: string, qs: IDataObject, timeout: number): Promise<unknown[]> {
		const { answer, call } = await this.requests.answered({
			method: 'GET',
			path: `/${path}`,
			qs,
			timeout,
			doing: `listing ${path}`,
			field: qs.workspaceIds === undefined ? undefined : 'Workspace ID',
		});
		const rows = (answer.body as { data?: unknown } | null)?.data;
		if (!Array.isArray(rows)) throw new ProblemError(notAirbyte(answer, call));
		return rows;
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

	/** @param isAsked what stands in front of Airbyte may mix up answers */
	private async job(isAsked: (job: Job) => boolean, request: Request): Promise<Job> {
		const { answer, call } = await this.requests.answered(request);
		const job = readJob(answer.body);
		if (job === undefined || !isAsked(job)) throw new ProblemError(notAirbyte(answer, call));
		return job;
	}
}

/** Of the jobs of a connection only the newest can run. */
function newestOnEach(jobs: Job[]): Job[] {
	const byConnection = new Map<string, Job>();
	for (const job of jobs) {
		const key = job.connectionId ?? String(job.jobId);
		const known = byConnection.get(key);
		if (!known || known.jobId < job.jobId) byConnection.set(key, job);
	}
	return [...byConnection.values()];
}

/** Where a look at its connection fails, a record is believed. */
function believed(fault: unknown): false {
	if (!(fault instanceof ProblemError)) throw fault;
	return false;
}

function isRefusal(fault: unknown): boolean {
	return fault instanceof ProblemError && fault.problem.kind === 'refused';
}

function tookTooLong(fault: unknown): boolean {
	if (!(fault instanceof ProblemError)) return false;
	const { kind, httpStatus } = fault.problem;
	return kind === 'unanswered' || httpStatus === 408 || httpStatus === 504;
}

function beganAfter({ startTime }: Job, time: number): boolean {
	return Date.parse(startTime ?? '') > time;
}

/** ISO 8601 as Airbyte takes it. */
function wholeSeconds(time: number): string {
	return `${new Date(time).toISOString().slice(0, 19)}Z`;
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
