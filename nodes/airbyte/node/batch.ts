/**
 * The items of one execution, as many side by side as a batch has.
 */
import type { IExecuteFunctions } from 'n8n-workflow';

import type { AirbyteClient } from '../api/client';
import { clock } from '../api/clock';
import { waitHere } from '../run/drive';
import { canPark } from '../run/parking';
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
		const rest = new Rest(
			underWay.length + free,
			() => runs.filter(isUnderWay).every(canPark),
			parksFrom,
			this.context.getExecutionCancelSignal(),
		);
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
				await this.advance(one, runs, rest);
				if (!isSettled(runs[one.item])) break;
			}
			rest.leave();
		};
		const workers = Array.from({ length: free }, async () => await work());
		await Promise.all([...underWay.map(async (one) => await work(one)), ...workers]);
		return runs;
	}

	/** Keeps how far an item is in its place among the runs. */
	private async advance(
		{ item, run }: { item: number; run: SyncRun },
		runs: SyncRun[],
		rest: Rest,
	): Promise<void> {
		const tell = tellingProgress(this.context);
		const onChange = (now: SyncRun) => {
			runs[item] = now;
			tell(now);
		};
		runs[item] = run;
		runs[item] = await waitHere(this.context, this.client, run, {
			onChange,
			rest: async (until) => await rest.until(until),
		});
	}
}

/** Milliseconds that a due look is put off at most, so that the others' looks end and all items rest together. */
const LONGEST_DELAY = 5_000;

/**
 * Where items wait that could be parked: until all of them can, each goes on with its looks, so that no time that is over
 * and no failure is overlooked for the sake of another one.
 */
class Rest {
	private resting = 0;
	private readonly parking = new AbortController();
	private readonly waking: AbortSignal;

	/** @param underWay how many items are, or are about to be */
	constructor(
		private underWay: number,
		private readonly couldAllPark: () => boolean,
		private readonly parksFrom: number,
		private readonly stopped: AbortSignal | undefined,
	) {
		const { signal } = this.parking;
		this.waking = stopped ? AbortSignal.any([stopped, signal]) : signal;
	}

	/** One is under way no more. */
	leave(): void {
		this.underWay -= 1;
		this.parkIfAllRest();
	}

	/** @returns whether all are to be parked now; if not, this one goes on */
	async until(until: number): Promise<boolean> {
		this.resting += 1;
		this.parkIfAllRest();
		const isTooEarly = clock.now() < this.parksFrom;
		await this.sleep((isTooEarly ? Math.min(until, this.parksFrom) : until) - clock.now());
		if (!isTooEarly && this.couldAllPark()) await this.sleep(LONGEST_DELAY);
		this.resting -= 1;
		return this.parking.signal.aborted && !this.stopped?.aborted;
	}

	private async sleep(ms: number): Promise<void> {
		await clock.sleep(Math.max(0, ms), this.waking);
	}

	private parkIfAllRest(): void {
		const isToPark = this.resting === this.underWay && clock.now() >= this.parksFrom;
		if (isToPark) this.parking.abort();
	}
}
