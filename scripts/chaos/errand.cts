/** One planned run, from its workflow to the end of its last execution. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { timelines } from '../../simulator/index.cts';
import type { N8nApi } from '../n8n/api.cts';
import { type ExecutionSummary, hasEnded } from '../n8n/execution.cts';
import { claimsOf, endedByN8n } from './claims.cts';
import { patiently } from './patience.cts';
import type { PlannedRun } from './plan.cts';
import type { Site } from './site.cts';
import { jobsOf } from './truth.cts';
import type { ExecutionRecord, RunRecord } from './verdict.cts';
import { workflowOf } from './workflows.cts';

const LOOK_MS = 2_500;

/** An execution that has not ended after this long never will: the longest take half of it. */
const LONGEST_MS = 900_000;

/**
 * How often a run is asked for at most. A synchronous one that takes minutes loses its worker again and again, until
 * the last run has begun and the kills end.
 */
const MOST_ASKED = 50;

/** How long an execution may take to appear in n8n when the call that was to start it got no answer. */
const APPEARANCE_MS = 10_000;

/** The age of the dead records. */
const LONG_AGO_MS = 7_200_000;

/** How long the job of a stopped execution may run on before it is cancelled. */
const CANCEL_MS = 200_000;

interface Seen {
	id: string;
	askedAt: number;
	parked: boolean;
	stopped: boolean;
}

export class Errand {
	readonly connectionIds: string[];

	private readonly path = randomUUID();

	private workflowId = '';

	private readonly seen: Seen[] = [];

	private latest?: ExecutionSummary;

	/** In a word, for reports. */
	state = 'planned';

	constructor(
		private readonly site: Site,
		readonly run: PlannedRun,
	) {
		this.connectionIds = run.syncs.map(
			({ jobs, starts, cancels }) =>
				site.airbyte.addConnection({ jobs, starts, cancels }).connectionId,
		);
	}

	/** Runs it, and again each time n8n loses it. */
	async live(): Promise<void> {
		await sleep(this.run.pause * 1_000);
		this.state = 'asked for';
		this.workflowId = await this.createWorkflow();
		this.setTheScene();
		for (let asked = 1; asked <= MOST_ASKED; asked++) {
			const execution = await this.ask();
			if (!(await this.follow(execution))) break;
		}
		await patiently(async () => await this.api.deactivate(this.workflowId));
		this.state = 'over';
	}

	/** What came of it, as n8n and Airbyte tell at the very end. */
	async record(): Promise<RunRecord> {
		await patiently(async () => await this.findExecutions());
		const executions = await Promise.all(this.seen.map(async (one) => await this.recordOf(one)));
		return {
			run: this.run,
			executions,
			jobs: this.connectionIds.map((id) => jobsOf(this.site.airbyte, id)),
		};
	}

	private get api(): N8nApi {
		return this.site.api;
	}

	private async createWorkflow(): Promise<string> {
		const { credential } = this.site;
		const place = { credential, path: this.path, connectionIds: this.connectionIds };
		const definition = workflowOf(this.run, place);
		const id = await patiently(async () => await this.api.createWorkflow(definition));
		await patiently(async () => await this.api.activate(id));
		return id;
	}

	/** What Airbyte holds of each connection before it is synced. */
	private setTheScene(): void {
		const { airbyte } = this.site;
		this.run.syncs.forEach(({ othersJob, hasDeadRecord, pending }, item) => {
			const connectionId = this.connectionIds[item];
			if (othersJob) airbyte.startJob(connectionId, { timeline: othersJob });
			if (hasDeadRecord) {
				const at = Date.now() - LONG_AGO_MS;
				airbyte.startJob(connectionId, { timeline: timelines.deadAs('running'), at });
			}
			if (pending) airbyte.leavePending(connectionId, pending);
		});
	}

	/** Calls the webhook until there is an execution. A call that got no answer may have started one. */
	private async ask(): Promise<Seen> {
		const known = this.seen.length;
		const askedAt = Date.now();
		for (;;) {
			const mayHaveStarted = await this.callWebhook();
			const deadline = Date.now() + APPEARANCE_MS;
			while (mayHaveStarted && this.seen.length === known && Date.now() < deadline) {
				await sleep(300);
				await patiently(async () => await this.findExecutions(askedAt));
			}
			if (this.seen.length > known) return this.seen[this.seen.length - 1];
			await sleep(500);
		}
	}

	/** While n8n starts, it does not know its webhooks yet. */
	private async callWebhook(): Promise<boolean> {
		try {
			return (await this.api.callWebhook(this.path)).status !== 404;
		} catch (error) {
			return (error as { code?: string }).code !== 'ECONNREFUSED';
		}
	}

	/** Adds what is new in n8n's list; what was not asked for just now has been by the calls before. */
	private async findExecutions(askedAt = this.seen[this.seen.length - 1]?.askedAt): Promise<void> {
		const listed = await this.api.executions(this.workflowId);
		// Watchers and watchdogs run under the workflow's id, too.
		for (const summary of listed.filter(({ mode }) => mode === 'webhook').reverse()) {
			const { id, status } = summary;
			const isKnown = this.seen.some((one) => one.id === id);
			if (!isKnown) this.seen.push({ id, askedAt, parked: false, stopped: false });
			for (const one of this.seen) if (one.id === id) one.parked ||= status === 'waiting';
			if (this.seen[this.seen.length - 1].id !== id) continue;
			this.latest = summary;
			this.state = status;
		}
	}

	/** Waits for its end; tells whether n8n lost it, so that it has to be run again. */
	private async follow(seen: Seen): Promise<boolean> {
		const since = Date.now();
		this.latest = undefined;
		while (!this.latest || !hasEnded(this.latest)) {
			if (Date.now() - since > LONGEST_MS) return false;
			await this.stopInTime(seen, since);
			await sleep(LOOK_MS);
			await patiently(async () => await this.findExecutions());
		}
		if (seen.stopped) await this.untilCancelled();
		return endedByN8n(await patiently(async () => await this.api.execution(seen.id)));
	}

	/** Only the first execution is stopped: whoever runs it again wants to know how it ends. */
	private async stopInTime(seen: Seen, since: number): Promise<void> {
		const { stopAfter } = this.run;
		if (stopAfter === undefined || seen.stopped || this.seen[0] !== seen) return;
		if (Date.now() - since < stopAfter * 1_000) return;
		// It may have ended meanwhile, or n8n may be away; then the next look tries again.
		seen.stopped = await this.api.stopExecution(seen.id).then(
			() => true,
			() => false,
		);
	}

	/** What Airbyte does after the execution's end is part of what is judged. */
	private async untilCancelled(): Promise<void> {
		if (!this.run.options.cancelOnStop) return;
		const deadline = Date.now() + CANCEL_MS;
		const runs = () => this.connectionIds.some((id) => this.site.airbyte.activeJob(id));
		while (runs() && Date.now() < deadline) await sleep(LOOK_MS);
	}

	private async recordOf({ id, askedAt, parked, stopped }: Seen): Promise<ExecutionRecord> {
		const execution = await patiently(async () => await this.api.execution(id));
		const { status, startedAt, stoppedAt } = execution;
		return {
			...{ id, askedAt, parked, stopped, status },
			endedAt: hasEnded(execution) ? Date.parse(stoppedAt ?? startedAt) : undefined,
			lost: endedByN8n(execution),
			claims: claimsOf(execution, this.connectionIds.length),
		};
	}
}
