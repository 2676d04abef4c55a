/**
 * Airbyte's list of the syncs of a workspace that changed a moment ago. Where this process waits for many jobs there, one
 * request for it tells which of them to look at, where a look at each would be a request each.
 *
 * It is a hint only, and what it does not tell is seen all the same, later: a list may be cut short, be refused, or go by
 * a clock of Airbyte's that is wrong.
 */
import { PAGE_SIZE } from '../api/client';
import type { AirbyteClient } from '../api/client';
import { clock } from '../api/clock';

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
	lookAt(at: number): void;
}

/** With fewer jobs, looks at each cost Airbyte little; once it is read, it is to the last. */
const FEWEST = 10;

/** Milliseconds between two readings: at least, as a share of what one takes Airbyte, and after one that failed. */
const LEAST_PAUSE = 2_000;
const SHARE_OF_READING = 0.05;
const AFTER_FAILURE = 60_000;

/** Milliseconds by which a reading goes back before the last one, for clocks that differ. */
const OVERLAP = 60_000;

/** Milliseconds between two looks that a reading leads to, as many jobs may have ended at once. */
const SPACING = 60;

/** Those of this process, by who sees what. Exported so that tests can let a process end. */
export const changeLists = new Map<string, ChangeList>();

/**
 * Tells a listener from now on which of its jobs on a workspace to look at.
 *
 * @returns whether what changes there is known for the time being
 */
export function listen(listener: Listener, client: AirbyteClient, workspaceId: string): boolean {
	const key = `${client.identity} ${workspaceId}`;
	const list = changeLists.get(key) ?? new ChangeList(workspaceId);
	changeLists.set(key, list);
	list.add(listener);
	return list.isCurrent;
}

export function unlisten(listener: Listener): void {
	for (const [key, list] of changeLists) {
		list.remove(listener);
		if (list.isUnheard) changeLists.delete(key);
	}
}

class ChangeList {
	private readonly listeners = new Set<Listener>();
	private isKept = false;
	private readAt?: number;
	private currentUntil = -Infinity;

	constructor(private readonly workspaceId: string) {}

	get isCurrent(): boolean {
		return clock.now() < this.currentUntil;
	}

	get isUnheard(): boolean {
		return this.listeners.size === 0;
	}

	add(listener: Listener): void {
		this.listeners.add(listener);
		if (!this.isKept && this.awaited().length >= FEWEST) void this.keep();
	}

	remove(listener: Listener): void {
		this.listeners.delete(listener);
	}

	/** Reads the list for as long as there are jobs to wait for. */
	private async keep(): Promise<void> {
		this.isKept = true;
		for (;;) {
			const jobs = this.awaited();
			const client = [...this.listeners].find((listener) => listener.client)?.client;
			if (!client || jobs.length === 0) break;
			const shortest = Math.min(...jobs.map(({ pause }) => pause));
			const pause = await this.read(client, shortest).catch(() => this.failed());
			await clock.sleep(pause);
		}
		this.isKept = false;
	}

	/** @returns milliseconds until the next reading */
	private async read(client: AirbyteClient, shortest: number): Promise<number> {
		const askedAt = clock.now();
		const { jobs } = await client.listJobs({
			workspaceId: this.workspaceId,
			jobType: 'sync',
			since: (this.readAt ?? askedAt) - OVERLAP,
			order: 'newestChangeFirst',
			offset: 0,
			limit: PAGE_SIZE,
		});
		const now = clock.now();
		const pause = Math.max(LEAST_PAUSE, shortest, (now - askedAt) / SHARE_OF_READING);
		this.readAt = askedAt;
		this.currentUntil = now + 2 * pause;
		this.pass(new Map(jobs.map(({ jobId, status }) => [jobId, status])), now);
		return pause;
	}

	private failed(): number {
		this.currentUntil = -Infinity;
		return AFTER_FAILURE;
	}

	private pass(statuses: Map<number, string>, now: number): void {
		const isNews = ({ jobId, status }: AwaitedJob) => (statuses.get(jobId) ?? status) !== status;
		[...this.listeners]
			.filter((listener) => listener.awaitedIn(this.workspaceId).some(isNews))
			.forEach((listener, index) => listener.lookAt(now + index * SPACING));
	}

	private awaited(): AwaitedJob[] {
		return [...this.listeners].flatMap((listener) => listener.awaitedIn(this.workspaceId));
	}
}
