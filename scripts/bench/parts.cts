/** What is measured, part by part. */
import type { ContenderName } from './contender.cts';

/** What can be chosen on the command line: all ways to be killed together, a stop together with a Timeout. */
export const CHOICES = {
	short: ['short'],
	long: ['long'],
	thousand: ['thousand'],
	killed: ['killed', 'killedQueue', 'killedWorker'],
	stop: ['stop', 'timeout'],
	memory: ['memory'],
} as const;
export type PartName = (typeof CHOICES)[keyof typeof CHOICES][number];

export interface Part {
	/** In the document. */
	title: string;
	count: number;
	/** Waits are started evenly over that many seconds. */
	within: number;
	/** How long the job of a wait takes, by the wait's place in the order of starts and by chance, both 0 to 1. */
	seconds: (place: number, chance: number) => number | null;
	/** They meet the same machine at the same time. */
	contenders: ContenderName[];
	isQueue?: boolean;
	/** What happens once all wait; without it they just go on to their end. */
	then?: 'kill all' | 'kill a worker' | 'stop' | 'time out' | 'watch memory';
	/** Seconds after the last end in which n8n may still work for it. */
	aftermath: number;
}

const ours: ContenderName[] = ['this'];
const all: ContenderName[] = ['this', 'against', 'loop'];

const spread = (least: number, most: number) => (_place: number, chance: number) =>
	least + chance * (most - least);

/** Seconds in which a thousand are started. */
const STARTS = 300;

/** Jobs that end between these seconds of a part. */
const endsWithin = (first: number, last: number) => (place: number, chance: number) =>
	first + chance * (last - first) - place * STARTS;

const few = { count: 25, within: 30, contenders: ours, aftermath: 0 };
const killed = { ...few, seconds: spread(150, 330) };
const forEver = { ...few, seconds: () => null };

export const PARTS: Record<PartName, Part> = {
	short: {
		title: '25 jobs of 15 to 120 s',
		...{ count: 25, within: 50, contenders: all, aftermath: 60 },
		seconds: spread(15, 120),
	},
	long: {
		title: '150 jobs of 5 to 8 min',
		...{ count: 150, within: 150, contenders: all, aftermath: 250 },
		seconds: spread(300, 480),
	},
	thousand: {
		title: '1,000 jobs that end within 20 min',
		// Afterwards there is time for two turns of what is left of an execution at its end.
		...{ count: 1_000, within: STARTS, contenders: ours, aftermath: 250 },
		seconds: endsWithin(540, 1_740),
	},
	killed: {
		title: 'n8n killed (-9), jobs of 70 to 300 s',
		...few,
		// Some end before the children that look after them ring again.
		seconds: spread(70, 300),
		then: 'kill all',
	},
	killedQueue: {
		title: 'queue mode, all killed, jobs of 150 to 330 s',
		...killed,
		isQueue: true,
		then: 'kill all',
	},
	killedWorker: {
		title: 'queue mode, one of two workers killed, jobs of 150 to 330 s',
		...killed,
		isQueue: true,
		then: 'kill a worker',
	},
	stop: { title: 'stop, until its cancel', ...forEver, then: 'stop' },
	timeout: { title: 'passed Timeout, until its cancel', ...forEver, then: 'time out' },
	memory: { title: '25 waits', ...forEver, then: 'watch memory' },
};

export const PART_NAMES = Object.keys(PARTS) as PartName[];

/** What a contender came to in a part; seconds and MB. */
export interface Outcome {
	/** One row a wait: how long its job took, and how long after that it was over; null if it did not end well. */
	waits: Array<[seconds: number | null, delay: number | null]>;
	idleCores: number;
	/** While all wait, if there was such a time. */
	waiting?: { seconds: number; cores: number; memory: number; executions: number };
	memoryBefore: number;
	memoryMost: number;
	/** Used up from the first start to the end of the aftermath, without what n8n uses for nothing. */
	cpuSeconds: number;
	/** In n8n's list after the aftermath. */
	executionsLeft: number;
	/** Of Airbyte. */
	calls: number;
}

export interface PartResult {
	at: string;
	/** Cores that others kept busy just before. */
	busyBefore: number;
	outcomes: Partial<Record<ContenderName, Outcome>>;
}
