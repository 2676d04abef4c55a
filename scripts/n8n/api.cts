/** Drives an n8n the way its editor does: over the REST API, signed in as the instance's owner. */
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';

import axios, { type AxiosInstance, type AxiosRequestConfig, type AxiosResponse } from 'axios';
import { parse } from 'flatted';
import type { IDataObject, IRunExecutionData } from 'n8n-workflow';

import { until } from '../until.cts';
import { type Execution, type ExecutionSummary, hasEnded } from './execution.cts';
import type { WorkflowDefinition } from './workflow.cts';

export const OWNER = {
	email: 'owner@example.com',
	firstName: 'Airbyte',
	lastName: 'Owner',
	password: 'Airbyte-n8n-1',
};

/** Each time n8n reads all of an execution. */
const POLL_MS = 500;

/** On a busy machine, n8n's pings of its database come late, and it takes the database for lost. */
const DATABASE_MS = 60_000;

export interface NewCredential {
	name: string;
	type: string;
	data: IDataObject;
}

/** For an Airbyte; by default with the ID and secret that the simulator takes. */
export const airbyteCredential = (data: IDataObject, name = 'Airbyte API'): NewCredential => ({
	name,
	type: 'airbyteApi',
	data: {
		authentication: 'clientCredentials',
		clientId: 'client-id',
		clientSecret: 'client-secret',
		...data,
	},
});

export interface SavedCredential {
	id: string;
	name: string;
	type: string;
}

export interface CredentialTest {
	status: 'OK' | 'Error';
	message: string;
}

export interface WaitOptions {
	/** What to wait for; without it the execution's end. */
	until?: (execution: Execution) => boolean;
	timeoutMs?: number;
}

interface SavedWorkflow extends WorkflowDefinition {
	id: string;
	versionId: string;
}

export class N8nApi {
	private readonly http: AxiosInstance;

	private cookie = '';

	constructor(readonly url: string) {
		this.http = axios.create({
			baseURL: url,
			// The session is bound to the browser that signed in.
			headers: { 'browser-id': randomUUID() },
			// n8n closes a connection that was kept for some seconds, and a busy machine may send on it just then.
			httpAgent: new Agent({ keepAlive: false }),
			proxy: false,
			timeout: 60_000,
			validateStatus: () => true,
		});
	}

	/** Signs in; on an n8n that has no owner yet, it becomes the owner first. */
	static async signIn(url: string): Promise<N8nApi> {
		const api = new N8nApi(url);
		const setup = await api.http.post('/rest/owner/setup', OWNER);
		if (setup.status === 200) api.keepCookie(setup);
		else await api.login();
		return api;
	}

	/** n8n allows five logins a minute; a session outlives a restart of n8n. */
	async login(): Promise<void> {
		const { email, password } = OWNER;
		const answer = await this.http.post('/rest/login', { emailOrLdapLoginId: email, password });
		if (answer.status !== 200) throw refused('POST /rest/login', answer);
		this.keepCookie(answer);
	}

	async createCredential(credential: NewCredential): Promise<SavedCredential> {
		const { id, name, type } = await this.post<SavedCredential>('/credentials', credential);
		return { id, name, type };
	}

	async deleteCredential(id: string): Promise<void> {
		await this.request({ method: 'DELETE', url: `/rest/credentials/${id}` });
	}

	/**
	 * What the editor does after Save: it sends back the data as it got it, with the secrets
	 * blanked out, and n8n fills them in again.
	 */
	async testCredential(id: string): Promise<CredentialTest> {
		const { name, type, data } = await this.get<NewCredential>(`/credentials/${id}`, {
			includeData: true,
		});
		return await this.post('/credentials/test', { credentials: { id, name, type, data } });
	}

	async createWorkflow(workflow: WorkflowDefinition): Promise<string> {
		// The oldest 2.x do not assume that it is not active.
		return (await this.post<SavedWorkflow>('/workflows', { active: false, ...workflow })).id;
	}

	async workflow(id: string): Promise<SavedWorkflow> {
		return await this.get(`/workflows/${id}`);
	}

	/** Publishes the workflow and waits until its webhooks answer: n8n adds them some time later. */
	async activate(id: string): Promise<void> {
		const { versionId, nodes } = await this.workflow(id);
		await this.post(`/workflows/${id}/activate`, { versionId });
		for (const { type, parameters } of nodes) {
			if (type === 'n8n-nodes-base.webhook') await this.webhookIsUp(String(parameters.path));
		}
	}

	async deactivate(id: string): Promise<void> {
		await this.post(`/workflows/${id}/deactivate`, {});
	}

	/**
	 * Runs a workflow by hand, as the editor's Execute workflow button does; gives its execution.
	 *
	 * @param triggerData what its first trigger hands on, pinned to it; without it what the trigger itself gives
	 */
	async runWorkflow(
		workflow: string | WorkflowDefinition,
		triggerData?: IDataObject[],
	): Promise<string> {
		const id = typeof workflow === 'string' ? workflow : await this.createWorkflow(workflow);
		const name = firstTrigger(await this.workflow(id));
		if (triggerData) await this.pinData(id, name, triggerData);
		const { executionId } = await this.post<{ executionId?: string }>(`/workflows/${id}/run`, {
			// Newer versions read it from their database.
			workflowData: await this.workflow(id),
			triggerToStartFrom: { name },
		});
		if (!executionId) throw new Error(`n8n waits for a call of the webhook '${name}'`);
		return executionId;
	}

	/** Fixes what a node hands on in runs by hand, as the editor's Pin button does. */
	private async pinData(workflowId: string, node: string, items: IDataObject[]): Promise<void> {
		const { nodes, connections } = await this.workflow(workflowId);
		const pinData = { [node]: items.map((json) => ({ json })) };
		const url = `/rest/workflows/${workflowId}`;
		await this.request({ method: 'PATCH', url, data: { nodes, connections, pinData } });
	}

	/** Calls a production webhook; gives n8n's answer whatever its status is. */
	async callWebhook(
		path: string,
		body: unknown = {},
		config: AxiosRequestConfig = {},
	): Promise<AxiosResponse> {
		return await this.call(`/webhook/${path}`, body, config);
	}

	/** Calls a public address of n8n's, such as a resume URL; gives n8n's answer whatever its status is. */
	async call(
		url: string,
		body: unknown = {},
		config: AxiosRequestConfig = {},
	): Promise<AxiosResponse> {
		return await this.served({ method: 'POST', url, data: body, ...config });
	}

	/** Waits for a production webhook, without running its workflow: asks which methods it takes. */
	async webhookIsUp(path: string): Promise<void> {
		const origin = { headers: { origin: this.url } };
		const isUp = async () => {
			const { headers } = await this.http.options(`/webhook/${path}`, origin);
			return String(headers['access-control-allow-methods'] ?? '').includes('POST');
		};
		await until(isUp, 30_000, POLL_MS, `webhook '${path}'`);
	}

	async execution(id: string): Promise<Execution> {
		type Stored = Omit<Execution, 'data'> & { data: string };
		const stored = await this.get<Stored | undefined>(`/executions/${id}`);
		if (!stored) throw new Error(`n8n has no execution ${id}`);
		return { ...stored, data: unflatten(stored.data) };
	}

	async waitForExecution(id: string, options: WaitOptions = {}): Promise<Execution> {
		const { until: isDone = hasEnded, timeoutMs = 180_000 } = options;
		let last!: Execution;
		const what = () =>
			`execution ${id}: ${last.status}, last node ${last.data.resultData.lastNodeExecuted}`;
		await until(async () => isDone((last = await this.execution(id))), timeoutMs, POLL_MS, what);
		return last;
	}

	/** The newest executions of a workflow, newest first. */
	async executions(workflowId: string): Promise<ExecutionSummary[]> {
		const { results } = await this.get<{ results: ExecutionSummary[] }>('/executions', {
			filter: JSON.stringify({ workflowId }),
			limit: 100,
		});
		return results;
	}

	async stopExecution(id: string): Promise<void> {
		await this.post(`/executions/${id}/stop`, {});
	}

	/** Runs it again from where it failed; gives the new execution. */
	async retryExecution(id: string, loadWorkflow: boolean): Promise<string> {
		return (await this.post<{ id: string }>(`/executions/${id}/retry`, { loadWorkflow })).id;
	}

	async deleteExecution(id: string): Promise<void> {
		await this.post('/executions/delete', { ids: [id] });
	}

	/** For the parts of n8n's REST API that have no method here. */
	async get<T>(path: string, params: IDataObject = {}): Promise<T> {
		return await this.request<T>({ method: 'GET', url: `/rest${path}`, params });
	}

	async post<T>(path: string, data: object): Promise<T> {
		return await this.request<T>({ method: 'POST', url: `/rest${path}`, data });
	}

	private async request<T>(config: AxiosRequestConfig): Promise<T> {
		const headers = { cookie: this.cookie };
		const answer = await this.served<{ data: T }>({ ...config, headers });
		if (answer.status >= 400) throw refused(`${config.method} ${config.url}`, answer);
		return answer.data.data;
	}

	/** n8n's answer as soon as it has its database. */
	private async served<T>(config: AxiosRequestConfig): Promise<AxiosResponse<T>> {
		const ask = async () => await this.http.request<T>(config);
		let answer = await ask();
		const isServed = async () => !lacksDatabase(answer) || !lacksDatabase((answer = await ask()));
		await until(isServed, DATABASE_MS, POLL_MS, 'n8n to find its database');
		return answer;
	}

	private keepCookie({ headers }: AxiosResponse): void {
		this.cookie = (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; ');
	}
}

/** It turns all calls away then, before it does anything; or gives up one, which may be asked again if it only reads. */
function lacksDatabase({ status, data, config }: AxiosResponse): boolean {
	const said = JSON.stringify(data);
	if (status === 503) return said.includes('Database is not ready');
	const isRead = config.method?.toLowerCase() === 'get';
	return status === 500 && isRead && said.includes('timeout exceeded when trying to connect');
}

function refused(what: string, { status, data }: AxiosResponse): Error {
	return new Error(`n8n answered ${status} to ${what}: ${JSON.stringify(data)}`);
}

function firstTrigger({ name, nodes }: WorkflowDefinition): string {
	const trigger = nodes.find(({ type }) => /(trigger|\.webhook)$/i.test(type));
	if (!trigger) throw new Error(`The workflow '${name}' has no trigger to start from`);
	return trigger.name;
}

/** n8n stores run data flatted; for an execution that has just begun it is an empty list. */
function unflatten(data: string): IRunExecutionData {
	const nothingYet = { resultData: { runData: {} } } as IRunExecutionData;
	return parse(data) ?? nothingYet;
}
