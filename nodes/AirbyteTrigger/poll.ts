/**
 * One poll of an Airbyte Trigger: reads which jobs have finished since the last one, and remembers them.
 *
 * All is read before anything is remembered, so a poll that fails leaves no trace and the next one begins where it did.
 */
import type { Failure, IDataObject, INode, INodeExecutionData, IPollFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { openClient } from '../airbyte/api/client';
import { clock } from '../airbyte/api/clock';
import type { Job } from '../airbyte/api/job';
import { PAGE_SIZE } from '../airbyte/api/pages';
import type { Problem } from '../airbyte/api/problem';
import { ProblemError } from '../airbyte/api/problem';
import { toNodeError } from '../airbyte/node/errors';
import { simplified } from '../airbyte/node/output';
import { Details } from './details';
import type { Memory } from './memory';
import {
	CURSOR_RANK,
	beginMemory,
	endOf,
	firstCursor,
	merge,
	readMemory,
	remember,
	unseen,
} from './memory';
import { EVENTS, isSimplified, readWatch } from './parameters';
import { readPages } from './reading';
import { scopeOf } from './scope';
import { WatchedJobs, isLasting } from './watchedJobs';

/**
 * Finished jobs in one execution, and pages that one poll reads, if time allows: a poll may come a month after the one
 * before. What is left over comes with the next one.
 */
const MOST_ITEMS = 10_000;
const MOST_PAGES = 500;

/** Milliseconds for a whole poll, unless n8n gives it less. Half is for reading, the rest for details. */
const LONGEST_POLL = 120_000;

/** What this process knows of the polls of all triggers. */
export class PollState {
	/**
	 * Memories of polls that gave no items, by trigger: n8n 2.41 keeps those only in the object of an active workflow,
	 * or with durable cursors. With its scheduler for polls alone it reads the stored one for each poll.
	 */
	readonly memories = new Map<string, Memory>();

	/** Contexts that have polled; n8n has one for as long as a workflow is active, unless its scheduler polls. */
	readonly contexts = new WeakSet<IPollFunctions>();

	/** Until when polls are waited for that have begun, milliseconds since the epoch. */
	private readonly underWay = new Map<string, number>();

	/**
	 * n8n starts a poll each minute, whether or not the one before has come to its end; null then. After its time, one that
	 * hangs, as where n8n cannot read the credential, makes room for the next one, and tells nothing that this has read.
	 */
	async unlessUnderWay<T>(key: string, until: number, poll: () => Promise<T>): Promise<T | null> {
		if (clock.now() < (this.underWay.get(key) ?? 0)) return null;
		this.underWay.set(key, until);
		const isLatest = () => this.underWay.get(key) === until;
		try {
			const news = await poll();
			return isLatest() ? news : null;
		} finally {
			if (isLatest()) this.underWay.delete(key);
		}
	}
}

/** Milliseconds after the end of its time within which a poll ends that does not hang, as its last calls may be late. */
const GRACE = 5_000;

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
			if (isFirst && isRestart(this) && !isLasting(fault.problem)) {
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
function pollFailureOf(problem: Problem): Failure {
	const { kind, httpStatus, retryAfterSeconds } = problem;
	if (isLasting(problem)) {
		return { cause: kind === 'signIn' ? 'credential-invalid' : 'configuration-invalid' };
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
	const shape = isSimplified(context) ? simplified : (output: IDataObject) => output;
	const deadlines = deadlinesOf(context);
	const client = (await openClient(context, 'v1')).until(deadlines.whole);
	const watched = new WatchedJobs(client, watch, deadlines.reading);
	const details = new Details(client, watch.workspaceId, deadlines.whole);
	const itemsOf = async (jobs: Job[]) =>
		(await details.describe(jobs)).map((output) => ({ json: shape(output) }));
	if (context.getMode() === 'manual') {
		const found = await sample(watched, watch.events);
		if (found.length === 0) throw nothingToShow(context.getNode());
		return [await itemsOf(found)];
	}

	const trigger = `${context.getWorkflow().id} ${context.getNode().id}`;
	const scope = scopeOf(client.identity, watch);
	const kept = context.getWorkflowStaticData('node');
	const until = deadlines.whole + GRACE;
	const news = await state.unlessUnderWay(`${trigger} ${scope}`, until, async () => {
		const memory = latestOf(kept, state.memories.get(trigger), scope);
		const { found, next } = await (memory
			? newsSince(watched, memory, context.logger)
			: startAfresh(watched, scope));
		return { items: await itemsOf(found), next };
	});
	if (news === null) return null;
	Object.assign(kept, news.next);
	if (news.items.length > 0) {
		state.memories.delete(trigger);
		return [news.items];
	}
	state.memories.set(trigger, news.next);
	return null;
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

/** The jobs to tell of, and the memory once they are told. */
interface News {
	found: Job[];
	next: Memory;
}

/** All that has ended by now is old, whatever is watched: what is rare may have happened long ago. */
async function startAfresh(watched: WatchedJobs, scope: string): Promise<News> {
	await watched.requireExistence();
	const { jobs: newest } = await watched.newest(EVENTS, CURSOR_RANK);
	const start = { cursor: firstCursor(newest), resumeAt: null };
	if (start.cursor === 0) return { found: [], next: beginMemory(scope, newest, []) };
	const { jobs } = await readPages(watched.lists(), PAGE_SIZE, start, {
		mostPages: MOST_PAGES,
		isEnough: () => false,
		isOver: () => false,
	});
	return { found: [], next: beginMemory(scope, newest, jobs) };
}

async function newsSince(
	watched: WatchedJobs,
	memory: Memory,
	logger: IPollFunctions['logger'],
): Promise<News> {
	const newIn = (jobs: Job[]) => unseen(memory, jobs).filter((job) => watched.isWatched(job));
	let count = 0;
	const reading = await readPages(watched.lists(), PAGE_SIZE, memory, {
		mostPages: MOST_PAGES,
		isEnough: (page) => {
			count += newIn(page).length;
			return count >= MOST_ITEMS;
		},
		isOver: () => watched.isOver(),
	});
	const { stoppedAt } = reading;
	if (stoppedAt !== null && stoppedAt > -Infinity) {
		const moment = new Date(stoppedAt).toISOString();
		logger.warn(`Airbyte Trigger: a poll has got up to ${moment}. The next one reads on.`);
	}
	return { found: newIn(reading.jobs), next: remember(memory, reading) };
}

/** The newest job that would have started the workflow, if there is one, for a person who tries that out. */
async function sample(watched: WatchedJobs, events: string[]): Promise<Job[]> {
	const { jobs, isLast } = await watched.newest(events, PAGE_SIZE);
	const found = newestWatched(watched, jobs);
	if (found.length > 0) return found;
	await watched.requireExistence();
	// It may be hidden behind a page of others.
	return isLast ? [] : newestWatched(watched, await watched.newestOfEach());
}

function newestWatched(watched: WatchedJobs, jobs: Job[]): Job[] {
	return jobs
		.filter((job) => watched.isWatched(job))
		.sort((a, b) => (endOf(b) ?? 0) - (endOf(a) ?? 0))
		.slice(0, 1);
}

/** A test run without a sample would look as if all was well, and give the nodes behind it nothing. */
function nothingToShow(node: INode) {
	return new NodeOperationError(node, 'No finished job was found to show as a sample', {
		description:
			"None of Airbyte's newest jobs matches 'Events', 'Job Types' and the other fields. The trigger works all the same: publish the workflow, or run a sync and test again.",
	});
}
