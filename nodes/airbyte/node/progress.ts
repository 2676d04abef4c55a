/**
 * Where a run stands, for whoever waits in front of it: n8n's log, and in a run by hand the browser's console, which
 * is all that n8n lets a node tell the editor before it is done.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { Job } from '../api/job';
import type { SyncRun } from '../run/run';

/** Tells how one run gets on, each time that there is something new. */
export function tellingProgress(context: IExecuteFunctions): (run: SyncRun) => void {
	let last = '';
	return (run) => {
		const words = progressOf(run);
		if (words === undefined || words === last) return;
		last = words;
		// The server's log has the job's id even if n8n dies before the node is done.
		context.logger.debug(words, { stage: run.stage, ours: run.ours });
		context.sendMessageToUI(words);
	};
}

/** How a run gets on, as a sentence; undefined while there is nothing to tell. */
function progressOf({ stage, job, blocker, attempt, earlier }: SyncRun): string | undefined {
	if (stage === 'settled') return undefined;
	if (stage === 'queueing' && blocker) return `Waiting for the end of ${described(blocker)}`;
	if (stage === 'crowded') return 'Waiting until fewer jobs run in the workspace';
	if ((stage === 'replacing' || stage === 'cancellingBlocker') && blocker) {
		return `Cancelling another job: ${described(blocker)}`;
	}
	if (stage === 'pausing') {
		return `${described(earlier[earlier.length - 1])}. Attempt ${attempt} follows`;
	}
	return job && described(job);
}

function described({ jobId, status, rowsSynced, bytesSynced }: Job): string {
	const numbers = [
		rowsSynced === undefined ? '' : `${rowsSynced} rows`,
		bytesSynced === undefined ? '' : `${bytesSynced} bytes`,
	].filter(Boolean);
	const soFar = numbers.length === 0 ? '' : `, ${numbers.join(' and ')} so far`;
	return `Airbyte job ${jobId}: ${status}${soFar}`;
}
