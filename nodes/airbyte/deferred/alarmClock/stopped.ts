/** What a clock does for an execution that was stopped: its jobs are cancelled. */
import type { IExecuteFunctions } from 'n8n-workflow';

import { openClient } from '../../api/client';
import { clock } from '../../api/clock';
import { isTerminal } from '../../api/job';
import { SPARE } from '../../run/schedule';
import type { Order } from '../../run/run';
import { begin } from '../../run/run';
import { waitHere } from '../../run/drive';
import type { ClockItem, StoredClock } from './item';
import { hasEnded, isAlive } from './item';
import { revive } from './others';
import { survive } from './survive';

/** How long an Airbyte that is away is asked to cancel the jobs of a stopped execution. */
const CANCELLING_PATIENCE = 60 * 60_000;

/** Whether nothing is left to do about a stopped execution. */
export async function hasCancelled(context: IExecuteFunctions, item: ClockItem): Promise<boolean> {
	if (item.rank === SPARE) {
		// It can't cancel anything itself; others that were there at the end have.
		const isLost = (stored?: StoredClock) => !isAlive(stored) && !hasEnded(stored);
		await survive(context, async () => await revive(context, item, isLost));
		return true;
	}
	item.stoppedAt ??= clock.now();
	const running =
		(await survive(context, async () => await cancelJobs(context, item))) ?? item.cancel;
	if (running.length === 0) return true;
	context.logger.warn(
		`The execution ${item.parent} was stopped, but what it started at Airbyte may still be running: job ${running.join(', job ')}`,
	);
	return clock.now() - item.stoppedAt >= CANCELLING_PATIENCE;
}

/**
 * Cancels what the stopped execution started; looks at each job first, since it may have ended.
 *
 * @returns the jobs that may still be running
 */
async function cancelJobs(
	context: IExecuteFunctions,
	{ cancel, apiVersion }: ClockItem,
): Promise<number[]> {
	if (cancel.length === 0) return [];
	const client = await openClient(context, apiVersion);
	const isRunning = async (jobId: number) => {
		const { result } = await waitHere(context, client, begin(toCancel(jobId), clock.now()));
		if (result?.is === 'failed' && result.problem.kind === 'notFound') return false;
		return !result || !('job' in result) || !result.job || !isTerminal(result.job);
	};
	const running = await Promise.all(
		cancel.map(async (jobId) => ((await isRunning(jobId)) ? [jobId] : [])),
	);
	return running.flat();
}

function toCancel(jobId: number): Order {
	return {
		kind: 'follow',
		jobId,
		until: 'cancelled',
		parks: false,
		waitSeconds: 3,
		adaptivePolling: false,
		timeout: 3_600,
		queueTimeout: 0,
		minimumRows: 0,
		failureDetails: false,
	};
}
