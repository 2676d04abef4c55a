/**
 * What random worlds have brought to light, one example each: mistakes of the machine that a person had not seen and
 * that the usual number of worlds may miss again, and a few of the model that say something about Airbyte.
 */
import { problemInFault } from '../../../nodes/airbyte/api/faults';
import type { Job } from '../../../nodes/airbyte/api/job';
import { apply, step } from '../../../nodes/airbyte/run/machine';
import type { Order } from '../../../nodes/airbyte/run/order';
import type { Outcome } from '../../../nodes/airbyte/run/action';
import type { SyncRun } from '../../../nodes/airbyte/run/run';
import { begin } from '../../../nodes/airbyte/run/run';
import type { FaultName } from './faults.cts';
import { call, faultOf } from './faults.cts';
import { obeysLaws } from './laws.cts';
import type { CallPlan, History, World } from './live.cts';
import { CALM, live } from './live.cts';
import { CONNECTION_ID } from './model.cts';
import { starting } from './orders.cts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

type StartOrder = Order & { kind: 'start' };

function start(parts: Partial<StartOrder> = {}): StartOrder {
	return {
		...starting,
		connectionId: CONNECTION_ID,
		timeout: 600,
		failureDetails: false,
		...parts,
	};
}

function follow(until: 'seen' | 'ended' | 'cancelled', timeout = 600): Order {
	return { ...start(), kind: 'follow', jobId: 100, until, timeout };
}

const runsForAnHour = { phases: [['running', HOUR]] as Array<[string, number]> };
const endsAtOnce = { phases: [], end: 'succeeded' as const };

function lived(parts: Partial<World>): History {
	const history = live({
		order: start(),
		namesConnection: true,
		listsRows: true,
		cancelTakes: 0,
		handsOutPendingJobs: false,
		lostCancels: 0,
		cancelEnds: 'cancelled',
		instead: [],
		elsewhere: { jobs: 0, until: 0 },
		refreshes: true,
		plans: [runsForAnHour],
		others: [],
		calls: [],
		rest: 'none',
		lateBy: 30 * SECOND,
		oversleep: 0,
		...parts,
	});
	obeysLaws(history);
	return history;
}

const well = (parts: Partial<CallPlan> = {}): CallPlan => ({ ...CALM, ...parts });
const badly = (fault: FaultName, parts: Partial<CallPlan> = {}) => well({ fault, ...parts });
const submissionsOf = (history: History) =>
	history.calls.filter(({ action }) => action.do === 'submit').length;
const cancelsOf = (history: History) =>
	history.calls.filter(({ action }) => action.do === 'cancel').length;

describe('rule 1: one job', () => {
	test('a stop cancels the late job of a submission after which it attached to another one', () => {
		const others = { ...endsAtOnce, phases: [['pending', HOUR]] as Array<[string, number]> };
		const history = lived({
			calls: [well(), well(), badly('conflictAndLate')],
			others: [{ at: -61 * SECOND, jobType: 'sync', plan: others }],
			lateBy: 59 * SECOND,
			stop: { after: 10 * SECOND },
		});
		expect(history.endedAt - history.startedAt).toBeGreaterThan(59 * SECOND);
		expect(history.run.result?.is).toBe('stopped');
	});

	test('a submission that never left waits for its next try before it looks whether a job runs', () => {
		const history = lived({
			order: start({ onActiveJob: 'fail' }),
			calls: [well(), well(), badly('neverSent')],
			others: [{ at: 500, jobType: 'sync', plan: runsForAnHour }],
		});
		expect(history.run.result?.is).toBe('busy');
		expect(submissionsOf(history)).toBe(1);
	});

	test('429 with Retry-After is no reason to submit three times within a second', () => {
		const history = lived({ calls: [well(), well(), badly('tooManyFor45')], plans: [endsAtOnce] });
		const submissions = history.calls.filter(({ action }) => action.do === 'submit');
		expect(submissions).toHaveLength(2);
		expect(submissions[1].sentAt - submissions[0].answeredAt).toBeGreaterThanOrEqual(45 * SECOND);
		expect(history.run.result?.is).toBe('done');
	});
});

test('a submission that is turned away for ever is tried for minutes, less and less often', () => {
	const history = lived({ rest: 'turnedAway' });
	expect(history.run.result?.is).toBe('failed');
	expect(history.endedAt - history.startedAt).toBeGreaterThanOrEqual(2 * MINUTE);
	expect(submissionsOf(history)).toBeLessThanOrEqual(10);
});

describe('rule 3: only what is ours', () => {
	test('an Airbyte that takes eight seconds to answer gets its submission and its cancel all the same', () => {
		const slow = Array<CallPlan>(20).fill(well({ back: 8 * SECOND }));
		const history = lived({ order: start({ timeout: 60 }), calls: slow });
		expect(submissionsOf(history)).toBe(1);
		expect(cancelsOf(history)).toBeGreaterThanOrEqual(1);
		expect(history.run.result).toMatchObject({ is: 'timedOut', cancelled: true });
	});

	/** A model error that teaches: nobody can tell the two apart, so the law has to leave it out. */
	test("a job of others' that comes while the submission is on its way is taken for ours", () => {
		const history = lived({
			calls: [well(), well(), well({ there: 10 * SECOND })],
			others: [{ at: 5 * SECOND, jobType: 'sync', plan: { phases: [['pending', HOUR]] } }],
		});
		expect(history.airbyte.ofRun()).toEqual([]);
		expect(history.run.ours).toBe(true);
	});
});

describe('rule 2: the truth', () => {
	test.each<FaultName>(['forbidden', 'tooManyForADay'])(
		'a job that was over when it was found is not told to be running, though %s hides its numbers',
		(fault) => {
			const calls = [well(), well(), well()];
			const history = lived({
				order: start({ timeout: 1 }),
				plans: [endsAtOnce],
				calls,
				rest: fault,
			});
			expect(history.run.result).toMatchObject({ is: 'done', job: { status: 'succeeded' } });
		},
	);

	test('to see a job once never fails for what the job is, however late it comes', () => {
		const history = lived({
			order: follow('seen', 1),
			namesConnection: false,
			others: [{ at: 0, jobType: 'sync', plan: { phases: [], end: 'failed' } }],
			calls: [badly('away')],
			oversleep: HOUR,
		});
		expect(history.run.result).toMatchObject({ is: 'done', job: { status: 'failed' } });
	});
});

describe('rule 4: nothing runs on unseen', () => {
	test('a fault after a search that was answered late does not hide the job', () => {
		const history = lived({
			calls: [
				well(),
				well(),
				badly('brokenAndLate'),
				badly('lostBefore', { back: 20 * SECOND }),
				well({ back: 110 * SECOND }),
				badly('conflictBefore'),
			],
			lateBy: 59 * SECOND,
		});
		expect(history.run.ours).toBe(true);
	});

	test.each([
		['the machine has slept for hours', false, 5 * HOUR],
		[
			"n8n itself has let it go on, ten minutes after its time, from n8n's database",
			true,
			12 * MINUTE,
		],
	])('a first look that fails is not the last one where %s', (_what, parks, oversleep) => {
		const order = start({ timeout: 60, parks });
		const calls = [well(), well(), well(), badly('neverSent')];
		const goesOn = lived({ order, calls, oversleep });
		expect(goesOn.run.result).toMatchObject({ is: 'timedOut', cancelled: true });
		// It had ended in time, which is seen only now.
		const ended = lived({ order, calls, oversleep, plans: [endsAtOnce] });
		expect(ended.run.result).toMatchObject({ is: 'done' });
	});

	test('an Airbyte that asks for pauses of a day is tried a few times, then the job is named', () => {
		const history = lived({
			order: start({ timeout: 10 }),
			calls: [well(), well(), well()],
			rest: 'tooManyForADay',
		});
		expect(history.run.result).toMatchObject({ is: 'timedOut', job: { jobId: 100 } });
	});
});

describe('what comes of a job', () => {
	test('rows that could not be read are no reason for a new job', () => {
		const history = lived({
			order: start({ minimumRows: 500, retries: 1 }),
			plans: [{ ...endsAtOnce, rows: 5_000 }],
			calls: [well(), well(), well()],
			rest: 'refused',
		});
		expect(submissionsOf(history)).toBe(1);
		expect(history.run.result).toMatchObject({ is: 'failed', job: { status: 'succeeded' } });
	});

	test.each([[false], [true]])("a start behind two jobs of others', parked: %s", (parks) => {
		const plan = { phases: [['running', MINUTE] as [string, number]], end: 'failed' as const };
		const history = lived({
			order: start({ onActiveJob: 'queue', parks }),
			others: [
				{ at: 0, jobType: 'sync', plan },
				{ at: MINUTE, jobType: 'reset', plan },
			],
			plans: [endsAtOnce],
		});
		expect(history.run).toMatchObject({ ours: true, result: { is: 'done', job: { jobId: 106 } } });
		expect(history.airbyte.jobs.map(({ by }) => by)).toEqual(['others', 'others', 'run']);
	});
});

describe('what comes back is not what was asked for', () => {
	test('a reset that comes again and again is told', () => {
		const history = lived({
			instead: ['reset', 'reset', 'reset', 'reset', 'reset'],
			plans: [{ phases: [], end: 'failed' }],
		});
		expect(submissionsOf(history)).toBe(4);
		expect(history.run.result).toMatchObject({ is: 'instead', job: { jobType: 'reset' } });
	});

	test('a reset that came of a submission without an answer is found', () => {
		const history = lived({
			instead: ['reset'],
			plans: [{ phases: [['running', 5 * MINUTE]], end: 'succeeded' }, endsAtOnce],
			calls: [well(), well(), badly('lostAfter')],
		});
		expect(history.run.result).toMatchObject({ is: 'done', job: { jobType: 'sync' } });
		expect(submissionsOf(history)).toBe(2);
	});

	test('a refresh moves the data, so it passes for the sync', () => {
		const history = lived({ instead: ['refresh'], plans: [endsAtOnce] });
		expect(submissionsOf(history)).toBe(1);
		expect(history.run.result).toMatchObject({ is: 'done', job: { jobType: 'refresh' } });
	});
});

describe('a record with nothing behind it', () => {
	const dead = { phases: [['running', 0]] as Array<[string, number]>, isDead: true };

	test.each(['attach', 'fail', 'skip', 'queue'] as const)(
		"does not hold up a sync, with '%s'",
		(onActiveJob) => {
			const history = lived({
				order: start({ onActiveJob }),
				others: [{ at: -HOUR, jobType: 'sync', plan: dead }],
				plans: [endsAtOnce],
			});
			expect(history.run).toMatchObject({
				ours: true,
				result: { is: 'done', job: { jobId: 103 } },
			});
			expect(history.endedAt - history.startedAt).toBeLessThan(MINUTE);
		},
	);

	test('holds up a queue for a minute at most', () => {
		const history = lived({
			order: start({ onActiveJob: 'queue' }),
			others: [{ at: -30 * SECOND, jobType: 'sync', plan: dead }],
			plans: [endsAtOnce],
		});
		expect(history.run.result?.is).toBe('done');
		expect(history.endedAt - history.startedAt).toBeLessThan(MINUTE);
	});

	test('is below a newer one that has ended, and is not asked about', () => {
		const history = lived({
			order: start({ jobType: 'clear' }),
			others: [
				{ at: -2 * HOUR, jobType: 'sync', plan: dead },
				{ at: -HOUR, jobType: 'sync', plan: endsAtOnce },
			],
			plans: [endsAtOnce],
		});
		expect(history.run.result?.is).toBe('done');
	});

	const ends = { attach: 'done', fail: 'busy', skip: 'skipped', queue: 'done' };
	const policies = Object.keys(ends) as Array<keyof typeof ends>;

	test.each(['running', 'queued'].flatMap((word) => policies.map((one) => [word, one] as const)))(
		"is not what is truly %s for long, with '%s'",
		(word, onActiveJob) => {
			const phases: Array<[string, number]> = [
				[word, HOUR + 5 * MINUTE],
				['running', MINUTE],
			];
			const history = lived({
				order: start({ onActiveJob }),
				others: [{ at: -HOUR, jobType: 'sync', plan: { phases, end: 'succeeded' } }],
				plans: [endsAtOnce],
			});
			expect(history.run.result?.is).toBe(ends[onActiveJob]);
			expect(history.airbyte.jobs).toHaveLength(onActiveJob === 'queue' ? 2 : 1);
		},
	);
});

describe('after a start that Airbyte refused while another job was listed', () => {
	const refused = [well(), well(), badly('conflictAndLate')];
	const dead: World['others'][number] = {
		at: -61 * SECOND,
		jobType: 'sync',
		plan: { phases: [['running', 0]], isDead: true },
	};
	const ours = { ours: true, result: { is: 'done', job: { jobId: 103 } } };

	test('the end of that one is no reason to start again within the minute', () => {
		const phases: Array<[string, number]> = [['queued', 100 * SECOND]];
		const history = lived({
			order: start({ onActiveJob: 'queue' }),
			others: [{ at: -SECOND, jobType: 'sync', plan: { phases, end: 'failed' } }],
			plans: [endsAtOnce],
		});
		const submissions = history.calls.filter(({ action }) => action.do === 'submit');
		expect(submissions).toHaveLength(2);
		expect(submissions[1].sentAt - submissions[0].answeredAt).toBeGreaterThanOrEqual(MINUTE);
	});

	test.each([
		['', []],
		[', though a look for it fails', [well(), well(), well(), badly('away')]],
	])('the end of the wait for that one is not the end of ours%s', (_what, more) => {
		const history = lived({
			order: start({ timeout: 300, waitSeconds: 300 }),
			others: [dead],
			plans: [{ phases: [['running', 20 * MINUTE]] }],
			calls: [...refused, ...more],
		});
		expect(history.run).toMatchObject({
			ours: true,
			result: { is: 'timedOut', cancelled: true, job: { jobId: 103 } },
		});
	});

	test.each<[string, Partial<StartOrder>]>([
		['to attach without a wait', { until: 'started' }],
		['to attach for a moment', { timeout: 10 }],
		['to queue for a moment', { onActiveJob: 'queue', timeout: 10 }],
	])('our own is looked for all the minute by an order %s', (_what, order) => {
		const history = lived({
			order: start(order),
			others: [dead],
			plans: [endsAtOnce],
			calls: refused,
		});
		expect(history.run).toMatchObject(ours);
	});
});

describe('a cancel', () => {
	test.each([[1], [2]])('that gets lost is sent again, %d times', (lostCancels) => {
		const history = lived({ order: start({ timeout: 10 }), lostCancels });
		expect(cancelsOf(history)).toBe(1 + lostCancels);
		expect(history.run.result).toMatchObject({ is: 'timedOut', cancelled: true });
	});

	test('comes before the end of a wait whose looks are refused', () => {
		const history = lived({ calls: [well(), well(), well(), badly('refused')] });
		expect(cancelsOf(history)).toBe(1);
		expect(history.run.result).toMatchObject({
			is: 'failed',
			problem: { httpStatus: 422 },
			job: { jobId: 100, status: 'cancelled' },
		});
	});

	test.each<Partial<Job>>([{ connectionId: 'd' }, { jobType: 'reset' }])(
		'never hits what has the number of its job: %p',
		(other) => {
			const job = { jobId: 100, status: 'running', jobType: 'sync', connectionId: CONNECTION_ID };
			const run: SyncRun = {
				...begin(start(), 0),
				stage: 'watching',
				ours: true,
				job,
				deadline: 10,
			};
			const { run: ending } = step(run, 20);
			const seen = { is: 'job' as const, job: { ...job, ...other }, askedAt: 20 };
			expect(apply(ending, seen, 30).result).toMatchObject({ is: 'wrongJob', job: other });
			expect(apply(run, seen, 5).result).toMatchObject({ is: 'wrongJob', job: other });
		},
	);
});

test('a clock that is set back by a day does not put off the looks by a day', () => {
	const job = { jobId: 100, status: 'running' };
	const now = 100 * HOUR;
	const run: SyncRun = { ...begin(start(), now), stage: 'watching', job, nextAt: now + SECOND };
	const { action } = step(run, now - 24 * HOUR);
	expect(action).toEqual({ do: 'sleep', until: now - 24 * HOUR + 10 * MINUTE });
});

test('a look in the database that failed is taken again soon, and then a turn later', () => {
	const { calls } = lived({
		order: start({ parks: true }),
		calls: [well(), well(), well(), badly('away'), badly('away')],
	});
	const looks = calls.filter(({ action }) => action.do === 'look').map(({ sentAt }) => sentAt);
	expect(looks[1] - looks[0]).toBeLessThan(3 * SECOND);
	expect(looks[2] - looks[1]).toBeGreaterThan(MINUTE);
});

test.each([[false], [true]])(
	'a cancel that comes long after the time was over is read back all the same, parked: %s',
	(parks) => {
		// As when n8n was down meanwhile.
		const history = lived({
			order: start({ timeout: 60, parks }),
			oversleep: 20 * MINUTE,
			cancelTakes: 5 * SECOND,
		});
		expect(history.run.result).toMatchObject({ is: 'timedOut', cancelled: true });
	},
);

test('patience with an Airbyte that is away begins with the first call, not with the wait for its turn', () => {
	const turn = 5 * MINUTE;
	const { run } = step(begin(start(), 0), turn);
	const problem = faultOf('away').problem;
	expect(apply(run, { is: 'problem', problem }, turn + SECOND)).toMatchObject({
		stage: 'inspecting',
		faults: 1,
	});
});

test('nor is it longer for a new attempt that was late', () => {
	const pausing: SyncRun = { ...begin(start(), 0), stage: 'pausing', nextAt: MINUTE };
	const { run } = step(pausing, HOUR);
	// As after a turn that was waited for.
	expect(step(run, HOUR).run.startedAt).toBe(HOUR);
});

/** As where a container starts again, whose name Docker does not serve meanwhile. */
test('a host name that is not found is asked for again for two minutes', () => {
	const problem = problemInFault(
		{ code: 'ENOTFOUND', message: 'getaddrinfo ENOTFOUND airbyte' },
		call,
	);
	const run = begin(start(), 0);
	expect(apply(run, { is: 'problem', problem }, MINUTE).stage).toBe('inspecting');
	expect(apply(run, { is: 'problem', problem }, 2 * MINUTE)).toMatchObject({
		stage: 'settled',
		result: { is: 'failed', problem: { message: expect.stringContaining('not found') as string } },
	});
});

test('a submission whose answer broke the secure connection may have arrived', () => {
	const problem = problemInFault({ code: 'ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC' }, call);
	const submitting: SyncRun = { ...begin(start(), 0), stage: 'submitting', newestBefore: 5 };
	expect(apply(submitting, { is: 'problem', problem }, SECOND).stage).toBe('searching');
});

describe('a start that was refused while another job truly ran', () => {
	const others = { jobId: 5, jobType: 'sync', connectionId: CONNECTION_ID } as const;
	const awaiting: SyncRun = {
		...begin(start({ onActiveJob: 'queue' }), 0),
		submissions: 1,
		newestBefore: 5,
		lateJob: { above: 5, until: MINUTE, behind: { ...others, status: 'running' } },
	};
	const ended: Job = { ...others, status: 'succeeded' };
	const next: Job = { ...others, jobId: 6, status: 'running' };

	test('is no longer awaited a minute later, once that one has ended well', () => {
		const finding: SyncRun = { ...awaiting, stage: 'finding' };
		const outcome: Outcome = { is: 'jobs', jobs: [ended], askedAt: MINUTE };
		expect(apply(finding, outcome, MINUTE)).toMatchObject({ stage: 'submitting' });
		expect(apply(finding, outcome, MINUTE).lateJob).toBeUndefined();
	});

	test('is not looked for after a stop: what the schedule has started since is not its own', () => {
		const ending = { why: 'stop', since: HOUR } as const;
		const searching: SyncRun = { ...awaiting, stage: 'searching', ending };
		const outcome: Outcome = { is: 'jobs', jobs: [ended, next], askedAt: HOUR };
		expect(apply(searching, outcome, HOUR)).toMatchObject({
			stage: 'settled',
			result: { is: 'stopped' },
			ours: false,
		});
	});

	test('may still come where the look for it is refused after the end of that one', () => {
		const failed: Job = { ...others, status: 'failed' };
		const searching: SyncRun = { ...awaiting, stage: 'searching', job: failed };
		const { problem } = faultOf('forbidden');
		const run = apply(searching, { is: 'problem', problem }, HOUR);
		expect(run).toMatchObject({ stage: 'settled', lateJob: { above: 5 } });
	});
});

/** A run that is parked forgets how often it has tried, so what ends it has to be a date. */
test('a parked run ends even if Airbyte never comes back', () => {
	const away: FaultName[] = ['away', 'awayFor45', 'tooManyForADay'];
	for (const rest of away) {
		const history = lived({
			order: start({ timeout: 60, parks: true }),
			calls: [well(), well(), well()],
			rest,
		});
		expect(history.run.result).toMatchObject({ is: 'timedOut', cancelled: false });
		expect(history.endedAt - history.startedAt).toBeLessThan(HOUR);
	}
});

test('late looks at a job that is to give way say nothing about those that a start needs', () => {
	const plan = {
		phases: [['pending', 3 * HOUR]] as Array<[string, number]>,
		end: 'succeeded' as const,
	};
	const others = [{ jobType: 'sync' as const, at: 0, plan }];
	const slow = [
		well({ back: 90 * SECOND }),
		well({ there: 20 * SECOND }),
		well({ pause: 3 * HOUR }),
	];
	const late = Array<CallPlan>(2).fill(well({ back: 90 * SECOND }));
	const calls = [well(), well(), ...slow, well(), well(), ...late];
	const order = start({ onActiveJob: 'replace' });
	const { run } = lived({ order, others, calls, plans: [endsAtOnce] });
	expect(run.result).toMatchObject({ is: 'done' });
});

test('nor does a late list say anything about those at a job that is to give way', () => {
	const calls = [well(), ...Array<CallPlan>(5).fill(well({ back: 30 * SECOND }))];
	const others = [{ jobType: 'sync' as const, at: SECOND, plan: runsForAnHour }];
	const order = start({ onActiveJob: 'replace' });
	const history = lived({ order, others, calls, plans: [endsAtOnce] });
	expect(history.calls.map(({ action }) => action.do).slice(3, 8)).toEqual([
		...Array<string>(4).fill('look'),
		'cancel',
	]);
});

test('a sync that ended a moment ago by a clock that is ahead is no reason to skip, unless asked for', () => {
	const now = Date.UTC(2026, 0, 5);
	const lastUpdatedAt = new Date(now + 20 * SECOND).toISOString();
	const job: Job = { jobId: 1, status: 'succeeded', jobType: 'sync', lastUpdatedAt };
	const finding: SyncRun = { ...begin(start(), now), stage: 'finding' };
	const found = apply(finding, { is: 'jobs', jobs: [job], askedAt: now }, now);
	expect(found.stage).toBe('submitting');
});

test('a list that shows a job as running that was seen to be over is asked again in a while, not for ever', () => {
	const job: Job = { jobId: 100, status: 'running', jobType: 'sync' };
	const answers: Partial<Record<string, Outcome>> = {
		inspect: { is: 'connection', connection: { connectionId: CONNECTION_ID, status: 'active' } },
		look: { is: 'job', job: { ...job, status: 'succeeded' }, askedAt: Infinity },
		find: { is: 'jobs', jobs: [job], askedAt: Infinity },
	};
	let run = begin(start({ onActiveJob: 'replace' }), 0);
	let calls = 0;
	for (let now = 0; calls < 1_000 && run.stage !== 'settled'; now += 10) {
		const { action, ...next } = step(run, now);
		run = next.run;
		const answer = answers[action.do];
		if (action.do === 'sleep') now = action.until;
		if (!answer) continue;
		calls++;
		run = apply(run, answer, now);
	}
	expect(run.result).toMatchObject({ is: 'notReplaced', job });
	expect(calls).toBeLessThan(150);
});
