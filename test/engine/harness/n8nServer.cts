import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { parse, stringify } from 'flatted';
import { ExecutionLifecycleHooks, WebhookContext, WorkflowExecute } from 'n8n-core';
import type {
	IConnections,
	IDataObject,
	INode,
	INodeExecutionData,
	IRun,
	IRunExecutionData,
	IWebhookData,
	IWebhookResponseData,
	IWorkflowExecuteAdditionalData,
	WorkflowExecuteMode,
} from 'n8n-workflow';
import {
	ApplicationError,
	ManualExecutionCancelledError,
	Workflow,
	createRunExecutionData,
} from 'n8n-workflow';

import { clock } from '../../../nodes/airbyte/api/clock';
import { changeLists } from '../../../nodes/airbyte/deferred/changes';
import { lookouts } from '../../../nodes/airbyte/deferred/lookout';
import { nodeRuns } from '../../../nodes/airbyte/deferred/takeWait';
import { rings } from '../../../nodes/airbyte/deferred/watcher';
import { answers } from '../../../nodes/airbyte/deferred/webhook';
import { semaphores } from '../../../nodes/airbyte/run/semaphore';
import { StoredCredential } from './credentials.cts';
import type { NodeRun } from './engine.cts';
import { additionalDataFor, nodeTypesWith, workflowFor } from './engine.cts';
import type { NodeOfN8n } from './nodesOfN8n.cts';
import { nodeOfN8n } from './nodesOfN8n.cts';
import type { VirtualTime } from './virtualTime.cts';

interface StoredExecution {
	workflow: { name?: string; nodes: INode[]; connections: IConnections };
	/** What the start node gives. */
	items: IDataObject[];
	credential: StoredCredential;
	mode: WorkflowExecuteMode;
	status: IRun['status'];
	/** As n8n's database has it. */
	data: string;
	waitTill?: Date;
	/** Whether n8n keeps it once it has ended well, and once it has failed. */
	isKept: boolean;
	isKeptFailed: boolean;
}

type InlineWorkflow = StoredExecution['workflow'] & {
	settings?: { saveDataSuccessExecution?: string; saveDataErrorExecution?: string };
};

interface ResumeCall {
	isPost: boolean;
	/** Below the execution's own. */
	path: string;
	query: Record<string, string>;
	send: (answer: Answer) => void;
}

interface Answer {
	status: number;
	body: unknown;
	/** To which it redirects. */
	location?: string;
}

/** An execution that waits for a sub-workflow. */
export interface Caller {
	start?: NodeOfN8n;
	/** How many it began with. */
	items?: number;
	/** Whose sub-workflow it is. */
	parent?: { executionId: string; shouldResume: boolean };
	/**
	 * What n8n stores of it while it runs. By default its beginning; its progress, if the workflow saves that; the state at
	 * its last wait, which has a date unless a call ended it, or which was one of our nodes'; nothing, if it was started by
	 * hand in the editor.
	 */
	stored?: 'progress' | 'aWaitWithDate' | 'aWaitWithoutDate' | 'aWaitForAirbyte' | 'nothing';
}

/** Execution ids are never used twice: the nodes may remember some for a while. */
let lastId = 0;

/** Real milliseconds in which an execution ends that has nothing to wait for. */
const STUCK = 5_000;

/** Milliseconds between two sweeps of n8n's wait tracker, and how far each looks ahead. */
const SWEEP = 60_000;
const SWEPT = 70_000;

/** Longer than anything here lasts; what waits until then waits for a call of its resume URL. */
const NEVER = Date.UTC(2999, 0, 1);

/**
 * What n8n's server does for executions that park, and no more: between two steps they are text; it wakes them when
 * their time has come, answers their resume URLs on a real socket, lets them go on, stops and deletes them.
 *
 * Written from n8n's own waiting-webhooks, webhook-helpers, workflow-runner and wait-tracker. That those agree is
 * shown by the tests on a real n8n.
 */
export class N8nServer {
	readonly executions = new Map<string, StoredExecution>();
	/** What n8n would tell nobody but its log: each is a fault of the node's. */
	readonly faults: string[] = [];
	/** When resume URLs were called. */
	readonly callTimes: number[] = [];
	/** What stands between n8n and its address, and now and then answers in its place. */
	proxy: (url: string) => Answer | undefined = () => undefined;
	/** How many answers to calls of resume URLs get lost on their way from now on. */
	answersToLose = 0;
	/** n8n's address as processes without a WEBHOOK_URL see it from now on. */
	addressInWorkers?: string;
	/** Executions that n8n was told to keep in memory while they wait, see `putToWaitUntil`. */
	readonly keptInMemory = new Set<string>();
	/** Executions that n8n has a record of without data, as while one runs in the editor. */
	readonly withoutData = new Set<string>();
	/** How many calls of resume URLs were answered at the same time, at most. */
	mostCalls = 0;
	private openCalls = 0;
	/** The executions whose records were read, and the milliseconds that takes. */
	readonly readings: string[] = [];
	readingTime = 0;
	/** Milliseconds by which executions are woken late. */
	lateness = 0;
	/**
	 * From a start on, milliseconds until crash recovery reads the records, and until it writes what comes of them; it has
	 * done so before anything is woken, if nothing is said.
	 */
	recovery?: { readsAfter: number; writesAfter: number };
	/** Whether a stop reaches the node. In queue mode, a main process that was started since cannot tell the worker. */
	stopsReachNodes = true;
	/** Whether executions are kept once they have ended. */
	keepsEnded = true;
	/** How many more child executions the database takes. */
	room = Infinity;
	/** Whether workflows may use their credentials: n8n asks before it runs or resumes one. */
	grantsCredentials = true;
	/** What n8n takes for the executions that call sub-workflows, see {@link start}. */
	caller?: { executionId: string; shouldResume: boolean };
	/** Told of each execution that has come to its end, at that moment. */
	onEnd: (id: string) => void = () => {};
	private readonly active = new Map<string, { cancel: () => void }>();
	private readonly running = new Set<Promise<void>>();
	private server: Server;
	/** When the wait tracker began to sweep. */
	private startedAt = clock.now() - 17_000;
	private isDown = false;
	private path = '';
	private lacksWorkers = false;
	/** What waits for a place, where the limit is reached. */
	private line?: Array<() => Promise<void>>;
	/** How many times it was killed: what ran in an earlier process gets no answer any more. */
	private process = 0;

	constructor(private readonly time: VirtualTime) {
		this.server = createServer((request, response) => void this.serve(request, response));
	}

	async listen(): Promise<void> {
		await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
	}

	/** As with another WEBHOOK_URL, N8N_PATH or port from now on. */
	async moveTo(path: string): Promise<void> {
		const before = this.server;
		this.path = path;
		this.server = createServer((request, response) => void this.serve(request, response));
		await this.listen();
		before.closeAllConnections();
		await new Promise((done) => before.close(done));
	}

	async close(): Promise<void> {
		forgetProcess();
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}

	/** Starts an execution; gives its id. */
	start(run: Omit<NodeRun, 'additionalData'>): string {
		const { nodes, connectionsBySourceNode } = workflowFor(run);
		const workflow = { nodes: Object.values(nodes), connections: connectionsBySourceNode };
		const { credential, mode = 'manual', items = [{}] } = run;
		const isKept = this.keepsEnded;
		const execution = { workflow, credential, mode, items, isKept, isKeptFailed: isKept };
		return this.begin(execution, [{ json: {} }], this.caller);
	}

	/** n8n's Retry: another execution with the same data, with the nodes that the workflow has now if told so. */
	retry(id: string, isWithCurrentWorkflow = false): string {
		const { workflow, credential, items, isKept, isKeptFailed } = this.get(id);
		const data = this.data(id);
		delete data.resultData.error;
		const kept = { isKept, isKeptFailed };
		const execution = { workflow, credential, items, ...kept, mode: 'retry' as const };
		if (isWithCurrentWorkflow) {
			for (const entry of data.executionData?.nodeExecutionStack ?? [])
				entry.node = workflow.nodes.find(({ name }) => name === entry.node.name)!;
		}
		return this.launch(execution, data);
	}

	/** Stores an execution that does nothing but wait for a sub-workflow; gives its id. */
	hold(caller: Caller = {}): string {
		const id = String((lastId += 1));
		const data = stringify(recordOf(caller));
		const workflow = { nodes: [], connections: {} };
		const credential = new StoredCredential({});
		const kept = {
			workflow,
			items: [],
			credential,
			mode: 'webhook' as const,
			isKept: true,
			isKeptFailed: true,
		};
		this.executions.set(id, { ...kept, data, status: 'running' });
		if (caller.stored === 'nothing') this.withoutData.add(id);
		return id;
	}

	/** How often resume URLs were called. */
	get calls(): number {
		return this.callTimes.length;
	}

	get(id: string): StoredExecution {
		const stored = this.executions.get(id);
		if (!stored) throw new Error(`There is no execution ${id}`);
		return stored;
	}

	data(id: string): IRunExecutionData {
		return parse(this.get(id).data) as IRunExecutionData;
	}

	/** By which whoever has it can let an execution go on. */
	resumeUrl(id: string): string {
		return `${this.address}/webhook-waiting/${id}?signature=${this.data(id).resumeToken}`;
	}

	/** What the Stop button does. */
	stop(id: string): void {
		const stored = this.get(id);
		if (!['running', 'waiting'].includes(stored.status)) return;
		if (this.stopsReachNodes) this.active.get(id)?.cancel();
		const data = this.data(id);
		const error = new ManualExecutionCancelledError(id);
		const { message, stack } = error;
		data.resultData.error = { ...error, message, stack } as typeof error;
		Object.assign(stored, { status: 'canceled', data: stringify(data), waitTill: undefined });
		this.onEnd(id);
	}

	/** As after a crash, seen once in a thousand of them: n8n runs what waits from its data, without a call of the resume URL. */
	goOnUnasked(id: string): void {
		void this.proceed(id, this.data(id));
	}

	/**
	 * Killed while it runs: n8n marks it, and never wakes it again; its data stays as it was stored last, unless its
	 * workflow keeps none that has failed.
	 */
	crash(id: string): void {
		const stored = this.get(id);
		const crashed: StoredExecution = { ...stored, status: 'crashed', waitTill: undefined };
		if (stored.isKeptFailed) this.executions.set(id, crashed);
		else this.executions.delete(id);
		this.onEnd(id);
	}

	/**
	 * Kills all workers of a queue mode, whose main process goes on: it puts what is due into the queue, and a worker that
	 * starts takes that for crashed.
	 *
	 * @param downtime seconds until they are there again
	 */
	async killWorkers(downtime: number): Promise<void> {
		this.endProcess();
		this.lacksWorkers = true;
		this.wakeAll();
		this.time.at(clock.now() + downtime * 1_000, async () => {
			this.lacksWorkers = false;
			this.crashRunning();
		});
	}

	/**
	 * Kills n8n with `kill -9` and starts it again: what ran has crashed, what slept in memory is gone, and what waits is
	 * woken when it is due, at once if it is overdue.
	 *
	 * @param downtime seconds until it is there again
	 */
	async kill(downtime: number): Promise<void> {
		this.endProcess();
		this.crashRunning();
		this.isDown = true;
		this.time.at(clock.now() + downtime * 1_000, async () => {
			this.isDown = false;
			this.startedAt = clock.now();
			this.wakeAll();
			void this.recover();
		});
	}

	/**
	 * What n8n's execution-recovery does: what ran when it was read has crashed, and what waited waits as it did. What runs
	 * in this process goes on all the same, and is stored once more when it parks or ends.
	 */
	private async recover(): Promise<void> {
		if (!this.recovery) return;
		const { readsAfter, writesAfter } = this.recovery;
		await clock.sleep(readsAfter);
		const read = [...this.executions.values()]
			.filter(({ status }) => ['running', 'waiting'].includes(status))
			.map((stored) => ({ stored, asRead: { ...stored } }));
		await clock.sleep(writesAfter - readsAfter);
		for (const { stored, asRead } of read) {
			const status = asRead.waitTill ? 'waiting' : 'crashed';
			if (stored.status !== 'canceled') Object.assign(stored, asRead, { status });
		}
	}

	/** n8n deletes what waits, and refuses what runs. */
	delete(id: string): void {
		if (this.executions.get(id)?.status !== 'waiting') return;
		this.executions.delete(id);
		this.onEnd(id);
	}

	/**
	 * Resolves when nothing runs, and nothing waits but for a call that nobody makes, or when all that is left comes
	 * after the limit.
	 */
	async comesToRest(limit = Infinity): Promise<void> {
		while ((await this.time.comesToRest(limit)) && this.running.size > 0) {
			const watch = new AbortController();
			const isStuck = pause(STUCK, true, { signal: watch.signal }).catch(() => false);
			const all = Promise.all(this.running).then(() => false);
			const stuck = await Promise.race([all, isStuck]);
			watch.abort();
			if (stuck) return void this.faults.push('An execution runs on although nothing moves');
		}
	}

	private get address(): string {
		const { port } = this.server.address() as AddressInfo;
		return `http://127.0.0.1:${port}${this.path}`;
	}

	private endProcess(): void {
		this.time.killSleepers();
		forgetProcess();
		this.process += 1;
		this.running.clear();
	}

	private crashRunning(): void {
		for (const [id, { status }] of this.executions) if (status === 'running') this.crash(id);
	}

	private wakeAll(): void {
		for (const [id, { waitTill }] of this.executions) if (waitTill) void this.wakeAt(id, waitTill);
	}

	private begin(
		execution: Omit<StoredExecution, 'status' | 'data'>,
		input: INodeExecutionData[],
		parent?: { executionId: string; shouldResume?: boolean },
	): string {
		const stack = [{ node: execution.workflow.nodes[0], data: { main: [input] }, source: null }];
		const data = createRunExecutionData({
			executionData: { nodeExecutionStack: stack },
			parentExecution: parent && { workflowId: 'workflow', ...parent },
		});
		return this.launch(execution, data);
	}

	private launch(
		execution: Omit<StoredExecution, 'status' | 'data'>,
		data: IRunExecutionData,
	): string {
		const id = String((lastId += 1));
		const text = stringify(data);
		this.executions.set(id, { ...execution, status: 'running', data: text });
		void this.proceed(id, parse(text) as IRunExecutionData);
		return id;
	}

	/** N8N_CONCURRENCY_PRODUCTION_LIMIT is reached: what is called or started for is to wait for a place. */
	reachLimit(): void {
		this.line = [];
	}

	/** One place is free again, for one after the other. */
	async freePlace(): Promise<void> {
		const line = this.line ?? [];
		this.line = undefined;
		for (const goOn of line) await goOn();
	}

	/** What active-executions does: first a place, and only then the record, if it still waits, with the data from before. */
	private async goOn(id: string, data: IRunExecutionData): Promise<void> {
		const goOn = async () => {
			if (this.executions.get(id)?.status === 'waiting') await this.proceed(id, data);
		};
		if (this.line && this.get(id).mode === 'webhook') this.line.push(goOn);
		else await goOn();
	}

	/** Runs on from what is stored until the execution parks or ends. */
	private async proceed(id: string, data: IRunExecutionData): Promise<void> {
		const going = this.run(id, data).catch((fault) => void this.faults.push(String(fault)));
		this.running.add(going);
		await going;
		this.running.delete(going);
	}

	private async run(id: string, data: IRunExecutionData): Promise<void> {
		const stored = this.get(id);
		if (!this.grantsCredentials && stored.workflow.nodes.some(({ credentials }) => credentials)) {
			return this.refuse(id);
		}
		Object.assign(stored, { status: 'running', data: stringify(data), waitTill: undefined });
		if (this.lacksWorkers) return;
		const workflow = workflowOf(stored);
		const additionalData = this.additionalData(id, stored);
		const execution = new WorkflowExecute(additionalData, stored.mode, data);
		const ended = execution.processRunExecutionData(workflow);
		this.active.set(id, ended);
		const run = await ended;
		this.active.delete(id);
		// Killed, deleted or stopped meanwhile.
		if (this.executions.get(id) !== stored || stored.status === 'canceled') return;
		const { status, waitTill } = run;
		Object.assign(stored, { status, data: stringify(run.data), waitTill: waitTill ?? undefined });
		if (waitTill) return void this.wakeAt(id, waitTill);
		const isKept = status === 'success' ? stored.isKept : stored.isKeptFailed;
		if (!isKept) this.executions.delete(id);
		this.onEnd(id);
	}

	/** What n8n's check of permissions does (credentials-permission-checker): nothing is left of what there was (failed-run-factory). */
	private refuse(id: string): void {
		const { message, ...rest } = new ApplicationError(
			'Node does not have access to the credential',
		);
		const error = { ...rest, message } as never;
		const data = createRunExecutionData({ resultData: { error, runData: {} } });
		const ended = { status: 'error' as const, data: stringify(data), waitTill: undefined };
		Object.assign(this.get(id), ended);
		this.onEnd(id);
	}

	/** What n8n's wait tracker does: once a minute it sets timers for what is due within 70 seconds. */
	private async wakeAt(id: string, waitTill: Date): Promise<void> {
		if (waitTill.getTime() > NEVER) return;
		const due = waitTill.getTime();
		let sweep = Math.ceil((clock.now() - this.startedAt) / SWEEP) * SWEEP + this.startedAt;
		while (due > sweep + SWEPT) sweep += SWEEP;
		await clock.sleep(Math.max(sweep, due) - clock.now());
		if (this.lateness > 0) await clock.sleep(this.lateness);
		const stored = this.executions.get(id);
		if (stored?.waitTill !== waitTill) return;
		await this.goOn(id, this.data(id));
	}

	private additionalData(id: string, stored: StoredExecution): IWorkflowExecuteAdditionalData {
		const { process } = this;
		const inProcess = async <T,>(action: () => Promise<T>): Promise<T> =>
			process === this.process ? await action() : await new Promise<never>(() => {});
		return {
			...additionalDataFor(stored.credential),
			webhookWaitingBaseUrl: `${this.addressInWorkers ?? this.address}/webhook-waiting`,
			executionId: id,
			setExecutionStatus: () => void this.keptInMemory.add(id),
			hooks: new ExecutionLifecycleHooks(stored.mode, id, {} as never),
			executeWorkflow: async ({ code }, _parent, { inputData = [], parentExecution }) =>
				await inProcess(async () => {
					const { settings, ...workflow } = JSON.parse(JSON.stringify(code)) as InlineWorkflow;
					const { credential } = stored;
					if (this.room <= 0) throw new Error('Connection terminated unexpectedly');
					this.room -= 1;
					const isKept = settings?.saveDataSuccessExecution !== 'none';
					const isKeptFailed = settings?.saveDataErrorExecution !== 'none';
					const execution = {
						workflow,
						credential,
						mode: 'integrated' as const,
						items: [],
						isKept,
						isKeptFailed,
					};
					return { executionId: this.begin(execution, inputData, parentExecution), data: [null] };
				}),
			getRunExecutionData: async (other) =>
				await inProcess(async () => {
					this.readings.push(other);
					if (this.readingTime > 0) await clock.sleep(this.readingTime);
					return this.executions.has(other) && !this.withoutData.has(other)
						? this.data(other)
						: undefined;
				}),
		} as IWorkflowExecuteAdditionalData;
	}

	private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		for await (const _chunk of request);
		const url = new URL(request.url ?? '', 'http://n8n');
		const isLost = this.answersToLose > 0;
		if (isLost) this.answersToLose -= 1;
		const send = ({ status, body, location }: Answer) => {
			if (isLost) return void response.destroy();
			if (response.writableEnded) return;
			const isPage = typeof body === 'string';
			const type = isPage ? 'text/html' : 'application/json';
			response.writeHead(status, { 'content-type': type, ...(location && { location }) });
			response.end(isPage ? body : JSON.stringify(body));
		};
		this.callTimes.push(clock.now());
		const instead = this.isDown ? badGateway() : this.proxy(request.url ?? '');
		if (instead) return send(instead);
		const [id = '', path = ''] = url.pathname.split('/webhook-waiting/')[1]?.split('/') ?? [];
		const { signature, ...query } = Object.fromEntries(url.searchParams);
		const call = { isPost: request.method === 'POST', path, query, send };
		this.openCalls += 1;
		this.mostCalls = Math.max(this.mostCalls, this.openCalls);
		send(await this.time.serving(async () => await this.resume(id, signature, call)));
		this.openCalls -= 1;
	}

	private async resume(id: string, token: string | undefined, call: ResumeCall): Promise<Answer> {
		const stored = this.executions.get(id);
		if (!stored) return refusal(404, `The execution "${id}" does not exist.`);
		const data = this.data(id);
		if (token !== data.resumeToken) return { status: 401, body: { error: 'Invalid token' } };
		if (this.readingTime > 0) await clock.sleep(this.readingTime);
		if (stored.status === 'running') return refusal(409, `"${id}" is running already.`);
		if (data.resultData.error) return refusal(409, `"${id}" has finished with error.`);
		// A crashed one counts neither as finished nor as failed.
		if (stored.status === 'success') return refusal(409, `"${id}" has finished already.`);
		const answer = call.isPost && (await this.callWebhook(id, stored, data, call));
		if (!answer) return refusal(404, `"${id}" does not contain a waiting webhook.`);
		const { workflowData, webhookResponse } = answer;
		if (workflowData) {
			const [entry] = data.executionData?.nodeExecutionStack ?? [];
			entry.data.main = workflowData;
			entry.metadata = { ...entry.metadata, forwardAllOutputs: true } as typeof entry.metadata;
			// Somebody else may have let it go on, or stopped it, meanwhile.
			void this.goOn(id, data);
		}
		return { status: 200, body: webhookResponse ?? { message: 'Webhook call received' } };
	}

	/** The node's own `webhook()`, in n8n's own context; none where the node has none at that path. */
	private async callWebhook(
		id: string,
		stored: StoredExecution,
		data: IRunExecutionData,
		{ path: suffix, query, send }: ResumeCall,
	): Promise<IWebhookResponseData | undefined> {
		const workflow = workflowOf(stored);
		const name = data.resultData.lastNodeExecuted ?? '';
		const node = workflow.getNode(name);
		const type = node && workflow.nodeTypes.getByNameAndVersion(node.type, node.typeVersion);
		const description = type?.description.webhooks?.find(
			({ httpMethod, path, restartWebhook }) =>
				httpMethod === 'POST' && path === suffix && restartWebhook === true,
		);
		if (!node || !type?.webhook || !description) return undefined;
		const [entry] = data.executionData?.nodeExecutionStack ?? [];
		entry.node.disabled = true;
		data.waitTill = undefined;
		data.resultData.runData[name].pop();
		const additionalData = {
			...this.additionalData(id, stored),
			httpRequest: { headers: {}, params: {}, query, body: {} },
			httpResponse: { json: (body: unknown) => send({ status: 200, body }) },
		} as unknown as IWorkflowExecuteAdditionalData;
		const webhookData = { webhookDescription: description } as IWebhookData;
		const context = new WebhookContext(
			workflow,
			node,
			additionalData,
			stored.mode,
			webhookData,
			[],
			data,
		);
		return await type.webhook.call(context).catch((fault: unknown) => {
			// n8n would wipe the run data and go on with an empty item.
			this.faults.push(`The webhook threw ${String(fault)}`);
			throw fault;
		});
	}
}

/** Forgets what the nodes keep in the memory of a process. */
function forgetProcess(): void {
	lookouts.clear();
	changeLists.clear();
	answers.clear();
	nodeRuns.clear();
	semaphores.clear();
	rings.firstAt = undefined;
}

/** A fresh one for each step, as n8n makes it from what it stored. */
function workflowOf({ workflow, items }: StoredExecution): Workflow {
	const definition = JSON.parse(JSON.stringify(workflow)) as StoredExecution['workflow'];
	return new Workflow({
		id: 'workflow',
		...definition,
		active: false,
		nodeTypes: nodeTypesWith(items),
		settings: { executionOrder: 'v1' },
	});
}

/** What n8n's active-executions stores of an execution as it begins or goes on, and save-execution-progress later. */
function recordOf({ start, items = 1, parent, stored }: Caller): IRunExecutionData {
	const node = nodeOfN8n('Start', start ?? { type: 'scheduleTrigger' });
	const main = [Array.from({ length: items }, (_, item) => ({ json: { item } }))];
	const beginning = { node, data: { main }, source: null };
	const parentExecution = parent && { workflowId: 'workflow', ...parent };
	if (!stored) {
		return createRunExecutionData({
			executionData: { nodeExecutionStack: [beginning] },
			parentExecution,
		});
	}
	const run = { startTime: 0, executionTime: 0, executionIndex: 0, source: [], data: { main } };
	const metadata = stored === 'aWaitForAirbyte' ? ({ airbyte: {} } as object) : undefined;
	const waiting = { ...beginning, metadata, node: nodeOfN8n('Wait', { type: 'wait' }) };
	return createRunExecutionData({
		resultData: { runData: { Start: [run] } },
		executionData: { nodeExecutionStack: stored === 'progress' ? [] : [waiting] },
		waitTill: stored === 'aWaitWithDate' ? new Date(0) : undefined,
		parentExecution,
	});
}

export const badGateway = (): Answer => ({ status: 502, body: '<h1>Bad Gateway</h1>' });

function refusal(code: number, message: string): Answer {
	return { status: code, body: { code, message } };
}
