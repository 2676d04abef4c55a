/**
 * Looks at the jobs of a waiting execution from the memory of a process: a look is one request there, where waking an
 * execution costs n8n some twenty of them.
 *
 * Nothing depends on it. It is gone with its process, and ends by itself when its lease has: the watcher's next ring, in
 * whatever process that is, leaves another one. What it finds is told to the resume webhook, which looks for itself
 * unless all jobs have succeeded.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { openClient } from '../api/client';
import { clock } from '../api/clock';
import { carryOut } from '../run/drive';
import { apply, step } from '../run/machine';
import { canPark } from '../run/parking';
import type { Action, Outcome, SyncRun } from '../run/run';
import { isUnderWay } from '../run/run';
import { Turn } from '../run/turns';
import type { Errand } from './childWorkflow';
import { observe } from './observe';
import { LOOK_TIMEOUT, callResumeUrl } from './resumeUrl';
import { hasCancelled } from './stopped';
import type { Report } from './wait';
import { isDue } from './wait';

/** Milliseconds that one stays on for a watcher that is late. */
const GRACE = 15_000;

/**
 * Milliseconds between two readings of the execution's record: at least, more for each lookout of the process, and at most
 * for their sake.
 */
const OBSERVING = 10_000;
const OBSERVING_EACH = 100;
const OBSERVING_MANY = 60_000;

/** To read a record with much data keeps n8n busy; it may take up so small a share of the time. */
const SHARE_OF_READING = 0.01;

/** Milliseconds within which an execution that has started its watcher has parked. */
const PARKING = 60_000;

/** Milliseconds between two looks for each job of the process, and at most. */
const SPACING = 60;
const MOST_SPACING = 18_000;

/** So many looks in a row may fail before the resume webhook is to see to it. */
const MOST_FAULTS = 4;

/** Milliseconds until the next call after one that had no effect, or the next try after a fault of n8n's. */
const IN_VAIN = 30_000;

/** Milliseconds after which to see what became of an execution that was told to go on; four times as many each time. */
const SOON = 2_000;

/** Those of this process, by the ids of their waits. */
export const lookouts = new Map<string, Lookout>();

/** Whether one of this process has seen the execution wait a short while ago. */
export function hasSeenWaiting(waitId: string): boolean {
	return lookouts.get(waitId)?.hasSeenWaiting ?? false;
}

/**
 * All runs of a wait whose jobs have all succeeded, if one of this process has seen that. What failed is looked at again:
 * a lookout's credential may be an older one, and it reads no log.
 */
export function successesSeen(waitId: string): SyncRun[] | undefined {
	return lookouts.get(waitId)?.successes;
}

/** Leaves one until the watcher's next ring, or lets the one that is there stay on. */
export async function leaveLookout(
	context: IExecuteFunctions,
	errand: Errand,
	due: number,
): Promise<void> {
	const { id, apiVersion, address } = errand.wait;
	// Once an execution has parked, n8n works out no expressions for it any more, those of a credential neither.
	const opened = await openClient(context, apiVersion).catch(() => undefined);
	const client = opened?.publicApi === address ? opened.unaided(context) : undefined;
	const known = lookouts.get(id);
	if (known) return known.stay(due + GRACE, client);
	const lookout = new Lookout(context, { ...errand }, due + GRACE, client);
	lookouts.set(id, lookout);
	void lookout.live().then(() => lookouts.delete(id));
}

class Lookout {
	private readonly began = clock.now();
	private runs: SyncRun[];
	private lookAt: number;
	private observeAt: number;
	private seenAt = -Infinity;
	private hasParked: boolean;
	/** Milliseconds between two readings of the waiting execution's record. */
	private pause = OBSERVING;
	/** Milliseconds that the fastest of them took: what is slower has waited for other work of n8n's. */
	private fastestReading = Infinity;
	/** How many times in a row the execution was told to go on. */
	private endings = 0;

	/** @param client undefined where the credential cannot be had, or leads to another Airbyte */
	constructor(
		private readonly context: IExecuteFunctions,
		private readonly errand: Errand,
		private until: number,
		private client: AirbyteClient | undefined,
	) {
		this.runs = errand.wait.runs;
		this.hasParked = errand.wasWaiting;
		this.lookAt = this.began + this.spacing();
		this.observeAt = this.began + SOON;
	}

	get jobs(): number {
		return this.runs.filter(isUnderWay).length;
	}

	get successes(): SyncRun[] | undefined {
		const isSuccess = (run: SyncRun, item: number) =>
			!isUnderWay(this.errand.wait.runs[item]) ||
			(run.result?.is === 'done' && !run.untold?.length);
		return this.runs.every(isSuccess) ? this.runs : undefined;
	}

	get hasSeenWaiting(): boolean {
		return clock.now() - this.seenAt < 3 * this.pause;
	}

	stay(until: number, client: AirbyteClient | undefined): void {
		this.until = until;
		this.client = client;
	}

	/** Looks until the wait is over or the lease has ended; never rejects. */
	async live(): Promise<void> {
		for (;;) {
			const wakeAt = Math.min(this.lookAt, this.observeAt, this.until);
			await clock.sleep(Math.max(0, wakeAt - clock.now()));
			if (clock.now() >= this.until) return;
			const isOver = await this.turn().catch((fault: unknown) => this.goOnAfter(fault));
			if (isOver) return;
		}
	}

	/** @returns whether the wait is over */
	private async turn(): Promise<boolean> {
		if (clock.now() >= this.observeAt && (await this.isOver())) return true;
		if (clock.now() >= this.lookAt) await this.look();
		return false;
	}

	/** n8n's database may be locked, or starting again. */
	private goOnAfter(fault: unknown): false {
		this.context.logger.warn('A wait for Airbyte goes on after a fault', { reason: String(fault) });
		this.observeAt = Math.max(this.observeAt, clock.now() + SOON);
		this.lookAt = Math.max(this.lookAt, clock.now() + SOON);
		return false;
	}

	private async isOver(): Promise<boolean> {
		const askedAt = clock.now();
		const sight = await observe(this.context, this.errand);
		const now = clock.now();
		switch (sight) {
			case 'waiting':
				this.hasParked = true;
				this.seenAt = now;
				this.pause = this.pauseAfter(now - askedAt);
				this.observeAt = now + this.pause;
				// It was told to go on, and n8n has not let it, or was too busy to hear it.
				if (this.lookAt === Infinity) this.lookAt = now;
				return false;
			case 'over':
				// Until it was seen to wait, its deletion could not be told from a crash.
				this.observeAt = now + SOON;
				return this.hasParked || now > this.began + PARKING;
			case 'goingOn':
				this.hasParked = true;
				this.seeSoon();
				return false;
			case 'stopped':
				this.lookAt = Infinity;
				this.seenAt = -Infinity;
				this.observeAt = this.client ? now + IN_VAIN : this.until;
				// The watcher has what it takes to find out about the credential.
				return !!this.client && (await hasCancelled(this.context, this.client, this.errand));
		}
	}

	private async look(): Promise<void> {
		const { client } = this;
		if (!client) return await this.tell();
		const glances = await Promise.all(
			this.runs.map(async (run) => (isUnderWay(run) ? await glance(client, run) : { run })),
		);
		this.runs = glances.map(({ run }) => run);
		this.lookAt = Math.max(
			clock.now() + this.spacing(),
			Math.min(...glances.map(({ until = Infinity }) => until)),
		);
		const isNews =
			glances.some(({ until, run }) => isUnderWay(run) && until === undefined) ||
			this.runs.some(({ faults }) => faults >= MOST_FAULTS) ||
			isDue(this.errand.wait, this.runs, clock.now());
		if (isNews) await this.tell();
	}

	/** Lets the execution's resume webhook deal with news. */
	private async tell(): Promise<void> {
		const { url } = this.errand;
		const answer = await inTurn(async () => await callResumeUrl(this.context, url, LOOK_TIMEOUT));
		const isResumed = answer?.statusCode === 200 && (answer.body as Partial<Report>)?.resumed;
		if (isResumed) this.hasParked = true;
		// 409: somebody else has let it go on, or stopped it. 404: it is gone, or n8n is starting. 503: n8n is busy.
		if (isResumed || (answer && answer.statusCode !== 200)) {
			this.lookAt = Infinity;
			return this.seeSoon();
		}
		this.lookAt = clock.now() + IN_VAIN;
		if (answer) return;
		this.context.logger.warn(
			'n8n could not reach its own resume URL to end a wait for Airbyte; it is tried again. Check WEBHOOK_URL.',
		);
	}

	private seeSoon(): void {
		this.observeAt = clock.now() + Math.min(SOON * 4 ** this.endings, IN_VAIN);
		this.endings += 1;
	}

	/** It grows slowly, as n8n may just be busy. */
	private pauseAfter(readingTime: number): number {
		const least = Math.min(OBSERVING + lookouts.size * OBSERVING_EACH, OBSERVING_MANY);
		this.fastestReading = Math.min(this.fastestReading, readingTime);
		return Math.max(least, Math.min(this.fastestReading / SHARE_OF_READING, 2 * this.pause));
	}

	private spacing(): number {
		const jobs = [...lookouts.values()].reduce((sum, lookout) => sum + lookout.jobs, 0);
		return Math.min(jobs * SPACING, MOST_SPACING);
	}
}

/**
 * One look at a job if one is due, and nothing done about what it finds.
 *
 * @returns until when there is nothing to do, if that is so
 */
async function glance(
	client: AirbyteClient,
	before: SyncRun,
): Promise<{ run: SyncRun; until?: number }> {
	let { run, action } = step(before, clock.now());
	while (action.do === 'explain' || action.do === 'readLog' || (isLook(action) && canPark(run))) {
		const outcome = action.do === 'readLog' ? NO_LOG : await carryOut(client, action);
		({ run, action } = step(apply(run, outcome, clock.now()), clock.now()));
	}
	return action.do === 'sleep' && canPark(run) ? { run, until: action.until } : { run };
}

function isLook(action: Action): action is Action & { do: 'look' | 'find' | 'count' } {
	return action.do === 'look' || action.do === 'find' || action.do === 'count';
}

/** A log can be large: it is left to the resume webhook. */
const NO_LOG: Outcome = { is: 'log', log: '' };

/** So many executions of this process are told to go on at the same time. */
const MOST_TOLD = 2;

/**
 * n8n resumes an execution for each, and many jobs may end at once: a few at a time, and after each a rest as long as it
 * took, which is longer the busier n8n is.
 */
async function inTurn<T>(action: () => Promise<T>): Promise<T> {
	const turn = new Turn('resume URLs', MOST_TOLD);
	await turn.take();
	const began = clock.now();
	try {
		return await action();
	} finally {
		void clock.sleep(clock.now() - began).then(() => turn.pass());
	}
}
