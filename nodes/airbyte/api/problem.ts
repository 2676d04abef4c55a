/** What went wrong between the node and Airbyte, in words for the person who has to mend it. */
export type ProblemKind =
	/** A parameter or credential field that makes no sense; nothing was sent. */
	| 'input'
	/** No connection came about: DNS, refused, TLS, a proxy that does not let through. */
	| 'unreachable'
	/** Sent, but no answer arrived: cut, timed out, aborted. */
	| 'unanswered'
	/** An answer of what stands in front of Airbyte, such as a web page, whatever its status. */
	| 'notAirbyte'
	/** 408, 425, 429 and 5xx. */
	| 'unavailable'
	| 'signIn'
	/** Airbyte itself has no such path or method. */
	| 'wrongPath'
	| 'forbidden'
	| 'notFound'
	/** 409: a job runs on the connection already. */
	| 'alreadyRunning'
	/** 409: there is no such running job. */
	| 'notRunning'
	/** 409 that names no reason: an inactive connection, or a job that was slow to appear. */
	| 'conflict'
	/** A refresh was taken, and no job came of it. */
	| 'noJob'
	/** Any other refusal. */
	| 'refused';

export interface Problem {
	kind: ProblemKind;
	/** One sentence: what happened. */
	message: string;
	/** Airbyte's own words, cleaned, and what to do next. */
	description: string;
	httpStatus?: number;
	/** Whether it may pass by itself, so that trying again makes sense. */
	passing: boolean;
	/** Whether the request can have had its effect although no good answer came back. */
	mayHaveArrived: boolean;
	/** Seconds, from the Retry-After header. */
	retryAfterSeconds?: number;
}

/**
 * A problem on its way to whoever handles it. Its own message holds the advice too, since n8n's credential
 * test shows nothing else.
 */
export class ProblemError extends Error {
	constructor(readonly problem: Problem) {
		super(inFull(problem));
		this.name = 'ProblemError';
	}
}

export function inFull({ message, description }: Pick<Problem, 'message' | 'description'>): string {
	return description ? `${message}. ${description}` : message;
}

/** Whether a fault may pass by itself, so that trying again makes sense. */
export function isPassing(fault: unknown): fault is ProblemError {
	return fault instanceof ProblemError && fault.problem.passing;
}

/** For values that make no sense, found before anything is sent. */
export function invalid(message: string, description: string): ProblemError {
	return new ProblemError({
		kind: 'input',
		message,
		description,
		passing: false,
		mayHaveArrived: false,
	});
}
