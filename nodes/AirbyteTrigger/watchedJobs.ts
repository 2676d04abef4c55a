/** The jobs that a trigger watches, as Airbyte lists them. */
import type { AirbyteClient } from '../airbyte/api/client';
import { clock } from '../airbyte/api/clock';
import { isSameId } from '../airbyte/api/connection';
import type { Job } from '../airbyte/api/job';
import { isOfType } from '../airbyte/api/job';
import type { JobQuery } from '../airbyte/api/jobLists';
import { PAGE_SIZE } from '../airbyte/api/pages';
import type { Problem } from '../airbyte/api/problem';
import { ProblemError, invalid, isPassing } from '../airbyte/api/problem';
import { retryAt } from '../airbyte/run/schedule';
import type { Watch } from './parameters';
import { EVENTS } from './parameters';
import type { JobList, Page } from './reading';

/** How often a call is tried again within a poll: the next poll may be a day away. */
const RETRIES = 2;
const LONGEST_PAUSE = 15_000;

/** How many connections a sample asks for one by one at most. */
const MOST_SAMPLED = 5;

/** Whether somebody has to act. What is no answer of Airbyte's own may be a router's while Airbyte is away. */
export function isLasting({ kind, passing }: Problem): boolean {
	return !passing && ['signIn', 'input', 'forbidden', 'notFound', 'refused'].includes(kind);
}

export class WatchedJobs {
	constructor(
		private readonly client: AirbyteClient,
		private readonly watch: Watch,
		/** Milliseconds since the epoch, for all that is read. */
		private readonly deadline: number,
	) {}

	/** Whether the time for reading is over. */
	isOver(): boolean {
		return clock.now() >= this.deadline;
	}

	/** Whether a job is one that the trigger is to tell of: lists may have more. */
	isWatched(job: Job): boolean {
		const { events, jobTypes, connectionIds } = this.watch;
		return (
			events.includes(job.status) &&
			jobTypes.some((jobType) => isOfType(job, jobType)) &&
			(connectionIds.length === 0 || connectionIds.includes(job.connectionId?.toLowerCase() ?? ''))
		);
	}

	/** Airbyte tells an instance admin of no job, and of no error, for an ID that does not exist. */
	async requireExistence(): Promise<void> {
		const { connectionIds, workspaceId } = this.watch;
		const checks = [
			...(workspaceId ? [async () => await this.client.requireWorkspace(workspaceId)] : []),
			...connectionIds.map((id) => async () => await this.requireConnection(id)),
		];
		for (const check of checks) {
			if (this.isOver()) return;
			await check().catch((fault: unknown) => {
				// Whether Airbyte is up shows when its jobs are read; a connection with many streams may take it too long.
				if (!isPassing(fault)) throw fault;
			});
		}
	}

	private async requireConnection(id: string): Promise<void> {
		const purpose = { doing: `reading connection ${id}`, field: 'Connection Names or IDs' };
		const { connection } = await this.client.getConnection(id, purpose);
		const { workspaceId } = this.watch;
		if (!workspaceId || isSameId(connection.workspaceId ?? workspaceId, workspaceId)) return;
		throw invalid(
			`Connection ${id} is not in the workspace that 'Workspace ID' names`,
			"None of its jobs would start the workflow. Leave 'Workspace ID' empty, or take it out of 'Connection Names or IDs'.",
		);
	}

	/** One list when all events are watched, else one for each: those of few failures are short where that of all is long. */
	lists(): JobList[] {
		const { events } = this.watch;
		const statuses = events.length === EVENTS.length ? [undefined] : events;
		return statuses.map((status): JobList => async ({ since, offset }) => {
			const query = { ...this.narrowed(), status, since, offset, limit: PAGE_SIZE };
			return await this.list({ ...query, order: 'oldestChangeFirst' });
		});
	}

	/** Of each status the jobs that changed last, so many at most. */
	async newest(
		statuses: readonly string[],
		limit: number,
		narrowed = this.narrowed(),
	): Promise<Page> {
		const newest: Page = { jobs: [], isLast: true };
		for (const status of statuses) {
			const query = { ...narrowed, status, offset: 0, limit };
			const { jobs, isLast } = await this.list({ ...query, order: 'newestChangeFirst' });
			newest.jobs.push(...jobs);
			newest.isLast &&= isLast;
		}
		return newest;
	}

	/** The same of each type and of the first few connections by themselves, as far as there is time. */
	async newestOfEach(): Promise<Job[]> {
		const jobs: Job[] = [];
		for (const narrowed of this.samples()) {
			for (const status of this.watch.events) {
				if (this.isOver()) return jobs;
				jobs.push(...(await this.newest([status], PAGE_SIZE, narrowed)).jobs);
			}
		}
		return jobs;
	}

	private samples(): Array<Partial<JobQuery>> {
		const { workspaceId, connectionIds, jobTypes } = this.watch;
		const connections = connectionIds.length > 0 ? connectionIds : [undefined];
		const types = jobTypes.flatMap((type) => (type === 'clear' ? [type, 'reset'] : [type]));
		// An Airbyte up to 2.0 lists refreshes only if asked for them alone, so that with syncs none starts the workflow.
		const sampled = types.length === 1 ? types : types.filter((type) => type !== 'refresh');
		return connections
			.slice(0, MOST_SAMPLED)
			.flatMap((connectionId) =>
				sampled.map((jobType) => ({ workspaceId, connectionId, jobType })),
			);
	}

	/**
	 * What Airbyte is asked for, since it takes no more than one of each; the rest is sorted out here. Reset and clear are
	 * never asked for here, as either goes by both names.
	 */
	private narrowed(): Partial<JobQuery> {
		const { workspaceId, connectionIds, jobTypes } = this.watch;
		const [connectionId, ...others] = connectionIds;
		const isOneConnection = workspaceId === undefined && others.length === 0;
		return {
			workspaceId,
			...(isOneConnection && { connectionId }),
			...(jobTypes.length === 1 &&
				['sync', 'refresh'].includes(jobTypes[0]) && { jobType: jobTypes[0] }),
		};
	}

	private async list(query: JobQuery, faults = 0): Promise<Page> {
		const { workspaceId, connectionId } = query;
		const field = workspaceId ? 'Workspace ID' : connectionId && 'Connection Names or IDs';
		const purpose = { doing: 'listing jobs', isPoll: true, field };
		return await this.client.jobs.list(query, purpose).catch(async (fault: unknown) => {
			if (!(fault instanceof ProblemError) || isLasting(fault.problem)) throw fault;
			const now = clock.now();
			const retry = retryAt(faults + 1, now, fault.problem.retryAfterSeconds);
			const pause = Math.min(retry - now, LONGEST_PAUSE);
			if (faults === RETRIES || now + pause >= this.deadline) throw fault;
			await clock.sleep(pause);
			return await this.list(query, faults + 1);
		});
	}
}
