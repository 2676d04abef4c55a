import type { NewConnection } from './connection.cts';
import { timelines } from './timelines.cts';

export interface DemoConnection extends NewConnection {
	connectionId: string;
	name: string;
	/** What its syncs do, for people. */
	does: string;
}

const { succeedsAfter, failsAfter, incompleteThen } = timelines;

/** A connection for each thing that can come of a sync. Their ids never change. */
export function demoConnections(): DemoConnection[] {
	return [
		{
			connectionId: '5a1e0000-0000-4000-8000-000000000001',
			name: 'Shop orders → Warehouse',
			sourceName: 'Shop orders',
			destinationName: 'Warehouse',
			does: 'succeeds after 20 seconds',
			jobs: succeedsAfter(20, { rows: 12_480, bytes: 5_242_880 }),
		},
		{
			connectionId: '5a1e0000-0000-4000-8000-000000000002',
			name: 'CRM contacts → Warehouse',
			sourceName: 'CRM contacts',
			destinationName: 'Warehouse',
			does: 'fails after 10 seconds: its password is wrong',
			jobs: failsAfter(10, {
				origin: 'source',
				type: 'config_error',
				message: 'Sign-in refused: the password for user "reader" is wrong.',
				internalMessage: 'FATAL: password authentication failed for user "reader"',
				retryable: false,
			}),
		},
		{
			connectionId: '5a1e0000-0000-4000-8000-000000000003',
			name: 'Event archive → Data lake',
			sourceName: 'Event archive',
			destinationName: 'Data lake',
			does: 'succeeds after 10 minutes',
			jobs: succeedsAfter(600, { rows: 48_000_000, bytes: 19_327_352_832 }),
		},
		{
			connectionId: '5a1e0000-0000-4000-8000-000000000004',
			name: 'Ad reports → Warehouse',
			sourceName: 'Ad reports',
			destinationName: 'Warehouse',
			does: 'first attempt fails after 8 seconds, second succeeds after 20 in all',
			jobs: incompleteThen(8, 4, succeedsAfter(8, { rows: 940, bytes: 310_000 })),
		},
		{
			connectionId: '5a1e0000-0000-4000-8000-000000000005',
			name: 'Old wiki → Data lake',
			sourceName: 'Old wiki',
			destinationName: 'Data lake',
			does: 'starts nothing: it is inactive',
			status: 'inactive',
		},
	];
}
