/** A wait whose credential is lost, or leads elsewhere. */
import { timelines } from '../../../simulator/index.cts';
import { badGateway } from '../harness/n8nServer.cts';
import { HOUR, MINUTE, Waiting, expectUntouched } from '../harness/waiting.cts';

const { runsForever, succeedsAfter } = timelines;
const waiting = Waiting.forEachTest();
const { fixture, deferred, park, passTime, looks, cancels, children, waitingChildren } = waiting;

describe('the credential', () => {
	const said = (words: string) => expect.stringContaining(words) as unknown;

	test('that cannot be read for a minute as a job succeeds: the other items wait for it', async () => {
		await waiting.parkAll([succeedsAfter(60), succeedsAfter(30)], { options: { batchSize: 1 } });
		await passTime(40_000);
		waiting.credential.change({ host: '' });
		await passTime(MINUTE);
		waiting.credential.change({ host: fixture.airbyte.url });
		const { items } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject([{ status: 'succeeded' }, { status: 'succeeded' }]);
	});

	test('that cannot be read once as the execution goes on: no running job is given up', async () => {
		const jobs = [succeedsAfter(60), succeedsAfter(600), succeedsAfter(30)];
		await waiting.parkAll(jobs, { options: { batchSize: 2 } });
		await passTime(50_000);
		const read = waiting.credential.getDecrypted.bind(waiting.credential);
		let reads = 0;
		// The resume webhook reads it well, and then a worker does not.
		jest.spyOn(waiting.credential, 'getDecrypted').mockImplementation(async () => {
			if (++reads === 2) throw new Error('Connection terminated unexpectedly');
			return await read();
		});
		const { items } = await deferred.endOf(waiting.parent);
		expect(items).toMatchObject(jobs.map(() => ({ status: 'succeeded' })));
	});

	test('that is deleted for good: two minutes after the Timeout, in which a cancel is tried, the wait is over', async () => {
		await park(runsForever(), { timeout: 600 });
		remove();
		const { error, at } = await deferred.endOf(waiting.parent);
		expect(error?.message).toMatch(/^Airbyte job 1 did not end within 600 seconds and may still/);
		expect(at - fixture.airbyte.job(1)!.createdAt).toBeLessThan(730_000);
	});

	/** So that n8n refuses all that would use it. */
	async function loseCredential(lose: () => void): Promise<void> {
		await passTime(MINUTE);
		lose();
		deferred.n8n.grantsCredentials = false;
		await deferred.n8n.kill(10);
	}
	const unshare = () => {};
	const remove = () => {
		const gone = new Error('Credential with ID "1" does not exist');
		jest.spyOn(waiting.credential, 'getDecrypted').mockRejectedValue(gone);
	};

	test.each([
		['not shared any more', 1_800, 'is cancelled', unshare, 'cancelled'],
		['not shared any more', 72_000, 'is cancelled', unshare, 'cancelled'],
		['deleted', 1_800, 'can only be left running', remove, 'running'],
		['deleted', 72_000, 'can only be left running', remove, 'running'],
	])(
		'that is %s: soon after the Timeout (%d s) the wait comes to its end, and the job %s',
		async (_how, timeout, _what, lose, status) => {
			await park(runsForever(), { timeout });
			const wakesAt = deferred.n8n.get(waiting.parent).waitTill!.getTime();
			await loseCredential(lose);
			const { error, at } = await deferred.endOf(waiting.parent);
			expect(error?.message).toBe('Node does not have access to the credential');
			expect(at - fixture.airbyte.job(1)!.createdAt).toBeGreaterThanOrEqual(timeout * 1_000);
			expect(at).toBeLessThan(wakesAt - MINUTE);
			expect(fixture.airbyte.job(1)!.status).toBe(status);
			expect(waitingChildren()).toEqual([]);
		},
	);

	test.each([3, 5, 8, 12, 20])(
		'that is shared again after %d h: a stop cancels the job at the next ring',
		async (hours) => {
			await park(runsForever(), { timeout: 7 * 86_400 });
			await loseCredential(unshare);
			await passTime(hours * HOUR);
			// As n8n prunes what has ended.
			for (const id of children('watcher')) deferred.n8n.executions.delete(id);
			deferred.n8n.grantsCredentials = true;
			deferred.n8n.stop(waiting.parent);
			await passTime(1.1 * HOUR);
			expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
			await passTime(3 * HOUR);
			expect(waitingChildren()).toEqual([]);
		},
	);

	test('that is shared again soon after a stop was seen: the job is cancelled within a quarter of an hour', async () => {
		await park(runsForever(), { timeout: 7 * 86_400 });
		await loseCredential(unshare);
		await passTime(10 * HOUR);
		deferred.n8n.stop(waiting.parent);
		const before = children('watcher').length;
		const isSeen = () => children('watcher').length > before;
		for (let at = 0; at < 8 && !isSeen(); at += 1) await passTime(10 * MINUTE);
		expect(fixture.airbyte.job(1)!.status).toBe('running');
		deferred.n8n.grantsCredentials = true;
		await passTime(16 * MINUTE);
		expect(fixture.airbyte.job(1)!.status).toBe('cancelled');
	});

	test('that stays lost for three weeks: n8n keeps few executions that it refused', async () => {
		await park(runsForever(), { timeout: 30 * 86_400 });
		await loseCredential(unshare);
		await passTime(21 * 24 * HOUR);
		expect(deferred.n8n.get(waiting.parent).status).toBe('waiting');
		const refused = [...deferred.n8n.executions.values()].filter(
			({ status }) => status === 'error',
		);
		expect(refused.length).toBeGreaterThan(2);
		expect(refused.length).toBeLessThan(32);
		expect(waitingChildren()).toHaveLength(1);
		deferred.n8n.grantsCredentials = true;
		const before = looks().length;
		await passTime(2 * HOUR);
		expect(looks().length).toBeGreaterThan(before);
	}, 120_000);

	test('that leads to another Airbyte: the wait ends in words', async () => {
		await park(runsForever());
		await passTime(MINUTE);
		const other = await waiting.pointElsewhere();
		await passTime(10 * MINUTE);
		const { error } = deferred.n8n.data(waiting.parent).resultData;
		expect(error?.message).toBe(
			'The Airbyte credential was pointed at another Airbyte in the meantime',
		);
		expectUntouched(other);
		expect(cancels()).toEqual([]);
	});

	test.each([
		['its resume webhook lets the execution go on', false],
		['n8n itself wakes the execution', true],
	])(
		'that leads to another Airbyte by the time that %s: nothing is looked at, started or cancelled there',
		async (_, isUntold) => {
			const jobs = [succeedsAfter(60), runsForever(), runsForever()];
			const onError = 'continueRegularOutput' as const;
			await waiting.parkAll(jobs, { timeout: 600, options: { batchSize: 1 } }, { onError });
			await passTime(2 * MINUTE);
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
			const other = await waiting.pointElsewhere();
			const wakesAt = deferred.n8n.get(waiting.parent).waitTill!.getTime();
			if (isUntold) deferred.n8n.proxy = () => badGateway();
			const { items, at } = await deferred.endOf(waiting.parent);
			expect(at >= wakesAt).toBe(isUntold);
			const error = 'The Airbyte credential was pointed at another Airbyte in the meantime';
			expect(items).toMatchObject([
				{ jobId: 1, status: 'succeeded' },
				{ error, message: said('The job was started at'), details: { jobId: 2 } },
				{ error, message: said('A job was to be started at') },
			]);
			expectUntouched(other);
			expect(fixture.airbyte.audit.startedJobs()).toHaveLength(2);
			expect(cancels()).toEqual([]);
		},
	);

	test('that leads elsewhere as the job succeeds: the link leads where the job ran', async () => {
		await park(succeedsAfter(60));
		await passTime(10_000);
		await waiting.pointElsewhere();
		const { items } = await deferred.endOf(waiting.parent);
		const page = expect.stringMatching(new RegExp(`^${fixture.airbyte.url}/`)) as unknown;
		expect(items).toMatchObject([{ jobId: 1, status: 'succeeded', jobUrl: page }]);
	});
});
