/** The environment that n8n processes started from here run in. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { N8nInstall } from './install.cts';

/** Fixed, so that a second start on the same user folder can read its credentials and sessions. */
const ENCRYPTION_KEY = 'n8n-nodes-airbyte-tests-and-demo';

/**
 * What is passed on from our own environment. No more than that: jest's NODE_ENV or a N8N_ or DB_
 * variable of the person who runs this would change how n8n behaves.
 */
const INHERITED = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'TMPDIR', 'NODE_EXTRA_CA_CERTS'];

/** n8n's address, as itself and its callers use it: one that resolves to where it listens. */
export const N8N_HOST = '127.0.0.1';

interface SettingsInput {
	userFolder: string;
	port: number;
	/** n8n's main process listens here for its task runner; the default is taken by one n8n. */
	brokerPort: number;
	/** Added last: whatever a test needs to be different. */
	env?: Record<string, string>;
}

export function n8nEnvironment(input: SettingsInput): Record<string, string> {
	return {
		...inherited(INHERITED),
		...identity(input),
		...quiet,
		...keepEverything,
		...input.env,
	};
}

/** Those of the variables that our own environment has. */
export function inherited(names: string[]): Record<string, string> {
	return Object.fromEntries(
		names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
	);
}

const identity = ({ userFolder, port, brokerPort }: SettingsInput) => ({
	N8N_USER_FOLDER: userFolder,
	N8N_ENCRYPTION_KEY: ENCRYPTION_KEY,
	N8N_HOST,
	N8N_LISTEN_ADDRESS: N8N_HOST,
	N8N_PORT: String(port),
	N8N_RUNNERS_BROKER_PORT: String(brokerPort),
	// How long it waits for running executions when it is asked to end.
	N8N_GRACEFUL_SHUTDOWN_TIMEOUT: '10',
	// Plain http: the browser would drop the session cookie otherwise.
	N8N_SECURE_COOKIE: 'false',
});

/** Parts of n8n that nobody here uses: they cost memory and time at its start. */
const UNUSED_MODULES = [
	'agents',
	'chat-hub',
	'external-secrets',
	'insights',
	'instance-ai',
	'ldap',
	'log-streaming',
	'mcp',
	'mcp-registry',
	'otel',
	'quick-connect',
	'source-control',
	'sso-oidc',
	'sso-saml',
	'workflow-builder',
];

/** Nothing goes out to n8n's makers, and no part is started that nobody here uses. */
const quiet = {
	N8N_DIAGNOSTICS_ENABLED: 'false',
	N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
	N8N_DYNAMIC_BANNERS_ENABLED: 'false',
	N8N_TEMPLATES_ENABLED: 'false',
	N8N_PERSONALIZATION_ENABLED: 'false',
	N8N_HIRING_BANNER_ENABLED: 'false',
	N8N_LICENSE_AUTO_RENEW_ENABLED: 'false',
	N8N_VERIFIED_PACKAGES_ENABLED: 'false',
	N8N_UNVERIFIED_PACKAGES_ENABLED: 'true',
	N8N_DISABLED_MODULES: UNUSED_MODULES.join(','),
	// No process for Code nodes is started. Who wants them asks for `internal`.
	N8N_RUNNERS_MODE: 'external',
	N8N_RUNNERS_AUTH_TOKEN: ENCRYPTION_KEY,
};

/** Tests judge by what n8n stored: all of it, and for as long as the test runs. */
const keepEverything = {
	EXECUTIONS_DATA_SAVE_ON_ERROR: 'all',
	EXECUTIONS_DATA_SAVE_ON_SUCCESS: 'all',
	EXECUTIONS_DATA_SAVE_MANUAL_EXECUTIONS: 'true',
	EXECUTIONS_DATA_PRUNE: 'false',
};

/** Without the modules that this version of n8n lacks: it does not start when told to leave out one of those. */
export function suitedTo(
	{ folder }: N8nInstall,
	{ N8N_DISABLED_MODULES: names = '', ...env }: Record<string, string>,
): Record<string, string> {
	const modules = join(folder, 'node_modules', 'n8n', 'dist', 'modules');
	const isThere = (name: string) =>
		['', '.ee'].some((end) => existsSync(join(modules, name + end)));
	return { ...env, N8N_DISABLED_MODULES: names.split(',').filter(isThere).join(',') };
}
