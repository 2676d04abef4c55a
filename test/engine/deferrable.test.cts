/** Deferrable mode from start to end: execution, lookout and resume webhook, on n8n's engine. */
import { ExecuteContext } from 'n8n-core';

import type { Timeline } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { longestGap, shortestGap } from '../support/gaps.cts';
import { Deferred } from './harness/deferred.cts';
import type { NodeRun } from './harness/engine.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();
const deferred = Deferred.forEachTest(fixture);

const { failsAfter, statusThen, succeedsAfter } = timelines;

/** Each with its jobs, one after the other. */
function connectionsWith(...jobs: Array<Timeline | Timeline[]>): string[] {
	return jobs.map((timeline) => fixture.airbyte.addConnection({ jobs: timeline }).connectionId);
}

const looksAt = (jobId: number) =>
	fixture.airbyte.audit.calls
		.filter(({ route, path }) => route === 'GET /jobs/{jobId}' && path.endsWith(`/${jobId}`))
		.map(({ at }) => at);

test("n8n's Retry On Fail starts a new job for one that failed", async () => {
	const connectionIds = connectionsWith([failsAfter(60), succeedsAfter(60, { rows: 7 })]);
	const retryOnFail = { maxTries: 2 };
	const { items, error } = await deferred.endOf(deferred.start(connectionIds, {}, { retryOnFail }));
	expect(error).toBeUndefined();
	expect(items).toMatchObject([{ jobId: 2, attempt: 1, attached: false, rowsSynced: 7 }]);
	expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
});

test.each(['synchronous', 'deferrable'])(
	"n8n's Retry On Fail tries as often as it is set to (%s)",
	async (mode) => {
		const failures = [failsAfter(60), failsAfter(60), failsAfter(60)];
		const connectionIds = connectionsWith([...failures, succeedsAfter(60)]);
		const rest = { retryOnFail: { maxTries: 3 } };
		const { status } = await deferred.endOf(deferred.start(connectionIds, { mode }, rest));
		expect({ status, jobs: fixture.airbyte.jobs().length }).toEqual({ status: 'error', jobs: 3 });
	},
);

test('a look that fails once is taken again a second later', async () => {
	const connectionIds = connectionsWith(succeedsAfter(50));
	fixture.airbyte.faults.add({ route: 'GET /jobs/{jobId}', kind: 'status', status: 502 });
	const { status } = await deferred.endOf(deferred.start(connectionIds));
	expect(status).toBe('success');
	const [first, second] = looksAt(1);
	expect(second - first).toBe(1_000);
});

test('each item is looked at as often as its own Wait Seconds and age ask for', async () => {
	const [patient, impatient] = connectionsWith(succeedsAfter(600), succeedsAfter(600));
	const items = [
		{ id: patient, wait: 120 },
		{ id: impatient, wait: 3 },
	];
	const id = deferred.start([], { waitSeconds: '={{ $json.wait }}' }, { items });
	await deferred.endOf(id);
	expect(shortestGap(looksAt(1).slice(0, -1))).toBeGreaterThanOrEqual(120_000);
	expect(looksAt(2).length).toBeGreaterThan(50);
});

test('an item that begins late is looked at as soon as one that begins first', async () => {
	const connectionIds = connectionsWith(
		succeedsAfter(3_600),
		succeedsAfter(1_800),
		succeedsAfter(300),
	);
	const parameters = { timeout: 86_400, options: { batchSize: 2 } };
	const { items } = await deferred.endOf(deferred.start(connectionIds, parameters));
	expect(items).toMatchObject([{ jobId: 1 }, { jobId: 2 }, { jobId: 3 }]);
	expect(looksAt(3)[0] - fixture.airbyte.job(3)!.createdAt).toBeLessThan(10_000);
	// The last one is to see once more what has ended.
	expect(longestGap(looksAt(3).slice(0, -1))).toBeLessThan(12_000);
});

test('items that have ended are no news while there is nothing to do but to wait for the others', async () => {
	const connectionIds = connectionsWith(
		succeedsAfter(100, { rows: 7 }),
		failsAfter(100),
		succeedsAfter(1_000),
	);
	const goesOn = { onError: 'continueRegularOutput' } as const;
	const { items } = await deferred.endOf(deferred.start(connectionIds, {}, goesOn));
	expect(items).toMatchObject([
		{ jobId: 1, rowsSynced: 7 },
		{ details: { jobId: 2, status: 'failed', failure: { type: 'transient_error' } } },
		{ jobId: 3, status: 'succeeded' },
	]);
	// One at the start, to see whether it works, and one in the end.
	expect(deferred.n8n.calls).toBe(2);
});

test("a status holds nothing that the editor's tooltip could take for HTML", async () => {
	const odd = statusThen('<b onclick="alert(1)">warming_up</b>', 200, succeedsAfter(100));
	const id = deferred.start(connectionsWith(odd), {}, { mode: 'manual' });
	let shown: unknown[][] = [];
	deferred.after(80, () => {
		const [entry] = deferred.n8n.data(id).executionData?.nodeExecutionStack ?? [];
		const { resumeUrl } = entry.metadata as unknown as { resumeUrl: string };
		shown = JSON.parse(decodeURIComponent(new URL(resumeUrl).hash.slice(1))) as unknown[][];
	});
	await deferred.endOf(id);
	expect(shown.map(([jobId, status]) => [jobId, status])).toEqual([
		['1', 'b onclickalert1warming_upb'],
	]);
});

describe('an n8n that is too old for it', () => {
	const expectRefused = async (rest: Partial<NodeRun> = {}) => {
		const [connectionId] = connectionsWith(succeedsAfter(60));
		const { error } = await fixture.sync(connectionId, { mode: 'deferrable' }, rest);
		expect(error?.message).toBe('The deferrable mode needs a newer n8n');
		expect(error?.description).toContain('It needs n8n 2.41 or newer');
		expect(fixture.airbyte.audit.calls).toEqual([]);
	};

	test.each(['getExecutionDataById', 'getExecuteData'])(
		'which has no %s: the node refuses before it starts anything',
		async (name) => {
			const { prototype } = ExecuteContext;
			Object.defineProperty(prototype, name, { value: undefined, configurable: true });
			// Again what the class inherits.
			await expectRefused().finally(() => Reflect.deleteProperty(prototype, name));
		},
	);

	test('which does not sign resume URLs: the same', async () => {
		await expectRefused({ resumeToken: '' });
	});
});
