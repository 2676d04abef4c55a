/** What exists in an Airbyte besides jobs. */
import type { Timeline } from './timelines.cts';

export interface Workspace {
	workspaceId: string;
	name: string;
}

/** A source or a destination. */
export interface Actor {
	actorId: string;
	kind: 'source' | 'destination';
	name: string;
	workspaceId: string;
	createdAt: number;
}

export interface Tag {
	tagId: string;
	workspaceId: string;
	name: string;
	color: string;
}

export interface Stream {
	name: string;
	namespace?: string;
}

type ConnectionStatus = 'active' | 'inactive' | 'deprecated' | 'locked';

type Schedule = { scheduleType: 'manual' } | { scheduleType: 'cron'; cronExpression: string };

/**
 * What a POST /jobs comes to, instead of a job at once. Seen: a 409 state-conflict after 60 s while
 * Airbyte's scheduler is overloaded, after 97 to 112 s while its workers are away; the job came
 * minutes later by itself.
 */
export interface SlowStart {
	/** Seconds until the answer. */
	takes: number;
	/** `job`: 200; it was there from the start. `conflict`: 409 state-conflict. */
	answer: 'job' | 'conflict';
	/** With `conflict`: seconds from the call until the job comes by itself; left out: never. */
	jobAfter?: number;
}

/**
 * What a DELETE /jobs/{jobId} does.
 * - `works`: the job is cancelled when its timeline's `cancelTakes` is over.
 * - `lost`: 200 with the status `incomplete`; the job goes on. Seen within 0.1 s after an attempt failed.
 * - `fails`: answered after 31 s; the job ends `failed` a second later. Seen there too.
 * - `notRunning`: 409 "Job is not currently running"; the job goes on. Seen with the workers away.
 * - `ignored`: 200 with the job as it is; the job goes on. Reference: pending jobs.
 */
export type CancelOutcome = 'works' | 'lost' | 'fails' | 'notRunning' | 'ignored';

/** Why a connection is inactive, as its timeline of events tells. */
export interface ConnectionEvent {
	eventType: string;
	at: number;
	summary: Record<string, unknown>;
}

export interface Connection {
	connectionId: string;
	name: string;
	workspaceId: string;
	status: ConnectionStatus;
	source: Actor;
	destination: Actor;
	createdAt: number;
	schedule: Schedule;
	streams: Stream[];
	tags: Tag[];
	events: ConnectionEvent[];
	/** Whether its destination can refresh. Reference: if not, a refresh is 200 without a job. */
	refreshable: boolean;
	/** What the next POSTs come to, one after the other; those after them start a job at once. */
	starts: SlowStart[];
	/** What the next DELETEs do, one after the other; those after them do what Airbyte usually does. */
	cancels: CancelOutcome[];
	/** Seconds for which a POST is refused though the last job's record has ended. */
	lingersSeconds: number;
}

export interface NewConnection {
	connectionId?: string;
	name?: string;
	sourceName?: string;
	destinationName?: string;
	workspaceId?: string;
	status?: ConnectionStatus;
	schedule?: Schedule;
	/** Names of streams; `namespace.name` where they have a namespace. */
	streams?: string[];
	/** Names of tags; made in the connection's workspace where it has none of the name. */
	tags?: string[];
	refreshable?: boolean;
	/** One for every job, or one after the other, of which the last repeats. */
	jobs?: Timeline | Timeline[];
	starts?: SlowStart[];
	cancels?: CancelOutcome[];
	/** Seen: 0.6 s, or as long as the receiver of Airbyte's webhook takes (15 s). */
	lingersSeconds?: number;
}

export type ConnectionChanges = Pick<
	NewConnection,
	'name' | 'status' | 'schedule' | 'jobs' | 'starts' | 'cancels' | 'lingersSeconds'
>;
