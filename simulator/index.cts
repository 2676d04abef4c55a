export { AirbyteSimulator } from './airbyteSimulator.cts';
export type {
	CancelOutcome,
	Connection,
	ConnectionEvent,
	ConnectionStatus,
	NewConnection,
	Schedule,
	SlowStart,
	Stream,
	Tag,
	Workspace,
} from './connection.cts';
export type { AuditedCall, Cancel, StartedJob } from './audit.cts';
export { ManualClock, SystemClock } from './clock.cts';
export type { Clock } from './clock.cts';
export { demoConnections } from './demoConnections.cts';
export type { DemoConnection } from './demoConnections.cts';
export type { Fault, FaultEffect, FaultHandle, FaultKind } from './faults.cts';
export type { JobOrigin, JobType, JobView } from './job.cts';
export type { NewJob } from './jobs.cts';
export { seeded } from './randomFaults.cts';
export type { RandomFaultOptions } from './randomFaults.cts';
export { ROUTE_KEYS } from './routes.cts';
export type { RouteKey } from './routes.cts';
export type { Options, Settings } from './settings.cts';
export { isTerminal, timelines } from './timelines.cts';
export type { Failure, JobStatusWord, Log, Timeline } from './timelines.cts';
