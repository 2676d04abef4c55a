/** What a job moved, in all and in each stream. */
import type { Stream } from './connection.cts';
import type { Timeline } from './timelines.cts';

export interface Moved {
	rows: number;
	bytes: number;
	/** Rows that the destination refused. */
	rejected: number;
}

export type StreamMoved = Stream & Moved;

const COUNTS = ['rows', 'bytes', 'rejected'] as const;

/** So much of the whole job, `done` from 0 to 1; where its timeline does not tell, spread evenly. */
export function movedByStream(timeline: Timeline, streams: Stream[], done: number): StreamMoved[] {
	const { rows = 0, bytes = 0, rejected = 0 } = timeline;
	const whole =
		timeline.moved ??
		streams.map((stream, index) => ({
			...stream,
			rows: part(rows, index, streams.length),
			bytes: part(bytes, index, streams.length),
			// All of one stream, as a bad column makes them.
			rejected: index === 0 ? rejected : 0,
		}));
	return whole.map((stream) => ({
		...stream,
		...counts((of) => Math.floor((stream[of] ?? 0) * done)),
	}));
}

export const sumOf = (moved: Moved[]): Moved =>
	counts((of) => moved.reduce((sum, one) => sum + one[of], 0));

/** What one of so many attempts moved of it. */
export const sharedOut = (stream: StreamMoved, attempt: number, attempts: number): StreamMoved => ({
	...stream,
	...counts((of) => part(stream[of], attempt, attempts)),
});

const counts = (value: (of: (typeof COUNTS)[number]) => number): Moved => ({
	rows: value('rows'),
	bytes: value('bytes'),
	rejected: value('rejected'),
});

/** The first ones get what cannot be divided. */
const part = (total: number, index: number, count: number): number =>
	Math.floor(total / count) + (index < total % count ? 1 : 0);
