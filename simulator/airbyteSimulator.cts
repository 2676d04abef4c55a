import { Airbyte } from './airbyte.cts';
import type { Audit } from './audit.cts';
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
export class AirbyteSimulator extends Airbyte {
	readonly settings: Settings;
	readonly faults: Faults;
	private readonly tokens: Tokens;
	private server?: Server;
	private port?: number;

	constructor(options: Options = {}) {
		const settings = settingsFrom(options);
		super(settings.clock);
		this.settings = settings;
		this.faults = new Faults(this.clock);
		this.tokens = new Tokens(settings);
	}

	get audit(): Audit {
		this.scheduler.catchUp();
		return this.log;
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
		const { log: audit, tokens, settings } = this;
		const stage = { airbyte: this, audit, tokens, settings, url: () => this.url };
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

	/** As Airbyte's scheduler or a person would. Throws while another job runs there. */
	startJob(connectionId: string, job: Omit<NewJob, 'origin'> = {}): JobView {
		return this.scheduler.start(connectionId, { ...job, origin: 'schedule' });
	}

	/**
	 * What a changed schema or a failed clear leaves: the next job, whoever asks for a sync, is a
	 * `reset` (again and again until one succeeds or is cancelled), or a `refresh` (once).
	 */
	leavePending(connectionId: string, jobType: PendingStreams['jobType']): void {
		const { streams } = this.connection(connectionId);
		this.scheduler.leavePending(connectionId, { jobType, streams });
	}

	/** A job comes to its own end now, whatever its timeline has still to come. */
	completeJob(jobId: number, status: 'succeeded' | 'failed' = 'succeeded'): void {
		this.scheduler.complete(jobId, status);
	}

	/** As a person would in the web app; not among the audit's cancels. */
	cancelJob(jobId: number): void {
		this.scheduler.cancel(jobId);
	}

	job(jobId: number): JobView | undefined {
		return this.scheduler.get(jobId);
	}

	/** Oldest first; of all connections unless one is named. */
	jobs(connectionId?: string): JobView[] {
		return this.scheduler.list(connectionId);
	}

	/** What truly runs; a dead record does not. */
	activeJob(connectionId: string): JobView | undefined {
		return this.scheduler.active(connectionId);
	}

	/** All tokens handed out so far are void at once. */
	expireTokens(): void {
		this.tokens.expireAll();
	}
}
