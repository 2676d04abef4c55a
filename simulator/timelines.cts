import type { Stream } from './connection.cts';

/** Airbyte's words at HEAD, and any other: a client must live with words not invented yet. */
export type JobStatusWord =
	| 'pending'
	| 'queued'
	| 'running'
	| 'incomplete'
	| 'failed'
	| 'succeeded'
	| 'cancelled'
	| (string & {});

/** Why an attempt failed, in the words of Airbyte's failureSummary. */
export interface Failure {
	origin: string;
	type: string;
	message: string;
	retryable: boolean;
	internalMessage?: string;
}

export interface Log {
	/** How many lines say nothing of interest; each has some 60 characters. */
	routineLines: number;
	/** Those after them. */
	lines: string[];
}

/** What happens to a job, decided when it is created: nothing but the clock moves it on. */
export interface Timeline {
	/** `after`: seconds since the job was created. Before the first step a job is pending. */
	steps: Array<{ after: number; status: JobStatusWord }>;
	/** What the whole job commits. Left out: nothing. */
	rows?: number;
	bytes?: number;
	/** Rows that the destination refused; 0 unless said otherwise. */
	rejected?: number;
	/** What it commits in each stream; left out: `rows` and `bytes`, spread over the connection's streams. */
	moved?: Array<Stream & { rows: number; bytes: number; rejected?: number }>;
	/** What the logs of its attempts say before the failure. */
	log?: Partial<Log>;
	/** Nothing runs behind it: the record stays as it is until the connection's next job is made. */
	dead?: boolean;
	/** Left out: some failure where one is due. null: a failed job that tells no reason. */
	failure?: Failure | null;
	/** Seconds after it failed or was cancelled in which its numbers still grow. Reference: about a minute. */
	settlesWithin?: number;
	/** Seconds between a cancel and its effect, so that a job may still succeed meanwhile. */
	cancelTakes?: number;
}

const TERMINAL = new Set<string>(['failed', 'succeeded', 'cancelled']);

/** Reference: exactly these three are the end; `incomplete` is not. */
export const isTerminal = (status: JobStatusWord): boolean => TERMINAL.has(status);

const transientFailure: Failure = {
	origin: 'source',
	type: 'transient_error',
	message: 'The source did not answer in time. Airbyte will try again.',
	retryable: true,
};

export const failureOf = (timeline: Timeline): Failure | null =>
	timeline.failure === undefined ? transientFailure : timeline.failure;

function runThen(seconds: number, status: JobStatusWord): Timeline {
	return {
		steps: [
			{ after: 0, status: 'running' },
			{ after: seconds, status },
		],
	};
}

function statusThen(status: JobStatusWord, seconds: number, next: Timeline): Timeline {
	return { ...next, steps: [{ after: 0, status }, ...later(seconds, next)] };
}

const later = (seconds: number, { steps }: Timeline) =>
	steps.map((step) => ({ ...step, after: step.after + seconds }));

export const timelines = {
	succeedsAfter: (
		seconds: number,
		statistics: { rows?: number; bytes?: number } = {},
	): Timeline => ({ ...runThen(seconds, 'succeeded'), rows: 1000, bytes: 256_000, ...statistics }),

	failsAfter: (seconds: number, failure?: Failure | null): Timeline => ({
		...runThen(seconds, 'failed'),
		failure,
	}),

	/** As a job whose workflow was terminated; by `status`. */
	deadAs: (status: JobStatusWord): Timeline => ({ steps: [{ after: 0, status }], dead: true }),

	cancelledAfter: (seconds: number): Timeline => runThen(seconds, 'cancelled'),

	runsForever: (): Timeline => ({ steps: [{ after: 0, status: 'running' }] }),

	/** Any status, unknown words too, before the rest. */
	statusThen,

	pendingThen: (seconds: number, next: Timeline): Timeline => statusThen('pending', seconds, next),

	/** Waits for capacity first. */
	queuedThen: (seconds: number, next: Timeline): Timeline => statusThen('queued', seconds, next),

	/** An attempt that fails after `seconds`; after a `pause` Airbyte goes on with the next one. */
	incompleteThen: (seconds: number, pause: number, next: Timeline): Timeline => ({
		...next,
		steps: [...runThen(seconds, 'incomplete').steps, ...later(seconds + pause, next)],
	}),
};
