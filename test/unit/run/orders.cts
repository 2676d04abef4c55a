import type { WaitOrder } from '../../../nodes/airbyte/run/order';

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
