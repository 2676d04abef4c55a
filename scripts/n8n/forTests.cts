/**
 * What tests with a real n8n or with the packed package need. `npm test` prepares it once and hands
 * it over in the environment; jest's `globalSetup`, the default export, does it for those who run
 * jest alone. It runs before jest's workers start, so that they do not all build at once.
 */
import { N8nApi } from './api.cts';
import { type N8nInstall, installN8n, openN8n } from './install.cts';
import { packPackage } from './package.cts';
import type { N8n, N8nOptions } from './server.cts';

const TARBALL = 'AIRBYTE_TEST_TARBALL';
const N8N_FOLDER = 'AIRBYTE_TEST_N8N';

export default async function prepareForTests(): Promise<void> {
	process.env[TARBALL] ||= await packPackage();
	process.env[N8N_FOLDER] ||= (await installN8n()).folder;
}

/** The packed package. */
export const testTarball = (): string => fromEnvironment(TARBALL);

/** The n8n to run it in. */
export const testInstall = (): N8nInstall => openN8n(fromEnvironment(N8N_FOLDER));

function fromEnvironment(name: string): string {
	const value = process.env[name];
	if (!value)
		throw new Error(`${name} is not set: this jest project needs the globalSetup for n8n`);
	return value;
}

/** Starts an n8n of this kind with the package in it and signs in. */
export async function startTestN8n<Kind extends N8n, Options extends N8nOptions>(
	kind: { start: (options: Options) => Promise<Kind> },
	options: Partial<Options> = {},
): Promise<{ n8n: Kind; api: N8nApi }> {
	const all = { install: testInstall(), tarball: testTarball(), ...options } as Options;
	const n8n = await kind.start(all);
	return { n8n, api: await N8nApi.signIn(n8n.url) };
}
