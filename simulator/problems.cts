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
	data: Record<string, unknown> | null;
	/** Airbyte's page of errors with a fragment, unless told otherwise. */
	type?: string;
}

/** Shape 1, the public API's: the useful text is in `data.message`; `detail` never changes. */
function problem({
	status,
	title,
	detail,
	data,
	type = `${DOCUMENTATION}#${title}`,
}: Problem): Answer {
	return json({ status, type, title, detail, documentationUrl: null, data }, status);
}

export const badRequest = (message: string): Answer =>
	problem({
		status: 400,
		title: 'bad-request',
		detail: 'The request could not be understood by the server due to malformed syntax.',
		data: { message },
	});

export type RoleName = 'WORKSPACE_READER' | 'WORKSPACE_RUNNER' | 'WORKSPACE_EDITOR';

/**
 * Reference: also the answer for ids that do not exist, unless the caller is instance admin. POST
 * names no role.
 */
export const forbidden = (role?: RoleName): Answer =>
	problem({
		status: 403,
		title: 'forbidden',
		detail: 'The request is forbidden.',
		data: {
			message: `Caller does not have the required ${role ? `${role} ` : ''}permissions to access the resource(s).`,
		},
	});

export const resourceNotFound = (resourceType: string, resourceId: string): Answer =>
	problem({
		status: 404,
		title: 'resource-not-found',
		detail: 'The requested resource could not be found.',
		data: { resourceType, resourceId },
	});

/** Reference: the 409 of a connection that is busy. */
export const tryAgainLater = (message: string): Answer =>
	problem({
		status: 409,
		title: 'try-again-later',
		detail: 'Please try again later.',
		data: { message },
	});

/** Reference: the 409 of everything else, which swallows Airbyte's real reason. */
export const stateConflict = (message: string): Answer =>
	problem({
		status: 409,
		title: 'state-conflict',
		type: `${DOCUMENTATION}#409-state-conflict`,
		detail: 'State conflict',
		data: { message },
	});

/** Reference: what a locked connection answers to changes. */
export const connectionLocked = (): Answer =>
	problem({
		status: 409,
		title: 'connection-locked',
		type: 'error:connection/locked',
		detail: 'The connection is locked and cannot be modified.',
		data: null,
	});

export const unprocessable = (message: string): Answer =>
	problem({
		status: 422,
		title: 'unprocessable-entity',
		detail: 'The body of the request was not understood',
		data: { message },
	});

/** Seen: a fault of the server's own, with its internals in the message. */
export const unexpectedProblem = (message: string): Answer =>
	problem({
		status: 500,
		title: 'unexpected-problem',
		detail:
			'An unexpected problem has occurred. If this is an error that needs to be addressed, please submit a pull request or github issue.',
		data: { message },
	});

/** Shape 2: not a word about what was wrong. */
export const errorId = (status: number): Answer => json({ errorId: randomUUID() }, status);

const REASONS: Record<number, string> = {
	400: 'Bad Request',
	401: 'Unauthorized',
	403: 'Forbidden',
	404: 'Not Found',
	405: 'Method Not Allowed',
	413: 'Request Entity Too Large',
	415: 'Unsupported Media Type',
	500: 'Internal Server Error',
	502: 'Bad Gateway',
	503: 'Service Temporarily Unavailable',
	504: 'Gateway Time-out',
};

const reason = (status: number): string => REASONS[status] ?? `Status ${status}`;

/** Shape 3: the framework's own (HATEOAS) body, for what never reaches Airbyte's code. */
export function hateoas(status: number, url: string, message = reason(status)): Answer {
	const self = { href: url, templated: false };
	const error = { message, _links: {}, _embedded: {} };
	const body = { message: reason(status), _links: { self }, _embedded: { errors: [error] } };
	return json(body, status);
}

/** Seen: what no route takes where authentication is off; it claims to be JSON. */
export const noRoute = (): Answer => ({ ...json(null, 404), body: 'Object not found.' });

/** A parameter or a body that is not what it should be; `name` is the argument's. */
export const notConvertible = (url: string, name: string, value = 'null'): Answer =>
	hateoas(400, url, `Failed to convert argument [${name}] for value [${value}]`);

/** Shape 4: Airbyte's load shedding; reference: deliberately without Retry-After. */
export const rateLimited = (): Answer => json({ message: 'You are being rate limited.' }, 429);

/** What a router answers that knows neither the host's name nor the path. */
export const routerPage = (): Answer => ({
	status: 404,
	headers: { 'content-type': 'text/plain; charset=utf-8' },
	body: '404 page not found\n',
});

/** What a firewall answers to what it takes for an attack. */
export const firewallPage = (status: number): Answer =>
	html(
		`<!DOCTYPE html>\n<html><head><title>Request blocked</title></head><body><h1>Request blocked</h1><p>Your request was blocked by the security policy of this site. Support ID: 7401922658137</p></body></html>\n`,
		status,
	);

/** What an ingress or a proxy in front of Airbyte answers. */
export function proxyPage(status: number, headline = `${status} ${reason(status)}`): Answer {
	const page = `<html>\r\n<head><title>${headline}</title></head>\r\n<body>\r\n<center><h1>${headline}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
	return html(page, status);
}
