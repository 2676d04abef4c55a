/**
 * What an answer that is no success looks like and says.
 *
 * Airbyte's own errors are JSON of four shapes (source: its problem catalogue and exception handlers; seen on a real
 * one). Whatever else arrives comes from what stands in front of it: a router, a firewall, a login page.
 */
import type { Answer, CallContext } from './call';
import { cleanText, isWebPage } from './clean';
import { quote, sentences } from './prose';
import { fieldsIn, isUuid } from './read';

/**
 * How Airbyte's own errors look. `problem`: of its catalogue, with a slug for a title. `hateoas`: of its framework, for
 * sign-in, paths, methods and malformed input. `exception`: an id under which its log has the reason, or a known one.
 */
export type Shape = 'problem' | 'hateoas' | 'exception' | 'noRoute';

/** What an Airbyte with sign-in switched off says to an unknown path, labelled as JSON. */
const NO_ROUTE = 'Object not found.';

const CATALOGUE = /airbyte\.com\/|^error:/;
const SLUG = /^[a-z\d]+(-[a-z\d]+)+$|^forbidden$/;

/** @returns undefined when somebody else has answered */
export function shapeOf(body: unknown): Shape | undefined {
	if (body === NO_ROUTE) return 'noRoute';
	const { type, title, message, errorId, _links, _embedded, ...rest } = fieldsIn(body) ?? {};
	const isText = (value: unknown): value is string => typeof value === 'string';
	if ((isText(type) && CATALOGUE.test(type)) || (isText(title) && SLUG.test(title)))
		return 'problem';
	// Okta has an id beside its code.
	if (isUuid(errorId) && !('errorCode' in rest)) return 'exception';
	if (!isText(message)) return undefined;
	if (_links !== undefined || _embedded !== undefined) return 'hateoas';
	return 'exceptionClassName' in rest || 'exceptionStack' in rest || 'details' in rest
		? 'exception'
		: undefined;
}

/** Airbyte's words in whichever of its shapes they come, or an OAuth server's or Okta's; the useful ones are the innermost. */
export function saidIn({ body }: Answer, { secrets }: CallContext): string {
	if (typeof body === 'string') return cleanText(body, secrets);
	if (typeof body !== 'object' || body === null) return '';
	const shape = body as {
		data?: { message?: unknown };
		detail?: unknown;
		_embedded?: { errors?: Array<{ message?: unknown }> };
		message?: unknown;
		title?: unknown;
		errorId?: unknown;
		error?: unknown;
		error_description?: unknown;
		errorSummary?: unknown;
	};
	const words = [
		shape.data?.message,
		shape.detail,
		shape._embedded?.errors?.[0]?.message,
		shape.message,
		shape.error_description,
		shape.errorSummary,
		shape.error,
		shape.title,
		shape.errorId === undefined ? undefined : `error id ${String(shape.errorId)}`,
	].find((value): value is string => typeof value === 'string' && value.trim() !== '');
	// Internals follow, such as the SQL that failed.
	if (shape.title === 'unexpected-problem')
		return cleanText(words?.trim().split('\n')[0] ?? '', secrets, 120);
	return cleanText(words ?? '', secrets);
}

/** What an answer says, as a sentence if it says anything, and what to do about it. */
export function describe(answer: Answer, call: CallContext, ...advice: string[]): string {
	const who = isWebPage(answer.body)
		? "A web page answered instead of Airbyte's API"
		: shapeOf(answer.body)
			? 'Airbyte says'
			: 'It says';
	return sentences(quote(saidIn(answer, call), who), ...advice);
}

/** As in `answered with a web page`. */
export function kindOf(body: unknown): string {
	if (isWebPage(body)) return 'a web page';
	if (body === '' || body === undefined || body === null) return 'an empty body';
	return 'something else';
}
