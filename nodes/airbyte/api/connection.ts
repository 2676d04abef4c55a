/** A connection as Airbyte's public API tells it in lists and alone; its streams' configurations are left aside. */
import type { Connection } from './job';

export interface ListedConnection extends Connection {
	sourceId?: string;
	destinationId?: string;
	/** Names of its tags, which Airbyte has since version 1.6. */
	tags?: string[];
	schedule?: Schedule;
}

/** `manual`, `cron` with an expression of Quartz, or `basic`, which Airbyte tells as in `Every 24 HOURS`. */
export interface Schedule {
	scheduleType: string;
	cronExpression?: string;
	basicTiming?: string;
}

/** What the public API lets a connection be set to. */
export const SETTABLE_STATUSES = ['active', 'inactive'] as const;
export type SettableStatus = (typeof SETTABLE_STATUSES)[number];

/** @returns undefined when the answer is no connection */
export function readConnection(body: unknown): ListedConnection | undefined {
	if (typeof body !== 'object' || body === null) return undefined;
	const fields = body as Record<string, unknown>;
	const connectionId = readText(fields.connectionId);
	if (connectionId === undefined) return undefined;
	return {
		connectionId,
		name: readText(fields.name),
		status: readText(fields.status),
		workspaceId: readText(fields.workspaceId),
		sourceId: readText(fields.sourceId),
		destinationId: readText(fields.destinationId),
		tags: readTags(fields.tags),
		schedule: readSchedule(fields.schedule),
	};
}

function readTags(value: unknown): string[] | undefined {
	if (!Array.isArray(value)) return undefined;
	return value
		.map((tag: { name?: unknown } | null) => readText(tag?.name))
		.filter((name): name is string => name !== undefined);
}

function readSchedule(value: unknown): Schedule | undefined {
	if (typeof value !== 'object' || value === null) return undefined;
	const { scheduleType, cronExpression, basicTiming } = value as Record<string, unknown>;
	if (typeof scheduleType !== 'string') return undefined;
	return {
		scheduleType,
		...(typeof cronExpression === 'string' && { cronExpression }),
		...(typeof basicTiming === 'string' && { basicTiming }),
	};
}

function readText(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}
