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
import type { StoredCredential } from './credentials.cts';
import type { NodeRun } from './engine.cts';
import { additionalDataFor, nodeTypesWith, workflowFor } from './engine.cts';
import type { VirtualTime } from './virtualTime.cts';

export interface StoredExecution {
	workflow: { nodes: INode[]; connections: IConnections };
	/** What the start node gives. */
	items: IDataObject[];
	credential: StoredCredential;
	mode: WorkflowExecuteMode;
	status: IRun['status'];
	/** As n8n's database has it. */
	data: string;
	waitTill?: Date;
	/** The execution that is to go on with this one's result. */
	resumes?: string;
}

export interface Answer {
	status: number;
	body: unknown;
}

/** Execution ids are never used twice: the nodes may remember some for a while. */
let lastId = 0;

/** Real milliseconds in which an execution ends that has nothing to wait for. */
const STUCK = 5_000;

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
	proxy: () => Answer | undefined = () => undefined;
	/** Milliseconds by which executions are woken late. */
	lateness = 0;
	/** How many more child executions the database takes. */
	room = Infinity;
	/** Whether workflows may use their credentials: n8n asks before it runs or resumes one. */
	grantsCredentials = true;
	/** Told of each execution that has come to its end, at that moment. */
	onEnd: (id: string) => void = () => {};
	private readonly active = new Map<string, { cancel: () => void }>();
	private readonly running = new Set<Promise<void>>();
	private readonly server: Server;

	constructor(private readonly time: VirtualTime) {
		this.server = createServer((request, response) => void this.serve(request, response));
	}

	async listen(): Promise<void> {
		await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
	}

	async close(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}

	/** Starts an execution; gives its id. */
	start(run: Omit<NodeRun, 'additionalData'>): string {
		const { nodes, connectionsBySourceNode } = workflowFor(run);
		const workflow = { nodes: Object.values(nodes), connections: connectionsBySourceNode };
		const { credential, mode = 'manual', items = [{}] } = run;
		return this.begin({ workflow, credential, mode, items }, [{ json: {} }]);
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

	/** What the Stop button does. */
	stop(id: string): void {
		const stored = this.get(id);
		if (!['running', 'waiting'].includes(stored.status)) return;
		this.active.get(id)?.cancel();
		const data = this.data(id);
		const error = new ManualExecutionCancelledError(id);
		const { message, stack } = error;
		data.resultData.error = { ...error, message, stack } as typeof error;
		Object.assign(stored, { status: 'canceled', data: stringify(data), waitTill: undefined });
		this.onEnd(id);
	}

	/** Killed while it runs: n8n marks it, and never wakes it again. */
	crash(id: string): void {
		const data = stringify({ ...this.data(id), waitTill: undefined });
		Object.assign(this.get(id), { status: 'crashed', data, waitTill: undefined });
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

	private begin(
		execution: Omit<StoredExecution, 'status' | 'data'>,
		input: INodeExecutionData[],
	): string {
		const id = String((lastId += 1));
		const stack = [{ node: execution.workflow.nodes[0], data: { main: [input] }, source: null }];
		const data = createRunExecutionData({ executionData: { nodeExecutionStack: stack } });
		const text = stringify(data);
		this.executions.set(id, { ...execution, status: 'running', data: text });
		void this.proceed(id, parse(text) as IRunExecutionData);
		return id;
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
			return this.refuse(id, data);
		}
		Object.assign(stored, { status: 'running', waitTill: undefined });
		const workflow = workflowOf(stored);
		const additionalData = this.additionalData(id, stored);
		const execution = new WorkflowExecute(additionalData, stored.mode, data);
		const ended = execution.processRunExecutionData(workflow);
		this.active.set(id, ended);
		const run = await ended;
		this.active.delete(id);
		if (stored.status === 'canceled') return;
		const { status, waitTill } = run;
		Object.assign(stored, { status, data: stringify(run.data), waitTill: waitTill ?? undefined });
		if (waitTill) void this.wakeAt(id, waitTill);
		else this.onEnd(id);
	}

	/** What n8n's check of permissions does (credentials-permission-checker). */
	private refuse(id: string, data: IRunExecutionData): void {
		const error = new ApplicationError('Node does not have access to the credential');
		data.resultData.error = { ...error, message: error.message } as never;
		const ended = { status: 'error' as const, data: stringify(data), waitTill: undefined };
		Object.assign(this.get(id), ended);
		this.onEnd(id);
	}

	/** What n8n's wait tracker does. */
	private async wakeAt(id: string, waitTill: Date): Promise<void> {
		if (waitTill.getTime() > NEVER) return;
		await clock.sleep(waitTill.getTime() - clock.now());
		if (this.lateness > 0) await clock.sleep(this.lateness);
		const stored = this.executions.get(id);
		if (stored?.waitTill !== waitTill) return;
		await this.proceed(id, this.data(id));
		const { resumes, status, data } = stored;
		if (resumes && status !== 'waiting') this.handOver(resumes, parse(data) as IRunExecutionData);
	}

	/** Lets an execution go on with what a child of it, which had parked, has ended with. */
	private handOver(parent: string, { resultData }: IRunExecutionData): void {
		const { error, runData, lastNodeExecuted = '' } = resultData;
		const result = runData[lastNodeExecuted]?.slice(-1)[0]?.data;
		if (this.executions.get(parent)?.status !== 'waiting' || (!error && !result)) return;
		const data = this.data(parent);
		const [entry] = data.executionData?.nodeExecutionStack ?? [];
		if (error) entry.metadata = { ...entry.metadata, resumeError: error } as typeof entry.metadata;
		else if (result) entry.data = result;
		void this.proceed(parent, data);
	}

	private additionalData(id: string, stored: StoredExecution): IWorkflowExecuteAdditionalData {
		const { port } = this.server.address() as AddressInfo;
		return {
			...additionalDataFor(stored.credential),
			webhookWaitingBaseUrl: `http://127.0.0.1:${port}/webhook-waiting`,
			executionId: id,
			hooks: new ExecutionLifecycleHooks(stored.mode, id, {} as never),
			executeWorkflow: async ({ code }, _parent, { inputData = [], parentExecution }) => {
				const workflow = JSON.parse(JSON.stringify(code)) as StoredExecution['workflow'];
				const { credential } = stored;
				const mode = 'integrated' as const;
				if (this.room <= 0) throw new Error('Connection terminated unexpectedly');
				this.room -= 1;
				const resumes = parentExecution?.shouldResume ? parentExecution.executionId : undefined;
				const child = this.begin({ workflow, credential, mode, items: [], resumes }, inputData);
				return { executionId: child, data: [null] };
			},
			getRunExecutionData: async (other) =>
				this.executions.has(other) ? this.data(other) : undefined,
		} as IWorkflowExecuteAdditionalData;
	}

	private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		for await (const _chunk of request);
		const url = new URL(request.url ?? '', 'http://n8n');
		const send = ({ status, body }: Answer) => {
			if (response.writableEnded) return;
			const isPage = typeof body === 'string';
			response.writeHead(status, { 'content-type': isPage ? 'text/html' : 'application/json' });
			response.end(isPage ? body : JSON.stringify(body));
		};
		this.callTimes.push(clock.now());
		const instead = this.proxy();
		if (instead) return send(instead);
		const id = url.pathname.split('/').pop() ?? '';
		const token = url.searchParams.get('signature');
		send(await this.time.serving(async () => await this.resume(id, token, send)));
	}

	private async resume(
		id: string,
		token: string | null,
		send: (answer: Answer) => void,
	): Promise<Answer> {
		const stored = this.executions.get(id);
		if (!stored) return refusal(404, `The execution "${id}" does not exist.`);
		const data = this.data(id);
		if (token !== data.resumeToken) return { status: 401, body: { error: 'Invalid token' } };
		if (stored.status === 'running') return refusal(409, `"${id}" is running already.`);
		if (data.resultData.error) return refusal(409, `"${id}" has finished with error.`);
		if (stored.status !== 'waiting') return refusal(409, `"${id}" has finished already.`);
		const { workflowData, webhookResponse } = await this.callWebhook(id, stored, data, send);
		if (workflowData) {
			const [entry] = data.executionData?.nodeExecutionStack ?? [];
			entry.data.main = workflowData;
			entry.metadata = { ...entry.metadata, forwardAllOutputs: true } as typeof entry.metadata;
			// Somebody else may have let it go on, or stopped it, meanwhile.
			if (this.executions.get(id)?.status === 'waiting') void this.proceed(id, data);
		}
		return { status: 200, body: webhookResponse ?? { message: 'Webhook call received' } };
	}

	/** The node's own `webhook()`, in n8n's own context. */
	private async callWebhook(
		id: string,
		stored: StoredExecution,
		data: IRunExecutionData,
		send: (answer: Answer) => void,
	): Promise<IWebhookResponseData> {
		const workflow = workflowOf(stored);
		const name = data.resultData.lastNodeExecuted ?? '';
		const node = workflow.getNode(name);
		const type = node && workflow.nodeTypes.getByNameAndVersion(node.type, node.typeVersion);
		const description = type?.description.webhooks?.find(
			({ httpMethod, path, restartWebhook }) =>
				httpMethod === 'POST' && path === '' && restartWebhook === true,
		);
		if (!node || !type?.webhook || !description) throw new Error(`${name} has no resume webhook`);
		const [entry] = data.executionData?.nodeExecutionStack ?? [];
		entry.node.disabled = true;
		data.waitTill = undefined;
		data.resultData.runData[name].pop();
		const additionalData = {
			...this.additionalData(id, stored),
			httpRequest: { headers: {}, params: {}, query: {}, body: {} },
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

export const badGateway = (): Answer => ({ status: 502, body: '<h1>Bad Gateway</h1>' });

function refusal(code: number, message: string): Answer {
	return { status: code, body: { code, message } };
}
