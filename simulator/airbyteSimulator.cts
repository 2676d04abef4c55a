import { Airbyte } from './airbyte.cts';
import { Audit } from './audit.cts';
import type { Clock } from './clock.cts';
import type {
	Connection,
	ConnectionChanges,
	ConnectionEvent,
	NewConnection,
	Workspace,
} from './connection.cts';
import { Faults } from './faults.cts';
import type { JobView } from './job.cts';
import type { NewJob, PendingStreams } from './jobs.cts';
import { Server } from './server.cts';
import type { Options, Settings } from './settings.cts';
import { settingsFrom } from './settings.cts';
import { Tokens } from './token.cts';

/**
 * An Airbyte stand-in on a real socket of this machine: it keeps Airbyte's promises and its traps,
 * lets a test script what jobs do and what goes wrong, and remembers who asked for what.
 */
export class AirbyteSimulator {
	readonly settings: Settings;
	readonly faults: Faults;
	private readonly log = new Audit();
	private readonly airbyte: Airbyte;
	private readonly tokens: Tokens;
	private server?: Server;
	private port?: number;

	constructor(options: Options = {}) {
		this.settings = settingsFrom(options);
		const { clock } = this.settings;
		this.airbyte = new Airbyte(clock, this.log);
		this.faults = new Faults(clock);
		this.tokens = new Tokens(this.settings);
	}

	get audit(): Audit {
		this.airbyte.jobs.catchUp();
		return this.log;
	}

	get clock(): Clock {
		return this.settings.clock;
	}

	/** Root of all its addresses, e.g. `http://127.0.0.1:43121`. */
	get url(): string {
		if (this.port === undefined) throw new Error('The simulator was not started');
		return `http://127.0.0.1:${this.port}`;
	}

	/** How many requests are being served now. */
	get inFlight(): number {
		return this.server?.inFlight ?? 0;
	}

	async start(port = 0): Promise<void> {
		if (this.server) throw new Error('The simulator runs already');
		const { airbyte, log: audit, tokens, settings } = this;
		const stage = { airbyte, audit, tokens, settings, url: () => this.url };
		const server = new Server(stage, this.faults);
		this.port = await server.listen(port);
		this.server = server;
	}

	/** Ends open connections too. */
	async stop(): Promise<void> {
		const { server } = this;
		this.server = undefined;
		await server?.close();
	}

	/** Nobody listens any more (ECONNREFUSED); jobs live on, as in Airbyte's workers. */
	async goDown(): Promise<void> {
		await this.stop();
	}

	/** Back on the same port. */
	async comeUp(): Promise<void> {
		await this.start(this.port);
	}

	/** Workspace of all connections that name no other. */
	get defaultWorkspace(): Workspace {
		return this.airbyte.defaultWorkspace;
	}

	addWorkspace(workspace: Partial<Workspace> = {}): Workspace {
		return this.airbyte.addWorkspace(workspace);
	}

	addConnection(connection: NewConnection = {}): Connection {
		return this.airbyte.addConnection(connection);
	}

	updateConnection(connectionId: string, changes: ConnectionChanges): Connection {
		return this.airbyte.updateConnection(connectionId, changes);
	}

	/** What the connection's timeline of events tells besides its jobs, e.g. why it was switched off. */
	addEvent(connectionId: string, event: Omit<ConnectionEvent, 'at'>): void {
		this.airbyte.addEvent(connectionId, event);
	}

	/** As Airbyte's scheduler or a person would. Throws while another job runs there. */
	startJob(connectionId: string, job: Omit<NewJob, 'origin'> = {}): JobView {
		return this.airbyte.jobs.start(connectionId, { ...job, origin: 'schedule' });
	}

	/**
	 * What a changed schema or a failed clear leaves: the next job, whoever asks for a sync, is a
	 * `reset` (again and again until one succeeds or is cancelled), or a `refresh` (once).
	 */
	leavePending(connectionId: string, jobType: PendingStreams['jobType']): void {
		const { streams } = this.airbyte.connection(connectionId);
		this.airbyte.jobs.leavePending(connectionId, { jobType, streams });
	}

	/** A job comes to its own end now, whatever its timeline has still to come. */
	completeJob(jobId: number, status: 'succeeded' | 'failed' = 'succeeded'): void {
		this.airbyte.jobs.complete(jobId, status);
	}

	/** As a person would in the web app; not among the audit's cancels. */
	cancelJob(jobId: number): void {
		this.airbyte.jobs.cancel(jobId);
	}

	job(jobId: number): JobView | undefined {
		return this.airbyte.jobs.get(jobId);
	}

	/** Oldest first; of all connections unless one is named. */
	jobs(connectionId?: string): JobView[] {
		return this.airbyte.jobs.list(connectionId);
	}

	/** What truly runs; a dead record does not. */
	activeJob(connectionId: string): JobView | undefined {
		return this.airbyte.jobs.active(connectionId);
	}

	/** All tokens handed out so far are void at once. */
	expireTokens(): void {
		this.tokens.expireAll();
	}
}
