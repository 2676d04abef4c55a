/** How long calls about jobs take. */
import type { JobView } from './job.cts';
import { hasStarted } from './job.cts';
import type { Call, Stage } from './routes.cts';

/** Milliseconds of Airbyte's clock. */
const BETWEEN_LOOKS = 1_000;

/** Lets seconds pass, unless nobody waits for the answer any more. */
export async function pass(seconds: number, { gone }: Call, { airbyte }: Stage): Promise<void> {
	if (seconds > 0) await airbyte.clock.sleep(seconds * 1000, gone);
}

/** The job once it runs, or as it is when nobody waits any more. */
export async function untilStarted(
	jobId: number,
	{ gone }: Call,
	{ airbyte }: Stage,
): Promise<JobView> {
	for (;;) {
		const job = airbyte.scheduler.get(jobId);
		if (!job) throw new Error(`The simulator lost job ${jobId}`);
		if (hasStarted(job) || gone.aborted) return job;
		await airbyte.clock.sleep(BETWEEN_LOOKS, gone);
	}
}
