/** Calls of Airbyte, as a run asks for them. */
import type { AirbyteClient } from '../api/client';
import { clock } from '../api/clock';
import type { Connection } from '../api/connection';
import type { Stream } from '../api/connectionStreams';
import type { Job } from '../api/job';
import { oldestFirst } from '../api/job';
import { ProblemError, isPassing } from '../api/problem';
import type { Action, Call, Outcome } from './action';

/** Does one thing at Airbyte, and tells what came of it. */
export type CarryOut = (call: Call) => Promise<Outcome>;

export async function carryOut(client: AirbyteClient, action: Call): Promise<Outcome> {
	return await callAirbyte(client, action).catch(asOutcome);
}

async function callAirbyte(client: AirbyteClient, action: Call): Promise<Outcome> {
	const askedAt = clock.now();
	switch (action.do) {
		case 'inspect':
			return { is: 'connection', ...(await inspect(client, action)) };
		case 'find':
			return { is: 'jobs', askedAt, ...(await find(client, action)) };
		case 'submit':
			return { is: 'job', job: await startJob(client, action), askedAt };
		case 'count':
			return countIn(await client.jobs.runningElsewhere(action));
		case 'look': {
			const job = await client.getJob(action.jobId, fieldOf(action));
			const connection = action.withConnection ? await connectionOf(client, job) : undefined;
			return { is: 'job', job, askedAt, connection };
		}
		case 'cancel':
			return { is: 'job', job: await client.cancelJob(action.jobId, fieldOf(action)), askedAt };
		case 'explain':
		case 'compare':
			return { is: 'record', record: await client.config.getJobRecord(action.jobId) };
		case 'readLog': {
			const { jobId, attempt, lines } = action;
			return { is: 'log', log: await client.config.getLogEnd(jobId, attempt, lines) };
		}
	}
}

/** The field that names the job, where one does. */
function fieldOf({ isNamed }: Call & { do: 'look' | 'cancel' }): string | undefined {
	return isNamed ? 'Job ID' : undefined;
}

/** How many of the jobs in the way an error names. */
const MOST_TOLD = 3;

function countIn(jobs: Job[]): Outcome {
	return { is: 'count', running: jobs.length, oldest: oldestFirst(jobs).slice(0, MOST_TOLD) };
}

/** Goes on without the reason why a connection is inactive if Airbyte does not tell it. */
async function inspect(
	client: AirbyteClient,
	{ connectionId, withReason, withStreams }: Call & { do: 'inspect' },
): Promise<{ connection: Connection; streams?: Stream[] }> {
	const { connection: listed, streams } = await client.getConnection(connectionId);
	const connection = essentialsOf(listed);
	const told = withStreams ? { streams } : {};
	if (!withReason || connection.status !== 'inactive') return { connection, ...told };
	const disabled = await client.config.explainInactive(connectionId).catch(() => undefined);
	return { connection: { ...connection, disabled }, ...told };
}

async function startJob(
	client: AirbyteClient,
	{ connectionId, jobType, refreshMode = 'merge', streams }: Call & { do: 'submit' },
): Promise<Job> {
	if (jobType === 'refresh') return await client.config.refresh(connectionId, refreshMode, streams);
	return jobType === 'clear' && streams
		? await client.config.clearStreams(connectionId, streams)
		: await client.createJob(connectionId, jobType);
}

/**
 * Reads the jobs even if the connection cannot be read for the moment, as a large one may time out. Both at once: a job that
 * ended in between would seem to have been over before.
 */
async function find(
	client: AirbyteClient,
	action: Action & { do: 'find' },
): Promise<{ jobs: Job[]; connection?: Connection }> {
	const listing = client.jobs.newest(action.connectionId, action);
	const inspecting = action.withConnection
		? inspect(client, { ...action, do: 'inspect' }).catch(unlessPassing)
		: undefined;
	await Promise.allSettled([listing, inspecting]);
	// Where both have failed, the connection's fault tells more.
	const connection = (await inspecting)?.connection;
	return { connection, jobs: await listing };
}

function unlessPassing(fault: unknown): undefined {
	if (!isPassing(fault)) throw fault;
}

/** The link to a job's page is a convenience: without the connection the run goes on. */
async function connectionOf(
	client: AirbyteClient,
	{ connectionId }: Job,
): Promise<Connection | undefined> {
	if (connectionId === undefined) return undefined;
	return await client.getConnection(connectionId).then(
		({ connection }) => essentialsOf(connection),
		() => ({ connectionId }),
	);
}

/** What a run stores of a connection. */
function essentialsOf({ connectionId, name, status, workspaceId, url }: Connection): Connection {
	return { connectionId, name, status, workspaceId, url };
}

function asOutcome(fault: unknown): Outcome {
	if (fault instanceof ProblemError) return { is: 'problem', problem: fault.problem };
	throw fault;
}
