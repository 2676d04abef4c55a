/** A connection as Airbyte's public API tells it in lists and alone; its streams' configurations are left aside. */
import type { Address } from './addresses';
import { connectionPage } from './addresses';
import { dropUndefined, fieldsIn, isoFromSeconds, readText, readWords } from './read';

export interface Connection {
	connectionId: string;
	name?: string;
	/** `active`, `inactive`, `deprecated` (deleted) or `locked`. */
	status?: string;
	workspaceId?: string;
	/** Its page in Airbyte's web app. */
	url?: string;
	/** Why it is inactive, as far as Airbyte was asked and told. */
	disabled?: Disabling;
}

/** How a connection was switched off. */
export interface Disabling {
	/** ISO 8601, UTC. */
	at?: string;
	/** Airbyte's word for why it did that itself, e.g. `SCHEMA_CHANGES_ARE_BREAKING`. */
	reason?: string;
	/** Name or email address of the person who did it. */
	by?: string;
}

export interface ListedConnection extends Connection {
	sourceId?: string;
	destinationId?: string;
	/** Names of its tags, which Airbyte has since version 1.6. */
	tags?: string[];
	schedule?: Schedule;
}

/** `manual`, `cron` with an expression of Quartz, or `basic`, which Airbyte tells as in `Every 24 HOURS`. */
interface Schedule {
	scheduleType: string;
	cronExpression?: string;
	basicTiming?: string;
}

/** What the public API lets a connection be set to. */
export const SETTABLE_STATUSES = ['active', 'inactive'] as const;
export type SettableStatus = (typeof SETTABLE_STATUSES)[number];

/** Whether an id is the one that was asked for, in whichever case it is told. */
export function isSameId(id: unknown, asked: string): boolean {
	return typeof id === 'string' && id.toLowerCase() === asked.toLowerCase();
}

/** @returns undefined when the answer is no connection */
export function readConnection(body: unknown, address: Address): ListedConnection | undefined {
	const fields = fieldsIn(body);
	const connectionId = readText(fields?.connectionId);
	if (!fields || connectionId === undefined) return undefined;
	const workspaceId = readText(fields.workspaceId);
	return {
		connectionId,
		name: readText(fields.name),
		status: readText(fields.status),
		workspaceId,
		url: workspaceId && connectionPage(address, workspaceId, connectionId),
		sourceId: readText(fields.sourceId),
		destinationId: readText(fields.destinationId),
		tags: readTags(fields.tags),
		schedule: readSchedule(fields.schedule),
	};
}

/** The events of a connection's timeline that tell whether it is on. */
export const SWITCHING_EVENTS = ['CONNECTION_ENABLED', 'CONNECTION_DISABLED'] as const;

/**
 * Reads how a connection was switched off from its newest {@link SWITCHING_EVENTS} in the config API
 * (`events[].summary.disabledReason` where Airbyte did it, `events[].user` where a person did).
 *
 * @param clean makes others' words fit to show
 * @returns undefined when nothing is told of that: it was switched on after it, or by a call that leaves no event
 */
export function readDisabling(
	body: unknown,
	clean: (text: string) => string,
): Disabling | undefined {
	const events = (body as { events?: SwitchingEvent[] } | undefined | null)?.events;
	const newest = Array.isArray(events) ? events[0] : undefined;
	if (newest?.eventType !== 'CONNECTION_DISABLED') return undefined;
	const { createdAt, summary, user } = newest;
	const read = (value: unknown) => readWords(value, clean);
	return dropUndefined({
		at: isoFromSeconds(createdAt),
		reason: read(summary?.disabledReason),
		by: read(user?.name) ?? read(user?.email),
	});
}

interface SwitchingEvent {
	eventType?: unknown;
	/** Seconds since the epoch. */
	createdAt?: unknown;
	summary?: { disabledReason?: unknown } | null;
	user?: { name?: unknown; email?: unknown } | null;
}

function readTags(value: unknown): string[] | undefined {
	if (!Array.isArray(value)) return undefined;
	return value
		.map((tag: { name?: unknown } | null) => readText(tag?.name))
		.filter((name): name is string => name !== undefined);
}

function readSchedule(value: unknown): Schedule | undefined {
	const { scheduleType, cronExpression, basicTiming } = fieldsIn(value) ?? {};
	if (typeof scheduleType !== 'string') return undefined;
	return {
		scheduleType,
		...(typeof cronExpression === 'string' && { cronExpression }),
		...(typeof basicTiming === 'string' && { basicTiming }),
	};
}
