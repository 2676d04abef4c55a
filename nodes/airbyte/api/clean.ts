/** Somebody else's text, made fit to show: it may hold markup, control characters and our own secrets. */

/** Whether a body is a page for people rather than an answer for programs. */
export function isWebPage(body: unknown): boolean {
	return typeof body === 'string' && /^\s*(<!doctype|<html|<head|<body|<\?xml)/i.test(body);
}

const LONGEST_TEXT = 400;

/** Colours and movements of a terminal. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[a-z]`, 'gi');

/**
 * Makes somebody else's text fit to show: no control characters, no markup, no secrets, no novels.
 *
 * @param secrets replaced by `***` wherever they appear
 */
export function cleanText(text: string, secrets: string[] = []): string {
	const plain = (isWebPage(text) ? pageTitle(text) : text)
		.replace(COLOURS, '')
		.replace(/\p{C}+/gu, ' ')
		.replace(/\s+/g, ' ')
		.trim();
	const safe = redact(plain, secrets);
	if (safe.length <= LONGEST_TEXT) return safe;
	// An emoji is two units, of which none may stay alone.
	return `${safe.slice(0, LONGEST_TEXT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** A token that n8n has fetched meanwhile is none of the secrets known at the start. */
const TOKENS = /\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=\b(?:bearer|basic)\s)[\w.~+/=-]{8,}/gi;

function redact(text: string, secrets: string[]): string {
	return (
		secrets
			.filter((secret) => secret.length >= 4)
			// One may be part of another, of which nothing may stay.
			.sort((a, b) => b.length - a.length)
			.reduce((safe, secret) => safe.split(secret).join('***'), text)
			.replace(TOKENS, '***')
	);
}

function pageTitle(page: string): string {
	const title = /<title[^>]*>([^<]*)<\/title>/i.exec(page)?.[1].trim();
	const heading = /<h1[^>]*>([^<]*)<\/h1>/i.exec(page)?.[1].trim();
	return title || heading || page.replace(/<[^>]*>/g, ' ');
}

/** A secret as it is, and as it may be written in an address or a body. */
export function formsOf(secret: string): string[] {
	return secret === '' ? [] : [secret, encodeURIComponent(secret), base64(secret)];
}

export function passwordForms(user: string, password: string): string[] {
	return password === '' ? [] : [...formsOf(password), base64(`${user}:${password}`)];
}

function base64(text: string): string {
	return Buffer.from(text).toString('base64');
}

/** A text of somebody else's as a sentence of ours; empty when there is none. */
export function quote(words: string, who: string): string {
	return words === '' ? '' : `${who}: "${words}".`;
}

export function sentences(...parts: string[]): string {
	return parts.filter(Boolean).join(' ');
}
