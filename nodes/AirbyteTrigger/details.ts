/** What Airbyte's lists of jobs do not tell: the connection's name, its workspace for the link, why it failed, its numbers. */
import type { IDataObject } from 'n8n-workflow';

import type { AirbyteClient } from '../airbyte/api/client';
import { clock } from '../airbyte/api/clock';
import type { Connection } from '../airbyte/api/connection';
import type { Job } from '../airbyte/api/job';
import type { JobRecord } from '../airbyte/api/jobRecord';
import { isPassing } from '../airbyte/api/problem';
import { toOutput } from '../airbyte/node/output';

/** How many calls for details one poll makes at most. */
const MOST_CALLS = 100;

/** Reads details until the deadline. What Airbyte does not tell, or not in time, is left out. */
export class Details {
	private readonly connections = new Map<string, Connection | undefined>();
	private callsLeft = MOST_CALLS;
	private isConfigApiAway = false;

	/**
	 * @param workspaceId of all jobs, if it is known
	 * @param deadline milliseconds since the epoch
	 */
	constructor(
		private readonly client: AirbyteClient,
		private readonly workspaceId: string | undefined,
		private readonly deadline: number,
	) {}

	/** The jobs' outputs. */
	async describe(jobs: Job[]): Promise<IDataObject[]> {
		const outputs: IDataObject[] = [];
		for (const job of jobs) outputs.push(await this.describeOne(job));
		return outputs;
	}

	private async describeOne(job: Job): Promise<IDataObject> {
		const connection = await this.connectionOf(job);
		const { failure, rowsRejected } = (await this.recordOf(job)) ?? {};
		const complete = { ...job, ...(await this.numbersOf(job)), failure, rowsRejected };
		return toOutput(complete, { connection });
	}

	/** The configuration API may be away alone: on Cloud, it is at an address of its own. */
	private async recordOf({ jobId, status }: Job): Promise<JobRecord | undefined> {
		if (status !== 'failed' || this.isConfigApiAway) return undefined;
		const onHang = () => void (this.isConfigApiAway = true);
		return await this.tried(async () => await this.client.config.getJobRecord(jobId), onHang);
	}

	/** Whether lists tell rows and bytes depends on the installation. */
	private async numbersOf(job: Job): Promise<Partial<Job>> {
		if (job.rowsSynced !== undefined || job.bytesSynced !== undefined) return {};
		const detailed = await this.tried(async () => await this.client.getJob(job.jobId));
		return detailed ? { rowsSynced: detailed.rowsSynced, bytesSynced: detailed.bytesSynced } : {};
	}

	/** Where it cannot be read, its page is known from its workspace. */
	private async connectionOf({ connectionId }: Job): Promise<Connection | undefined> {
		if (connectionId === undefined) return undefined;
		if (!this.connections.has(connectionId)) {
			const read = async () => (await this.client.getConnection(connectionId)).connection;
			this.connections.set(connectionId, await this.tried(read));
		}
		const { name, url } = this.connections.get(connectionId) ?? {};
		const page = this.workspaceId && this.client.connectionPage(this.workspaceId, connectionId);
		return { connectionId, name, url: url ?? page };
	}

	/** @param onHang called after a fault that may pass, so that further calls need not wait for the same */
	private async tried<T>(
		call: () => Promise<T>,
		onHang = () => void (this.callsLeft = 0),
	): Promise<T | undefined> {
		if (this.callsLeft <= 0 || clock.now() >= this.deadline) return undefined;
		this.callsLeft -= 1;
		return await call().catch((fault: unknown) => {
			if (isPassing(fault)) onHang();
			return undefined;
		});
	}
}
