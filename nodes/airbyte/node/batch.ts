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

export class Batch {
	constructor(
		private readonly context: IExecuteFunctions,
		private readonly client: AirbyteClient,
		private readonly size: number,
		private readonly goesOn: boolean,
	) {}

	/**
	 * Takes every item as far as it goes now: to its end, or until all that are under way can be parked.
	 *
	 * @param parksFrom milliseconds since the epoch, before which none parks
	 */
	async drive(before: SyncRun[], parksFrom = 0): Promise<SyncRun[]> {
		const runs = [...before];
		const underWay = runs.flatMap((run, item) => (isUnderWay(run) ? [{ item, run }] : []));
		const free = Math.max(0, Math.min(this.size, runs.length) - underWay.length);
		const rest = new Rest(underWay.length + free, parksFrom);
		const toBegin = runs.entries();
		const next = () => {
			if (!this.goesOn && runs.some(hasFailed)) return undefined;
			for (const [item, run] of toBegin) {
				if (run.stage === 'notBegun') return { item, run: begin(run.order, clock.now()) };
			}
			return undefined;
		};
		const work = async (first = next()) => {
			for (let one = first; one; one = next()) {
				runs[one.item] = await this.advance(one.run, rest);
				if (!isSettled(runs[one.item])) break;
			}
			rest.leave();
		};
		const freeWorkers = Array.from({ length: free }, async () => await work());
		await Promise.all([...underWay.map(work), ...freeWorkers]);
		return runs;
	}

	private async advance(run: SyncRun, rest: Rest): Promise<SyncRun> {
		const signal = this.context.getExecutionCancelSignal();
		return await waitHere(this.context, this.client, run, {
			onChange: tellingProgress(this.context),
			rest: async (until) => await rest.until(until, signal),
		});
	}
}

/**
 * Where items wait that could be parked: until all of them can, each goes on with its looks, so that no time that is over
 * and no failure is overlooked for the sake of another one.
 */
class Rest {
	private resting = 0;
	private readonly parking = new AbortController();

	constructor(
		private underWay: number,
		private readonly parksFrom: number,
	) {}

	/** One is under way no more. */
	leave(): void {
		this.underWay -= 1;
		this.parkIfAllRest();
	}

	/** @returns whether all are to be parked now; otherwise the time has come, or the execution was stopped */
	async until(until: number, stopped?: AbortSignal): Promise<boolean> {
		this.resting += 1;
		this.parkIfAllRest();
		const parking = this.parking.signal;
		const signal = stopped ? AbortSignal.any([stopped, parking]) : parking;
		while (clock.now() < until && !signal.aborted) {
			const wakeAt = clock.now() < this.parksFrom ? Math.min(until, this.parksFrom) : until;
			await clock.sleep(wakeAt - clock.now(), signal);
			this.parkIfAllRest();
		}
		this.resting -= 1;
		return parking.aborted && !stopped?.aborted;
	}

	private parkIfAllRest(): void {
		if (this.resting === this.underWay && clock.now() >= this.parksFrom) this.parking.abort();
	}
}
