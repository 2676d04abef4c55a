/** Airbyte's lists of jobs. */
import type { IDataObject } from 'n8n-workflow';

import { notAirbyte } from './answers';
import type { Purpose } from './call';
import { clock } from './clock';
import { isSameId } from './connection';
import { DeadRecords } from './deadRecords';
import type { Job } from './job';
import { isOn, newestFirst, readJobs } from './job';
import { PAGE_SIZE } from './pages';
import type { Problem } from './problem';
import { ProblemError } from './problem';
import { rowsIn } from './read';
import type { Requests } from './requests';

/** How many of a connection's newest jobs a search reads. One runs at a time, so the first few decide. */
export const NEWEST = 10;

/** Of jobs that have not ended, the likeliest first. */
const UNFINISHED_STATUSES = ['running', 'pending', 'incomplete', 'queued'];

/** In the order in which a job has them, and back: one that has another status by the next list is in that. */
const IN_ORDER = ['queued', 'pending', 'incomplete', 'running', 'incomplete'];

/** Since 2026; an older Airbyte refuses to list jobs by it. */
const NEWEST_STATUS = 'queued';

/** Milliseconds. */
const DAY = 86_400_000;

const ELSEWHERE: Problem = {
	kind: 'notAirbyte',
	message: 'Airbyte answered with the jobs of another connection',
	description:
		'Check that no proxy or gateway between n8n and Airbyte drops the query of a request or answers from a cache.',
	passing: true,
	mayHaveArrived: true,
};

const OF_CONNECTION: Purpose = { doing: "reading the connection's jobs", field: 'Connection' };

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

export class JobLists {
	/** Whether this Airbyte lists refreshes without being asked for them, once that is known. */
	private listsRefreshes?: boolean;

	private readonly deadRecords = new DeadRecords(
		async (job) => await this.isDead(job).catch(believed),
	);

	/** @param statusOf looks at a connection */
	constructor(
		private readonly requests: Requests,
		private readonly statusOf: (connectionId: string) => Promise<string | undefined>,
	) {}

	/**
	 * The connection's newest jobs, newest first. Airbyte lists the oldest first unless told otherwise.
	 *
	 * @param since milliseconds; where all of them began later, as many are read as Airbyte gives at once
	 * @param withRefreshes whether refreshes are wanted, too, from an Airbyte that lists them only if asked for
	 */
	async newest(
		connectionId: string,
		{ since = Infinity, withRefreshes = false } = {},
	): Promise<Job[]> {
		const first = await this.read(connectionId, NEWEST);
		const isEnough = first.length < NEWEST || first.some((job) => !beganAfter(job, since));
		const jobs = isEnough ? first : await this.read(connectionId, PAGE_SIZE);
		if (!withRefreshes || (await this.hasRefreshes(connectionId, jobs))) return jobs;
		const refreshes = await this.read(connectionId, NEWEST, 'refresh');
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

	private async read(connectionId: string, limit: number, jobType?: string): Promise<Job[]> {
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
	async list(
		query: JobQuery,
		purpose: Purpose = query.connectionId ? OF_CONNECTION : { doing: 'listing jobs' },
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
	 * @param most how many are enough, so that no further list is read
	 * @param isExact whether none may be missed that has another status by the next list, which takes more calls
	 */
	async runningElsewhere(asked: {
		workspaceId: string;
		connectionId: string;
		most: number;
		isExact?: boolean;
	}): Promise<Job[]> {
		const { workspaceId, connectionId, most, isExact } = asked;
		let running: Job[] = [];
		for (const jobType of [undefined, 'refresh']) {
			// What lists refreshes without being asked for them has done so by now.
			if (jobType !== undefined && this.listsRefreshes) break;
			for (const status of isExact ? IN_ORDER : UNFINISHED_STATUSES) {
				const listed = await this.unfinished(workspaceId, status, jobType);
				const others = listed.filter((job) => !isSameId(job.connectionId, connectionId));
				running = newestOnEach([...running, ...others]);
				if (running.length < most) continue;
				running = await this.deadRecords.without(running, most);
				if (running.length >= most) return running;
			}
		}
		return running;
	}

	private async unfinished(workspaceId: string, status: string, jobType?: string): Promise<Job[]> {
		const isNewest = status === NEWEST_STATUS;
		if (isNewest && this.listsRefreshes === false) return [];
		const { jobs } = await this.jobRows(
			{ workspaceIds: workspaceId, status, limit: PAGE_SIZE, ...(jobType && { jobType }) },
			{ doing: 'counting the jobs that run' },
		).catch((fault) => {
			if (!isNewest || !isRefusal(fault)) throw fault;
			this.listsRefreshes = false;
			return { jobs: [] };
		});
		if (isNewest) this.listsRefreshes ??= true;
		// What stands in front of Airbyte may drop the query.
		return jobs.filter((job) => job.status === status);
	}

	/**
	 * Whether a record that says that its job runs has nothing behind it: Airbyte has run a newer one on the connection
	 * since, and only one at a time, or the connection is switched off. That lets a job that runs go on, but hardly for a day.
	 */
	private async isDead({ jobId, connectionId, startTime }: Job): Promise<boolean> {
		if (connectionId === undefined) return false;
		const [newest] = await this.read(connectionId, 1);
		if (newest && newest.jobId > jobId) return true;
		if (clock.now() - Date.parse(startTime ?? '') < DAY) return false;
		const status = await this.statusOf(connectionId);
		return status !== undefined && status !== 'active';
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
		return { jobs, rows: rowsIn(answer.body)?.length ?? 0 };
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

function beganAfter({ startTime }: Job, time: number): boolean {
	return Date.parse(startTime ?? '') > time;
}

/** ISO 8601 as Airbyte takes it. */
function wholeSeconds(time: number): string {
	return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
