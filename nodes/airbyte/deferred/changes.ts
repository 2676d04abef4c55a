/**
 * Airbyte's list of the syncs of a workspace that changed a moment ago. Where this process waits for many jobs there, one
 * request for it tells which of them to look at, where a look at each would be a request each.
 *
 * It is a hint only, and what it does not tell is seen all the same, later: a list may be cut short, be refused, or go by
 * a clock of Airbyte's that is wrong.
 */
import type { AirbyteClient } from '../api/client';
import { clock } from '../api/clock';
import { PAGE_SIZE } from '../api/pages';
import { LOOK_SPACING } from './rhythm';

/** A job that is waited for, as it was seen last. */
export interface AwaitedJob {
	jobId: number;
	status: string;
	/** Milliseconds between two looks at it, if it was looked at by itself. */
	pause: number;
}

/** Who waits for jobs, and looks at them when told to. */
export interface Listener {
	/** undefined: it asks for nothing at present. */
	readonly client: AirbyteClient | undefined;
	awaitedIn(workspaceId: string): AwaitedJob[];
	/** @param at milliseconds since the epoch */
	lookAt(jobIds: number[], at: number): void;
}

/** The list is read from so many jobs on, as looks at fewer cost Airbyte little, and then until none is left. */
const FEWEST = 10;

/** Milliseconds between two readings: at least, as a share of what one takes Airbyte, and after one that failed. */
const LEAST_PAUSE = 2_000;
const SHARE_OF_READING = 0.1;
const AFTER_FAILURE = 60_000;

/** Milliseconds by which a reading goes back before the last one, for clocks that differ. */
const OVERLAP = 60_000;

/** The lists that this process reads, by the client's identity and workspace. Exported so that tests can let a process end. */
export const changeLists = new Map<string, ChangeList>();

/** The list of a workspace, for all who see the same in Airbyte. */
export function changesIn(client: AirbyteClient, workspaceId: string): ChangeList {
	const key = `${client.identity} ${workspaceId}`;
	const list = changeLists.get(key) ?? new ChangeList(workspaceId);
	changeLists.set(key, list);
	return list;
}

/** Leaves all lists. */
export function unlisten(listener: Listener): void {
	for (const [key, list] of changeLists) {
		list.remove(listener);
		if (list.isForNobody) changeLists.delete(key);
	}
}

class ChangeList {
	private readonly listeners = new Set<Listener>();
	private isRead = false;
	/** When the last reading that succeeded was asked for. */
	private since?: number;
	/** When the last one ended, and the milliseconds from then on to the next one. */
	private readAt = -Infinity;
	private pause = 0;
	/** Milliseconds to leave Airbyte alone after the last reading; undefined if that failed. */
	private rest?: number;
	/** Ends the present sleep. */
	private waking = new AbortController();

	constructor(private readonly workspaceId: string) {}

	get isForNobody(): boolean {
		return this.listeners.size === 0;
	}

	/** Milliseconds between two readings; Infinity while it is not read. */
	get presentPause(): number {
		const age = clock.now() - this.readAt;
		const isPresent = this.rest !== undefined && age >= 0 && age < 2 * this.pause;
		return this.isRead && isPresent ? this.pause : Infinity;
	}

	/** From now on the listener is told which of its jobs to look at. */
	add(listener: Listener): void {
		// A new one may want to look sooner than all others.
		if (!this.listeners.has(listener)) this.waking.abort();
		this.listeners.add(listener);
		if (!this.isRead && this.awaited().length >= FEWEST) void this.readOn();
	}

	remove(listener: Listener): void {
		this.listeners.delete(listener);
	}

	/** Reads the list for as long as there are jobs to wait for; never rejects. */
	private async readOn(): Promise<void> {
		this.isRead = true;
		for (let client = this.client(); client; client = this.client()) {
			this.pause = this.presentlyToPause();
			const left = Math.min(this.readAt + this.pause - clock.now(), this.pause);
			this.waking = new AbortController();
			if (left > 0) await clock.sleep(left, this.waking.signal);
			else await this.read(client).catch(() => this.noteFailure());
		}
		this.isRead = false;
	}

	private async read(client: AirbyteClient): Promise<void> {
		const askedAt = clock.now();
		const { jobs } = await client.jobs.list({
			workspaceId: this.workspaceId,
			jobType: 'sync',
			since: (this.since ?? askedAt) - OVERLAP,
			order: 'newestChangeFirst',
			offset: 0,
			limit: PAGE_SIZE,
		});
		this.since = askedAt;
		this.readAt = clock.now();
		this.rest = Math.min((this.readAt - askedAt) / SHARE_OF_READING, AFTER_FAILURE);
		this.tellListeners(new Map(jobs.map(({ jobId, status }) => [jobId, status])));
	}

	private noteFailure(): void {
		this.readAt = clock.now();
		this.rest = undefined;
	}

	private tellListeners(statuses: Map<number, string>): void {
		let at = clock.now();
		for (const listener of this.listeners) {
			const jobIds = listener
				.awaitedIn(this.workspaceId)
				.filter(({ jobId, status }) => (statuses.get(jobId) ?? status) !== status)
				.map(({ jobId }) => jobId);
			if (jobIds.length === 0) continue;
			listener.lookAt(jobIds, at);
			at += jobIds.length * LOOK_SPACING;
		}
	}

	/** As long as the shortest pause between two looks at one of the jobs. */
	private presentlyToPause(): number {
		if (this.rest === undefined) return AFTER_FAILURE;
		const pauses = this.awaited().map(({ pause }) => pause);
		return Math.max(LEAST_PAUSE, this.rest, Math.min(...pauses));
	}

	/** That of somebody who waits for a job. */
	private client(): AirbyteClient | undefined {
		const isWaiting = (listener: Listener) => listener.awaitedIn(this.workspaceId).length > 0;
		return [...this.listeners].find(isWaiting)?.client;
	}

	private awaited(): AwaitedJob[] {
		return [...this.listeners].flatMap((listener) => listener.awaitedIn(this.workspaceId));
	}
}
