/**
 * The shapes in which Airbyte and what stands in front of it refuse. A client must read them all;
 * the content type is plain `application/json` (reference), never problem+json.
 */
import { randomUUID } from 'node:crypto';
import type { Answer } from './answers.cts';
import { html, json } from './answers.cts';

const DOCUMENTATION = 'https://reference.airbyte.com/reference/errors';

interface Problem {
	status: number;
	title: string;
	detail: string;
	data: Record<string, unknown>;
	fragment?: string;
}

/** Shape 1, the public API's: the useful text is in `data.message`; `detail` never changes. */
function problem({ status, title, detail, data, fragment = title }: Problem): Answer {
	const type = `${DOCUMENTATION}#${fragment}`;
	return json({ status, type, title, detail, documentationUrl: null, data }, status);
}

export const badRequest = (message: string): Answer =>
	problem({
		status: 400,
		title: 'bad-request',
		detail: 'The request could not be understood.',
		data: { message },
	});

/** Reference: also the answer for ids that do not exist, unless the caller is instance admin. */
export const forbidden = (): Answer =>
	problem({
		status: 403,
		title: 'forbidden',
		detail: 'The caller may not do this.',
		data: {
			message:
				'Caller does not have the required WORKSPACE_RUNNER permissions to access the resource(s).',
		},
	});

export const resourceNotFound = (resourceType: string, resourceId: string): Answer =>
	problem({
		status: 404,
		title: 'resource-not-found',
		detail: 'The requested resource was not found.',
		data: { resourceType, resourceId },
	});

/** Reference: the 409 of a connection that is busy. */
export const tryAgainLater = (message: string): Answer =>
	problem({
		status: 409,
		title: 'try-again-later',
		detail: 'The request conflicts with something that is going on.',
		data: { message },
	});

/** Reference: the 409 of everything else, which swallows Airbyte's real reason. */
export const stateConflict = (message: string): Answer =>
	problem({
		status: 409,
		title: 'state-conflict',
		fragment: '409-state-conflict',
		detail: 'The request conflicts with the state of the resource.',
		data: { message },
	});

export const unprocessable = (message: string): Answer =>
	problem({
		status: 422,
		title: 'unprocessable-entity',
		detail: 'The request cannot be processed.',
		data: { message },
	});

/** Shape 2: not a word about what was wrong. */
export const errorId = (status: number): Answer => json({ errorId: randomUUID() }, status);

/** Shape 3: older config APIs, with the exception that caused it. */
export const knownException = (status: number, message: string): Answer =>
	json({ message, exceptionClassName: 'KnownException', exceptionStack: [] }, status);

const REASONS: Record<number, string> = {
	400: 'Bad Request',
	401: 'Unauthorized',
	403: 'Forbidden',
	404: 'Not Found',
	405: 'Method Not Allowed',
	415: 'Unsupported Media Type',
	500: 'Internal Server Error',
	502: 'Bad Gateway',
	503: 'Service Temporarily Unavailable',
	504: 'Gateway Time-out',
};

const reason = (status: number): string => REASONS[status] ?? `Status ${status}`;

/** Shape 4: the framework's own (HATEOAS) body, for what never reaches Airbyte's code. */
export function hateoas(status: number, url: string, message = reason(status)): Answer {
	const self = { href: url, templated: false };
	const body = { message: reason(status), _links: { self }, _embedded: { errors: [{ message }] } };
	return json(body, status);
}

export const notConvertible = (url: string, name: string, value: string): Answer =>
	hateoas(400, url, `Failed to convert argument [${name}] for value [${value}]`);

/** Shape 5: Airbyte's load shedding; reference: deliberately without Retry-After. */
export const rateLimited = (): Answer => json({ message: 'You are being rate limited.' }, 429);

/** What an ingress or a proxy in front of Airbyte answers. */
export function proxyPage(status: number, headline = `${status} ${reason(status)}`): Answer {
	const page = `<html>\r\n<head><title>${headline}</title></head>\r\n<body>\r\n<center><h1>${headline}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
	return html(page, status);
}
