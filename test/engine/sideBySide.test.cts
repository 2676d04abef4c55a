/** Many starts at once, and two on the same connection: what Airbyte's few threads and its shared answers make of them. */
import { timelines } from '../../simulator/index.cts';
import { Fixture } from './harness/fixture.cts';

const fixture = Fixture.forEachTest();

const { runsForever, succeedsAfter } = timelines;

const jobs = () => fixture.airbyte.jobs();
const posts = () => fixture.airbyte.audit.calls.filter(({ route }) => route === 'POST /jobs');
const answers = () => posts().map(({ status }) => status);

/** How many arrive at most within so many seconds, in which the first of them still holds its thread. */
const mostPostsWithin = (seconds: number) =>
	Math.max(
		...posts().map(
			({ at: end }) => posts().filter(({ at }) => at > end - seconds * 1_000 && at <= end).length,
		),
	);

describe('twenty items on an Airbyte whose five threads each start holds for long', () => {
	const connections = (starts: object) =>
		Array.from({ length: 20 }, () => ({
			connectionId: fixture.airbyte.addConnection({ jobs: succeedsAfter(300), ...starts })
				.connectionId,
		}));
	const syncAll = async (items: Array<{ connectionId: string }>) =>
		await fixture.sync('={{ $json.connectionId }}', {}, { items });

	test('all start, each once', async () => {
		const { items, error } = await syncAll(connections({ starts: [{ takes: 55, answer: 'job' }] }));
		expect(error).toBeUndefined();
		expect(items.map(({ status }) => status)).toEqual(Array(20).fill('succeeded'));
		expect(jobs()).toHaveLength(20);
		expect(answers()).toEqual(Array(20).fill(200));
		// A thread is held for so long, and two of the five are left to others.
		expect(mostPostsWithin(55)).toBe(3);
	});

	test('where Airbyte gives up on the answer, the jobs that come later are found', async () => {
		const late = { takes: 100, answer: 'conflict', jobAfter: 110 };
		const { items, error } = await syncAll(connections({ starts: [late] }));
		expect(error).toBeUndefined();
		expect(items.map(({ status, attached }) => [status, attached])).toEqual(
			Array(20).fill(['succeeded', false]),
		);
		expect(answers()).toEqual(Array(20).fill(409));
		expect(mostPostsWithin(100)).toBe(3);
		expect(jobs()).toHaveLength(20);
	});
});

describe('two executions at once on one connection', () => {
	const both = async (options: object, timeouts = [3_600, 3_600]) => {
		const { connectionId } = fixture.airbyte.addConnection({
			jobs: timeouts[0] === timeouts[1] ? succeedsAfter(100) : runsForever(),
		});
		return await Promise.all(
			timeouts.map(
				async (timeout) => await fixture.sync(connectionId, { timeout, options: { ...options } }),
			),
		);
	};

	test('one owns the job, and the other one attaches to it', async () => {
		const results = await both({});
		expect(results.flatMap(({ items }) => items.map(({ attached }) => attached)).sort()).toEqual([
			false,
			true,
		]);
		expect(jobs()).toHaveLength(1);
	});

	test.each(['fail', 'skip'])('%s: the second one does', async (onActiveJob) => {
		const results = await both({ onActiveJob });
		const items = results.flatMap((result) => result.items);
		expect(results.filter(({ error }) => error)).toHaveLength(onActiveJob === 'fail' ? 1 : 0);
		expect(items.filter(({ skipped }) => skipped)).toHaveLength(onActiveJob === 'skip' ? 1 : 0);
		expect(jobs()).toHaveLength(1);
	});

	test('queue: there are two jobs', async () => {
		const results = await both({ onActiveJob: 'queue' });
		const ids = results.flatMap(({ items }) => items.map(({ jobId }) => jobId));
		expect(new Set(ids).size).toBe(2);
		expect(jobs()).toHaveLength(2);
	});

	test("the end of one's Timeout does not cancel the other's job", async () => {
		const [first, second] = await both({}, [600, 60]);
		// The second one attached, and its time was over first.
		expect(second.error?.description).toContain('did not start it');
		const [{ at }] = fixture.airbyte.audit.cancels;
		expect(first.error?.message).toContain('did not end within 600 seconds and was cancelled');
		expect(fixture.airbyte.audit.cancels).toHaveLength(1);
		expect(at).toBeGreaterThan(jobs()[0].createdAt + 590_000);
	});
});

test('a connection on which Airbyte says 409 for a while after the end of a job is synced again all the same', async () => {
	const { connectionId } = fixture.airbyte.addConnection({
		jobs: succeedsAfter(30),
		lingersSeconds: 16,
	});
	for (const jobId of [1, 2]) {
		const { items, error } = await fixture.sync(connectionId);
		expect(error).toBeUndefined();
		expect(items).toMatchObject([{ jobId, status: 'succeeded', attached: false }]);
	}
	expect(answers()).toContain(409);
});
