import { AirbyteSimulator, type DemoConnection, demoConnections } from '../../simulator/index.cts';
import { inherited } from '../n8n/settings.cts';

/** The Airbyte that the demo runs against. */
export interface DemoAirbyte {
	description: string;
	credential: { host: string; clientId: string; clientSecret: string };
	/** The first one is for the examples. Syncs of different ones can run side by side. */
	connectionIds: string[];
	/** What n8n needs to reach it. */
	env: Record<string, string>;
	stop: () => Promise<void>;
}

const VARIABLES = [
	'AIRBYTE_HOST',
	'AIRBYTE_CLIENT_ID',
	'AIRBYTE_CLIENT_SECRET',
	'AIRBYTE_CONNECTION_ID',
] as const;

/** A real Airbyte may be behind the proxy that this machine uses. */
const PROXY_SETTINGS = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [
	name,
	name.toLowerCase(),
]);

/** The one that the environment names, all of it or nothing; otherwise a simulated one. */
export async function findAirbyte(): Promise<DemoAirbyte> {
	const missing = VARIABLES.filter((name) => !process.env[name]);
	if (missing.length === VARIABLES.length) return await simulated();
	if (missing.length > 0) throw new Error(`For a real Airbyte set ${missing.join(', ')} too`);
	return real();
}

async function simulated(): Promise<DemoAirbyte> {
	const simulator = new AirbyteSimulator();
	const [succeeding, ...others] = demoConnections();
	const connections = [succeeding, ...twinsOf(succeeding)];
	for (const connection of [...connections, ...others]) simulator.addConnection(connection);
	await simulator.start();
	const { clientId, clientSecret } = simulator.settings;
	return {
		description: `simulated, at ${simulator.url}`,
		credential: { host: simulator.url, clientId, clientSecret },
		connectionIds: connections.map(({ connectionId }) => connectionId),
		env: {},
		stop: async () => await simulator.stop(),
	};
}

/** Connections that do the same, one for each further mode. */
function twinsOf(connection: DemoConnection): DemoConnection[] {
	return ['Shop customers', 'Shop returns'].map((sourceName, at) => ({
		...connection,
		connectionId: `5a1e0000-0000-4000-8000-00000000001${at}`,
		name: `${sourceName} → Warehouse`,
		sourceName,
	}));
}

function real(): DemoAirbyte {
	const [host, clientId, clientSecret, connectionId] = VARIABLES.map(
		(name) => process.env[name] as string,
	);
	return {
		description: host,
		credential: { host, clientId, clientSecret },
		connectionIds: [connectionId],
		env: inherited(PROXY_SETTINGS),
		stop: async () => {},
	};
}
