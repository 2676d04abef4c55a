/**
 * Judges a chaos run: what n8n says of each sync against what was true in Airbyte.
 *
 * A sync is one item of one workflow. It may have been asked for more than once: n8n lost the execution (it calls
 * that crashed, or ended it by an error of its own), so the workflow was run again, as its user or a workflow for
 * errors would.
 */
import type { JobOrigin, JobType } from '../../simulator/index.cts';
import type { Claim } from './claims.cts';
import type { PlannedRun } from './plan.cts';

/** A job on a sync's connection, as it was at the very end. Times are milliseconds since the epoch. */
export interface JobRecord {
	jobId: number;
	jobType: JobType;
	/** `api`: started by a node. */
	origin: JobOrigin;
	status: string;
	createdAt: number;
	/** Absent while it runs. */
	endedAt?: number;
	rows?: number;
	/** Whether a node cancelled it. */
	cancelled: boolean;
	/** When a node last looked at it, if any did. */
	lookedAt?: number;
}

/** One execution of a run's workflow. */
export interface ExecutionRecord {
	id: string;
	/** When n8n was asked for it, at the earliest. */
	askedAt: number;
	/** Absent if it never ended. */
	endedAt?: number;
	status: string;
	/** n8n ended it, without the node. */
	lost: boolean;
	/** Whether we had n8n stop it. */
	stopped: boolean;
	/** Whether it had been seen waiting in n8n's database. */
	parked: boolean;
	/** One for each sync. */
	claims: Claim[];
}

export interface RunRecord {
	run: PlannedRun;
	/** In the order in which they were asked for; one more each time n8n lost one. */
	executions: ExecutionRecord[];
	/** Of each sync's connection, oldest first. */
	jobs: JobRecord[][];
}

/** What is wrong with a sync; each has to be found in none. */
export const FAULTS = ['doubled', 'lost', 'orphaned', 'wrongly reported'] as const;
type Fault = (typeof FAULTS)[number];

interface Finding {
	fault: Fault;
	run: string;
	item: number;
	what: string;
}

export interface Verdict {
	started: number;
	findings: Finding[];
	/** How the syncs ended, in words, and how many did so. */
	ends: Map<string, number>;
	/** Syncs that started no job, with the reason that n8n gives. */
	gaveUp: Array<{ run: string; way: string; execution: string; text: string }>;
	/** Executions that n8n lost, each of which was run again. */
	crashed: Array<{ run: string; way: string; execution: string; parked: boolean }>;
	/** Syncs whose stop n8n did not pass on to the worker. */
	unheard: Array<{ run: string; way: string; execution: string }>;
}

/** @param mainRestarts when n8n's main process was started again */
export function judge(records: RunRecord[], mainRestarts: number[]): Verdict {
	const syncs = records.flatMap((record) => record.jobs.map((_, item) => ({ record, item })));
	const asked = syncs.filter(({ record }) => record.executions.length > 0);
	const ends = new Map<string, number>();
	for (const { record, item } of asked) {
		const end = endOf(record.executions[record.executions.length - 1], item);
		ends.set(end, (ends.get(end) ?? 0) + 1);
	}
	return {
		started: asked.length,
		findings: syncs.flatMap(({ record, item }) => judgeSync(record, item, mainRestarts)),
		ends,
		gaveUp: asked.flatMap(({ record, item }) => givenUp(record, item)),
		crashed: records.flatMap(crashesIn),
		unheard: records.flatMap((record) => unheardStops(record, mainRestarts)),
	};
}

function givenUp({ run, executions }: RunRecord, item: number): Verdict['gaveUp'] {
	const { id, claims } = executions[executions.length - 1];
	const claim = claims[item];
	if (claim.is !== 'gave up') return [];
	return [{ run: run.name, way: run.way, execution: id, text: claim.text }];
}

function crashesIn({ run, executions }: RunRecord): Verdict['crashed'] {
	return executions
		.filter(({ lost }) => lost)
		.map(({ id, parked }) => ({ run: run.name, way: run.way, execution: id, parked }));
}

function endOf(execution: ExecutionRecord, item: number): string {
	if (execution.endedAt === undefined) return 'never ended';
	if (execution.lost) return 'lost by n8n';
	if (isStopped(execution)) return 'stopped';
	return execution.claims[item].is;
}

/** What n8n says of a stopped execution is only that it was stopped. */
const isStopped = ({ stopped, status }: ExecutionRecord): boolean =>
	stopped && status === 'canceled';

/** What is wrong with one sync. */
function judgeSync(record: RunRecord, item: number, mainRestarts: number[]): Finding[] {
	const tell = (fault: Fault) => (what: string) => ({ fault, run: record.run.name, item, what });
	return [
		...doubled(record, item).map(tell('doubled')),
		...lost(record, item).map(tell('lost')),
		...orphaned(record, item, mainRestarts).map(tell('orphaned')),
		...wronglyReported(record, item).map(tell('wrongly reported')),
	];
}

const startedByNodes = ({ run, jobs }: RunRecord, item: number): JobRecord[] =>
	jobs[item].filter((job) => job.origin === 'api' && !isInstead(run, job));

/** Airbyte ran a reset that was pending instead of the sync that it was asked for. */
const isInstead = (run: PlannedRun, { jobType }: JobRecord): boolean =>
	run.jobType === 'sync' && jobType === 'reset';

/**
 * Each execution may start one job, and one for each retry. A workflow that is run again starts a job only if the first
 * one has ended by then, as Airbyte runs one job at a time on a connection.
 */
function doubled(record: RunRecord, item: number): string[] {
	return startedByNodes(record, item).flatMap(({ jobId, createdAt }, before) => {
		const asked = record.executions.filter(({ askedAt }) => askedAt <= createdAt).length;
		const most = asked * (1 + record.run.options.retries);
		return before < most ? [] : [`job ${jobId} is number ${before + 1}, asked for ${most} times`];
	});
}

/** Nobody learns what came of it. */
function lost({ executions }: RunRecord, item: number): string[] {
	const last = executions.at(-1);
	if (!last) return ['n8n never took it on'];
	if (last.endedAt === undefined) return [`execution ${last.id} is '${last.status}' for ever`];
	if (last.lost) return [`execution ${last.id} is '${last.status}', as all before it`];
	if (isStopped(last) || last.claims[item].is !== 'nothing') return [];
	return [`execution ${last.id} is '${last.status}' and says nothing of it`];
}

/**
 * How long after the end of an execution its jobs may go on: a stopped one's are cancelled by its lookout, which may
 * have been killed, so that the watcher's next ring leaves another one.
 */
const GRACE = 200_000;

/** A job of ours goes on although nobody waits for it, and nobody was told. */
function orphaned(record: RunRecord, item: number, mainRestarts: number[]): string[] {
	const last = record.executions.at(-1);
	if (last?.endedAt === undefined) return [];
	if (isUnheard(record, item, mainRestarts)) return [];
	const limit = last.endedAt + GRACE;
	if (isStopped(last) && !record.run.options.cancelOnStop) return [];
	const named = record.executions.flatMap(({ claims }) => jobsIn(claims[item]));
	return startedByNodes(record, item)
		.filter(({ endedAt, jobId }) => (endedAt ?? Infinity) > limit && !named.includes(jobId))
		.map(({ jobId, status }) => `job ${jobId} is '${status}' after execution ${last.id} ended`);
}

/** How long a node that was told to stop may go on with what it is doing. */
const STOPPING = 60_000;

/**
 * Only the main process that has begun an execution can stop it in its worker. One that was started since then only
 * writes down that it was stopped, so that the node goes on waiting, and looks at its job.
 */
function isUnheard({ executions, jobs }: RunRecord, item: number, mainRestarts: number[]): boolean {
	const last = executions.at(-1);
	if (!last || !isStopped(last) || last.endedAt === undefined || last.parked) return false;
	const { askedAt, endedAt } = last;
	const isNewMain = mainRestarts.some((at) => at > askedAt && at < endedAt);
	return isNewMain && jobs[item].some(({ lookedAt }) => (lookedAt ?? 0) > endedAt + STOPPING);
}

function unheardStops(record: RunRecord, mainRestarts: number[]): Verdict['unheard'] {
	const { run, executions, jobs } = record;
	return jobs
		.filter((_, item) => isUnheard(record, item, mainRestarts))
		.map(() => ({ run: run.name, way: run.way, execution: executions[executions.length - 1].id }));
}

function jobsIn(claim: Claim): number[] {
	if (claim.is === 'gave up') return claim.jobIds;
	return 'jobId' in claim ? [claim.jobId] : [];
}

function wronglyReported(record: RunRecord, item: number): string[] {
	const others = record.jobs[item].filter(({ origin, cancelled }) => origin !== 'api' && cancelled);
	return [
		...others.map(({ jobId }) => `job ${jobId} of somebody else was cancelled`),
		...record.executions
			.filter((execution) => execution.endedAt !== undefined && !execution.lost)
			.filter((execution) => !isStopped(execution))
			.flatMap((execution) => {
				const truth = contradiction(record, item, execution);
				return truth
					? [`execution ${execution.id} says ${inWords(execution.claims[item])}, but ${truth}`]
					: [];
			}),
	];
}

/** What contradicts an execution's claim. */
function contradiction(
	record: RunRecord,
	item: number,
	execution: ExecutionRecord,
): string | undefined {
	const claim = execution.claims[item];
	if (execution.status === 'canceled') return 'nobody stopped it';
	if (claim.is === 'nothing') return undefined;
	if (claim.is === 'gave up' || claim.is === 'not started') {
		const named = jobsIn(claim);
		const untold = startedBy(record, item, execution).find(({ jobId }) => !named.includes(jobId));
		return untold && `job ${untold.jobId} was started`;
	}
	const job = record.jobs[item].find(({ jobId }) => jobId === claim.jobId);
	if (!job) return 'that is no job of its connection';
	if (isDead(record, item, job)) return 'nothing ran behind its record';
	return claim.is === 'busy' || claim.is === 'skipped'
		? contradictedBusy(record, execution, job)
		: contradictedEnd(claim, job, record.run);
}

/** The record of a job that somebody's crash has left behind is a connection's oldest. */
const isDead = ({ run, jobs }: RunRecord, item: number, job: JobRecord): boolean =>
	run.syncs[item].hasDeadRecord === true && job === jobs[item][0];

type EndClaim = Exclude<Claim, { is: 'gave up' | 'not started' | 'nothing' | 'busy' | 'skipped' }>;

/** Seconds are whole in Airbyte's answers. */
const ROUNDING = 1_000;

function contradictedEnd(claim: EndClaim, job: JobRecord, run: PlannedRun): string | undefined {
	if (claim.is === 'named') return undefined;
	if (isInstead(run, job)) return 'it is a reset';
	if (claim.is === 'timed out') {
		const lasted = (job.endedAt ?? Infinity) - job.createdAt;
		if (lasted < run.timeout * 1_000 - ROUNDING) return `it ended after ${lasted / 1_000} s`;
		return claim.cancelled && !endedByCancel(job) ? `it is '${job.status}'` : undefined;
	}
	if (claim.is !== job.status) return `it is '${job.status}'`;
	if (claim.is === 'succeeded' && claim.rows !== undefined && claim.rows !== (job.rows ?? null)) {
		return `it moved ${job.rows} rows`;
	}
	return undefined;
}

/** Airbyte ends a job as failed that is cancelled around the end of an attempt. */
const endedByCancel = ({ status, cancelled }: JobRecord): boolean =>
	status === 'cancelled' || (status === 'failed' && cancelled);

/** A job is in the way only if it is not the very one that this execution has started. */
function contradictedBusy(
	record: RunRecord,
	execution: ExecutionRecord,
	job: JobRecord,
): string | undefined {
	if ((job.endedAt ?? Infinity) < execution.askedAt) return 'it had ended before';
	const isFirst = record.executions[0] === execution;
	return isFirst && job.origin === 'api' ? 'that is its own' : undefined;
}

/** The jobs that were started after this execution was asked for, and before the next one was. */
function startedBy(record: RunRecord, item: number, { askedAt }: ExecutionRecord): JobRecord[] {
	const later = record.executions.map((other) => other.askedAt).filter((at) => at > askedAt);
	const end = Math.min(Infinity, ...later);
	return startedByNodes(record, item).filter(
		({ createdAt }) => createdAt >= askedAt && createdAt < end,
	);
}

function inWords(claim: Claim): string {
	const { is, ...rest } = claim;
	return `'${is}' ${JSON.stringify(rest)}`;
}
