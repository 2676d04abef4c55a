import { randomUUID } from 'node:crypto';

import axios, { type AxiosInstance, type AxiosRequestConfig } from 'axios';

import type {
	CredentialTest,
	N8nApi,
	NewCredential,
	SavedCredential,
	WaitOptions,
} from '../n8n/api.cts';
import { type Execution, type ExecutionSummary, hasEnded } from '../n8n/execution.cts';
import { webhookTrigger, type WorkflowDefinition } from '../n8n/workflow.cts';
import { until } from '../until.cts';

/** What the demo asks of an n8n, its own or another. */
export type DemoApi = Pick<
	N8nApi,
	| 'url'
	| 'createCredential'
	| 'testCredential'
	| 'createWorkflow'
	| 'runWorkflow'
	| 'waitForExecution'
>;

const MINUTE_MS = 60_000;
const POLL_MS = 500;

/**
 * An n8n that runs elsewhere, with this package in it, over its public API. That cannot run a workflow by hand, so a
 * trigger for that becomes a webhook, which is then called.
 */
export class RemoteN8n implements DemoApi {
	private readonly http: AxiosInstance;

	constructor(
		readonly url: string,
		apiKey: string,
	) {
		this.http = axios.create({
			baseURL: `${url}/api/v1`,
			headers: { 'X-N8N-API-KEY': apiKey },
			timeout: 30_000,
			validateStatus: () => true,
		});
	}

	async createCredential(credential: NewCredential): Promise<SavedCredential> {
		const { id, name, type } = await this.post<SavedCredential>('/credentials', credential);
		return { id, name, type };
	}

	async testCredential(id: string): Promise<CredentialTest> {
		return await this.post(`/credentials/${id}/test`);
	}

	async createWorkflow({ name, nodes, connections, settings = {} }: WorkflowDefinition) {
		const definition = { name, nodes, connections, settings };
		return (await this.post<{ id: string }>('/workflows', definition)).id;
	}

	async runWorkflow(workflow: string | WorkflowDefinition): Promise<string> {
		if (typeof workflow === 'string') throw new Error('Only a new workflow can be run elsewhere');
		const path = randomUUID();
		const [trigger, ...nodes] = workflow.nodes;
		const called = { ...workflow, nodes: [webhookTrigger(path, trigger.name), ...nodes] };
		const id = await this.createWorkflow(called);
		await this.post(`/workflows/${id}/activate`);
		const call = async () => (await this.http.post(`${this.url}/webhook/${path}`)).status === 200;
		await until(call, MINUTE_MS, POLL_MS, `the webhook of '${workflow.name}'`);
		const newest = async () => (await this.executionsOf(id))[0]?.id;
		return String(await until(newest, MINUTE_MS, POLL_MS, `an execution of '${workflow.name}'`));
	}

	async waitForExecution(id: string, options: WaitOptions = {}): Promise<Execution> {
		const { until: isDone = hasEnded, timeoutMs = MINUTE_MS } = options;
		const ended = async () => {
			const execution = await this.get<Execution>(`/executions/${id}`, { includeData: true });
			return isDone(execution) && execution;
		};
		return (await until(ended, timeoutMs, POLL_MS, `execution ${id}`)) as Execution;
	}

	/** The newest first, without the ones that wake a deferred one. */
	private async executionsOf(workflowId: string): Promise<ExecutionSummary[]> {
		const { data } = await this.get<{ data: ExecutionSummary[] }>('/executions', { workflowId });
		return data.filter(({ mode }) => mode === 'webhook');
	}

	private async get<T>(url: string, params: object): Promise<T> {
		return await this.request({ method: 'GET', url, params });
	}

	private async post<T>(url: string, data: object = {}): Promise<T> {
		return await this.request({ method: 'POST', url, data });
	}

	private async request<T>(config: AxiosRequestConfig): Promise<T> {
		const { status, data } = await this.http.request<T>(config);
		if (status < 400) return data;
		const answer = JSON.stringify(data).slice(0, 500);
		throw new Error(`n8n at ${this.url} answered ${status} to ${config.url}: ${answer}`);
	}
}
