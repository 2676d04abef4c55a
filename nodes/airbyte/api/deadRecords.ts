/** Which of a workspace's jobs are listed as running although nothing runs any more, as a crash of Airbyte leaves them. */
import { clock } from './clock';
import type { Job } from './job';
import { oldestFirst } from './job';

/** Milliseconds of age from which a record is doubted, and for which it is believed after a check. */
const OLD_ENOUGH = 10 * 60_000;
const BELIEVED_FOR = 5 * 60_000;

/** How many records are checked for one count, which would be out of date after more. */
const MOST_LOOKS = 3;

export class DeadRecords {
	private readonly dead = new Set<number>();
	private readonly believedUntil = new Map<number, number>();

	/** @param isDead looks at the connection of a record */
	constructor(private readonly isDead: (job: Job) => Promise<boolean>) {}

	/**
	 * Leaves out those that are known to be dead. While so many are left that it matters, the oldest are looked at.
	 *
	 * @param most fewer are not looked at
	 */
	async without(jobs: Job[], most: number): Promise<Job[]> {
		const left = new Set(jobs.filter(({ jobId }) => !this.dead.has(jobId)));
		for (const job of this.doubtful([...left])) {
			if (left.size < most) break;
			this.believedUntil.set(job.jobId, clock.now() + BELIEVED_FOR);
			if (!(await this.isDead(job))) continue;
			this.dead.add(job.jobId);
			left.delete(job);
		}
		return [...left];
	}

	private doubtful(jobs: Job[]): Job[] {
		const now = clock.now();
		const isOld = ({ startTime }: Job) => now - Date.parse(startTime ?? '') >= OLD_ENOUGH;
		return oldestFirst(jobs)
			.filter((job) => isOld(job) && now >= (this.believedUntil.get(job.jobId) ?? 0))
			.slice(0, MOST_LOOKS);
	}
}
