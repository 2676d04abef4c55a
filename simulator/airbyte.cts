import { randomUUID } from 'node:crypto';
import { Audit } from './audit.cts';
import type { Clock } from './clock.cts';
import type {
	Actor,
	Connection,
	ConnectionChanges,
	ConnectionEvent,
	NewConnection,
	Stream,
	Tag,
	Workspace,
} from './connection.cts';
import { Jobs } from './jobs.cts';

/** Seen: 0.6 s without webhooks. */
const LINGERS_SECONDS = 0.6;

/** Airbyte without its HTTP: what exists. Time passes by the clock only. */
export class Airbyte {
	readonly workspaces = new Map<string, Workspace>();
	readonly actors = new Map<string, Actor>();
	readonly tags = new Map<string, Tag>();
	readonly connections = new Map<string, Connection>();
	readonly log = new Audit();
	readonly scheduler: Jobs;

	constructor(readonly clock: Clock) {
		this.scheduler = new Jobs(clock, this.log, (connectionId) => this.connection(connectionId));
		this.addWorkspace({ name: 'Default Workspace' });
	}

	addWorkspace({ name, workspaceId = randomUUID() }: Partial<Workspace> = {}): Workspace {
		const workspace = { workspaceId, name: name ?? `Workspace ${this.workspaces.size + 1}` };
		this.workspaces.set(workspaceId, workspace);
		return workspace;
	}

	addConnection(wanted: NewConnection = {}): Connection {
		const { sourceName = 'Source', destinationName = 'Destination' } = wanted;
		const { streams = DEFAULT_STREAMS, tags = [], refreshable = true, jobs } = wanted;
		const workspaceId = wanted.workspaceId ?? this.defaultWorkspace.workspaceId;
		const connection: Connection = {
			connectionId: (wanted.connectionId ?? randomUUID()).toLowerCase(),
			name: wanted.name ?? `${sourceName} → ${destinationName}`,
			workspaceId,
			status: wanted.status ?? 'active',
			source: this.actor('source', sourceName, workspaceId),
			destination: this.actor('destination', destinationName, workspaceId),
			createdAt: this.clock.now(),
			schedule: wanted.schedule ?? { scheduleType: 'manual' },
			streams: streams.map(streamNamed),
			tags: tags.map((name) => this.tag(name, workspaceId)),
			events: [],
			refreshable,
			starts: [...(wanted.starts ?? [])],
			cancels: [...(wanted.cancels ?? [])],
			lingersSeconds: wanted.lingersSeconds ?? LINGERS_SECONDS,
		};
		this.connections.set(connection.connectionId, connection);
		this.scheduler.script(connection.connectionId, jobs);
		return connection;
	}

	updateConnection(connectionId: string, { jobs, ...changes }: ConnectionChanges): Connection {
		const connection = this.connection(connectionId);
		if (jobs) this.scheduler.script(connection.connectionId, jobs);
		return Object.assign(connection, changes);
	}

	/** What the connection's timeline of events tells besides its jobs, e.g. why it was switched off. */
	addEvent(connectionId: string, event: Omit<ConnectionEvent, 'at'>): void {
		this.connection(connectionId).events.push({ at: this.clock.now(), ...event });
	}

	/** What switching a connection on or off leaves in its timeline of events. */
	addSwitchEvent(connectionId: string, status: 'active' | 'inactive'): void {
		const eventType = status === 'active' ? 'CONNECTION_ENABLED' : 'CONNECTION_DISABLED';
		this.addEvent(connectionId, { eventType, summary: {} });
	}

	/** Workspace of all connections that name no other. */
	get defaultWorkspace(): Workspace {
		return [...this.workspaces.values()][0];
	}

	connection(connectionId: string): Connection {
		const connection = this.connections.get(connectionId);
		if (!connection) throw new Error(`The simulator has no connection ${connectionId}`);
		return connection;
	}

	private actor(kind: Actor['kind'], name: string, workspaceId: string): Actor {
		const known = [...this.actors.values()].find(
			(actor) => actor.kind === kind && actor.name === name && actor.workspaceId === workspaceId,
		);
		if (known) return known;
		const createdAt = this.clock.now();
		const actor: Actor = { actorId: randomUUID(), kind, name, workspaceId, createdAt };
		this.actors.set(actor.actorId, actor);
		return actor;
	}

	private tag(name: string, workspaceId: string): Tag {
		const known = [...this.tags.values()].find(
			(tag) => tag.name === name && tag.workspaceId === workspaceId,
		);
		if (known) return known;
		const tag: Tag = { tagId: randomUUID(), workspaceId, name, color: '#75DCFF' };
		this.tags.set(tag.tagId, tag);
		return tag;
	}
}

const DEFAULT_STREAMS = Array.from({ length: 12 }, (_, stream) => `table_${stream + 1}`);

function streamNamed(text: string): Stream {
	const dot = text.indexOf('.');
	return dot < 0 ? { name: text } : { namespace: text.slice(0, dot), name: text.slice(dot + 1) };
}
