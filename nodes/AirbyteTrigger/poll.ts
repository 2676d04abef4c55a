/**
 * One poll of an Airbyte Trigger: reads which jobs have finished since the last one, and remembers them.
 *
 * All is read before anything is remembered, so a poll that fails leaves no trace and the next one begins where it did.
 */
import type { Failure, IDataObject, INode, INodeExecutionData, IPollFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import type { AirbyteClient, JobQuery } from '../airbyte/api/client';
import { PAGE_SIZE, openClient } from '../airbyte/api/client';
import { clock } from '../airbyte/api/clock';
import type { Job } from '../airbyte/api/job';
import type { Problem } from '../airbyte/api/problem';
import { ProblemError, isPassing } from '../airbyte/api/problem';
import { toNodeError } from '../airbyte/node/errors';
import { simplified } from '../airbyte/node/output';
import { retryAt } from '../airbyte/run/schedule';
import { Details } from './details';
import type { JobList, Memory, Page, Reading } from './memory';
import {
	beginMemory,
	endOf,
	isWatched,
	merge,
	readPages,
	readMemory,
	remember,
	unseen,
} from './memory';
import type { Watch } from './parameters';
import { EVENTS, isToSimplify, readWatch } from './parameters';
import { scopeOf } from './scope';

/** Finished jobs in one execution; what is left over comes with the next poll. */
const MOST_ITEMS = 1_000;

/** Pages that one poll reads, however little of what they have is watched. */
const MOST_PAGES = 50;

/** Milliseconds for a whole poll, unless n8n gives it less. Half is for reading, the rest for details. */
const LONGEST_POLL = 120_000;

/** How often a call is tried again within a poll: the next poll may be a day away. */
const RETRIES = 2;
const LONGEST_PAUSE = 15_000;

/** What this process knows of the polls of all triggers. */
export class PollState {
	/** Polls under way. n8n starts one each minute, whether or not the one before has come to its end. */
	readonly underWay = new Set<string>();

	/**
	 * Memories of polls that gave no items, by trigger: n8n 2.41 keeps those only in the object of an active workflow,
	 * or with durable cursors. With its scheduler for polls alone it reads the stored one for each poll.
	 */
	readonly memories = new Map<string, Memory>();

	/** Contexts that have polled; n8n has one for as long as a workflow is active, unless its scheduler polls. */
	readonly contexts = new WeakSet<IPollFunctions>();
}

/** A poll's moments, in milliseconds since the epoch. */
interface Deadlines {
	reading: number;
	whole: number;
}

/** n8n's `poll` method; it returns null when no watched job has finished, which starts no execution. */
export function pollIn(state: PollState) {
	return async function (this: IPollFunctions): Promise<INodeExecutionData[][] | null> {
		const isFirst = !state.contexts.has(this);
		state.contexts.add(this);
		return await poll(this, state).catch((fault: unknown) => {
			// Anything else is n8n's own (a missing credential, an expression that fails) and stays as it is.
			if (!(fault instanceof ProblemError)) throw fault;
			if (isFirst && isRestart(this) && fault.problem.passing) {
				// An error here would keep n8n from activating the workflow, for longer the longer Airbyte is away.
				this.logger.warn(`Airbyte Trigger: ${fault.problem.message}. It polls again later.`);
				return null;
			}
			throw Object.assign(toNodeError(this.getNode(), fault.problem), {
				failure: pollFailureOf(fault.problem),
			});
		});
	};
}

/** Whether n8n itself activates the workflow, and not a person who would see an error. */
function isRestart(context: IPollFunctions): boolean {
	return ['init', 'leadershipChange'].includes(context.getActivationMode());
}

/** What n8n's durable poller (2.41) goes by: it polls again soon, or half an hour later where somebody has to act. */
function pollFailureOf({ kind, passing, httpStatus, retryAfterSeconds }: Problem): Failure {
	if (!passing && kind === 'signIn') return { cause: 'credential-invalid' };
	if (!passing && ['input', 'forbidden', 'notFound', 'refused'].includes(kind)) {
		return { cause: 'configuration-invalid' };
	}
	return {
		cause: httpStatus === 429 ? 'rate-limited' : 'temporarily-unavailable',
		...(retryAfterSeconds !== undefined && { retryAfterMs: retryAfterSeconds * 1_000 }),
	};
}

async function poll(
	context: IPollFunctions,
	state: PollState,
): Promise<INodeExecutionData[][] | null> {
	const watch = readWatch(context);
	const shape = isToSimplify(context) ? simplified : (output: IDataObject) => output;
	const shaped = (items: INodeExecutionData[]) => items.map(({ json }) => ({ json: shape(json) }));
	const deadlines = deadlinesOf(context);
	const client = (await openClient(context, 'v1')).until(deadlines.whole);
	if (context.getMode() === 'manual') {
		const items = await sample(client, watch, deadlines);
		if (items.length === 0) throw nothingToShow(context.getNode());
		return [shaped(items)];
	}

	const trigger = `${context.getWorkflow().id} ${context.getNode().id}`;
	const scope = scopeOf(client.identity, watch);
	const key = `${trigger} ${scope}`;
	if (state.underWay.has(key)) return null;
	state.underWay.add(key);
	try {
		const kept = context.getWorkflowStaticData('node');
		const memory = latestOf(kept, state.memories.get(trigger), scope);
		const { items, next } =
			memory === undefined
				? { items: [], next: await startAfresh(client, watch, deadlines, scope) }
				: await goOn(client, watch, deadlines, memory);
		Object.assign(kept, next);
		if (items.length > 0) {
			state.memories.delete(trigger);
			return [shaped(items)];
		}
		state.memories.set(trigger, next);
		return null;
	} finally {
		state.underWay.delete(key);
	}
}

/** n8n before 2.39 gives every poll five minutes and says nothing of it. */
function deadlinesOf(context: IPollFunctions): Deadlines {
	const budget = 'getPollBudgetMs' in context ? context.getPollBudgetMs() : LONGEST_POLL;
	const length = Math.min(LONGEST_POLL, budget);
	const now = clock.now();
	return { reading: now + length / 2, whole: now + length };
}

function latestOf(kept: unknown, inProcess: Memory | undefined, scope: string): Memory | undefined {
	const stored = readMemory(kept, scope);
	const own = readMemory(inProcess, scope);
	return stored && own ? merge(stored, own) : (stored ?? own);
}

/** All that has ended by now is old, whatever is watched: what is rare may have happened long ago. */
async function startAfresh(
	client: AirbyteClient,
	watch: Watch,
	deadlines: Deadlines,
	scope: string,
): Promise<Memory> {
	await requireExistence(client, watch, deadlines);
	const ends = [];
	for (const status of EVENTS) {
		const [job] = await newestFinished(client, watch, status, 1, deadlines);
		const end = job && endOf(job);
		if (end !== undefined) ends.push(end);
	}
	if (ends.length === 0) return beginMemory(scope, undefined, []);
	const cursor = Math.max(...ends);
	const lists = listsOf(client, watch, deadlines);
	const { jobs } = await readPages(
		lists,
		PAGE_SIZE,
		{ cursor, resumeAt: null },
		{
			mostPages: MOST_PAGES,
			isEnough: () => false,
			isOver: () => false,
		},
	);
	return beginMemory(scope, cursor, jobs);
}

/** Airbyte tells an instance admin of no job, and of no error, for an ID that does not exist. */
async function requireExistence(
	client: AirbyteClient,
	{ connectionIds, workspaceId }: Watch,
	{ reading }: Deadlines,
): Promise<void> {
	const field = 'Connection Names or IDs';
	const checks = [
		...(workspaceId ? [async () => await client.requireWorkspace(workspaceId)] : []),
		...connectionIds.map((id) => async () => {
			await client.getConnection(id, { doing: `reading connection ${id}`, field });
		}),
	];
	for (const check of checks) {
		if (clock.now() >= reading) return;
		await check().catch((fault: unknown) => {
			// Whether Airbyte is up shows when its jobs are read; a connection with many streams may take it too long.
			if (!isPassing(fault)) throw fault;
		});
	}
}

async function goOn(
	client: AirbyteClient,
	watch: Watch,
	deadlines: Deadlines,
	memory: Memory,
): Promise<{ items: INodeExecutionData[]; next: Memory }> {
	const reading = await readNew(client, watch, deadlines, memory);
	const found = unseen(memory, reading.jobs).filter((job) => isWatched(watch, job));
	const items = await describe(client, watch, deadlines, found);
	return { items, next: remember(memory, reading) };
}

async function readNew(
	client: AirbyteClient,
	watch: Watch,
	deadlines: Deadlines,
	memory: Memory,
): Promise<Reading> {
	let found = 0;
	const isEnough = (page: Job[]) => {
		found += unseen(memory, page).filter((job) => isWatched(watch, job)).length;
		return found >= MOST_ITEMS;
	};
	return await readPages(listsOf(client, watch, deadlines), PAGE_SIZE, memory, {
		mostPages: MOST_PAGES,
		isEnough,
		isOver: () => clock.now() >= deadlines.reading,
	});
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

/** One list when all events are watched, else one for each: those of few failures are short where that of all is long. */
function listsOf(client: AirbyteClient, watch: Watch, deadlines: Deadlines): JobList[] {
	const { events } = watch;
	const statuses = events.length === EVENTS.length ? [undefined] : events;
	return statuses.map((status): JobList => async ({ since, offset }) => {
		const query = { ...narrowed(watch), status, since, offset, limit: PAGE_SIZE };
		return await list(client, { ...query, order: 'oldestChangeFirst' }, deadlines);
	});
}

/** The newest job that would have started the workflow, if there is one, for a person who tries that out. */
async function sample(
	client: AirbyteClient,
	watch: Watch,
	deadlines: Deadlines,
): Promise<INodeExecutionData[]> {
	const jobs = [];
	for (const status of watch.events) {
		jobs.push(...(await newestFinished(client, watch, status, PAGE_SIZE, deadlines)));
	}
	const newest = jobs
		.filter((job) => isWatched(watch, job))
		.sort((a, b) => (endOf(b) ?? 0) - (endOf(a) ?? 0))
		.slice(0, 1);
	return await describe(client, watch, deadlines, newest);
}

async function newestFinished(
	client: AirbyteClient,
	watch: Watch,
	status: string,
	limit: number,
	deadlines: Deadlines,
): Promise<Job[]> {
	const query: JobQuery = {
		...narrowed(watch),
		status,
		order: 'newestChangeFirst',
		offset: 0,
		limit,
	};
	return (await list(client, query, deadlines)).jobs;
}

async function list(
	client: AirbyteClient,
	query: JobQuery,
	deadlines: Deadlines,
	faults = 0,
): Promise<Page> {
	return await client.listJobs(query).catch(async (fault: unknown) => {
		if (!isPassing(fault)) throw fault;
		const now = clock.now();
		const retry = retryAt(faults + 1, now, fault.problem.retryAfterSeconds);
		const pause = Math.min(retry - now, LONGEST_PAUSE);
		if (faults === RETRIES || now + pause >= deadlines.reading) throw fault;
		await clock.sleep(pause);
		return await list(client, query, deadlines, faults + 1);
	});
}

async function describe(
	client: AirbyteClient,
	watch: Watch,
	deadlines: Deadlines,
	jobs: Job[],
): Promise<INodeExecutionData[]> {
	const details = new Details(client, watch.workspaceId, deadlines.whole);
	const items: Array<{ json: IDataObject }> = [];
	for (const job of jobs) items.push({ json: await details.describe(job) });
	return items;
}

/** A test run without a sample would look as if all was well, and give the nodes behind it nothing. */
function nothingToShow(node: INode) {
	return new NodeOperationError(node, 'No finished job was found to show as a sample', {
		description:
			"None of Airbyte's newest jobs matches 'Events', 'Job Types' and the other fields. The trigger works all the same: publish the workflow, or run a sync and test again.",
	});
}
