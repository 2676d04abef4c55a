/** Where a chaos run takes place: a real n8n in queue mode, and an Airbyte on which faults strike. */
import { AirbyteSimulator, type FaultKind } from '../../simulator/index.cts';
import { type N8nApi, type SavedCredential, airbyteCredential } from '../n8n/api.cts';
import prepareForTests, { startTestN8n } from '../n8n/forTests.cts';
import { QueueN8n, queueModeLacks } from '../n8n/queue.cts';

export interface Site {
	n8n: QueueN8n;
	api: N8nApi;
	airbyte: AirbyteSimulator;
	credential: SavedCredential;
}

/** The share of calls of Airbyte that a fault strikes. */
const FAULT_RATE = 0.05;
const FAULT_KINDS: FaultKind[] = [
	'status',
	'html',
	'delay',
	'reset',
	'cut',
	'empty',
	'expireTokens',
	'router',
	'firewall',
];

/** Every synchronous wait holds one place of a worker, and watchers need places, too. */
const CONCURRENCY = 30;

const SETTINGS = {
	// n8n looks for executions whose end it has missed every three hours. Nobody here waits that long.
	N8N_EXECUTIONS_QUEUE_RECOVERY_INTERVAL: '1',
	N8N_EXECUTIONS_QUEUE_RECOVERY_BATCH: '1000',
};

export async function openSite(seed: number, report: (line: string) => void): Promise<Site> {
	const lacking = queueModeLacks();
	if (lacking) throw new Error(lacking);
	report('packing this package and starting n8n');
	await prepareForTests();
	const airbyte = new AirbyteSimulator({ tokenLifetimeSeconds: 60 });
	await airbyte.start();
	const { n8n, api } = await startTestN8n(QueueN8n, { concurrency: CONCURRENCY, env: SETTINGS });
	const credential = await api.createCredential(airbyteCredential({ host: airbyte.url }));
	airbyte.faults.random({ seed, rate: FAULT_RATE, kinds: FAULT_KINDS, maxDelayMs: 3_000 });
	return { n8n, api, airbyte, credential };
}

export async function closeSite({ n8n, airbyte }: Site): Promise<void> {
	await Promise.all([n8n.stop(), airbyte.stop()]);
}
