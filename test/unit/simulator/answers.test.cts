/**
 * The contract of Airbyte's answers: required keys, types, words and formats for each route, in the words of the
 * reference. Nothing else may be in them, so that no node gets used to what a real Airbyte does not send.
 */
import { z } from 'zod';
import { timelines } from '../../../simulator/index.cts';
import type { RouteKey } from '../../../simulator/index.cts';
import { Caller } from './caller.cts';

const { failsAfter, incompleteThen, pendingThen, queuedThen, runsForever, succeedsAfter } =
	timelines;

const uuid = z.string().regex(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
const count = z.number().int().min(0);
const epochSeconds = z.number().int().min(1_000_000_000).max(9_999_999_999);
const epochMs = z.number().int().min(1_000_000_000_000);
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:(?!00)\d\d)?Z$/);
const status = z.enum([
	...(['pending', 'queued', 'running', 'incomplete'] as const),
	...(['failed', 'succeeded', 'cancelled'] as const),
]);
const jobType = z.enum(['sync', 'reset', 'refresh', 'clear']);

const job = {
	jobId: count,
	status,
	jobType,
	startTime: time,
	connectionId: uuid,
	lastUpdatedAt: time.optional(),
	duration: z
		.string()
		.regex(/^PT(\d+H)?(\d+M)?(\d+S)?$/)
		.optional(),
};

/** What a status brings with it. */
function isConsistent(told: {
	status: string;
	lastUpdatedAt?: string;
	duration?: string;
}): boolean {
	const isOver = ['failed', 'succeeded', 'cancelled'].includes(told.status);
	const isPending = told.status === 'pending';
	return (
		(told.lastUpdatedAt !== undefined) === isOver && (told.duration === undefined) === isPending
	);
}

/** The answer to POST and DELETE, which knows no numbers. */
const jobAtHand = z.strictObject(job).refine(isConsistent);
const jobLookedUp = z
	.strictObject({ ...job, rowsSynced: count, bytesSynced: count })
	.refine(isConsistent);

const tag = z.strictObject({ tagId: uuid, workspaceId: uuid, name: z.string(), color: z.string() });
const connection = z.strictObject({
	connectionId: uuid,
	name: z.string(),
	sourceId: uuid,
	destinationId: uuid,
	workspaceId: uuid,
	status: z.enum(['active', 'inactive', 'deprecated', 'locked']),
	schedule: z.strictObject({
		scheduleType: z.enum(['manual', 'cron', 'basic']),
		cronExpression: z.string().optional(),
		basicTiming: z.string().optional(),
	}),
	configurations: z.object({ streams: z.array(z.object({ name: z.string() })) }),
	createdAt: epochSeconds,
	tags: z.array(tag),
	nonBreakingSchemaUpdatesBehavior: z.enum([
		...(['ignore', 'disable_connection', 'propagate_columns', 'propagate_fully'] as const),
	]),
	namespaceDefinition: z.enum(['source', 'destination', 'custom_format']),
});
const workspace = z.strictObject({
	workspaceId: uuid,
	name: z.string(),
	dataResidency: z.string(),
	notifications: z.object({}),
});
const actor = (kind: 'source' | 'destination') =>
	z.strictObject({
		[`${kind}Id`]: uuid,
		[`${kind}Type`]: z.string(),
		name: z.string(),
		definitionId: uuid,
		workspaceId: uuid,
		configuration: z.object({ [`${kind}Type`]: z.string() }),
		createdAt: epochSeconds,
	});
const page = (row: z.ZodTypeAny) =>
	z.strictObject({ data: z.array(row).min(1), next: z.string(), previous: z.string() });

const stream = z.strictObject({ name: z.string(), namespace: z.string().optional() });
const totals = {
	recordsEmitted: count,
	bytesEmitted: count,
	recordsCommitted: count,
	bytesCommitted: count,
	recordsRejected: count,
};
const streamTotals = {
	streamName: z.string(),
	streamNamespace: z.string().optional(),
	...totals,
	wasBackfilled: z.boolean(),
	wasResumed: z.boolean(),
};
const configType = z.enum(['sync', 'reset_connection', 'refresh', 'clear']);
const bareJob = {
	id: count,
	configType,
	configId: uuid,
	status,
	createdAt: epochSeconds,
	updatedAt: epochSeconds,
	enabledStreams: z.array(stream),
	resetConfig: z.strictObject({ streamsToReset: z.array(stream) }).optional(),
	refreshConfig: z.strictObject({ streamsToRefresh: z.array(stream) }).optional(),
};
const fullJob = z.strictObject({
	...bareJob,
	aggregatedStats: z.strictObject(totals),
	streamAggregatedStats: z.array(z.strictObject(streamTotals)),
});
const failure = z.strictObject({
	failureOrigin: z.enum([
		...(['source', 'destination', 'replication', 'persistence', 'airbyte_platform'] as const),
		...(['normalization', 'dbt', 'unknown'] as const),
	]),
	failureType: z.enum([
		...(['config_error', 'system_error', 'manual_cancellation', 'refresh_schema'] as const),
		...(['heartbeat_timeout', 'destination_timeout', 'transient_error'] as const),
	]),
	externalMessage: z.string(),
	internalMessage: z.string().optional(),
	stacktrace: z.string().optional(),
	retryable: z.boolean(),
	timestamp: epochMs,
});
const bareTotals = z.strictObject({
	recordsEmitted: count,
	bytesEmitted: count,
	stateMessagesEmitted: count,
	recordsCommitted: count,
	additionalStats: z.strictObject({}),
});
const attempt = z.strictObject({
	id: count,
	status: z.enum(['running', 'failed', 'succeeded']),
	createdAt: epochSeconds,
	updatedAt: epochSeconds,
	endedAt: epochSeconds.optional(),
	totalStats: bareTotals.optional(),
	streamStats: z.array(z.strictObject({ streamName: z.string(), stats: bareTotals })).optional(),
	failureSummary: z
		.strictObject({ failures: z.array(failure).min(1), partialSuccess: z.boolean() })
		.optional(),
});
const logs = {
	logType: z.literal('structured'),
	logs: z.strictObject({
		version: z.string(),
		events: z.array(
			z.strictObject({
				timestamp: epochMs,
				message: z.string(),
				level: z.enum(['debug', 'error', 'info', 'trace', 'warn']),
				logSource: z.enum(['source', 'destination', 'platform', 'replication-orchestrator']),
			}),
		),
	}),
};
const answers: Partial<Record<RouteKey, z.ZodTypeAny>> = {
	'POST /applications/token': z.strictObject({
		access_token: z.string(),
		token_type: z.literal('Bearer'),
		expires_in: count,
	}),
	'POST /jobs': jobAtHand,
	'DELETE /jobs/{jobId}': jobAtHand,
	'GET /jobs/{jobId}': jobLookedUp,
	'GET /jobs': page(jobLookedUp),
	'GET /connections': page(connection),
	'GET /connections/{connectionId}': connection,
	'PATCH /connections/{connectionId}': connection,
	'GET /workspaces': page(workspace),
	'GET /workspaces/{workspaceId}': workspace,
	'GET /sources': page(actor('source')),
	'GET /destinations': page(actor('destination')),
	'POST /api/v1/jobs/get_without_logs': z.strictObject({
		job: fullJob,
		attempts: z.array(z.strictObject({ attempt })),
	}),
	'POST /api/v1/attempt/get_for_job': z.strictObject({ attempt, ...logs }),
	'POST /api/v1/connections/refresh': z.strictObject({ job: z.strictObject(bareJob) }),
	'POST /api/v1/connections/clear/stream': z.strictObject({
		job: z.strictObject(bareJob),
		attempts: z.array(z.strictObject({ attempt, ...logs })),
	}),
	'POST /api/v1/connections/events/list': z.strictObject({
		events: z
			.array(
				z.strictObject({
					id: uuid,
					connectionId: uuid,
					eventType: z.string().regex(/^[A-Z_]+$/),
					createdAt: epochSeconds,
					summary: z.object({}),
				}),
			)
			.min(1),
	}),
};

const problem = z.strictObject({
	status: z.number(),
	type: z.string(),
	title: z.string(),
	detail: z.enum([
		'The request is forbidden.',
		'The requested resource could not be found.',
		'Please try again later.',
		'State conflict',
		'The request could not be understood by the server due to malformed syntax.',
		'The body of the request was not understood',
		'An unexpected problem has occurred. If this is an error that needs to be addressed, please submit a pull request or github issue.',
	]),
	documentationUrl: z.null(),
	data: z.union([
		z.strictObject({ message: z.string() }),
		z.strictObject({ resourceType: z.string(), resourceId: z.string() }),
	]),
});
const self = z.strictObject({ href: z.string(), templated: z.boolean() });
const hateoas = z.strictObject({
	message: z.string(),
	_links: z.strictObject({ self }),
	_embedded: z.strictObject({
		errors: z
			.array(
				z.strictObject({
					message: z.string(),
					_links: z.strictObject({}),
					_embedded: z.strictObject({}),
				}),
			)
			.length(1),
	}),
});
const errorId = z.strictObject({ errorId: uuid });

let caller: Caller;

afterEach(async () => await caller.simulator.stop());

/** Calls every route, with jobs in all of their states. */
async function callAll(): Promise<Map<RouteKey, unknown[]>> {
	const seen = new Map<RouteKey, unknown[]>();
	const note = (route: RouteKey, body: unknown) =>
		seen.set(route, [...(seen.get(route) ?? []), body]);
	const { simulator } = caller;
	const states = [
		...[succeedsAfter(5), failsAfter(5), failsAfter(5, null), pendingThen(900, runsForever())],
		...[queuedThen(900, runsForever()), incompleteThen(5, 900, runsForever()), runsForever()],
	];
	const connections = states.map((jobs, index) =>
		simulator.addConnection({
			jobs,
			tags: ['nightly'],
			streams: ['public.users', 'orders'],
			schedule: index % 2 ? { scheduleType: 'manual' } : cron,
		}),
	);
	const { connectionId, workspaceId } = connections[0];
	note('POST /applications/token', (await caller.signIn()).body);
	for (const one of connections) note('POST /jobs', (await caller.sync(one.connectionId)).body);
	caller.seconds(30);
	for (const { jobId } of simulator.jobs()) {
		note('GET /jobs/{jobId}', (await caller.call('GET', `/jobs/${jobId}`)).body);
		note('POST /api/v1/jobs/get_without_logs', (await caller.details(jobId)).body);
	}
	const gets: Array<[RouteKey, string]> = [
		['GET /jobs', '/jobs'],
		['GET /connections', '/connections'],
		['GET /connections/{connectionId}', `/connections/${connectionId}`],
		['GET /workspaces', '/workspaces'],
		['GET /workspaces/{workspaceId}', `/workspaces/${workspaceId}`],
		['GET /sources', '/sources'],
		['GET /destinations', '/destinations'],
	];
	for (const [route, path] of gets) note(route, (await caller.call('GET', path)).body);
	const patched = await caller.call('PATCH', `/connections/${connectionId}`, { status: 'active' });
	note('PATCH /connections/{connectionId}', patched.body);
	const posts: Array<[string, object]> = [
		['attempt/get_for_job', { jobId: 2, attemptNumber: 0 }],
		['connections/events/list', { connectionId }],
		['connections/refresh', { connectionId, refreshMode: 'Truncate' }],
		['connections/clear/stream', { connectionId, streams: [] }],
	];
	for (const [path, body] of posts) {
		note(`POST /api/v1/${path}` as RouteKey, (await caller.config(path, body)).body);
	}
	note('DELETE /jobs/{jobId}', (await caller.call('DELETE', '/jobs/7')).body);
	return seen;
}

const cron = { scheduleType: 'cron' as const, cronExpression: '0 0 6 * * ? UTC' };

test('every route answers what Airbyte answers, in every state of a job', async () => {
	caller = await new Caller({ role: 'instanceAdmin' }).start();
	const seen = await callAll();
	expect([...seen.keys()].sort()).toEqual(Object.keys(answers).sort());
	for (const [route, bodies] of seen) {
		for (const body of bodies) {
			const { error } = answers[route]!.safeParse(body);
			expect([route, error?.issues ?? [], error && body]).toEqual([route, [], undefined]);
		}
	}
});

describe('refusals', () => {
	const unknown = '5a1e0000-0000-4000-8000-00000000000f';

	test.each<[string, z.ZodTypeAny, number, string, string, object?]>([
		['user', problem, 403, 'GET', `/connections/${unknown}`],
		['instanceAdmin', problem, 404, 'GET', `/connections/${unknown}`],
		['instanceAdmin', problem, 409, 'GET', '/jobs/99'],
		['instanceAdmin', problem, 400, 'GET', '/jobs?orderBy=id'],
		['instanceAdmin', problem, 500, 'GET', '/jobs?offset=-1'],
		['instanceAdmin', hateoas, 400, 'GET', '/jobs?limit=x'],
		['instanceAdmin', hateoas, 403, 'GET', '/nowhere'],
		['instanceAdmin', hateoas, 400, 'POST', '/jobs', { connectionId: unknown }],
		['instanceAdmin', errorId, 500, 'GET', '/connections/x'],
	])('to a %s: %#', async (role, shape, status, method, path, ...[body]) => {
		caller = await new Caller({ role: role as 'user' }).start();
		const reply = await caller.call(method, path, body);
		expect(reply.status).toBe(status);
		expect(shape.safeParse(reply.body).error).toBeUndefined();
		expect(reply.headers.get('content-type')).toBe('application/json');
	});
});
