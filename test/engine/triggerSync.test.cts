import { AirbyteSimulator, ManualClock, timelines } from '../../simulator/index.cts';
import { StoredCredential } from './harness/credentials.cts';
import { runNode } from './harness/engine.cts';
import { VirtualTime } from './harness/virtualTime.cts';

const time = new VirtualTime(new ManualClock());
let airbyte: AirbyteSimulator;

beforeEach(async () => {
	airbyte = new AirbyteSimulator({ clock: time.shared });
	await airbyte.start();
	time.install();
});

afterEach(async () => {
	time.uninstall();
	await airbyte.stop();
});

test('first', async () => {
	const { connectionId } = airbyte.addConnection({ jobs: timelines.succeedsAfter(3600, { rows: 5, bytes: 7 }) });
	const result = await runNode({
		node: 'airbyteTriggerSync',
		parameters: { connectionId: { __rl: true, mode: 'id', value: connectionId }, timeout: 7200 },
		credential: new StoredCredential({ host: airbyte.url, clientId: 'client-id', clientSecret: 'client-secret' }),
	});
	console.log(JSON.stringify(result, null, 1), airbyte.audit.calls.length);
});
