import { cleanText } from '../api/clean';
import type { SyncRun } from '../run/run';

/** As in `connection 'Orders'`. */
export function connectionName(run: SyncRun): string {
	const { connection } = run;
	return connection?.name ? `connection '${cleanText(connection.name)}'` : 'the connection';
}
