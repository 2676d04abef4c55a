/** Kills what n8n consists of, one after the other, and starts it again as a supervisor would. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { QueueN8n } from '../n8n/queue.cts';
import type { Service } from '../n8n/service.cts';
import { Dice } from './dice.cts';
import { patiently } from './patience.cts';
import { type PlannedKill, type Victim, planKillRound } from './plan.cts';

/** How often what has ended by itself is started again. */
const SUPERVISION_MS = 1_000;

export class Killer {
	readonly kills = new Map<string, number>();

	/** When main was started again, also after it had ended by itself. */
	readonly mainRestarts: number[] = [];

	private readonly dice: Dice;

	constructor(
		private readonly n8n: QueueN8n,
		seed: number,
		private readonly report: (line: string) => void,
	) {
		this.dice = new Dice(seed);
	}

	/** Kills each kind of process once, and then goes on for as long as it is told to. */
	async run(goesOn: () => boolean): Promise<void> {
		for (const kill of planKillRound(this.dice)) await this.carryOut(kill);
		while (goesOn()) {
			for (const kill of planKillRound(this.dice)) if (goesOn()) await this.carryOut(kill);
		}
	}

	private async carryOut({ victim, after, down }: PlannedKill): Promise<void> {
		await this.superviseFor(after);
		this.report(`kill -9 of ${victim}, down for ${down} s`);
		const kind = victim.replace(/ \d+$/, '');
		this.kills.set(kind, (this.kills.get(kind) ?? 0) + 1);
		await this.serviceOf(victim).kill();
		await sleep(down * 1_000);
		await this.startAll();
	}

	/** Keeps everything up for some seconds. */
	async superviseFor(seconds: number): Promise<void> {
		const end = Date.now() + seconds * 1_000;
		while (Date.now() < end) {
			await this.startAll();
			await sleep(SUPERVISION_MS);
		}
	}

	/** What was started too early, while something that it needs was still away, is started again. */
	private async startAll(): Promise<void> {
		if (!this.n8n.main.isRunning) this.mainRestarts.push(Date.now());
		await patiently(async () => await this.n8n.startAll());
	}

	private serviceOf(victim: Victim): Service {
		const { main, workers, redis, postgres } = this.n8n;
		const [first, second] = workers;
		const services = { main, 'worker 0': first, 'worker 1': second };
		return { ...services, Redis: redis, PostgreSQL: postgres }[victim];
	}
}
