/** Answers that are read piece by piece, as they may be too large to keep. */
import { jsonParse } from 'n8n-workflow';

import type { Answer } from './call';
import { isSuccess } from './call';
import { clock } from './clock';

/** What n8n gives as a body where the request's encoding is `stream`. */
export type AnswerStream = AsyncIterable<Uint8Array> & { destroy(): void };

/** Milliseconds, and bytes, that the words of an error may take. */
const LONGEST_ERROR = 10_000;
const MOST_OF_ERROR = 65_536;

/** The answer with its body read, unless it is a success, which is for the caller to read. */
export async function unstreamed(answer: Answer): Promise<Answer> {
	const { body } = answer;
	if (!isStream(body) || isSuccess(answer)) return answer;
	const text = await inTime(body, firstOf(body), LONGEST_ERROR).catch(() => '');
	return { ...answer, body: jsonParse<unknown>(text, { fallbackValue: text }) };
}

/** Closes an answer that nobody will read, and its connection. */
export function discard({ body }: Answer): void {
	if (isStream(body)) body.destroy();
}

/** Gives up a body whose reading takes longer than so many milliseconds, so that the reading fails. */
export async function inTime<T>(
	body: AnswerStream,
	reading: Promise<T>,
	milliseconds: number,
): Promise<T> {
	const done = new AbortController();
	void clock.sleep(milliseconds, done.signal).then(() => {
		if (!done.signal.aborted) body.destroy();
	});
	return await reading.finally(() => done.abort());
}

function isStream(body: unknown): body is AnswerStream {
	return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

async function firstOf(body: AnswerStream): Promise<string> {
	const pieces: Uint8Array[] = [];
	let size = 0;
	for await (const piece of body) {
		pieces.push(piece);
		size += piece.length;
		if (size >= MOST_OF_ERROR) break;
	}
	return Buffer.concat(pieces).toString();
}
