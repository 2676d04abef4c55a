/** An HTTP answer, ready to be sent. */
export interface Answer {
	status: number;
	headers: Record<string, string>;
	body: string;
}

export const json = (body: unknown, status = 200): Answer => ({
	status,
	headers: { 'content-type': 'application/json' },
	body: JSON.stringify(body),
});

export const html = (body: string, status = 200): Answer => ({
	status,
	headers: { 'content-type': 'text/html' },
	body,
});

export const empty = (status: number): Answer => ({ status, headers: {}, body: '' });

/** Thrown where a call is found wrong; its answer is what the caller gets. */
export class Refusal extends Error {
	constructor(readonly answer: Answer) {
		super(`${answer.status} ${answer.body}`);
	}
}

export function refuse(answer: Answer): never {
	throw new Refusal(answer);
}
