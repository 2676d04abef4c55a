/** Somebody else's text, made fit to show: it may hold markup, control characters and our own secrets. */

/** Whether a body is a page for people rather than an answer for programs. */
export function isWebPage(body: unknown): boolean {
	return typeof body === 'string' && /^\s*(<!doctype|<html|<head|<body|<\?xml)/i.test(body);
}

const LONGEST_TEXT = 400;

/** Colours and cursor movements of a terminal. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[a-z]`, 'gi');

/**
 * Makes somebody else's text fit to show: no control characters, no markup, no secrets, not too long.
 *
 * @param secrets replaced by `***` wherever they appear, however they are escaped
 * @param longest characters, after which the text is cut
 */
export function cleanText(
	text: string,
	secrets: readonly string[] = [],
	longest = LONGEST_TEXT,
): string {
	// First of all, as what follows changes blanks and markup, of which a secret may have some.
	const safe = redact(text, secrets);
	const plain = (isWebPage(safe) ? pageTitle(safe) : safe)
		.replace(COLOURS, '')
		.replace(/\p{C}+/gu, ' ')
		.replace(/\s+/g, ' ')
		.trim();
	return shortened(redact(plain, secrets), longest);
}

function shortened(text: string, longest: number): string {
	if (text.length <= longest) return text;
	// An emoji is two units, of which none may stay alone.
	return `${text.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** Tokens are matched by their form, too. After `Basic`, an ordinary word is shorter, and has no digit. */
const TOKENS =
	/\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=\b(?:bearer|basic)\s)(?=[a-z.~+/=_-]*\d|[\w.~+/=-]{16})[\w.~+/=-]{8,}/gi;

/** Anything shorter cannot be told from ordinary words. */
const SHORTEST_SECRET = 4;

/** Replaces secrets by `***`, also where they are escaped as in HTML, JSON or an address. */
function redact(text: string, secrets: readonly string[]): string {
	return (
		secrets
			.filter((secret) => secret.length >= SHORTEST_SECRET)
			// Longest first: one secret may contain another.
			.sort((a, b) => b.length - a.length)
			.reduce((safe, secret) => safe.replace(patternOf(secret), '***'), text)
			.replace(TOKENS, '***')
	);
}

function patternOf(secret: string): RegExp {
	return new RegExp([...secret].map(formsOf).join(''), 'gi');
}

const HTML_NAMES = new Map([
	['&', 'amp'],
	['<', 'lt'],
	['>', 'gt'],
	['"', 'quot'],
	["'", 'apos'],
	[' ', 'nbsp'],
]);

/** The pattern of a character in all the forms that it may be written in. */
function formsOf(character: string): string {
	// These stay as they are everywhere.
	if (/[\w.-]/.test(character)) return character === '.' ? '\\.' : character;
	const code = character.codePointAt(0) ?? 0;
	const units = Array.from({ length: character.length }, (_, unit) => character.charCodeAt(unit));
	const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
	const name = HTML_NAMES.get(character);
	const forms = [
		`&#0*${code};`,
		`&#x0*${hex(code, 1)};`,
		...(name ? [`&${name};`] : []),
		[...Buffer.from(character)].map((byte) => `%${hex(byte, 2)}`).join(''),
		units.map((unit) => `\\\\u${hex(unit, 4)}`).join(''),
		...(/["\\/]/.test(character) ? [`\\\\\\${character}`] : []),
		...(character === ' ' ? ['\\+'] : []),
		...(character === '\n' ? ['\\\\n'] : []),
		...(character === '\t' ? ['\\\\t'] : []),
		character.replace(/[$()*+./?[\\\]^{|}-]/g, '\\$&'),
	];
	return `(?:${forms.join('|')})`;
}

function pageTitle(page: string): string {
	const title = /<title[^>]*>([^<]*)<\/title>/i.exec(page)?.[1].trim();
	const heading = /<h1[^>]*>([^<]*)<\/h1>/i.exec(page)?.[1].trim();
	return title || heading || page.replace(/<[^>]*>/g, ' ');
}
