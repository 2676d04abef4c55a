import type { Order, WaitOrder } from '../../../nodes/airbyte/run/order';

/** What orders of all kinds say of the wait, by default. */
export const waiting: WaitOrder = {
	waitSeconds: 3,
	adaptivePolling: true,
	timeout: 900,
	queueTimeout: 0,
	minimumRows: 0,
	failureDetails: true,
	logLines: 0,
	includeStreams: false,
	simplify: false,
	parks: false,
};

/** An order for a sync, by default. */
export const starting: Order & { kind: 'start' } = {
	...waiting,
	kind: 'start',
	connectionId: '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f',
	jobType: 'sync',
	onActiveJob: 'attach',
	onInactive: 'fail',
	skipIfSyncedWithin: 0,
	until: 'ended',
	cancelOnStop: true,
	cancelOnTimeout: true,
	retries: 0,
	retryDelay: 300,
};
