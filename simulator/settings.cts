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
	/**
	 * Reference: unknown ids are 403 to all but an instance admin. A reader starts and cancels
	 * nothing; `user` is an editor.
	 */
	role: 'reader' | 'user' | 'instanceAdmin';
	flavour: 'cloud' | 'selfManaged';
	version: 'head' | '2.0.0';
	/** Reference: whether GET /jobs tells rows and bytes hangs on a flag of the installation. */
	listsTellStatistics: boolean;
	/** Of attempts; reference: both are there, by the installation's storage and the log's age. */
	logFormat: 'formatted' | 'structured';
	/** Seconds of a run, after its first moment, in which a POST hangs for a minute and gets a 409 state-conflict. */
	startingSeconds: number;
	/** Whether a POST gets 200 with a job that is pending or queued; else it hangs as above. */
	handsOutPendingJobs: boolean;
	/** Whether DELETE stops a pending or queued job; reference: it answers 200 and does nothing. */
	cancelsPendingJobs: boolean;
	/**
	 * Connections by which each page of their list moves back: it repeats so many, and the last ones are left out.
	 * Reference: the list has no order, so that this may happen.
	 */
	pagesOverlapBy: number;
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
		logFormat: 'structured',
		startingSeconds: 0.5,
		handsOutPendingJobs: false,
		cancelsPendingJobs: false,
		pagesOverlapBy: 0,
		...withoutUndefined(options),
	};
}

const withoutUndefined = (options: Options): Options =>
	Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
