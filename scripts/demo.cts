/**
 * `npm run demo`: a real n8n with this package in it, next to a simulated Airbyte (or, with
 * AIRBYTE_HOST, AIRBYTE_CLIENT_ID, AIRBYTE_CLIENT_SECRET and AIRBYTE_CONNECTION_ID, a real one). With N8N_URL and
 * N8N_API_KEY it uses an n8n that runs elsewhere, with the package in it and a way to that Airbyte.
 * Runs a sync in each mode, shows what came out, and leaves the editor open; `--once` does not.
 */
import { parseArgs } from 'node:util';

import { untilInterrupted } from './commandLine.cts';
import { type DemoAirbyte, findAirbyte } from './demo/airbyte.cts';
import { importExamples } from './demo/examples.cts';
import { runModes } from './demo/modes.cts';
import { type DemoApi, RemoteN8n } from './demo/remote.cts';
import { N8nApi, OWNER, type SavedCredential, airbyteCredential } from './n8n/api.cts';
import { installN8n } from './n8n/install.cts';
import { packPackage } from './n8n/package.cts';
import { N8n } from './n8n/server.cts';

async function main(once: boolean): Promise<number> {
	const airbyte = await findAirbyte();
	console.log(`Airbyte: ${airbyte.description}`);
	try {
		const n8n = await findN8n(airbyte);
		const interrupted = untilInterrupted();
		try {
			const code = await Promise.race([show(n8n, airbyte), interrupted]);
			if (!once) await interrupted;
			return code;
		} finally {
			await n8n.stop();
		}
	} finally {
		await airbyte.stop();
	}
}

/** The n8n that the demo runs in. */
interface DemoN8n {
	api: DemoApi;
	/** How a person gets in. */
	invitation: string;
	stop: () => Promise<void>;
}

/** The one that the environment names, by address and key; otherwise one of our own. */
async function findN8n(airbyte: DemoAirbyte): Promise<DemoN8n> {
	const { N8N_URL: url, N8N_API_KEY: key } = process.env;
	if (Boolean(url) !== Boolean(key)) throw new Error('N8N_URL and N8N_API_KEY go together');
	if (url && key) {
		console.log(`n8n: ${url}`);
		const api = new RemoteN8n(url.replace(/\/+$/, ''), key);
		return { api, invitation: `\nEditor    ${api.url}`, stop: async () => {} };
	}
	const n8n = await startN8n(airbyte);
	try {
		const api = await N8nApi.signIn(n8n.url);
		return { api, invitation: ownerInvitation(n8n.url), stop: async () => await n8n.stop() };
	} catch (error) {
		await n8n.stop();
		throw error;
	}
}

async function startN8n({ env }: DemoAirbyte): Promise<N8n> {
	const install = await installN8n();
	console.log(`n8n ${install.version}`);
	console.log('Packing this package…');
	const tarball = await packPackage();
	console.log('Starting n8n with it…');
	// People may want to try Code nodes, which need n8n's task runner.
	return await N8n.start({ install, tarball, env: { N8N_RUNNERS_MODE: 'internal', ...env } });
}

/** Sets n8n up, runs the syncs and prints all of it; gives the exit code. */
async function show({ api, invitation }: DemoN8n, airbyte: DemoAirbyte): Promise<number> {
	const credential = await addCredential(api, airbyte);
	const examples = await importExamples(api, credential, airbyte.connectionIds[0]);
	if (examples.length > 0) console.log(`Imported the examples: ${examples.join(', ')}`);
	const succeeded = await runModes(api, credential, airbyte.connectionIds);
	console.log(invitation);
	return succeeded ? 0 : 1;
}

async function addCredential(api: DemoApi, { credential }: DemoAirbyte): Promise<SavedCredential> {
	const saved = await api.createCredential(airbyteCredential(credential, 'Airbyte'));
	const { status, message } = await api.testCredential(saved.id);
	console.log(`Credential test: ${message}`);
	if (status !== 'OK') throw new Error('Without a working credential there is nothing to show');
	return saved;
}

const ownerInvitation = (url: string): string =>
	['', `Editor    ${url}`, `E-mail    ${OWNER.email}`, `Password  ${OWNER.password}`].join('\n');

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });

main(values.once).then(
	(code) => process.exit(code),
	(error: Error) => {
		console.error(error.message);
		process.exit(1);
	},
);
