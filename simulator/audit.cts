import type { CancelOutcome } from './connection.cts';
import type { Job, JobOrigin, JobType } from './job.cts';

interface StartedJob {
	jobId: number;
	connectionId: string;
	jobType: JobType;
	at: number;
	origin: JobOrigin;
}

interface Cancel {
	/** The job that DELETE named; Airbyte cancels what runs on its connection instead. */
	jobId: number;
	cancelledJobId: number;
	connectionId: string;
	at: number;
	/** What the DELETE did; only `works` stops the job for good. */
	outcome: CancelOutcome;
}

export interface AuditedCall {
	method: string;
	/** Without base path and ids, e.g. `GET /jobs/{jobId}`; `other` when Airbyte has no such route. */
	route: string;
	path: string;
	query: Record<string, unknown>;
	/** Arrival, by Airbyte's clock. */
	at: number;
	authorization: 'none' | 'bearer' | 'basic';
	userAgent?: string;
	/** `open` while being served; `reset`, `cut` and `hang` are calls that got no (whole) answer. */
	status: number | 'open' | 'reset' | 'cut' | 'hang';
	/** The kind of the fault that was played, if any. */
	fault?: string;
}

/** What was asked of Airbyte and what came of it: what tests judge by. */
export class Audit {
	calls: AuditedCall[] = [];
	cancels: Cancel[] = [];
	private started: StartedJob[] = [];
	private arrivalListeners: Array<(call: AuditedCall) => void> = [];
	private listeners: Array<(call: AuditedCall) => void> = [];

	startedJobs(connectionId?: string): StartedJob[] {
		return this.started.filter((job) => !connectionId || job.connectionId === connectionId);
	}

	count(route: string): number {
		return this.calls.filter((call) => call.route === route).length;
	}

	/** Forgets what happened so far. */
	reset(): void {
		this.calls = [];
		this.cancels = [];
		this.started = [];
	}

	/** Hears of each call when it arrives, before it takes effect. */
	onArrival(listener: (call: AuditedCall) => void): void {
		this.arrivalListeners.push(listener);
	}

	/** Hears of each call once it has been served. */
	onCall(listener: (call: AuditedCall) => void): void {
		this.listeners.push(listener);
	}

	callArrived(call: AuditedCall): void {
		this.calls.push(call);
		for (const listener of this.arrivalListeners) listener(call);
	}

	callServed(call: AuditedCall): void {
		for (const listener of this.listeners) listener(call);
	}

	jobStarted({ jobId, connectionId, jobType, createdAt, origin }: Job): void {
		this.started.push({ jobId, connectionId, jobType, at: createdAt, origin });
	}

	jobCancelled(cancel: Cancel): void {
		this.cancels.push(cancel);
	}
}
