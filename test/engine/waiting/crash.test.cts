/** Crashes of n8n, or of all its workers, while an execution waits. */
import { timelines } from '../../../simulator/index.cts';
import { HOUR, MINUTE, Waiting } from '../harness/waiting.cts';

const { runsForever, succeedsAfter } = timelines;
const waiting = Waiting.forEachTest();
const { fixture, deferred, now, park, passTime, looks, children, waitingChildren } = waiting;

describe('a crash of n8n', () => {
	test.each([2, 8, 12])(
		'for long, and again %d s after its start: looked at again',
		async (seconds) => {
			await park(runsForever(), { timeout: 86_400 });
			await passTime(15 * MINUTE);
			await deferred.n8n.kill(15 * 60);
			await passTime(15 * MINUTE + seconds * 1_000);
			await deferred.n8n.kill(2);
			const before = looks().length;
			await passTime(3 * HOUR);
			expect(looks().length).toBeGreaterThan(before);
		},
	);

	test.each([1, 30, 300])('for %d s: the job is looked at again within 150 s', async (downtime) => {
		await park(runsForever(), { timeout: 86_400 });
		await passTime(4 * MINUTE);
		await deferred.n8n.kill(downtime);
		const killedAt = now();
		const before = looks().length;
		await passTime(downtime * 1_000 + 150_000);
		expect(looks().length).toBeGreaterThan(before);
		expect(looks()[before] - killedAt - downtime * 1_000).toBeLessThan(150_000);
	});

	test('for hours, past the Timeout: a cancel that gets lost is made again at once', async () => {
		await park(runsForever(), { timeout: 600 });
		const { connectionId } = fixture.airbyte.job(1)!;
		fixture.airbyte.updateConnection(connectionId, { cancels: ['lost'] });
		await deferred.n8n.kill(3 * 3_600);
		const backAt = now() + 3 * HOUR;
		const { error, at } = await deferred.endOf(waiting.parent);
		expect(error?.message).toBe('Airbyte job 1 did not end within 600 seconds and was cancelled');
		expect(at - backAt).toBeLessThan(MINUTE);
	});

	async function crashInRing(): Promise<string> {
		await passTime(20_000);
		const [watcher] = children('watcher');
		deferred.n8n.crash(watcher);
		await deferred.n8n.kill(10);
		await passTime(20 * MINUTE);
		return watcher;
	}

	test('in the middle of a ring: the watchdog starts another watcher', async () => {
		await park(succeedsAfter(3_600));
		const watcher = await crashInRing();
		expect(children('watcher').filter((id) => id !== watcher)).toHaveLength(1);
		const { items } = await waiting.endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	});

	test('in the middle of a ring, and n8n does not store another watcher at first: it is tried again two minutes later', async () => {
		await park(runsForever(), { timeout: 86_400 });
		await passTime(HOUR);
		const triedAt: number[] = [];
		const room = () => (triedAt.push(now()) > 1 ? Infinity : 0);
		Object.defineProperty(deferred.n8n, 'room', { get: room, set: () => {} });
		await crashInRing();
		await passTime(HOUR);
		expect(triedAt.length).toBeGreaterThan(1);
		expect(triedAt[1] - triedAt[0]).toBeLessThan(3 * MINUTE);
		expect(waitingChildren()).toHaveLength(2);
	});

	test('in the middle of a ring: what the other watcher leaves looks as before, and cancels at a stop', async () => {
		await park(runsForever(), { options: { adaptivePolling: false } });
		await crashInRing();
		const since = now();
		await passTime(MINUTE);
		expect(waiting.longestWithoutLook(since, 1)).toBeLessThan(4_000);
		deferred.n8n.stop(waiting.parent);
		await passTime(15_000);
		expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
	});

	test.each([275, 280, 285, 290])(
		'for %d s, with a watcher that is overdue and a watchdog that is not: no second watcher',
		async (downtime) => {
			await park(runsForever(), { timeout: 86_400 });
			await passTime(310_000);
			await deferred.n8n.kill(downtime);
			await passTime(20 * MINUTE);
			expect(children('watcher')).toHaveLength(1);
		},
	);

	test.each([
		[4_000, 8_000],
		[8_000, 14_000],
	])(
		'with a recovery that comes after what is overdue was woken (%d to %d ms): no child is lost',
		async (readsAfter, writesAfter) => {
			await park(runsForever(), { timeout: 86_400 });
			// So busy that a ring takes six seconds.
			deferred.n8n.readingTime = 3_000;
			deferred.n8n.recovery = { readsAfter, writesAfter };
			const killed = waitingChildren();
			await deferred.n8n.kill(600);
			await passTime(11 * MINUTE);
			expect(waitingChildren()).toEqual(killed);
			await passTime(HOUR);
			expect(children()).toEqual(killed);
		},
	);

	test('children that ring late in a process that has long run hold nothing up', async () => {
		await park(runsForever(), { timeout: 86_400 });
		await passTime(5 * MINUTE);
		deferred.n8n.lateness = 70_000;
		const rings = () => children('watcher').map((id) => deferred.n8n.get(id).status);
		const seen = new Set<string>();
		for (let second = 0; second < 300; second += 1) {
			await passTime(1_000);
			seen.add(rings().join());
		}
		expect([...seen]).toEqual(['waiting']);
	});

	test('twice in a row, a moment after the start', async () => {
		await park(succeedsAfter(1_800));
		await passTime(20_000);
		await deferred.n8n.kill(120);
		await passTime(125_000);
		await deferred.n8n.kill(20);
		const { items } = await waiting.endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	});
});

describe('in queue mode, while all workers are away', () => {
	test.each([0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 240, 260, 280, 300, 320, 340])(
		'for 50 s after %d s: looked at again, and stopped as ever',
		async (seconds) => {
			await park(runsForever(), { timeout: 86_400 });
			await passTime((seconds + 5) * 1_000);
			await deferred.n8n.killWorkers(50);
			await passTime(50_000 + 7 * MINUTE);
			expect(waitingChildren()).toHaveLength(2);
			const before = looks().length;
			await passTime(MINUTE);
			expect(looks().length).toBeGreaterThan(before);
			deferred.n8n.stop(waiting.parent);
			await passTime(15_000);
			expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
		},
	);

	test('again and again: both children are started anew', async () => {
		await park(succeedsAfter(15 * 3_600), { timeout: 86_400 });
		for (let time = 1; time <= 20; time += 1) {
			await passTime(time < 6 ? 10 * MINUTE + time * 7_000 : HOUR + time * 70_000);
			await deferred.n8n.killWorkers(45);
		}
		const { items } = await waiting.endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
		expect(deferred.endedAt(waiting.parent) - fixture.airbyte.job(1)!.updatedAt).toBeLessThan(HOUR);
	});

	test('so long that n8n loses both children: the end is found at the Timeout', async () => {
		await park(succeedsAfter(1_800), { timeout: 3_600 });
		await passTime(MINUTE);
		await deferred.n8n.killWorkers(600);
		await passTime(15 * MINUTE);
		expect(waitingChildren()).toEqual([]);
		const { items } = await waiting.endOfParent();
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded' }]);
	});

	test('and the watcher of a stopped execution is lost: the job is cancelled all the same', async () => {
		await park(runsForever(), { timeout: 86_400 });
		await passTime(95_000);
		await deferred.n8n.killWorkers(50);
		deferred.n8n.stop(waiting.parent);
		await passTime(50_000 + 3 * MINUTE);
		expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
		await passTime(12 * MINUTE);
		expect(waitingChildren()).toEqual([]);
	});
});
