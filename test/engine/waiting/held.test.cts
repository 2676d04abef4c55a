/** What keeps an execution from being parked, for a while or for good: it waits all the same. */
import { AirbyteClient } from '../../../nodes/airbyte/api/client';
import { clock } from '../../../nodes/airbyte/api/clock';
import { timelines } from '../../../simulator/index.cts';
import { captureLog } from '../harness/log.cts';
import { MINUTE, Waiting, hintsOf } from '../harness/waiting.cts';

const { runsForever, succeedsAfter } = timelines;
const waiting = Waiting.forEachTest();
const { fixture, deferred, park, passTime, cancels, children, waitingChildren } = waiting;

describe('where n8n cannot call itself', () => {
	test('from the start: it waits in the execution, and says so', async () => {
		deferred.n8n.proxy = () => ({ status: 502, body: '<h1>Bad Gateway</h1>' });
		await park(succeedsAfter(600));
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
		const { items } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(hintsOf(deferred.n8n.data(waiting.parent))).toMatch(
			/cannot reach its own address .* WEBHOOK_URL/,
		);
		expect(children()).toEqual([]);
	});

	test.each([
		[301, 'running'],
		[302, 'running'],
		[308, 'waiting'],
	])(
		'but for a redirect (%d), of which some make a GET of a POST: %s',
		async (status, expected) => {
			deferred.n8n.proxy = (url) =>
				url.includes('/secure/') ? undefined : { status, body: '', location: `/secure${url}` };
			await park(succeedsAfter(600));
			expect(deferred.n8n.get(waiting.parent).status).toBe(expected);
			const { items, at } = await deferred.endOf(waiting.parent);
			expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
			expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
		},
	);

	describe('and a sign-in page (200) answers in its place', () => {
		const page = { status: 200, body: '<h1>Sign in</h1>' };

		test('that is logged', async () => {
			await park(succeedsAfter(60));
			const log = captureLog();
			deferred.n8n.proxy = () => page;
			await passTime(2 * MINUTE);
			expect(log.join()).toContain('Check WEBHOOK_URL');
		});

		test('at a new WEBHOOK_URL: it is called where the wait began', async () => {
			await park(succeedsAfter(600));
			const { origin } = new URL(deferred.n8n.resumeUrl(waiting.parent));
			deferred.n8n.addressInWorkers = `${origin}/sso`;
			deferred.n8n.proxy = (url) => {
				if (url.startsWith('/login')) return page;
				return url.startsWith('/sso') ? { status: 302, body: '', location: '/login' } : undefined;
			};
			await deferred.n8n.kill(1);
			const { at } = await deferred.endOf(waiting.parent);
			expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(30_000);
		});
	});

	test('after it came back at another address: the end is noticed within minutes', async () => {
		await park(succeedsAfter(600));
		await passTime(MINUTE);
		await deferred.n8n.kill(10);
		await deferred.n8n.moveTo('/n8n');
		const { status, at } = await deferred.endOf(waiting.parent);
		expect(status).toBe('success');
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(150_000);
	});

	test('from a process that knows no WEBHOOK_URL: it is called where the wait began', async () => {
		await park(succeedsAfter(600));
		// What rings from now on does so in a worker.
		deferred.n8n.addressInWorkers = 'http://127.0.0.1:1';
		await deferred.n8n.kill(1);
		const { status, at } = await deferred.endOf(waiting.parent);
		expect(status).toBe('success');
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
	});

	test("a gateway's JSON is not n8n's word", async () => {
		deferred.n8n.proxy = () => ({ status: 404, body: { message: 'no Route matched' } });
		await park(succeedsAfter(60));
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
	});

	test('later, for a while: it is tried on until it works, and logged', async () => {
		await park(succeedsAfter(60));
		const log = captureLog();
		deferred.n8n.proxy = () => ({ status: 502, body: '<h1>Bad Gateway</h1>' });
		await passTime(20 * MINUTE);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
		expect(log.join()).toContain('Check WEBHOOK_URL');
		deferred.n8n.proxy = () => undefined;
		await passTime(MINUTE);
		expect(deferred.n8n.get(waiting.parent).status).toBe('success');
	});
});

describe('while another item cannot be parked', () => {
	test('the time of one that can is over when it is', async () => {
		const ids = [1, 2].map(
			() => fixture.airbyte.addConnection({ jobs: succeedsAfter(600) }).connectionId,
		);
		const byItem = (first: unknown, other: unknown) =>
			`={{ $itemIndex === 0 ? ${JSON.stringify(first)} : ${JSON.stringify(other)} }}`;
		const parameters = { mode: byItem('deferrable', 'synchronous'), timeout: byItem(60, 3_600) };
		waiting.parent = deferred.start(ids, parameters, { onError: 'continueRegularOutput' });
		await passTime(70_000);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
		const { items } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject([{ details: { jobId: 1 } }, { jobId: 2, status: 'succeeded' }]);
	});

	test('they are parked even if one of them always looks, as that takes long', async () => {
		const { getJob } = AirbyteClient.prototype;
		jest.spyOn(AirbyteClient.prototype, 'getJob').mockImplementation(async function (
			this: AirbyteClient,
			...job
		) {
			await clock.sleep(5_000);
			return await getJob.apply(this, job);
		});
		// So one of the two always looks while the other one rests.
		const ids = [0.5, 4.5].map((takes) => {
			const starts = [{ takes, answer: 'job' as const }];
			return fixture.airbyte.addConnection({ jobs: runsForever(), starts }).connectionId;
		});
		waiting.parent = deferred.start(ids, { options: { adaptivePolling: false } });
		await passTime(30_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
	});

	test('one that looks seldom is parked with it all the same, as soon as it can be', async () => {
		const slow = [{ takes: 20, answer: 'job' as const }];
		const ids = [undefined, slow].map(
			(starts) => fixture.airbyte.addConnection({ jobs: succeedsAfter(600), starts }).connectionId,
		);
		waiting.parent = deferred.start(ids, { waitSeconds: 3_600 });
		await passTime(10_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
		await passTime(15_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
	});
});

describe('what keeps n8n from storing the wait', () => {
	test.each<[string, () => () => void]>([
		[
			'it does not answer, as it is busy or starts again',
			() => {
				deferred.n8n.proxy = () => ({ status: 502, body: '<h1>Bad Gateway</h1>' });
				return () => (deferred.n8n.proxy = () => undefined);
			},
		],
		[
			'its database takes nothing',
			() => {
				deferred.n8n.room = 0;
				return () => (deferred.n8n.room = Infinity);
			},
		],
	])('for a while: %s', async (_why, fail) => {
		const mend = fail();
		await park(succeedsAfter(600), { waitSeconds: 3_600 });
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
		mend();
		await passTime(20_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
		const { items } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(hintsOf(deferred.n8n.data(waiting.parent))).not.toContain('is held');
		expect(fixture.airbyte.audit.startedJobs()).toHaveLength(1);
	});

	test('for good: it waits in the execution, and says so', async () => {
		deferred.n8n.room = 0;
		await park(succeedsAfter(600));
		const { items, at } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(at - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(15_000);
		expect(hintsOf(deferred.n8n.data(waiting.parent))).toContain('n8n could not store it');
	});

	test('until its Timeout: that is in time', async () => {
		waiting.failToRead((id) => id !== waiting.parent);
		await park(runsForever(), { timeout: 60 });
		await passTime(63_000);
		expect(fixture.airbyte.job(1)?.status).toBe('cancelled');
	});

	test('until it is stopped: what was left at its Timeout is left then, too', async () => {
		const ids = [1, 2].map(
			() => fixture.airbyte.addConnection({ jobs: runsForever() }).connectionId,
		);
		const timeout = '={{ $itemIndex === 0 ? 40 : 3600 }}';
		const goesOn = { onError: 'continueRegularOutput' as const };
		const fails = waiting.failToRead((id) => id !== waiting.parent);
		waiting.parent = deferred.start(ids, { timeout, options: { cancelOnTimeout: false } }, goesOn);
		await passTime(20_000);
		deferred.n8n.room = 0;
		await passTime(50_000);
		fails.mockRestore();
		deferred.n8n.stop(waiting.parent);
		await passTime(12 * MINUTE);
		expect([1, 2].map((id) => fixture.airbyte.job(id)?.status)).toEqual(['running', 'cancelled']);
		expect(waitingChildren()).toEqual([]);
	});

	test('until it is stopped: the job is cancelled at once', async () => {
		const fails = waiting.failToRead((id) => id !== waiting.parent);
		await park(runsForever());
		await passTime(8_000);
		expect(deferred.n8n.get(waiting.parent).status).toBe('running');
		deferred.n8n.stop(waiting.parent);
		await passTime(1_000);
		expect(cancels()).toHaveLength(1);
		fails.mockRestore();
		await passTime(10 * MINUTE);
		expect(deferred.n8n.get(waiting.parent).status).toBe('canceled');
		expect(waitingChildren()).toEqual([]);
	});
});
