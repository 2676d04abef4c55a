import { randomUUID } from 'node:crypto';
import { timelines } from '../../../simulator/index.cts';
import { Caller, MORNING } from './caller.cts';

const { succeedsAfter, failsAfter, runsForever, queuedThen } = timelines;

let caller: Caller;

beforeEach(async () => {
	caller = await new Caller().start();
});
afterEach(async () => await caller.simulator.stop());

const list = async (query = '') => await caller.call('GET', `/jobs${query && `?${query}`}`);
const ids = async (query = '') =>
	(await list(query)).body.data.map((job: { jobId: number }) => job.jobId);

/** So many finished jobs, a minute apart. */
function history(count: number): string {
	const { connectionId } = caller.simulator.addConnection();
	for (let minute = 0; minute < count; minute++) {
		const at = MORNING - (count - minute) * 60_000;
		caller.simulator.startJob(connectionId, { at, timeline: succeedsAfter(30) });
	}
	return connectionId;
}

describe('GET /jobs', () => {
	it('lists oldest first, twenty at a time, unless asked otherwise', async () => {
		history(25);
		expect(await ids()).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
		expect(await ids('orderBy=createdAt%7CDESC&limit=3')).toEqual([25, 24, 23]);
		expect(await ids('orderBy=createdAt%7CDESC&limit=3&offset=3')).toEqual([22, 21, 20]);
		expect(await ids('offset=20')).toEqual([21, 22, 23, 24, 25]);
	});

	it('has no order for jobs of the same moment', async () => {
		for (const connection of [1, 2].map(() => caller.simulator.addConnection())) {
			caller.simulator.startJob(connection.connectionId, { at: MORNING, timeline: runsForever() });
		}
		expect([await ids(), await ids()]).toEqual([
			[2, 1],
			[1, 2],
		]);
	});

	it('orders by the last change too', async () => {
		const at = MORNING - 60_000;
		const start = (seconds: number) =>
			caller.simulator.startJob(caller.simulator.addConnection().connectionId, {
				at,
				timeline: succeedsAfter(seconds),
			});
		start(30);
		start(20);
		start(10);
		expect(await ids('orderBy=updatedAt%7CASC')).toEqual([3, 2, 1]);
	});

	it.each(['', 'createdAt', 'createdAt%7Cdesc', 'startTime%7CDESC', 'createdAt,DESC'])(
		'refuses orderBy=%s',
		async (order) => {
			const { status, body } = await list(`orderBy=${order}`);
			expect(status).toBe(400);
			expect(body).toMatchObject({ title: 'bad-request', data: { message: expect.any(String) } });
		},
	);

	it('checks neither limit nor offset, and tells what its database says', async () => {
		history(102);
		expect(await ids('limit=0')).toEqual([]);
		expect(await ids('limit=101')).toHaveLength(101);
		const { status, body } = await list('offset=-1');
		expect(status).toBe(500);
		expect(body).toMatchObject({
			title: 'unexpected-problem',
			data: { message: expect.stringMatching(/^SQL \[select .*must not be negative/) },
		});
	});

	it('does not understand a bare vertical bar in the address', async () => {
		const { status, body } = await list('orderBy=createdAt|DESC');
		expect(status).toBe(400);
		expect(body).toMatchObject({
			_links: { self: { href: '/' } },
			_embedded: { errors: [{ message: 'Malformed URI' }] },
		});
	});

	it('may be asked for with HEAD, and with a slash at the end', async () => {
		expect((await caller.call('HEAD', '/jobs')).status).toBe(200);
		expect((await caller.call('GET', '/jobs/?limit=1')).status).toBe(200);
	});

	it.each([
		'limit=many',
		'status=done',
		'jobType=rewind',
		'updatedAtStart=1687450500000',
		'updatedAtStart=2026-01-05',
		'workspaceIds=mine',
		'status=failed&status=running',
	])('cannot convert %s', async (query) => {
		const { status, body } = await list(query);
		expect(status).toBe(400);
		expect(body).toMatchObject({
			message: 'Bad Request',
			_links: { self: { templated: false } },
			_embedded: { errors: [{ message: expect.stringContaining('Failed to convert') }] },
		});
	});

	it('filters by status, type and the last change, from the very moment on', async () => {
		const connectionId = history(3);
		caller.simulator.startJob(connectionId, { timeline: failsAfter(0), jobType: 'reset' });
		caller.simulator.startJob(connectionId, { timeline: runsForever() });
		expect(await ids('status=succeeded')).toEqual([1, 2, 3]);
		expect(await ids('status=failed&jobType=reset')).toEqual([4]);
		expect(await ids('jobType=SYNC&status=Running')).toEqual([5]);
		const changedSince = async (time: string) => (await ids(`updatedAtStart=${time}`)).sort();
		expect(await changedSince('2026-01-05T09:59Z')).toEqual([2, 3, 4, 5]);
		expect(await changedSince('2026-01-05T11:00:00%2B01:00')).toEqual([3, 4, 5]);
	});

	it('ignores workspaceIds as soon as a connection is named', async () => {
		const { workspaceId } = caller.simulator.addWorkspace({ name: 'Other' });
		const other = caller.simulator.addConnection({ workspaceId }).connectionId;
		const mine = history(2);
		caller.simulator.startJob(other, { timeline: succeedsAfter(0) });
		expect(await ids(`workspaceIds=${workspaceId}`)).toEqual([3]);
		expect(await ids(`workspaceIds=${workspaceId}&connectionId=${mine}`)).toEqual([1, 2]);
		expect(await ids()).toEqual([1, 2, 3]);
	});

	it('gives links that nobody should follow, next on every page that is not empty', async () => {
		const connectionId = history(3);
		const query = `connectionId=${connectionId}&status=succeeded&orderBy=createdAt%7CDESC`;
		const { body } = await list(`${query}&limit=2&offset=2`);
		const root = `http://localhost:8001/api/public/v1/jobs?connectionId=${connectionId}`;
		expect(body.next).toBe(`${root}&limit=2&offset=4`);
		expect(body.previous).toBe(`${root}&limit=2&limit=2&offset=0`);
		expect((await list(`${query}&offset=4`)).body).toMatchObject({ data: [], next: '' });
		expect((await list()).body.previous).toBe('');
	});

	it('tells rows and bytes where the installation has that switched on', async () => {
		history(1);
		expect((await list()).body.data[0]).toMatchObject({ rowsSynced: 1000 });
		const without = await new Caller({ listsTellStatistics: false }).start();
		const { connectionId } = without.simulator.addConnection();
		without.simulator.startJob(connectionId, { timeline: succeedsAfter(0) });
		const { body } = await without.call('GET', '/jobs');
		expect(Object.keys(body.data[0])).not.toContain('rowsSynced');
		await without.simulator.stop();
	});

	it('at 2.0.0 lists two types only and knows no queued', async () => {
		const old = await new Caller({ version: '2.0.0' }).start();
		const { connectionId } = old.simulator.addConnection({ jobs: succeedsAfter(0) });
		for (const jobType of ['sync', 'clear', 'reset', 'refresh'] as const) {
			old.simulator.startJob(connectionId, { jobType });
			old.seconds(1);
		}
		const { body } = await old.call('GET', '/jobs');
		expect(body.data.map((job: { jobId: number }) => job.jobId)).toEqual([1, 3]);
		expect((await old.call('GET', '/jobs?jobType=clear')).body.data).toHaveLength(1);
		expect((await old.call('GET', '/jobs?status=queued')).status).toBe(400);
		old.simulator.startJob(connectionId, { timeline: queuedThen(9, runsForever()) });
		expect((await old.call('GET', '/jobs/5')).body).toMatchObject({ status: 'pending' });
		expect((await caller.call('GET', '/jobs?status=queued')).status).toBe(200);
		await old.simulator.stop();
	});
});

describe('what exists', () => {
	it('hides deleted connections and filters by workspace', async () => {
		const { workspaceId } = caller.simulator.addWorkspace();
		caller.simulator.addConnection({ workspaceId, name: 'there' });
		caller.simulator.addConnection({ name: 'deleted', status: 'deprecated' });
		const names = async (query: string) =>
			(await caller.call('GET', `/connections?${query}`)).body.data.map(
				(connection: { name: string }) => connection.name,
			);
		expect(await names('')).toEqual(['there']);
		expect(await names(`workspaceIds=${workspaceId}`)).toEqual(['there']);
		expect(await names(`workspaceIds=${caller.simulator.defaultWorkspace.workspaceId}`)).toEqual(
			[],
		);
	});

	it('switches connections off and on, unless they are locked', async () => {
		const patch = async (connectionId: string, changes: object) =>
			await caller.call('PATCH', `/connections/${connectionId}`, changes);
		const { connectionId } = caller.simulator.addConnection({
			name: 'a',
			jobs: queuedThen(600, runsForever()),
		});
		await caller.sync(connectionId);
		const off = await patch(connectionId, { status: 'inactive' });
		expect(off).toMatchObject({ status: 200, body: { status: 'inactive' } });
		expect(caller.simulator.job(1)).toMatchObject({ status: 'cancelled' });
		expect((await patch(connectionId, { status: 'active' })).body).toMatchObject({ name: 'a' });
		expect((await patch(connectionId, { status: 'paused' })).status).toBe(400);
		const locked = caller.simulator.addConnection({ status: 'locked' });
		expect(await patch(locked.connectionId, { status: 'active' })).toMatchObject({
			status: 409,
			body: { type: 'error:connection/locked' },
		});
	});

	it('shows one connection, its workspace, source and destination', async () => {
		const names = { sourceName: 'Shop', destinationName: 'Lake' };
		const connection = caller.simulator.addConnection({ ...names, status: 'inactive' });
		const { body } = await caller.call('GET', `/connections/${connection.connectionId}`);
		expect(body).toMatchObject({
			name: 'Shop → Lake',
			status: 'inactive',
			workspaceId: connection.workspaceId,
			createdAt: MORNING / 1000,
		});
		const workspace = await caller.call('GET', `/workspaces/${body.workspaceId}`);
		expect(workspace.body).toMatchObject({ name: 'Default Workspace' });
		expect((await caller.call('GET', '/workspaces?limit=1')).body.data).toHaveLength(1);
		const [source] = (await caller.call('GET', '/sources')).body.data;
		expect(source).toMatchObject({ sourceId: body.sourceId, name: 'Shop' });
		const [destination] = (await caller.call('GET', '/destinations')).body.data;
		expect(destination).toMatchObject({ destinationId: body.destinationId, name: 'Lake' });
	});
});

describe('ids that lead nowhere', () => {
	const unknown = randomUUID();
	const admin = { role: 'instanceAdmin' } as const;
	const role: Record<string, string> = {
		GET: 'WORKSPACE_READER ',
		DELETE: 'WORKSPACE_RUNNER ',
		POST: '',
	};
	const notRunning = { title: 'state-conflict', data: { message: 'Job is not currently running' } };
	const notFound = {
		title: 'resource-not-found',
		data: { resourceType: 'STANDARD_SYNC', resourceId: unknown },
	};

	it.each([
		['GET', '/jobs/99'],
		['DELETE', '/jobs/99'],
		['GET', `/connections/${unknown}`],
		['GET', '/connections/not-a-uuid'],
		['GET', `/workspaces/${unknown}`],
		['GET', `/jobs?connectionId=${unknown}`],
		['GET', `/jobs?workspaceIds=${unknown}`],
		['GET', '/jobs?connectionId='],
		['POST', '/jobs'],
	])('are forbidden to users: %s %s', async (method, path) => {
		const body = method === 'POST' ? { connectionId: unknown, jobType: 'sync' } : undefined;
		const reply = await caller.call(method, path, body);
		expect(reply.status).toBe(403);
		expect(reply.body).toMatchObject({
			title: 'forbidden',
			data: {
				message: `Caller does not have the required ${role[method]}permissions to access the resource(s).`,
			},
		});
	});

	it.each([
		['GET', '/jobs/99', 409, notRunning],
		['DELETE', '/jobs/99', 409, notRunning],
		['GET', `/connections/${unknown}`, 404, notFound],
		['GET', `/jobs?connectionId=${unknown}`, 200, { data: [], next: '' }],
		['GET', `/jobs?workspaceIds=${unknown}`, 200, { data: [], next: '' }],
		['GET', `/connections?workspaceIds=${unknown}`, 200, { data: [], next: '' }],
		['GET', '/jobs?connectionId=x', 500, { errorId: expect.any(String) }],
		['GET', '/jobs?connectionId=', 500, { errorId: expect.any(String) }],
		['POST', '/jobs', 404, notFound],
		['GET', '/connections/not-a-uuid', 500, { errorId: expect.any(String) }],
	])('are oddly told to an instance admin: %s %s is %d', async (method, path, status, expected) => {
		const boss = await new Caller(admin).start();
		const body = method === 'POST' ? { connectionId: unknown, jobType: 'sync' } : undefined;
		const reply = await boss.call(method, path, body);
		expect(reply.status).toBe(status);
		expect(reply.body).toMatchObject(expected);
		await boss.simulator.stop();
	});

	it('with a blank at the end are a fault of Airbyte’s to an admin', async () => {
		const boss = await new Caller(admin).start();
		const { connectionId } = boss.simulator.addConnection();
		expect((await boss.sync(`${connectionId} `)).status).toBe(500);
		await boss.simulator.stop();
	});

	it('of jobs must be numbers', async () => {
		const { status, body } = await caller.call('GET', '/jobs/latest');
		expect(status).toBe(400);
		expect(body).toMatchObject({ message: 'Bad Request', _embedded: { errors: [{}] } });
	});
});
