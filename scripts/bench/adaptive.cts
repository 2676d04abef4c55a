/**
 * What adaptive polling costs and gives for long jobs: the synchronous mode on n8n's engine, in time that passes by
 * itself, so that an hour's job takes no hour. The decisions are the nodes' own; nothing here knows their rhythm.
 */
import '../../test/engine/harness/setUp.cts';

import { AirbyteSimulator, ManualClock, seeded, timelines } from '../../simulator/index.cts';
import { StoredCredential } from '../../test/engine/harness/credentials.cts';
import { runNode } from '../../test/engine/harness/engine.cts';
import { byId } from '../../test/engine/harness/fixture.cts';
import { VirtualTime } from '../../test/engine/harness/virtualTime.cts';
import { drawn } from './statistics.cts';
import { WAIT_SECONDS } from './workflows.cts';

export interface LongWait {
	seconds: number;
	/** All calls of Airbyte, from the first to the last. */
	calls: number;
	/** Seconds between the job's end and the node's. */
	delay: number;
}

export interface AdaptiveResult {
	/** Jobs of about an hour. */
	hour: LongWait[];
	/** Jobs of a minute to eight hours. */
	any: LongWait[];
	/** Looks of Airflow's operator at the same jobs of an hour, one every three seconds. */
	fixedLooks: number[];
}

const HOUR = 3_600;

export async function runAdaptive(count: number, seed: number): Promise<AdaptiveResult> {
	const random = seeded(seed);
	const time = new VirtualTime(new ManualClock(Date.UTC(2026, 0, 5, 3, 0, 0)));
	const airbyte = new AirbyteSimulator({ clock: time.shared });
	await airbyte.start();
	time.install();
	try {
		const hour = await waits(airbyte, drawn(0.9 * HOUR, 1.1 * HOUR, count, random));
		// Evenly over the magnitudes: as many of minutes as of hours.
		const magnitudes = drawn(Math.log(60), Math.log(8 * HOUR), count, random);
		const any = await waits(airbyte, magnitudes.map(Math.exp));
		const fixedLooks = hour.map(({ seconds }) => Math.ceil(seconds / WAIT_SECONDS));
		return { hour, any, fixedLooks };
	} finally {
		time.uninstall();
		await airbyte.stop();
	}
}

async function waits(airbyte: AirbyteSimulator, lengths: number[]): Promise<LongWait[]> {
	const results: LongWait[] = [];
	for (const seconds of lengths) results.push(await wait(airbyte, seconds));
	return results;
}

async function wait(airbyte: AirbyteSimulator, seconds: number): Promise<LongWait> {
	airbyte.audit.reset();
	const { connectionId } = airbyte.addConnection({ jobs: timelines.succeedsAfter(seconds) });
	const { clientId, clientSecret } = airbyte.settings;
	const { status } = await runNode({
		node: 'airbyteTriggerSync',
		parameters: {
			connectionId: byId(connectionId),
			waitSeconds: WAIT_SECONDS,
			timeout: 24 * HOUR,
		},
		credential: new StoredCredential({ host: airbyte.url, clientId, clientSecret }),
	});
	const [job] = airbyte.audit.startedJobs(connectionId);
	if (status !== 'success' || !job) throw new Error(`A long wait ended with '${status}'`);
	const delay = (airbyte.clock.now() - job.at) / 1_000 - seconds;
	return { seconds, calls: airbyte.audit.calls.length, delay };
}
