/**
 * What the nodes' own code costs: the synchronous mode on n8n's engine, with an Airbyte in another process that answers
 * at once, jobs that have ended at the first look, and no waits. A sampling profile tells whose code the time goes to.
 */
import '../../test/engine/harness/setUp.cts';

import { Session } from 'node:inspector/promises';

import { clock } from '../../nodes/airbyte/api/clock';
import { StoredCredential } from '../../test/engine/harness/credentials.cts';
import { runNode } from '../../test/engine/harness/engine.cts';
import { byId } from '../../test/engine/harness/fixture.cts';
import type { OpenedAirbyte } from './airbyteProcess.cts';
import { OWN, sharesOf } from './profile.cts';

export interface NodeCodeResult {
	/** CPU milliseconds of all for one sync, by round. */
	all: number[];
	/** CPU milliseconds in functions of this package for one sync, by round. */
	own: number[];
	/** CPU milliseconds for one sync by whose code it is, over all rounds. */
	shares: Record<string, number>;
}

interface NodeCodeOptions {
	access: OpenedAirbyte;
	connectionId: string;
	rounds: number;
	perRound: number;
}

const WARM_UP = 40;
const SAMPLE_EVERY_US = 100;

export async function runNodeCode(options: NodeCodeOptions): Promise<NodeCodeResult> {
	const { rounds, perRound } = options;
	skipWaits();
	const credential = new StoredCredential(options.access);
	const sync = async () => await runSync(credential, options.connectionId);
	for (let run = 0; run < WARM_UP; run += 1) await sync();
	const [all, own]: number[][] = [[], []];
	const total = new Map<string, number>();
	for (let round = 0; round < rounds; round += 1) {
		const { cpuMs, shares } = await profiled(async () => {
			for (let run = 0; run < perRound; run += 1) await sync();
		});
		all.push(cpuMs / perRound);
		own.push((shares.get(OWN) ?? 0) / perRound);
		for (const [whose, ms] of shares) {
			total.set(whose, (total.get(whose) ?? 0) + ms / perRound / rounds);
		}
	}
	return { all, own, shares: Object.fromEntries(total) };
}

/** Waits take no time, but are over when they are. */
function skipWaits(): void {
	let skipped = 0;
	clock.now = () => Date.now() + skipped;
	clock.sleep = async (ms) => {
		skipped += ms;
	};
}

async function runSync(credential: StoredCredential, connectionId: string): Promise<void> {
	const { status, error } = await runNode({
		node: 'airbyteTriggerSync',
		parameters: { connectionId: byId(connectionId) },
		credential,
	});
	if (status !== 'success') throw new Error(`A sync ended with '${status}': ${error?.message}`);
}

async function profiled(
	action: () => Promise<void>,
): Promise<{ cpuMs: number; shares: Map<string, number> }> {
	const session = new Session();
	session.connect();
	await session.post('Profiler.enable');
	await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
	await session.post('Profiler.start');
	const before = process.cpuUsage();
	await action();
	const { user, system } = process.cpuUsage(before);
	const { profile } = await session.post('Profiler.stop');
	session.disconnect();
	return { cpuMs: (user + system) / 1_000, shares: sharesOf(profile) };
}
