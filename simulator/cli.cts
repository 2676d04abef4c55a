/** `npm run simulator`: an Airbyte to try things with. */
import { parseArgs } from 'node:util';
import { AirbyteSimulator } from './airbyteSimulator.cts';
import type { AuditedCall } from './audit.cts';
import { demoConnections } from './demoConnections.cts';

async function main(): Promise<void> {
	const simulator = new AirbyteSimulator();
	for (const connection of demoConnections()) simulator.addConnection(connection);
	await simulator.start(readPort());
	console.log(introduction(simulator));
	simulator.audit.onCall((call) => console.log(line(call)));
	for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void simulator.stop());
}

function readPort(): number {
	const { values } = parseArgs({ options: { port: { type: 'string', default: '8000' } } });
	const port = Number(values.port);
	if (!Number.isInteger(port) || port < 0 || port > 65_535) {
		throw new Error(`--port takes a number from 0 to 65535, not ${values.port}`);
	}
	return port;
}

function introduction({ url, settings }: AirbyteSimulator): string {
	const access = [
		['Server URL', url],
		['Client ID', settings.clientId],
		['Client Secret', settings.clientSecret],
	].map(([label, value]) => `  ${label.padEnd(14)} ${value}`);
	const connections = demoConnections().map(
		({ connectionId, name, does }) => `  ${connectionId}  ${name.padEnd(26)} ${does}`,
	);
	return [
		'Airbyte simulator. For the credential in n8n:\n',
		...access,
		'\nConnections:\n',
		...connections,
		'\nCtrl-C ends it. Calls:\n',
	].join('\n');
}

function line({ at, method, path, query, status, userAgent }: AuditedCall): string {
	const parameters = new URLSearchParams(query as Record<string, string>).toString();
	const url = parameters ? `${path}?${parameters}` : path;
	const time = new Date(at).toISOString().slice(11, 19);
	return `  ${time}  ${status}  ${method.padEnd(6)} ${url}  ${userAgent ?? ''}`;
}

main().catch((error: Error & { code?: string }) => {
	const inUse = error.code === 'EADDRINUSE' ? '. Another one is free with --port 0.' : '';
	console.error(`${error.message}${inUse}`);
	process.exitCode = 1;
});
