/** What becomes of a run whose credential was changed while it waited. */
import type { Problem } from '../api/problem';
import type { SyncRun } from './run';
import { isSettled, settle } from './run';

/**
 * The runs as they go on with a credential that leads to `publicApi`. Where they began at another Airbyte they fail: there,
 * a job of the same number is somebody else's.
 *
 * @param address the public API that they began at
 */
export function boundTo(address: string, publicApi: string, runs: SyncRun[]): SyncRun[] {
	if (publicApi === address) return runs;
	return runs.map((run) => (isSettled(run) ? run : failMoved(run, address)));
}

function failMoved(run: SyncRun, address: string): SyncRun {
	const started = run.job
		? `The job was started at ${address}, where it may still be running; nothing was cancelled.`
		: `A job was to be started at ${address}; nothing was cancelled.`;
	const what = run.order.kind === 'await' ? `A sync was waited for at ${address}.` : started;
	const problem: Problem = {
		kind: 'input',
		message: 'The Airbyte credential was pointed at another Airbyte in the meantime',
		description: `${what} Check it there, or set the credential back before you run this again.`,
		passing: false,
		mayHaveArrived: false,
	};
	return settle(run, { is: 'failed', problem, job: run.job });
}
