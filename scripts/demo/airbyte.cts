import { AirbyteSimulator, demoConnections } from '../../simulator/index.cts';

/** The Airbyte that the demo runs against. */
export interface DemoAirbyte {
	description: string;
	credential: { host: string; clientId: string; clientSecret: string };
	connectionId: string;
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

/** The one that the environment names, all of it or nothing; otherwise a simulated one. */
export async function findAirbyte(): Promise<DemoAirbyte> {
	const missing = VARIABLES.filter((name) => !process.env[name]);
	if (missing.length === VARIABLES.length) return await simulated();
	if (missing.length > 0) throw new Error(`For a real Airbyte set ${missing.join(', ')} too`);
	return real();
}

async function simulated(): Promise<DemoAirbyte> {
	const simulator = new AirbyteSimulator();
	const connections = demoConnections();
	for (const connection of connections) simulator.addConnection(connection);
	await simulator.start();
	const { clientId, clientSecret } = simulator.settings;
	return {
		description: `simulated, at ${simulator.url}`,
		credential: { host: simulator.url, clientId, clientSecret },
		connectionId: connections[0].connectionId,
		env: {},
		stop: async () => await simulator.stop(),
	};
}

function real(): DemoAirbyte {
	const [host, clientId, clientSecret, connectionId] = VARIABLES.map(
		(name) => process.env[name] as string,
	);
	return {
		description: host,
		credential: { host, clientId, clientSecret },
		connectionId,
		env: proxySettings(),
		stop: async () => {},
	};
}

/** A real Airbyte may be behind the proxy that this machine uses. */
function proxySettings(): Record<string, string> {
	const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((n) => [n, n.toLowerCase()]);
	return Object.fromEntries(
		names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
	);
}
