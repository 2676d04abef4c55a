/** One of those that are compared: an n8n with its workflow, its Airbyte, and what they have used up. */
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import type { INode } from 'n8n-workflow';

import { N8nApi, type SavedCredential, airbyteCredential } from '../n8n/api.cts';
import { type N8nInstall, installN8n } from '../n8n/install.cts';
import { packPackage } from '../n8n/package.cts';
import { QueueN8n } from '../n8n/queue.cts';
import { N8n } from '../n8n/server.cts';
import {
	type WorkflowDefinition,
	airbyteNode,
	connectionById,
	noOperation,
	webhookTrigger,
	workflow,
} from '../n8n/workflow.cts';
import type { Access, PlannedJob, Seen } from './airbyteProcess.cts';
import { Database, connectionId } from './database.cts';

const ROOT = resolve(__dirname, '..', '..');
const run = promisify(execFile);

export type ContenderName = 'this' | 'against' | 'loop';

export interface Packages {
	install: N8nInstall;
	/** The loop needs none. */
	tarballs: Partial<Record<ContenderName, string>>;
}

export async function packagesOf(names: ContenderName[], commit: string): Promise<Packages> {
	const install = await installN8n();
	const tarballs: Packages['tarballs'] = {};
	if (names.includes('this')) tarballs.this = await packPackage();
	if (names.includes('against')) tarballs.against = await packCommit(commit);
	return { install, tarballs };
}

/** Builds another commit next to this one, with the dependencies of this one. */
async function packCommit(commit: string): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-against-'));
	await run('git', ['worktree', 'add', '--detach', folder, commit], { cwd: ROOT });
	try {
		await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
		return await packPackage(folder);
	} finally {
		await run('git', ['worktree', 'remove', '--force', folder], { cwd: ROOT });
	}
}

const PATH = 'bench';

/** Seconds between two looks: the shortest that is allowed, and the shortest for which n8n parks a Wait node. */
const WAIT_SECONDS = 3;
const PARKED_SECONDS = 65;

/** Webhooks that are called at once, at most. */
const STARTERS = 10;

export class Contender {
	readonly database: Database;

	/** CPU seconds of processes that were killed. */
	private ended = 0;

	private constructor(
		readonly name: ContenderName,
		install: N8nInstall,
		readonly n8n: N8n,
		readonly api: N8nApi,
		private readonly airbyte: ChildProcess,
	) {
		this.database = new Database(install, n8n);
	}

	/** @param seconds how long the job of each wait takes; null: for ever */
	static async start(
		name: ContenderName,
		{ install, tarballs }: Packages,
		{ seconds, isQueue }: { seconds: Array<number | null>; isQueue: boolean },
	): Promise<Contender> {
		const airbyte = fork(join(__dirname, 'airbyteProcess.cts'), {
			execArgv: ['--require', 'tsx/cjs'],
		});
		const plan = seconds.map((one, at) => ({ connectionId: connectionId(at), seconds: one }));
		const access = await ask<Access>(airbyte, plan);
		const kind = isQueue ? QueueN8n : N8n;
		const n8n = await kind.start({ install, tarball: tarballs[name] });
		const api = await N8nApi.signIn(n8n.url);
		await api.activate(await api.createWorkflow(await workflowOf(name, api, access)));
		return new Contender(name, install, n8n, api, airbyte);
	}

	/**
	 * Starts waits evenly over that many seconds, or later if n8n cannot keep up.
	 *
	 * @param timeouts of each, in seconds
	 */
	async begin(timeouts: number[], within: number): Promise<void> {
		const startedAt = Date.now();
		const queue = timeouts.entries();
		const starter = async () => {
			for (const [at, timeout] of queue) {
				const due = startedAt + (at / timeouts.length) * within * 1_000;
				await sleep(Math.max(0, due - Date.now()));
				const body = { connectionId: connectionId(at), timeout };
				const { status } = await this.api.callWebhook(PATH, body);
				if (status !== 200) throw new Error(`n8n answered ${status} to ${this.name}`);
			}
		};
		await Promise.all(Array.from({ length: STARTERS }, starter));
	}

	async seen(): Promise<Seen> {
		return await ask<Seen>(this.airbyte, 'seen');
	}

	/** CPU seconds that n8n's processes and their children have used since they were started. */
	cpu(): number {
		return this.ended + this.processes().reduce((sum, { cpu }) => sum + cpu, 0);
	}

	/** Resident memory of n8n's processes and their children, in MB. */
	memory(): number {
		return this.processes().reduce((sum, { memory }) => sum + memory, 0);
	}

	/** Cores that it keeps busy with nothing: the least of some while, since it warms up. */
	async idleCores(): Promise<number> {
		const cores: number[] = [];
		while (cores.length < 4) {
			const before = this.cpu();
			await sleep(10_000);
			cores.push((this.cpu() - before) / 10);
		}
		return Math.min(...cores);
	}

	/** `kill -9` of all of n8n, or of one worker, which comes back at once. */
	async killAndRestart(what: 'all' | 'worker'): Promise<void> {
		const { processes } = this.n8n;
		const victims = what === 'all' ? processes : processes.slice(-1);
		const before = this.cpu();
		await Promise.all(victims.map(async (one) => await one.kill()));
		this.ended += before - this.cpu();
		await Promise.all(processes.map(async (one) => await one.start()));
	}

	async stop(): Promise<void> {
		this.airbyte.disconnect();
		await this.n8n.stop();
	}

	private processes() {
		const groups = this.n8n.processes.flatMap(({ pid, isRunning }) => (isRunning ? [pid] : []));
		return readdirSync('/proc')
			.filter((name) => /^\d+$/.test(name))
			.flatMap((pid) => usageOf(pid) ?? [])
			.filter(({ group }) => groups.includes(group));
	}
}

async function ask<Answer>(airbyte: ChildProcess, message: PlannedJob[] | 'seen'): Promise<Answer> {
	airbyte.send(message);
	const [answer] = (await once(airbyte, 'message')) as [Answer];
	return answer;
}

const TICKS_PER_SECOND = 100;
const PAGES_PER_MB = 256;

/** What the kernel has counted; nothing for a process that ended just now. Each of n8n's leads a group of its own. */
function usageOf(pid: string): { group: number; cpu: number; memory: number } | undefined {
	try {
		// The name in brackets, the second field, may hold anything.
		const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
		// In user mode, in the kernel, and both of children that have ended.
		const ticks = fields.slice(11, 15).reduce((sum, one) => sum + Number(one), 0);
		return {
			group: Number(fields[2]),
			cpu: ticks / TICKS_PER_SECOND,
			memory: Number(fields[21]) / PAGES_PER_MB,
		};
	} catch {
		return undefined;
	}
}

async function workflowOf(
	name: ContenderName,
	api: N8nApi,
	access: Access,
): Promise<WorkflowDefinition> {
	if (name === 'loop') return handBuilt(access);
	return deferred(await api.createCredential(airbyteCredential({ ...access })));
}

function deferred(credential: SavedCredential): WorkflowDefinition {
	const parameters = {
		mode: 'deferrable',
		waitSeconds: WAIT_SECONDS,
		timeout: '={{ $json.body.timeout }}',
		connectionId: connectionById('={{ $json.body.connectionId }}'),
	};
	const sync = airbyteNode('airbyteTriggerSync', 'Sync', parameters, credential);
	return workflow('Deferred', [webhookTrigger(PATH), sync, noOperation('Done')]);
}

/** The workflow in `bench/`, pointed at the Airbyte. */
function handBuilt(access: Access): WorkflowDefinition {
	const file = join(ROOT, 'bench', 'hand-built-loop.json');
	const { name, nodes, connections, settings } = JSON.parse(
		readFileSync(file, 'utf8'),
	) as WorkflowDefinition;
	const values: Record<string, unknown> = { ...access, waitSeconds: PARKED_SECONDS };
	const fill = (node: INode): INode => {
		if (node.name === 'Webhook') return { ...node, parameters: { ...node.parameters, path: PATH } };
		if (node.name !== 'Settings') return node;
		const copy = structuredClone(node);
		const { assignments } = copy.parameters.assignments as unknown as {
			assignments: Array<{ name: string; value: unknown }>;
		};
		for (const one of assignments) one.value = values[one.name] ?? one.value;
		return copy;
	};
	return { name, connections, settings, nodes: nodes.map(fill) };
}
