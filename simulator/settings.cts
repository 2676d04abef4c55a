import type { Clock } from './clock.cts';
import { SystemClock } from './clock.cts';

export interface Settings {
	/** All of Airbyte's time comes from it: timelines, tokens, the Date header. */
	clock: Clock;
	/** `basicAuth`: an ingress in front asks for it. `none`: authentication is switched off. */
	authentication: 'clientCredentials' | 'basicAuth' | 'none';
	clientId: string;
	clientSecret: string;
	username: string;
	password: string;
	tokenLifetimeSeconds: number;
	/** What `expires_in` says. Reference: tokens that live 180 s while it says 900 were seen. */
	reportedTokenLifetimeSeconds: number;
	/** Reference: unknown ids are 403 to users, 404 or 409 to an instance admin. */
	role: 'user' | 'instanceAdmin';
	flavour: 'cloud' | 'selfManaged';
	version: 'head' | '2.0.0';
	/** Reference: whether GET /jobs tells rows and bytes hangs on a flag of the installation. */
	listsTellStatistics: boolean;
}

export type Options = Partial<Settings>;

export function settingsFrom(options: Options): Settings {
	const { tokenLifetimeSeconds = 900 } = options;
	return {
		clock: new SystemClock(),
		authentication: 'clientCredentials',
		clientId: 'client-id',
		clientSecret: 'client-secret',
		username: 'airbyte',
		password: 'password',
		tokenLifetimeSeconds,
		reportedTokenLifetimeSeconds: tokenLifetimeSeconds,
		role: 'user',
		flavour: 'selfManaged',
		version: 'head',
		listsTellStatistics: true,
		...withoutUndefined(options),
	};
}

const withoutUndefined = (options: Options): Options =>
	Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
