/** Rule 5: a failed look is not a failed job. */
import type { FaultEffect, FaultHandle } from '../../simulator/index.cts';
import { timelines } from '../../simulator/index.cts';
import { longestGap } from '../support/gaps.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

const passing: Array<[string, FaultEffect]> = [
	...[408, 425, 429, 500, 501, 502, 503, 504].map((status): [string, FaultEffect] => [
		`${status}`,
		{ kind: 'status', status },
	]),
	['a web page with 502', { kind: 'html', status: 502 }],
	['a web page with 200', { kind: 'html', status: 200 }],
	["a router's 404", { kind: 'router' }],
	["a firewall's 403", { kind: 'firewall' }],
	['an empty answer', { kind: 'empty', status: 200 }],
	['a reset', { kind: 'reset' }],
	['a cut answer', { kind: 'cut' }],
];

test.each(passing)('%s, eight times in a row, does not end the wait', async (_what, fault) => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(600) });
	const route = 'GET /jobs/{jobId}';
	const handle = fixture.airbyte.faults.add({ route, times: 8, skip: 5, ...fault });
	const { items } = await fixture.sync(connectionId);
	expect(items[0]).toMatchObject({ jobId: 1, status: 'succeeded' });
	expect(handle.fired).toBe(8);
	expect(fixture.airbyte.audit.cancels).toEqual([]);
});

describe('an Airbyte that says for a moment that it cannot do so (501)', () => {
	const LOOK = 'GET /jobs/{jobId}';
	const CANCEL = 'DELETE /jobs/{jobId}';
	const refuse = (route: typeof LOOK | typeof CANCEL) =>
		fixture.airbyte.faults.add({ route, times: 3, kind: 'status', status: 501 });

	test.each([LOOK, CANCEL] as const)('at %s cancels what is over its time', async (route) => {
		const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
		let fault: FaultHandle | undefined;
		const soon = fixture.time.shared.now() + 59_000;
		fixture.time.at(soon, async () => void (fault = refuse(route)));
		const { error } = await fixture.sync(connectionId, { timeout: 60 });
		expect(error?.message).toBe('Airbyte job 1 did not end within 60 seconds and was cancelled');
		expect(fault?.fired).toBe(3);
	});

	test.each([
		['replace', LOOK],
		['replace', CANCEL],
		['queue', LOOK],
	] as const)(
		"does not keep another's job from being dealt with: %s, %s",
		async (onActiveJob, route) => {
			const jobs = [timelines.succeedsAfter(900), timelines.succeedsAfter(10)];
			const { connectionId } = fixture.airbyte.addConnection({ jobs });
			fixture.airbyte.startJob(connectionId);
			const fault = refuse(route);
			const { items } = await fixture.sync(connectionId, { options: { onActiveJob } });
			expect(items[0]).toMatchObject({ jobId: 2, status: 'succeeded' });
			expect(fault.fired).toBe(3);
		},
	);
});

test('Retry-After is honoured', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(900) });
	fixture.airbyte.faults.add({
		route: 'GET /jobs/{jobId}',
		kind: 'status',
		status: 429,
		headers: { 'Retry-After': '400' },
	});
	await fixture.sync(connectionId);
	const looks = fixture.airbyte.audit.calls.filter(({ route }) => route === 'GET /jobs/{jobId}');
	expect(looks[1].at - looks[0].at).toBe(400_000);
});

test('an Airbyte that is down for ten minutes is waited for', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(900) });
	let isDown = false;
	fixture.airbyte.audit.onCall(() => {
		if (isDown || fixture.airbyte.audit.count('GET /jobs/{jobId}') < 5) return;
		isDown = true;
		const back = fixture.time.shared.now() + 600_000;
		setImmediate(async () => {
			await fixture.airbyte.goDown();
			fixture.time.at(back, async () => await fixture.airbyte.comeUp());
		});
	});
	const { items } = await fixture.sync(connectionId);
	expect(items[0]).toMatchObject({ jobId: 1, status: 'succeeded' });
	const looks = fixture.airbyte.audit.calls.filter(({ route }) => route === 'GET /jobs/{jobId}');
	expect(longestGap(looks.map(({ at }) => at))).toBeGreaterThanOrEqual(600_000);
});

test('an Airbyte that stays away until the timeout: job and doubt are told, nothing is cancelled blindly', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.faults.add({
		route: 'GET /jobs/{jobId}',
		kind: 'status',
		status: 503,
		times: Infinity,
	});
	const { error } = await fixture.sync(connectionId, { timeout: 300 });
	expect(error?.message).toContain(
		'Airbyte job 1 did not end within 300 seconds and may still be running',
	);
	expect(error?.description).toContain('could not be cancelled');
	expect(fixture.airbyte.audit.count('DELETE /jobs/{jobId}')).toBe(0);
});

test.each([
	[403, 'forbidden'],
	[404, 'resource-not-found'],
])("%d in Airbyte's own words ends the wait at once and names the job", async (status, title) => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.runsForever() });
	fixture.airbyte.faults.add({
		route: 'GET /jobs/{jobId}',
		kind: 'status',
		status,
		body: { status, title, detail: 'Words.' },
		skip: 4,
		times: Infinity,
	});
	const { error } = await fixture.sync(connectionId);
	expect(error?.message).toContain(String(status));
	expect(error?.description).toContain('Job 1 was started and may still be running');
	expect(fixture.airbyte.audit.count('GET /jobs/{jobId}')).toBe(5);
});

/** What answers in place of an Airbyte that starts again, or at a wrong address. */
const foreign: Array<[string, FaultEffect]> = [
	["a router's 404", { kind: 'router' }],
	["a firewall's 403", { kind: 'firewall' }],
	['a web page with 200', { kind: 'html', status: 200 }],
];

test.each<[string, FaultEffect, string]>([
	['an Airbyte that is away', { kind: 'status', status: 502 }, '502'],
	...foreign.map(([what, fault]): [string, FaultEffect, string] => [what, fault, 'answered with']),
])(
	'with nothing started yet, %s is given up on after two minutes',
	async (_what, fault, message) => {
		const { connectionId } = fixture.airbyte.addConnection();
		fixture.airbyte.faults.add({ route: '*', times: Infinity, ...fault });
		const before = fixture.time.shared.now();
		const { error } = await fixture.sync(connectionId);
		expect(error?.message).toContain(message);
		const waited = fixture.time.shared.now() - before;
		expect(waited).toBeGreaterThanOrEqual(120_000);
		expect(waited).toBeLessThan(180_000);
	},
);

test('with nothing started yet, an Airbyte that restarts for a minute is waited for', async () => {
	const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(30) });
	const back = fixture.time.shared.now() + 60_000;
	const away = fixture.airbyte.faults.add({
		route: '*',
		kind: 'status',
		status: 502,
		times: Infinity,
	});
	fixture.time.at(back, async () => away.remove());
	const { items } = await fixture.sync(connectionId);
	expect(items[0]).toMatchObject({ status: 'succeeded' });
});

describe('before Airbyte has answered for the first time', () => {
	describe.each(foreign)('%s', (_what, fault) => {
		test('that passes within seconds ends nothing', async () => {
			const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(30) });
			fixture.airbyte.faults.add({ route: '*', times: 3, ...fault });
			const { items } = await fixture.sync(connectionId);
			expect(items[0]).toMatchObject({ jobId: 1, status: 'succeeded' });
		});

		test('that passes within seconds does not end the wait for a job that exists', async () => {
			const { connectionId } = fixture.airbyte.addConnection({ jobs: timelines.succeedsAfter(30) });
			fixture.airbyte.startJob(connectionId);
			fixture.airbyte.faults.add({ route: '*', times: 3, ...fault });
			const { items } = await fixture.jobStatus({ operation: 'wait', jobId: 1 });
			expect(items[0]).toMatchObject({ jobId: 1, status: 'succeeded' });
		});
	});
});
