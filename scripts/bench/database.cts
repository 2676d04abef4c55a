/** Reads the SQLite database of an n8n that runs, with the driver that n8n brings. */
import { createRequire } from 'node:module';

import type { N8nInstall } from '../n8n/install.cts';

interface Driver {
	OPEN_READONLY: number;
	Database: new (
		file: string,
		mode: number,
		opened: (error: Error | null) => void,
	) => {
		all: (
			sql: string,
			parameters: unknown[],
			done: (error: Error | null, rows: unknown[]) => void,
		) => void;
		close: (done: () => void) => void;
	};
}

export interface StoredExecution {
	id: number;
	workflowId: string;
	/** `webhook` for what was asked for, `integrated` for what a node started. */
	mode: string;
	status: string;
	startedAt: number;
	stoppedAt: number | null;
	/** Of its data and its copy of the workflow. */
	bytes: number;
	/** What it was started with names it: the first id of ours in its data. */
	connectionId: string | null;
}

/** All connections of a benchmark begin so; the rest is a number. */
const CONNECTION_PREFIX = 'be9c0000-0000-4000-8000-';

export const connectionId = (number: number): string =>
	`${CONNECTION_PREFIX}${String(number).padStart(12, '0')}`;

const ID_LENGTH = 36;

const EXECUTIONS = `
	SELECT e.id, e.workflowId, e.mode, e.status,
		CAST(ROUND((julianday(e.startedAt) - 2440587.5) * 86400000) AS INTEGER) AS startedAt,
		CAST(ROUND((julianday(e.stoppedAt) - 2440587.5) * 86400000) AS INTEGER) AS stoppedAt,
		LENGTH(d.data) + LENGTH(d.workflowData) AS bytes,
		CASE WHEN INSTR(d.data, ?) > 0 THEN SUBSTR(d.data, INSTR(d.data, ?), ${ID_LENGTH}) END AS connectionId
	FROM execution_entity e JOIN execution_data d ON d.executionId = e.id
	WHERE e.id > ? ORDER BY e.id`;

const COUNTS =
	"SELECT status, COUNT(*) AS count FROM execution_entity WHERE mode <> 'integrated' GROUP BY status";

export class Database {
	private readonly driver: Driver;

	constructor(
		install: N8nInstall,
		private readonly file: string,
	) {
		this.driver = createRequire(install.entry)('sqlite3') as Driver;
	}

	/** Executions with a higher id, in the order they were started. */
	async executions(after = 0): Promise<StoredExecution[]> {
		return (await this.all(EXECUTIONS, [
			CONNECTION_PREFIX,
			CONNECTION_PREFIX,
			after,
		])) as StoredExecution[];
	}

	/** How many of those that were asked for are in which state. */
	async counts(): Promise<Record<string, number>> {
		const rows = (await this.all(COUNTS)) as Array<{ status: string; count: number }>;
		return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
	}

	private async all(sql: string, parameters: unknown[] = []): Promise<unknown[]> {
		return await new Promise((resolve, reject) => {
			const fail = (error: Error | null) => error && reject(error);
			const database = new this.driver.Database(this.file, this.driver.OPEN_READONLY, fail);
			database.all(sql, parameters, (error, rows) => {
				database.close(() => (error ? reject(error) : resolve(rows)));
			});
		});
	}
}
