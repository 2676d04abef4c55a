import type { AirbyteSimulator } from '../../simulator/index.cts';
import type { JobRecord } from './verdict.cts';

const LOOK = 'GET /jobs/{jobId}';

/** What was true in Airbyte of a connection's jobs. */
export function jobsOf(airbyte: AirbyteSimulator, connectionId: string): JobRecord[] {
	const { audit } = airbyte;
	const cancelled = new Set(audit.cancels.map((one) => one.cancelledJobId));
	const lookedAt = (jobId: number) =>
		audit.calls.filter(({ route, path }) => route === LOOK && path.endsWith(`/${jobId}`)).at(-1)
			?.at;
	return airbyte
		.jobs(connectionId)
		.map(({ jobId, jobType, origin, status, createdAt, terminal, updatedAt, rows }) => ({
			...{ jobId, jobType, origin, status, createdAt, rows },
			endedAt: terminal ? updatedAt : undefined,
			cancelled: cancelled.has(jobId),
			lookedAt: lookedAt(jobId),
		}));
}
