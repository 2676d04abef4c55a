/** Reads the database of an n8n that runs, with the drivers that n8n brings. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { N8nInstall } from '../n8n/install.cts';
import { QueueN8n } from '../n8n/queue.cts';
import type { N8n } from '../n8n/server.cts';

interface StoredExecution {
	id: string;
	status: string;
	/** PostgreSQL's driver gives a Date, SQLite's a text in UTC. */
	stoppedAt: Date | string | null;
	/** Which of the benchmark's connections its data names first. */
	connectionId: string;
}

/** All connections of a benchmark begin so; the rest is a number. */
const PREFIX = 'be9c0000-0000-4000-8000-';

export const connectionId = (number: number): string =>
	`${PREFIX}${String(number).padStart(12, '0')}`;

/** Executions that nobody has deleted. */
const KEPT = 'FROM execution_entity e WHERE e."deletedAt" IS NULL';

export class Database {
	constructor(
		private readonly install: N8nInstall,
		private readonly n8n: N8n,
	) {}

	/** The executions that webhooks started: those of the syncs, not what these left behind to wait. */
	async asked(): Promise<StoredExecution[]> {
		const find = this.n8n instanceof QueueN8n ? 'STRPOS' : 'INSTR';
		const data = `SELECT SUBSTR(d.data, ${find}(d.data, '${PREFIX}'), 36)
			FROM execution_data d WHERE d."executionId" = e.id`;
		return await this.query<StoredExecution>(
			`SELECT e.id, e.status, e."stoppedAt", (${data}) AS "connectionId" ${KEPT} AND e.mode = 'webhook'`,
		);
	}

	/** How many executions there are, and how many of those of the syncs wait. */
	async counts(): Promise<{ all: number; waiting: number }> {
		const waiting = `SUM(CASE WHEN e.mode = 'webhook' AND e.status = 'waiting' THEN 1 ELSE 0 END)`;
		const [row] = await this.query<Record<'all' | 'waiting', number | string | null>>(
			`SELECT COUNT(*) AS "all", ${waiting} AS waiting ${KEPT}`,
		);
		return { all: Number(row.all), waiting: Number(row.waiting) };
	}

	private async query<Row>(sql: string): Promise<Row[]> {
		const ofN8n = createRequire(this.install.entry);
		if (this.n8n instanceof QueueN8n) {
			const client = new (ofN8n('pg').Client)(this.n8n.postgres.url);
			await client.connect();
			return (await client.query(sql).finally(() => client.end())).rows;
		}
		const { Database: File, OPEN_READONLY } = ofN8n('sqlite3');
		const file = new File(join(this.n8n.userFolder, '.n8n', 'database.sqlite'), OPEN_READONLY);
		return await promisify(file.all.bind(file))(sql).finally(() => file.close());
	}
}
