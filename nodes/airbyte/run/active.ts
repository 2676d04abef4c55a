/** Another job runs on the connection as a start is looked for: what becomes of the start, as the order has it. */
import type { Job } from '../api/job';
import { serves } from '../api/job';
import { queueBehind } from './queue';
import { replace } from './replace';
import type { SyncRun } from './run';
import { settle, startOrder } from './run';
import { watch } from './watch';

/**
 * A job that does something else can't be attached to. Airbyte would answer 409 for a sync, but for a reset it
 * would cancel the running sync, which is not ours to cancel.
 */
export function applyActive(run: SyncRun, active: Job, now: number): SyncRun {
	const order = startOrder(run);
	switch (order.onActiveJob) {
		case 'queue':
			return queueBehind(active, run, now);
		case 'replace':
			return replace(active, run, now);
		case 'skip':
			return settle(run, { is: 'skipped', reason: 'running', job: active });
		case 'attach':
			if (serves(active, order.jobType)) return watch({ ...run, ours: false }, active, now);
	}
	return settle(run, { is: 'busy', job: active, waited: false });
}
