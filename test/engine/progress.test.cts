/** What somebody who waits in front of a run by hand gets to know meanwhile. */
import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

/** Runs a sync, and gives what n8n would print to the browser's console. */
async function told(connectionId: string, parameters = {}): Promise<string[]> {
	const messages: string[] = [];
	const sendDataToUI = (_type: string, data: unknown) => {
		messages.push(...(data as { messages: string[] }).messages);
	};
	await fixture.sync(connectionId, parameters, { additionalData: { sendDataToUI } });
	return messages;
}

test('status, rows and bytes so far, whenever they have changed', async () => {
	const { connectionId } = fixture.airbyte.addConnection({
		jobs: timelines.queuedThen(20, timelines.succeedsAfter(60, { rows: 600, bytes: 6_000 })),
	});
	const messages = await told(connectionId, { waitSeconds: 10 });
	expect(messages[0]).toMatch(/^Airbyte job 1: (pending|queued)$/);
	expect(new Set(messages).size).toBe(messages.length);
	expect(messages).toContain('Airbyte job 1: running, 300 rows and 3000 bytes so far');
	expect(messages.length).toBeLessThan(12);
});

test('another job whose end is waited for, and a failed one that is followed by another', async () => {
	const { connectionId } = fixture.airbyte.addConnection({
		jobs: [timelines.succeedsAfter(10), timelines.failsAfter(10), timelines.succeedsAfter(10)],
	});
	fixture.airbyte.startJob(connectionId);
	const options = { onActiveJob: 'queue', retries: 1, retryDelay: 60 };
	const messages = (await told(connectionId, { options })).join('\n');
	expect(messages).toMatch(/^Waiting for the end of Airbyte job 1: running/);
	expect(messages).toMatch(/^Airbyte job 2: failed.*\. Attempt 2 follows$/m);
	expect(messages).toMatch(/^Airbyte job 3: running/m);
});
