/**
 * The items of one execution, as many side by side as a batch has.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { clock } from '../api/clock';
import { waitHere } from '../run/drive';
import { canPark } from '../run/parking';
import { isCalledOff } from '../run/queue';
import type { SyncRun } from '../run/run';
import { begin, hasFailed, isSettled, isUnderWay } from '../run/run';
import { tellingProgress } from './progress';

export class Batch {
	constructor(
		private readonly context: IExecuteFunctions,
		private readonly client: AirbyteClient,
		private readonly size: number,
		private readonly continueOnFail: boolean,
	) {}

	/**
	 * Takes every item as far as it goes now: to its end, or until all that are under way can be parked.
	 *
	 * @param parksFrom milliseconds since the epoch, before which none parks
	 */
	async drive(before: SyncRun[], parksFrom = 0): Promise<SyncRun[]> {
		const runs = [...before];
		const itemsWhere = (holds: (run: SyncRun) => boolean) =>
			[...runs.keys()].filter((item) => holds(runs[item]));
		const underWay = itemsWhere(isUnderWay);
		const queue = [...underWay, ...itemsWhere(({ stage }) => stage === 'notBegun')].values();
		// All that are under way, even where they are more than a batch.
		const workers = Math.max(underWay.length, Math.min(this.size, runs.length));
		const gate = new ParkingGate(
			workers,
			() => runs.filter(isUnderWay).every(canPark),
			parksFrom,
			this.context.getExecutionCancelSignal(),
		);
		const work = async () => {
			for (const item of queue) {
				const isNew = runs[item].stage === 'notBegun';
				if (isNew && !this.continueOnFail && runs.some(hasFailed)) break;
				if (isNew) runs[item] = begin(runs[item].order, clock.now());
				await this.advance(item, runs, gate);
				if (!isSettled(runs[item])) break;
			}
			gate.leave();
		};
		await Promise.all(Array.from({ length: workers }, work));
		return runs;
	}

	/** Takes an item as far as it goes, and keeps that in its place among the runs. */
	private async advance(item: number, runs: SyncRun[], gate: ParkingGate): Promise<void> {
		const tell = tellingProgress(this.context);
		const onChange = (run: SyncRun) => {
			runs[item] = run;
			tell(run);
		};
		runs[item] = await waitHere(this.context, this.client, runs[item], {
			onChange,
			waitToPark: async (until) => await gate.waitToPark(until),
			isCalledOff: (run) => isCalledOff(run, runs, this.continueOnFail),
		});
	}
}

/** Milliseconds that a due look is put off at most, so that the others' looks end and all items rest together. */
const LONGEST_DELAY = 5_000;

/**
 * Where items wait that could be parked: until all of them can, each goes on with its looks, so that no time that is over
 * and no failure is overlooked for the sake of another one.
 */
class ParkingGate {
	private waiting = 0;
	private readonly parking = new AbortController();

	/** @param underWay how many items are, or are about to be */
	constructor(
		private underWay: number,
		private readonly couldAllPark: () => boolean,
		private readonly parksFrom: number,
		private readonly stopped: AbortSignal | undefined,
	) {}

	/** One is under way no more. */
	leave(): void {
		this.underWay -= 1;
		this.parkIfAllWait();
	}

	/** @returns whether all are to be parked now; if not, this one goes on */
	async waitToPark(until: number): Promise<boolean> {
		this.waiting += 1;
		this.parkIfAllWait();
		const isTooEarly = clock.now() < this.parksFrom;
		await this.sleep((isTooEarly ? Math.min(until, this.parksFrom) : until) - clock.now());
		if (!isTooEarly && this.couldAllPark()) await this.sleep(LONGEST_DELAY);
		this.waiting -= 1;
		return this.parking.signal.aborted && !this.stopped?.aborted;
	}

	/** Each sleep has a signal of its own: Node warns of more than ten listeners on one. */
	private async sleep(ms: number): Promise<void> {
		const { signal } = this.parking;
		const waking = AbortSignal.any(this.stopped ? [this.stopped, signal] : [signal]);
		await clock.sleep(Math.max(0, ms), waking);
	}

	private parkIfAllWait(): void {
		const shouldPark = this.waiting === this.underWay && clock.now() >= this.parksFrom;
		if (shouldPark) this.parking.abort();
	}
}
