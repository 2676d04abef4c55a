/** What holds of every sync in every world, judged by the simulator's audit. */
import type { JobView } from '../../../simulator/index.cts';
import type { Life } from './live.cts';
import { SLOW } from './live.cts';
import type { Outcome } from './outcome.cts';
import { outcomesOf } from './outcome.cts';

/** An item, what the node told of it, and what is true at that moment. */
interface Case {
	life: Life;
	item: number;
	outcome: Outcome;
	/** Jobs that were started for it; a law says that it is one. */
	own: JobView[];
	/** The job that the node names, if it gave an output. */
	told?: JobView;
}

/** Each gives what is wrong, if anything is. */
const itemLaws: Record<string, (one: Case) => string | undefined> = {
	'one job an item, and one more for each retry': ({ own, outcome, life }) => {
		const most = outcome.is === 'notStarted' ? 0 : 1 + life.world.options.retries;
		return own.length > most ? `${own.length} were started` : undefined;
	},

	'a retry follows a job that failed, or moved too few rows': ({ own, life }) => {
		const wrong = own
			.slice(0, -1)
			.find((job) => job.status !== 'failed' && !hasTooFewRows(job, life));
		return wrong && `job ${wrong.jobId} is ${wrong.status}`;
	},

	'a success is one, of a job of its own connection': ({ outcome, told, life, item }) => {
		if (outcome.is !== 'output') return undefined;
		if (!told || told.connectionId !== life.connectionIds[item]) return 'the job is not there';
		if (isSkipped(outcome, life)) return undefined;
		const { status, rowsSynced } = outcome.json;
		if (status !== 'succeeded' || told.status !== 'succeeded') return `it ${told.status}`;
		if (hasTooFewRows(told, life)) return `${told.rows} rows are too few`;
		const isPlain = life.end?.error !== undefined;
		return isPlain || rowsSynced === told.rows ? undefined : `${told.rows} rows, not ${rowsSynced}`;
	},

	'whose the job is, is told as it is': ({ outcome, told, own, life }) => {
		if (outcome.is !== 'output' || !told || life.end?.error) return undefined;
		const { attached, attempt, skipped } = outcome.json;
		if (skipped) return told.origin === 'api' ? 'it is its own' : undefined;
		if (told.origin === 'schedule') {
			if (life.world.options.retries === 0 && own.length > 0) return 'it has one of its own';
			return attached || isTakenForOwn(life, told.jobId) ? undefined : 'it is not its own';
		}
		if (attached || told !== own[own.length - 1]) return 'it is its own';
		return attempt === own.length ? undefined : `it is number ${own.length}, not ${attempt}`;
	},

	'what is skipped starts nothing': ({ outcome, own, life }) =>
		outcome.is === 'output' && isSkipped(outcome, life) && own.length > 0
			? `job ${own[0].jobId} is`
			: undefined,

	'a failure tells the truth of its job': ({ outcome, life }) => {
		if (outcome.is !== 'failure') return undefined;
		const { words } = outcome;
		const [, jobId] = /^Airbyte job (\d+)/.exec(words) ?? [];
		const job = life.end?.jobs.find((one) => one.jobId === Number(jobId));
		if (!jobId) return undefined;
		const truth = job?.status ?? 'not there';
		if (/succeeded with fewer than/.test(words) && !(job && hasTooFewRows(job, life))) {
			return `it is ${truth} with ${job?.rows} rows`;
		}
		if (/^\S+ job \d+ failed/.test(words) && truth !== 'failed') return `it is ${truth}`;
		if (/^\S+ job \d+ (was|.* and was) cancelled/.test(words) && truth !== 'cancelled') {
			return `it is ${truth}`;
		}
		return undefined;
	},

	'a job that succeeded is not told as failed, unless that could not be known': ({
		own,
		outcome,
		life,
	}) => {
		const job = own.find((one) => one.status === 'succeeded' && !hasTooFewRows(one, life));
		if (outcome.is !== 'failure' || !job) return undefined;
		return isOpen(outcome.words, job.jobId) ? undefined : outcome.words;
	},

	'nothing is left running unseen': ({ own, outcome }) => {
		const job = own.find(({ terminal }) => !terminal);
		if (outcome.is !== 'failure' || !job) return undefined;
		return isOpen(outcome.words, job.jobId)
			? undefined
			: `job ${job.jobId} is ${job.status}: ${outcome.words}`;
	},

	'a timeout is not told before its time': ({ outcome, life }) => {
		if (outcome.is !== 'failure' || !/did not end within/.test(outcome.words)) return undefined;
		const passed = (life.end?.at ?? 0) - life.startedAt;
		return passed >= life.world.timeout * 1_000 ? undefined : `${passed} ms have passed`;
	},

	'a job of its own whose time is over is cancelled if that is wanted, or named': ({
		own,
		outcome,
		life,
	}) => {
		const job = own[own.length - 1];
		if (outcome.is !== 'failure' || !job || !/did not end within/.test(outcome.words)) {
			return undefined;
		}
		const isCancelled = life.cancels.some(({ cancelledJobId }) => cancelledJobId === job.jobId);
		if (!life.world.options.cancelOnTimeout) return isCancelled ? 'it was cancelled' : undefined;
		return isCancelled || job.terminal || isOpen(outcome.words, job.jobId)
			? undefined
			: outcome.words;
	},

	'a calm Airbyte leaves no doubt': ({ outcome, life }) => {
		if (!isCalm(life) || outcome.is !== 'failure') return undefined;
		const isSure =
			/^Airbyte job \d+ (failed|was cancelled|did not end within|succeeded with fewer)/.test(
				outcome.words,
			) || /^A.* (is|was still) running on |is disabled in|had no capacity/.test(outcome.words);
		return isSure ? undefined : outcome.words;
	},
};

const lifeLaws: Record<string, (life: Life) => string | undefined> = {
	'the execution ends': ({ end }) => (end ? undefined : 'it goes on and on'),

	'nothing goes on after it': ({ unfinished }) => unfinished.join(', ') || undefined,

	'nothing breaks that only the log would tell': ({ faults }) => faults.join(', ') || undefined,

	'item k in, item k out': (life) => {
		const { end, world, stoppedAt } = life;
		if (!end || stoppedAt !== undefined || end.error) return undefined;
		const paired = end.outputs.map((items) =>
			items.map(({ pairedItem }) => (pairedItem as { item: number }).item),
		);
		const isOrdered = paired.every((items) => String([...items].sort()) === String(items));
		const all = paired.flat().sort();
		return isOrdered && String(all) === String(world.items.map((_, item) => item))
			? undefined
			: JSON.stringify(paired);
	},

	'stops with an error only where the user wants that': ({ end, world, stoppedAt }) =>
		end?.error && stoppedAt === undefined && world.onError !== 'stopWorkflow'
			? end.error.message
			: undefined,

	'only what was started here is cancelled': (life) => {
		const wrong = life.cancels.find(({ cancelledJobId, at }) => {
			const job = life.started.find(({ jobId }) => jobId === cancelledJobId);
			if (job?.origin === 'api' || isTakenForOwn(life, cancelledJobId)) return false;
			// It came between the last look and the cancel, which hits what runs.
			return job === undefined || at - job.at > 3 * SLOW;
		});
		return wrong && `job ${wrong.cancelledJobId}`;
	},

	'a job is cancelled only for a reason that the user has allowed': (life) => {
		const { cancelOnStop, cancelOnTimeout } = life.world.options;
		const wrong = life.cancels.find(({ cancelledJobId, at }) => {
			if (life.stoppedAt !== undefined && at >= life.stoppedAt && cancelOnStop) return false;
			const job = life.started.find(({ jobId }) => jobId === cancelledJobId);
			return !cancelOnTimeout || at - (job?.at ?? 0) < patienceOf(life);
		});
		return wrong && `job ${wrong.cancelledJobId} was not`;
	},

	'a stop leaves nothing of its own running': (life) => {
		if (life.stoppedAt === undefined || !life.world.options.cancelOnStop) return undefined;
		// A sign-in that is refused twice in a row is not tried again.
		if (life.calls[life.calls.length - 1].status === 401) return undefined;
		const left = life.started.filter(({ origin, jobId }) => {
			const job = life.jobs.find((one) => one.jobId === jobId);
			// Airbyte may take its time.
			const isCancelled = life.cancels.some(({ cancelledJobId }) => cancelledJobId === jobId);
			return origin === 'api' && !job?.terminal && !isCancelled && !isLeftRunning(life);
		});
		return left.length > 0 ? `job ${left.map(({ jobId }) => jobId).join(', ')}` : undefined;
	},

	'after a stop nothing is started': ({ stoppedAt = Infinity, started }) => {
		const wrong = started.find(({ at, origin }) => origin === 'api' && at > stoppedAt);
		return wrong && `job ${wrong.jobId} is`;
	},
};

/** What is wrong with a life, one line each. */
export function violations(life: Life): string[] {
	const outcomes = outcomesOf(life) ?? [];
	const cases = outcomes.map((outcome, item) => caseOf(life, outcome, item));
	const ofItems = cases.flatMap((one) =>
		broken(itemLaws, one).map((what) => `item ${one.item}: ${what}`),
	);
	return [...broken(lifeLaws, life), ...ofItems];
}

function broken<T>(laws: Record<string, (of: T) => string | undefined>, of: T): string[] {
	return Object.entries(laws).flatMap(([law, check]) => {
		const wrong = check(of);
		return wrong === undefined ? [] : [`${law}, but: ${wrong}`];
	});
}

function caseOf(life: Life, outcome: Outcome, item: number): Case {
	const jobs = life.end?.jobs ?? [];
	const own = jobs.filter(
		({ connectionId, origin }) => connectionId === life.connectionIds[item] && origin === 'api',
	);
	const told =
		outcome.is === 'output' ? jobs.find(({ jobId }) => jobId === outcome.json.jobId) : undefined;
	return { life, item, outcome, own, told };
}

/** Whether the words leave open how the job ends, and say so. */
function isOpen(words: string, jobId: number): boolean {
	const isNamed = new RegExp(`\\bjob ${jobId}\\b`, 'i').test(words);
	return (
		(isNamed && /may still (be running|start)/.test(words)) || /It is not known whether/.test(words)
	);
}

/**
 * Whether a job of others' came while it was unclear what had become of a submission: then Airbyte's answers are the
 * same as if it had come of that, and nobody can tell.
 */
function isTakenForOwn({ calls, started }: Life, jobId: number): boolean {
	const job = started.find((one) => one.jobId === jobId);
	const submission = calls.find(({ route }) => route === 'POST /jobs');
	return job !== undefined && submission !== undefined && job.at >= submission.at - SLOW;
}

/** The stop came when the time was over already, and the user lets jobs run on then. */
function isLeftRunning({ world, stoppedAt = 0, startedAt }: Life): boolean {
	return !world.options.cancelOnTimeout && stoppedAt - startedAt >= patienceOf({ world });
}

/** How long a job may take at least, in milliseconds. */
function patienceOf({ world }: Pick<Life, 'world'>): number {
	const { queueTimeout } = world.options;
	return Math.min(world.timeout, queueTimeout || Infinity) * 1_000;
}

function hasTooFewRows({ status, rows = 0 }: JobView, { world }: Life): boolean {
	return status === 'succeeded' && rows < world.options.minimumRows;
}

function isSkipped({ json }: Outcome & { is: 'output' }, { world, end }: Life): boolean {
	if (json.skipped !== undefined || end?.error === undefined) return json.skipped === true;
	// In n8n's error another item is told by its job's id and status alone.
	return world.options.onActiveJob === 'skip' && json.status !== 'succeeded';
}

function isCalm({ world }: Life): boolean {
	const tokensLast = world.slow === 0 || world.tokenLifetimeSeconds >= 180;
	return world.faults.rate === 0 && !world.hang && tokensLast && world.tokenLifetimeSeconds > 1;
}
