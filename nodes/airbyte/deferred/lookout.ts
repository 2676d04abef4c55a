/**
 * Looks at the jobs of a waiting execution from the memory of a process: a look is one request there, where waking an
 * execution costs n8n some twenty of them.
 *
 * Nothing depends on it. It is gone with its process, and ends by itself when its lease has: the watcher's next ring, in
 * whatever process that is, leaves another one. What it finds is told to the resume webhook, which looks for itself
 * unless all jobs have succeeded and no item is left to begin.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { openClient } from '../api/client';
import { clock } from '../api/clock';
import type { Call, Outcome } from '../run/action';
import { carryOut } from '../run/carryOut';
import { goOn } from '../run/drive';
import { canPark, hasMovedOn, isQuietLookOver, isSuccess, lookNow } from '../run/parking';
import type { SyncRun } from '../run/run';
import { hasFailed, isUnderWay } from '../run/run';
import { nextLookAt } from '../run/schedule';
import { nextEnd } from '../run/time';
import { Agenda } from './agenda';
import type { AwaitedJob, Listener } from './changes';
import { changesIn, unlisten } from './changes';
import type { ChildState } from './childWorkflow';
import { isStop, observe } from './observe';
import { callInTurn, isFromN8n } from './resumeUrl';
import { LOOK_SPACING } from './rhythm';
import { cancelWhatRuns } from './stopped';
import { isDue, mayBeginMore } from './wait';

/** Milliseconds that one stays on for a watcher that is late. */
const GRACE = 15_000;

/** Milliseconds between two looks of a lookout for the sake of the others in its process, at most. */
const MOST_SPACING = 18_000;

/** Milliseconds between two looks at a job whose changes are told by Airbyte's list. */
const UNPROMPTED = 60_000;

/** Those of this process, by the ids of their waits. */
export const lookouts = new Map<string, Lookout>();

/** Leaves one until the watcher's next ring, or lets the one that is there stay on. */
export async function leaveLookout(
	context: IExecuteFunctions,
	state: ChildState,
	due: number,
): Promise<void> {
	const { id, apiVersion, address } = state.wait;
	// Once an execution has parked, n8n works out no expressions for it any more, those of a credential neither.
	const opened = await openClient(context, apiVersion).catch(() => undefined);
	const client = opened?.publicApi === address ? opened.withOwnSignIn(context) : undefined;
	const known = lookouts.get(id);
	if (known) return known.stay(due + GRACE, opened ? client : known.client);
	const lookout = new Lookout(context, { ...state }, due + GRACE, client);
	lookouts.set(id, lookout);
	void lookout.live().then(() => {
		lookouts.delete(id);
		unlisten(lookout);
	});
}

class Lookout implements Listener {
	private runs: SyncRun[];
	readonly agenda: Agenda;
	/** Ends the present sleep. */
	private waking = new AbortController();
	/** The last time that the machine's clock has shown. */
	private latest = clock.now();
	/** Whether the execution waited when its record was read last, and has not been told of news since. */
	sawWaiting = false;
	/** Whether something else than n8n may have answered the last call of the resume URL. */
	private mayBeFromElsewhere = false;

	/** @param client undefined where the credential cannot be had, or leads to another Airbyte */
	constructor(
		private readonly context: IExecuteFunctions,
		private readonly state: ChildState,
		private until: number,
		public client: AirbyteClient | undefined,
	) {
		this.runs = state.wait.runs;
		const now = clock.now();
		this.agenda = new Agenda(now, now + this.spacing(), state.wasWaiting);
		this.listen();
	}

	get jobs(): number {
		return this.runs.filter(isUnderWay).length;
	}

	/**
	 * All runs, if all jobs were seen to succeed and no item is left to begin. What failed is looked at again: this may have
	 * an older credential, and reads no log. To begin more, the execution needs its credential, which the resume webhook tries.
	 */
	get successes(): SyncRun[] | undefined {
		const { wait } = this.state;
		const isOver = (run: SyncRun, item: number) => !isUnderWay(wait.runs[item]) || isSuccess(run);
		const isAll = this.runs.every(isOver) && !mayBeginMore(wait, this.runs);
		return isAll ? this.runs : undefined;
	}

	stay(until: number, client: AirbyteClient | undefined): void {
		this.until = until;
		if (client?.identity !== this.client?.identity) unlisten(this);
		this.client = client;
		this.listen();
	}

	awaitedIn(workspaceId: string): AwaitedJob[] {
		return this.runs.flatMap((run) => {
			if (!this.client || !run.job || this.listedWorkspace(run) !== workspaceId) return [];
			const { jobId, status } = run.job;
			return [{ jobId, status, pause: pauseOf(run) }];
		});
	}

	lookAt(jobIds: number[], at: number): void {
		const isAsked = ({ job }: SyncRun) => job !== undefined && jobIds.includes(job.jobId);
		this.runs = this.runs.map((run) => (isAsked(run) ? lookNow(run, at) : run));
		this.agenda.lookBy(at);
		this.waking.abort();
	}

	/** Looks until the wait is over or the lease has ended; never rejects. */
	async live(): Promise<void> {
		for (;;) {
			const wakeAt = Math.min(this.agenda.next, this.until);
			this.waking = new AbortController();
			await clock.sleep(Math.max(0, wakeAt - clock.now()), this.waking.signal);
			this.catchUpIfSetBack();
			if (clock.now() >= this.until) return;
			const isOver = await this.act().catch((fault: unknown) => this.goOnAfter(fault));
			if (isOver) return;
			this.catchUpIfSetBack();
		}
	}

	/** Where the machine's clock was set back, nothing is put off until it shows the same time again. */
	private catchUpIfSetBack(): void {
		const now = clock.now();
		if (now < this.latest) {
			this.runs = this.runs.map((run) => lookNow(run, now));
			this.agenda.catchUp(now);
		}
		this.latest = now;
	}

	/** @returns whether the wait is over */
	private async act(): Promise<boolean> {
		if (this.agenda.isObservationDue(clock.now()) && (await this.observe())) return true;
		if (this.agenda.isLookDue(clock.now())) await this.look();
		return false;
	}

	private goOnAfter(fault: unknown): false {
		this.context.logger.warn('A wait for Airbyte goes on after a fault', { reason: String(fault) });
		this.agenda.failed(clock.now());
		return false;
	}

	/** @returns whether the wait is over */
	private async observe(): Promise<boolean> {
		const askedAt = clock.now();
		const sight = await observe(this.context, this.state);
		this.sawWaiting = sight === 'waiting';
		const now = clock.now();
		if (sight === 'waiting' && this.mayBeFromElsewhere) {
			this.mayBeFromElsewhere = false;
			this.context.logger.warn(
				'n8n could not reach its own resume URL to end a wait for Airbyte; it is tried again. Check WEBHOOK_URL.',
			);
		}
		if (!isStop(sight)) {
			const all = [...lookouts.values()].map(({ agenda }) => agenda);
			return this.agenda.observed(sight, askedAt, now, all);
		}
		this.state.stoppedAt ??= now;
		this.agenda.stopped(now, this.client !== undefined);
		// Without a client it is for the watcher, which has what it takes to find out about the credential.
		return !!this.client && (await cancelWhatRuns(this.context, this.client, this.state, sight));
	}

	private async look(): Promise<void> {
		const { client } = this;
		if (!client) return await this.tell();
		const before = this.runs;
		const looks = await Promise.all(
			before.map(async (run) =>
				isUnderWay(run) ? await lookQuietly(client, run) : { run, isSleeping: false },
			),
		);
		this.runs = looks.map(({ run }) => run);
		const isNews =
			looks.some(({ isSleeping, run }) => isUnderWay(run) && !isSleeping) ||
			isDue(this.state.wait, this.runs, clock.now());
		if (isNews) await this.tell();
		else this.lookLater(before);
	}

	/** There was no news. */
	private lookLater(before: SyncRun[]): void {
		const [now, spacing] = [clock.now(), this.spacing()];
		this.listen();
		this.runs = this.runs.map((run, item) => {
			const wasLookedAt = run.nextAt !== before[item].nextAt;
			const isPutOff = wasLookedAt && this.isOnList(run, spacing);
			return isPutOff ? { ...run, nextAt: Math.max(run.nextAt, now + UNPROMPTED) } : run;
		});
		const waiting = this.runs.filter(isUnderWay);
		const nextAt = Math.min(...waiting.map((run) => run.nextAt));
		this.agenda.looked(Math.min(Math.max(now + spacing, nextAt), nextEnd(waiting, now)));
	}

	private listen(): void {
		for (const run of this.runs) this.changesFor(run)?.add(this);
	}

	/** Whether Airbyte's list tells of a change of the run's job as soon as a look at it would. */
	private isOnList(run: SyncRun, spacing: number): boolean {
		const { presentPause = Infinity } = this.changesFor(run) ?? {};
		return presentPause <= Math.max(pauseOf(run), spacing);
	}

	private changesFor(run: SyncRun) {
		const workspaceId = this.listedWorkspace(run);
		return this.client && workspaceId ? changesIn(this.client, workspaceId) : undefined;
	}

	/**
	 * The workspace whose list tells of a run's job; undefined while the run does not just wait for a sync, or somebody
	 * watches it in the editor, who is shown more than changes.
	 */
	private listedWorkspace({ stage, faults, job, connection }: SyncRun): string | undefined {
		const isSync = stage === 'watching' && job?.jobType === 'sync' && faults === 0;
		return isSync && !this.state.wait.isWatched ? connection?.workspaceId : undefined;
	}

	/** Lets the execution's resume webhook deal with news. */
	private async tell(): Promise<void> {
		this.sawWaiting = false;
		const what = this.successes ? 'ends' : 'looks';
		const answer = await callInTurn(this.context, this.state, what);
		this.mayBeFromElsewhere = !isFromN8n(answer);
		this.agenda.told(clock.now());
		// What has not ended for good is looked at again: the resume webhook may have seen it otherwise.
		const { runs } = this.state.wait;
		const mustForget = (run: SyncRun, item: number) =>
			hasFailed(run) ? hasMovedOn(runs[item], run) : isUnderWay(run) && !canPark(run);
		this.runs = this.runs.map((run, item) => (mustForget(run, item) ? runs[item] : run));
	}

	private spacing(): number {
		const jobs = [...lookouts.values()].reduce((sum, lookout) => sum + lookout.jobs, 0);
		return Math.min(jobs * LOOK_SPACING, MOST_SPACING);
	}
}

/** Milliseconds between two looks at a job that is looked at by itself. */
function pauseOf({ order, watchedSince }: SyncRun): number {
	const now = clock.now();
	return nextLookAt(order, watchedSince ?? now, now) - now;
}

/**
 * One look at a job if one is due, and nothing done about what it finds. A log, which can be large, is left to the resume
 * webhook.
 */
async function lookQuietly(
	client: AirbyteClient,
	before: SyncRun,
): Promise<{ run: SyncRun; isSleeping: boolean }> {
	const carry = async (call: Call) =>
		call.do === 'readLog' ? NO_LOG : await carryOut(client, call);
	const { run, action } = await goOn(before, carry, isQuietLookOver);
	return { run, isSleeping: action.do === 'sleep' && canPark(run) };
}

const NO_LOG: Outcome = { is: 'log', log: '' };
