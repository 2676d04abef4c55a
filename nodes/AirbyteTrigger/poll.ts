/**
 * One look of an Airbyte Trigger: reads what has finished since the last one, and remembers that.
 *
 * All is read before anything is remembered, and both in the same breath as the items are handed to n8n: a look that
 * fails leaves no trace, so the next one begins where it did.
 */
import type { IDataObject, INode, INodeExecutionData, IPollFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import type { AirbyteClient, JobQuery } from '../airbyte/api/client';
import { PAGE_SIZE, openClient } from '../airbyte/api/client';
import { clock } from '../airbyte/api/clock';
import type { List, Memory } from './memory';
import { beginMemory, endOf, matches, readMemory, readOn, remember, unseen } from './memory';
import type { Job } from '../airbyte/api/job';
import { toOutput } from '../airbyte/api/job';
import { toNodeError } from '../airbyte/node/errors';
import { ProblemError } from '../airbyte/api/problem';
import { retryAt } from '../airbyte/run/schedule';
import type { Watch } from './parameters';
import { EVENTS, readWatch } from './parameters';

/** Finished jobs in one execution; what is left over comes with the next look. */
const MOST_JOBS = 1_000;

/** Milliseconds after which a look hands on what it has; n8n gives up on looks that take longer than it says. */
const LONGEST_READING = 60_000;

/** How often a call is tried again within a look: the next look may be a day away. */
const RETRIES = 2;
const LONGEST_PAUSE = 15_000;

/** Calls for what is nice to know: rows and bytes, the reason of a failure, the workspace for the link. */
const MOST_LOOKUPS = 100;

/** @returns null when nothing finished, which starts no execution */
export async function pollFinished(
	context: IPollFunctions,
): Promise<INodeExecutionData[][] | null> {
	const isFirstLook = !hasLooked.has(context);
	hasLooked.add(context);
	return await look(context).catch((fault: unknown) => {
		if (
			isFirstLook &&
			isRestart(context) &&
			fault instanceof ProblemError &&
			fault.problem.passing
		) {
			// An error here would keep n8n from activating the workflow, for longer the longer Airbyte is away.
			context.logger.warn(`Airbyte Trigger: ${fault.problem.message}. It looks again later.`);
			return null;
		}
		// Anything else is n8n's own (a missing credential, an expression that fails) and stays as it is.
		throw fault instanceof ProblemError ? toNodeError(context.getNode(), fault.problem) : fault;
	});
}

/** n8n has one context for as long as a workflow is active. */
const hasLooked = new WeakSet<IPollFunctions>();

/** Whether n8n itself activates the workflow, and not a person who would see an error. */
function isRestart(context: IPollFunctions): boolean {
	return ['init', 'leadershipChange'].includes(context.getActivationMode());
}

async function look(context: IPollFunctions): Promise<INodeExecutionData[][] | null> {
	const watch = readWatch(context);
	const client = await openClient(context, 'v1');
	if (context.getMode() === 'manual') {
		const items = await sample(client, watch);
		if (items.length === 0) throw nothingToShow(context.getNode());
		return [items];
	}

	const scope = JSON.stringify([client.identity, watch]);
	const stored = context.getWorkflowStaticData('node');
	const memory = readMemory(stored, scope);
	if (memory === undefined) {
		Object.assign(stored, await begin(client, watch, scope));
		return null;
	}
	const read = await readNew(client, watch, memory, longestReading(context));
	const found = unseen(memory, read).filter((job) => matches(watch, job));
	const items = await describe(client, watch, found);

	// Another look may have been faster, if this one took longer than the time between two.
	const latest = readMemory(context.getWorkflowStaticData('node'), scope) ?? memory;
	const fresh = new Set(unseen(latest, found).map(({ jobId }) => jobId));
	Object.assign(context.getWorkflowStaticData('node'), remember(latest, read));
	const output = items.filter((_, index) => fresh.has(found[index].jobId));
	return output.length === 0 ? null : [output];
}

/** n8n before 2.39 gives every look five minutes and says nothing of it; half is for what is nice to know. */
function longestReading(context: IPollFunctions): number {
	const budget = 'getPollBudgetMs' in context ? context.getPollBudgetMs() : Infinity;
	return Math.min(LONGEST_READING, budget / 2);
}

/**
 * What Airbyte is asked for, since it takes no more than one of each; the rest is sorted out here. Reset and clear are
 * never asked for, as either goes by both names.
 */
function narrowed({ workspaceId, connectionIds, jobTypes }: Watch): Partial<JobQuery> {
	const [connectionId, ...others] = connectionIds;
	const isOneConnection = workspaceId === undefined && others.length === 0;
	return {
		workspaceId,
		...(isOneConnection && { connectionId }),
		...(jobTypes.length === 1 &&
			['sync', 'refresh'].includes(jobTypes[0]) && { jobType: jobTypes[0] }),
	};
}

/** All that has ended by now is old, whatever is watched: what is rare may have happened long ago. */
async function begin(client: AirbyteClient, watch: Watch, scope: string): Promise<Memory> {
	const ends = [];
	for (const status of EVENTS) {
		const [job] = await newestOf(client, watch, status, 1);
		const end = job && endOf(job);
		if (end !== undefined) ends.push(end);
	}
	const newest = ends.length === 0 ? undefined : Math.max(...ends);
	const jobs =
		newest === undefined
			? []
			: await readOn(listsOf(client, watch), PAGE_SIZE, { newest }, () => false);
	return beginMemory(scope, newest, jobs);
}

async function readNew(
	client: AirbyteClient,
	watch: Watch,
	memory: Memory,
	longest: number,
): Promise<Job[]> {
	const startedAt = clock.now();
	let found = 0;
	return await readOn(listsOf(client, watch), PAGE_SIZE, memory, (page) => {
		found += unseen(memory, page).filter((job) => matches(watch, job)).length;
		// Not before something was found, as n8n may keep what a look remembers only when it gives items.
		return found >= MOST_JOBS || (found > 0 && clock.now() - startedAt > longest);
	});
}

/** One list when all events are watched, else one for each: those of few failures are short where that of all is long. */
function listsOf(client: AirbyteClient, watch: Watch): List[] {
	const { events } = watch;
	const statuses = events.length === EVENTS.length ? [undefined] : events;
	return statuses.map(
		(status): List =>
			async ({ since, offset }) =>
				await list(client, {
					...narrowed(watch),
					status,
					since,
					offset,
					limit: PAGE_SIZE,
					order: 'oldestChangeFirst',
				}),
	);
}

/** The newest job that would have started the workflow, if there is one, for a person who tries that out. */
async function sample(client: AirbyteClient, watch: Watch): Promise<INodeExecutionData[]> {
	const jobs = [];
	for (const status of watch.events) {
		jobs.push(...(await newestOf(client, watch, status, PAGE_SIZE)));
	}
	const newest = jobs
		.filter((job) => matches(watch, job))
		.sort((a, b) => (endOf(b) ?? 0) - (endOf(a) ?? 0))
		.slice(0, 1);
	return await describe(client, watch, newest);
}

async function newestOf(
	client: AirbyteClient,
	watch: Watch,
	status: string,
	limit: number,
): Promise<Job[]> {
	const order = 'newestChangeFirst';
	const { jobs } = await list(client, { ...narrowed(watch), status, order, offset: 0, limit });
	return jobs;
}

async function list(
	client: AirbyteClient,
	query: JobQuery,
	faults = 0,
): Promise<{ jobs: Job[]; isLast: boolean }> {
	return await client.listJobs(query).catch(async (fault: unknown) => {
		if (!(fault instanceof ProblemError) || !fault.problem.passing || faults === RETRIES) {
			return await Promise.reject(fault);
		}
		const now = clock.now();
		const pause = retryAt(faults + 1, now, fault.problem.retryAfterSeconds) - now;
		await clock.sleep(Math.min(pause, LONGEST_PAUSE));
		return await list(client, query, faults + 1);
	});
}

async function describe(
	client: AirbyteClient,
	watch: Watch,
	jobs: Job[],
): Promise<INodeExecutionData[]> {
	const lookups = new Lookups(client, watch.workspaceId);
	const items = [];
	for (const job of jobs) items.push({ json: await lookups.describe(job) });
	return items;
}

/** What is nice to know of jobs. It is gone without when Airbyte does not tell, or when there are too many jobs. */
class Lookups {
	private readonly workspaces = new Map<string, string | undefined>();
	private left = MOST_LOOKUPS;

	constructor(
		private readonly client: AirbyteClient,
		/** Of all jobs, if it is known. */
		private readonly workspaceId: string | undefined,
	) {}

	async describe(job: Job): Promise<IDataObject> {
		const { jobId, connectionId } = job;
		const workspaceId = this.workspaceId ?? (await this.workspaceOf(connectionId));
		const jobUrl =
			workspaceId && connectionId
				? this.client.jobPage(workspaceId, connectionId, jobId)
				: undefined;
		const failure =
			job.status === 'failed'
				? await this.tried(async () => await this.client.explainFailure(jobId))
				: undefined;
		const complete = { ...job, ...(await this.numbersOf(job)), ...(failure && { failure }) };
		return toOutput(complete, { attached: false, attempt: 1, jobUrl });
	}

	/** Whether lists tell rows and bytes depends on the installation. */
	private async numbersOf(job: Job): Promise<Partial<Job>> {
		if (job.rowsSynced !== undefined || job.bytesSynced !== undefined) return {};
		const detailed = await this.tried(async () => await this.client.getJob(job.jobId));
		return detailed ? { rowsSynced: detailed.rowsSynced, bytesSynced: detailed.bytesSynced } : {};
	}

	private async workspaceOf(connectionId: string | undefined): Promise<string | undefined> {
		if (connectionId === undefined) return undefined;
		if (!this.workspaces.has(connectionId)) {
			const connection = await this.tried(
				async () => await this.client.getConnection(connectionId),
			);
			this.workspaces.set(connectionId, connection?.workspaceId);
		}
		return this.workspaces.get(connectionId);
	}

	private async tried<T>(call: () => Promise<T>): Promise<T | undefined> {
		if (this.left <= 0) return undefined;
		this.left -= 1;
		return await call().catch((fault: unknown) => {
			// An Airbyte that hangs would be waited for a hundred times.
			if (fault instanceof ProblemError && fault.problem.passing) this.left = 0;
			return undefined;
		});
	}
}

/** A test run without a sample would look as if all was well, and give the nodes behind it nothing. */
function nothingToShow(node: INode) {
	return new NodeOperationError(node, 'No finished job was found to show as a sample', {
		description:
			"None of Airbyte's newest jobs matches 'Events', 'Job Types' and the other fields. The trigger works all the same: publish the workflow, or run a sync and test again.",
	});
}
