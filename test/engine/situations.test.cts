/**
 * What people who orchestrate Airbyte have met, and what it comes to here: the situations of the comparison with other
 * tools, in the two modes that wait.
 */
import type { IDataObject, INodeParameters } from 'n8n-workflow';

import type { FaultEffect, NewConnection } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { longestGap } from '../support/gaps.cts';
import { Deferred } from './harness/deferred.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const { failsAfter, runsForever, statusThen, succeedsAfter } = timelines;
const ROWS = { rows: 7 };
const TWO_MINUTES = succeedsAfter(120, ROWS);

interface End {
	items: IDataObject[];
	error?: { message: string; description?: string | null };
}

/** What goes wrong, and how often it did. */
interface Trouble {
	readonly fired: number;
}

interface Situation {
	connection?: NewConnection;
	/** What is there, or comes, before the node runs. */
	before?: (connectionId: string) => Trouble | void;
	parameters?: INodeParameters;
	credential?: object;
	/** When the execution is stopped, seconds after its start. */
	stopAfter?: number;
	/** The item, if all is well, and the message of the error otherwise. */
	item?: IDataObject;
	error?: RegExp;
	/** How many jobs there are in the end, with those of others; one, unless said otherwise. */
	jobs?: number;
	/** Ids of the jobs that were cancelled. */
	cancelled?: number[];
}

type Runner = (connectionId: string, situation: Situation) => Promise<End>;

const modes: Array<[string, Runner]> = [
	[
		'synchronous',
		async (connectionId, { parameters, credential, stopAfter }) => {
			const { items, error } = await fixture.sync(connectionId, parameters, {
				credential: fixture.credential(credential),
				onStart: (stop) => later(stopAfter, stop),
			});
			await fixture.time.comesToRest();
			return { items, error };
		},
	],
	[
		'deferrable',
		async (connectionId, { parameters, credential, stopAfter }) => {
			const rest = { credential: fixture.credential(credential) };
			const id = deferred.start([connectionId], parameters, rest);
			later(stopAfter, () => void deferred.n8n.stop(id));
			return await deferred.endOf(id);
		},
	],
];

function later(seconds: number | undefined, action: () => void | Promise<void>): void {
	if (seconds === undefined) return;
	fixture.time.at(now() + seconds * 1_000, async () => action());
}

const now = () => fixture.time.shared.now();

const submission = (fault: FaultEffect) => () =>
	fixture.airbyte.faults.add({ route: 'POST /jobs', ...fault });

/** After the first looks, so that it comes in the middle of the wait. */
const looks = (fault: FaultEffect & { times?: number; seconds?: number }) => () =>
	fixture.airbyte.faults.add({ route: 'GET /jobs/{jobId}', skip: 2, ...fault });

const slowSubmission = (ms: number): Trouble => {
	fixture.time.slowDown('POST /jobs', ms);
	return {
		/** The answer is back once something else is asked. */
		get fired() {
			const { calls } = fixture.airbyte.audit;
			const sent = calls.findIndex(({ route }) => route === 'POST /jobs');
			return calls[sent + 1].at - calls[sent].at >= ms ? 1 : 0;
		},
	};
};

const outage = (from: number, to: number): Trouble => {
	later(from, async () => await fixture.airbyte.goDown());
	later(to, async () => await fixture.airbyte.comeUp());
	return {
		/** No look arrives meanwhile; an outage after the last one leaves no gap. */
		get fired() {
			const calls = fixture.airbyte.audit.calls.filter(
				({ route }) => route === 'GET /jobs/{jobId}',
			);
			return longestGap(calls.map(({ at }) => at)) >= (to - from) * 1_000 ? 1 : 0;
		},
	};
};

/** Each token that is asked for after the first one tells that one was void. */
const voidTokens = (): Trouble => ({
	get fired() {
		return fixture.airbyte.audit.count('POST /applications/token') - 1;
	},
});

const synced = { jobId: 1, jobType: 'sync', status: 'succeeded', attached: false, rowsSynced: 7 };

const situations: Array<[string, Situation]> = [
	['a sync of 12 s', { connection: { jobs: succeedsAfter(12, ROWS) }, item: synced }],
	[
		'the job fails with a reason',
		{
			connection: {
				jobs: failsAfter(30, {
					origin: 'source',
					type: 'config_error',
					message: 'The password has expired',
					retryable: false,
				}),
			},
			error: /^Airbyte job 1 failed.*The password has expired/s,
		},
	],
	[
		'somebody cancels the job in Airbyte',
		{
			connection: { jobs: timelines.cancelledAfter(60) },
			error: /^Airbyte job 1 was cancelled/,
		},
	],
	[
		"the POST's answer is lost, the job runs",
		{ before: submission({ kind: 'reset', when: 'after' }), item: synced },
	],
	[
		'a gateway answers 502, the job runs',
		{ before: submission({ kind: 'html', status: 502, when: 'after' }), item: synced },
	],
	[
		'503 before anything was done',
		{ before: submission({ kind: 'status', status: 503 }), item: synced },
	],
	["the POST's answer takes 45 s", { before: () => slowSubmission(45_000), item: synced }],
	[
		'three 503s while it waits',
		{ before: looks({ kind: 'status', status: 503, times: 3 }), item: synced },
	],
	[
		'two connections reset while it waits',
		{ before: looks({ kind: 'reset', times: 2 }), item: synced },
	],
	['half an answer while it waits', { before: looks({ kind: 'cut' }), item: synced }],
	[
		"a gateway's page while it waits",
		{ before: looks({ kind: 'html', status: 200, times: 3 }), item: synced },
	],
	[
		"a router's 404 page for 3 s while it waits",
		{ before: looks({ kind: 'router', times: 2 }), item: synced },
	],
	['Airbyte unreachable for 20 s', { before: () => outage(40, 60), item: synced }],
	[
		'429 with Retry-After 5 while it waits',
		{
			before: looks({ kind: 'status', status: 429, headers: { 'Retry-After': '5' } }),
			item: synced,
		},
	],
	[
		'the token is revoked while it waits',
		{
			before: () => {
				later(40, () => fixture.airbyte.expireTokens());
				return voidTokens();
			},
			item: synced,
		},
	],
	[
		'tokens that live 2 s',
		{
			before: () => {
				fixture.airbyte.settings.tokenLifetimeSeconds = 2;
				return voidTokens();
			},
			item: synced,
		},
	],
	[
		'the word queued for 5 s',
		{ connection: { jobs: timelines.queuedThen(5, TWO_MINUTES) }, item: synced },
	],
	[
		'status words not invented yet',
		{
			connection: { jobs: statusThen('warming', 20, statusThen('cooling', 20, TWO_MINUTES)) },
			item: synced,
		},
	],
	[
		'the first attempt fails, the second succeeds',
		{ connection: { jobs: timelines.incompleteThen(30, 10, TWO_MINUTES) }, item: synced },
	],
	[
		'a reset is given for the sync asked for',
		{
			before: (id) => fixture.airbyte.leavePending(id, 'reset'),
			item: { ...synced, jobId: 2 },
			jobs: 2,
		},
	],
	[
		"somebody else's sync is running",
		{
			before: (id) => void fixture.airbyte.startJob(id),
			item: { ...synced, attached: true },
		},
	],
	[
		"the same, and the time-out passes: the stranger's job goes on",
		{
			connection: { jobs: runsForever() },
			before: (id) => void fixture.airbyte.startJob(id),
			parameters: { timeout: 100 },
			error: /^Airbyte job 1 did not end within 100 seconds and may still be running/,
		},
	],
	[
		'a dead job below a newer finished one',
		{
			before: (id) => {
				const at = now() - 86_400_000;
				fixture.airbyte.startJob(id, { at, timeline: timelines.deadAs('running') });
				fixture.airbyte.startJob(id, { at: at + 3_600_000 });
			},
			item: { ...synced, jobId: 3 },
			jobs: 3,
		},
	],
	[
		'the time-out passes: its own job is cancelled',
		{
			connection: { jobs: runsForever() },
			parameters: { timeout: 100 },
			error: /^Airbyte job 1 did not end within 100 seconds and was cancelled/,
			cancelled: [1],
		},
	],
	[
		"the same, and the cancel's first answer is a 502 with nothing done",
		{
			connection: { jobs: runsForever() },
			before: () =>
				fixture.airbyte.faults.add({ route: 'DELETE /jobs/{jobId}', kind: 'html', status: 502 }),
			parameters: { timeout: 100 },
			error: /^Airbyte job 1 did not end within 100 seconds and was cancelled/,
			cancelled: [1],
		},
	],
	[
		'the user stops it: its job is cancelled',
		{ connection: { jobs: runsForever() }, stopAfter: 100, cancelled: [1] },
	],
	[
		'the connection is switched off',
		{
			connection: { status: 'inactive' },
			error: /^Connection '.*' is disabled in Airbyte/,
			jobs: 0,
		},
	],
	[
		'a wrong client secret',
		{ credential: { clientSecret: 'wrong' }, error: /client ID and secret/, jobs: 0 },
	],
];

describe.each(modes)('%s', (_mode, run) => {
	test.each(situations)('%s', async (_what, situation) => {
		const { connection, before, item, error, jobs = 1, cancelled = [] } = situation;
		const { connectionId } = fixture.airbyte.addConnection({ jobs: TWO_MINUTES, ...connection });
		const trouble = before?.(connectionId);
		const end = await run(connectionId, situation);
		if (trouble) expect(trouble.fired).toBeGreaterThan(0);
		const said = end.error && `${end.error.message} ${end.error.description}`;
		if (item) expect({ said, items: end.items }).toMatchObject({ said: undefined, items: [item] });
		if (error) expect(said).toMatch(error);
		expect(fixture.airbyte.jobs(connectionId)).toHaveLength(jobs);
		const hit = fixture.airbyte.audit.cancels.map(({ cancelledJobId }) => cancelledJobId);
		expect([...new Set(hit)]).toEqual(cancelled);
		for (const jobId of cancelled) expect(fixture.airbyte.job(jobId)?.status).toBe('cancelled');
	});
});
