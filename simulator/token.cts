import { randomBytes, randomUUID } from 'node:crypto';
import type { Settings } from './settings.cts';
import { epochSeconds } from './wire.cts';

/** Hands out bearer tokens and knows which are still good. */
export class Tokens {
	private readonly expiries = new Map<string, number>();

	/** @param settings read anew for each token, so that a test may change them */
	constructor(private readonly settings: Settings) {}

	issue(): string {
		this.forgetExpired();
		const { clock, tokenLifetimeSeconds } = this.settings;
		const expiry = clock.now() + tokenLifetimeSeconds * 1000;
		const token = jwt({ iat: epochSeconds(clock.now()), exp: epochSeconds(expiry) });
		this.expiries.set(token, expiry);
		return token;
	}

	accepts(token: string): boolean {
		return this.settings.clock.now() < (this.expiries.get(token) ?? 0);
	}

	expireAll(): void {
		this.expiries.clear();
	}

	private forgetExpired(): void {
		for (const token of this.expiries.keys()) {
			if (!this.accepts(token)) this.expiries.delete(token);
		}
	}
}

const USER = randomUUID();

/** Looks like Airbyte's, for clients that read `sub` or `exp`; its signature is noise. */
function jwt(times: { iat: number; exp: number }): string {
	const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
	const claims = { iss: 'http://localhost:8001', aud: 'airbyte-server', sub: USER };
	const payload = { ...claims, ...times, roles: ['ADMIN'], jti: randomUUID() };
	const signature = randomBytes(32).toString('base64url');
	return `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode(payload)}.${signature}`;
}
