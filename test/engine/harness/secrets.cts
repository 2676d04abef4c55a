import { inspect } from 'node:util';

/** Everything that n8n would store or show of a result, hidden properties and causes too. */
function everythingIn(result: unknown): string {
	const all = { depth: null, showHidden: true, maxArrayLength: null, maxStringLength: null };
	return JSON.stringify(result) + inspect(result, { ...all, breakLength: Infinity });
}

/** Searches a result for secrets, as they are and as they travel in headers and addresses. */
export function expectNoSecret(result: unknown, ...secrets: string[]): void {
	const text = everythingIn(result);
	for (const secret of secrets) {
		expect(text).not.toContain(secret);
		expect(text).not.toContain(encodeURIComponent(secret));
		expect(text).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''));
	}
}
