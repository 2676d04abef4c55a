/**
 * The resume webhook: looks at the jobs of a waiting execution, whatever the caller says, unless a lookout of this process
 * has seen all of them succeed and no item is left to begin, and lets the execution go on if there is something to do.
 *
 * The execution stays `waiting` in n8n's database meanwhile, and a look changes nothing in what is stored, so that a crash
 * of n8n loses nothing.
 */
import type { IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';

import { openClient } from '../api/client';
import { clock } from '../api/clock';
import { credentialLost } from '../api/credential';
import type { CarryOut } from '../run/carryOut';
import { carryOut } from '../run/carryOut';
import { boundTo } from '../run/credentialChange';
import { goOn } from '../run/drive';
import { isLookOver, lookNow } from '../run/parking';
import type { SyncRun } from '../run/run';
import { isUnderWay } from '../run/run';
import { additionalDataOf, runDataOf } from './context';
import { lookouts } from './lookout';
import { FORCE } from './resumeUrl';
import { resumeWith, waitIn } from './stack';
import type { Report, Wait } from './wait';
import { isDue, report } from './wait';

/** The nodes' method that answers a call of the resume URL. */
export async function webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
	const wait = waitIn(runDataOf(this));
	const { wait: waitId, [FORCE]: force } = this.getQueryData() as Record<
		string,
		string | undefined
	>;
	if (!wait || (waitId !== undefined && waitId !== wait.id)) {
		return { webhookResponse: { resumed: false, message: 'Nothing is waited for here' } };
	}
	// Only a sub-workflow's wait is ended from outside: when its caller was stopped.
	const isForced = force !== undefined && wait.callers.length > 0;
	const known = answers.get(wait.id);
	if (known && !isForced) return { webhookResponse: await known };
	return await lookAndTell(this, wait, isForced);
}

/**
 * It never throws, for n8n would then go on with an empty item.
 *
 * @param isForced whether the execution is to go on whatever the look shows
 */
async function lookAndTell(
	context: IWebhookFunctions,
	wait: Wait,
	isForced: boolean,
): Promise<IWebhookResponseData> {
	const look = lookAtAll(context, wait);
	const told = look.then(
		(runs) => report(wait, runs),
		() => UNASKED,
	);
	answers.set(wait.id, told);
	let kept = 0;
	try {
		const runs = await look;
		kept = SHARED_FOR;
		const isNews = isForced || isDue(wait, runs, clock.now());
		const shouldResume = isNews && (await isStillWaiting(context, wait));
		if (shouldResume) kept = lookouts.has(wait.id) ? HELD_UP : HANDED_OVER;
		return shouldResume ? handOver(context, { ...wait, runs }) : { webhookResponse: await told };
	} catch (fault) {
		context.logger.warn('Airbyte could not be asked for the status', { reason: String(fault) });
		return { webhookResponse: UNASKED };
	} finally {
		void clock.sleep(kept).then(() => answers.delete(wait.id));
	}
}

/**
 * Another process may have let the execution go on during the look, and it may wait again. If a lookout of this process has
 * seen the successes, there was no look, and nothing to check.
 */
async function isStillWaiting(context: IWebhookFunctions, wait: Wait): Promise<boolean> {
	if (lookouts.get(wait.id)?.successes) return true;
	const record = await additionalDataOf(context)?.getRunExecutionData(wait.executionId);
	return !record || waitIn(record)?.id === wait.id;
}

function handOver(context: IWebhookFunctions, wait: Wait): IWebhookResponseData {
	const workflowData = resumeWith(runDataOf(context), wait, clock.now());
	// n8n would answer for an execution that goes on with words of its own.
	context.getResponseObject().json(report(wait, wait.runs, true));
	return { noWebhookResponse: true, workflowData };
}

/**
 * By wait, what later callers of its resume URL are told in this process: of a hundred calls at once one looks, and one
 * lets the execution go on. Exported so that tests can let a process end.
 */
export const answers = new Map<string, Promise<Report | typeof UNASKED>>();

const UNASKED = { resumed: false, message: 'Airbyte could not be asked for the status' };

/** Milliseconds for which a look's outcome is given to whoever calls. */
const SHARED_FOR = 5_000;

/**
 * Milliseconds for which callers are told that one of them has let the execution go on: n8n still hands out its waiting
 * state meanwhile. Where the process that answers also looks at the jobs, n8n's limit of concurrent executions may hold up
 * for long what is to go on, and each further call would have the same state go on once more, over what came of it.
 */
const HANDED_OVER = 30_000;
const HELD_UP = 15 * 60_000;

/** Looks at every job that has not ended, as far as it was known when the execution parked. */
async function lookAtAll(context: IWebhookFunctions, wait: Wait): Promise<SyncRun[]> {
	const seen = lookouts.get(wait.id)?.successes;
	// A lookout has no details of the runs that had ended before.
	if (seen) return wait.runs.map((run, item) => (isUnderWay(run) ? seen[item] : run));
	const client = await openClient(context, wait.apiVersion)
		.then((opened) => opened.withOwnSignIn(context))
		.catch(credentialLost);
	if ('kind' in client) {
		const runs = await lookAtEach(wait, async () => ({ is: 'problem', problem: client }));
		// To go on with one of them would end all others, which have time until the credential is there again.
		return runs.some(isUnderWay) ? wait.runs : runs;
	}
	const runs = boundTo(wait.address, client.publicApi, wait.runs);
	return await lookAtEach({ ...wait, runs }, async (call) => await carryOut(client, call));
}

async function lookAtEach({ runs }: Wait, carry: CarryOut): Promise<SyncRun[]> {
	return await Promise.all(
		runs.map(async (run) => (isUnderWay(run) ? await look(carry, run) : run)),
	);
}

/** One look, with all that it leads to at once. */
async function look(carry: CarryOut, before: SyncRun): Promise<SyncRun> {
	const since = clock.now();
	const looked = await goOn(lookNow(before, since), carry, (run, action) =>
		isLookOver(run, action, since),
	);
	return looked.run;
}
