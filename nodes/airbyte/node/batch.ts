/**
 * The items of one execution, as many side by side as a batch has.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { clock } from '../api/clock';
import { waitHere } from '../run/drive';
import type { SyncRun } from '../run/run';
import { begin, hasFailed, isSettled, isUnderWay } from '../run/run';
import { tellingProgress } from './progress';

export async function aborted(signal: AbortSignal): Promise<void> {
	if (!signal.aborted) await new Promise((done) => signal.addEventListener('abort', done));
}

/** So many items side by side; a parked one counts as one of them. */
export class Batch {
	constructor(
		private readonly context: IExecuteFunctions,
		private readonly client: AirbyteClient,
		private readonly size: number,
		private readonly goesOn: boolean,
	) {}

	/**
	 * Takes every item as far as it goes now: to its end, or until it can be parked.
	 *
	 * @param parksFrom milliseconds since the epoch, before which none parks
	 */
	async drive(before: SyncRun[], parksFrom = 0): Promise<SyncRun[]> {
		const runs = [...before];
		const toBegin = runs.entries();
		const over = new AbortController();
		const resting: Array<Promise<void>> = [];
		const advanceItem = async (item: number, run: SyncRun) => {
			runs[item] = await this.advance(run, parksFrom);
			if (!isSettled(runs[item])) resting.push(this.endIfStopped(item, runs, over.signal));
		};
		const beginMore = async () => {
			for (const [item, run] of toBegin) {
				if (run.stage !== 'notBegun') continue;
				if (!this.goesOn && runs.some(hasFailed)) return;
				await advanceItem(item, begin(run.order, clock.now()));
				if (!isSettled(runs[item])) return;
			}
		};
		const goOn = async (item: number, run: SyncRun) => {
			await advanceItem(item, run);
			if (isSettled(runs[item])) await beginMore();
		};
		const underWay = before.flatMap((run, item) => (isUnderWay(run) ? [goOn(item, run)] : []));
		const free = Math.max(0, Math.min(this.size, runs.length) - underWay.length);
		await Promise.all([...underWay, ...Array.from({ length: free }, beginMore)]);
		over.abort();
		await Promise.all(resting);
		return runs;
	}

	/** An item that could be parked has its job cancelled at once, however long the others keep the execution from parking. */
	private async endIfStopped(item: number, runs: SyncRun[], over: AbortSignal): Promise<void> {
		const stopped = this.context.getExecutionCancelSignal();
		if (!stopped) return;
		await aborted(AbortSignal.any([stopped, over]));
		if (stopped.aborted) runs[item] = await this.advance(runs[item]);
	}

	private async advance(run: SyncRun, parksFrom = 0): Promise<SyncRun> {
		const onChange = tellingProgress(this.context);
		return await waitHere(this.context, this.client, run, { parksFrom, onChange });
	}
}
