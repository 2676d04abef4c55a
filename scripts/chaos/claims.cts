/** What an execution says of its syncs, as a user reads it in n8n: from outputs and errors. */
import type { IDataObject } from 'n8n-workflow';

import { type Execution, errorOf, itemsOf } from '../n8n/execution.cts';
import { STATUS, SYNC } from './workflows.cts';

/** What is said of one item. */
export type Claim =
	/** `rows` is absent where they are not told, and null where they should have been. */
	| { is: 'succeeded'; jobId: number; rows?: number | null }
	| { is: 'failed'; jobId: number }
	| { is: 'cancelled'; jobId: number }
	| { is: 'timed out'; jobId: number; cancelled: boolean }
	/** Another job was running. */
	| { is: 'busy'; jobId: number }
	/** Another job was running, and that was all right. */
	| { is: 'skipped'; jobId: number }
	| { is: 'not started' }
	/** A job's status that is not its end, because something else went wrong. */
	| { is: 'named'; jobId: number; status: string }
	/** Something else than the job went wrong; the text may name jobs. */
	| { is: 'gave up'; text: string; jobIds: number[] }
	| { is: 'nothing' };

/**
 * What the execution says of each of its items.
 *
 * @param count how many there are
 */
export function claimsOf(execution: Execution, count: number): Claim[] {
	const thrown = thrownClaims(execution);
	return Array.from({ length: count }, (_, item) => {
		if (thrown) return thrown.get(item) ?? { is: 'nothing' };
		return outputClaim(execution, item);
	});
}

/** Whether an execution ended by an error of n8n's own, not one of the nodes'. */
export function endedByN8n(execution: Execution): boolean {
	return execution.status === 'crashed' || (execution.status === 'error' && !nodeError(execution));
}

interface NodeError {
	message: string;
	description?: string | null;
	node?: { name?: string };
	context?: { itemIndex?: number };
}

const OWN_ERRORS = ['NodeApiError', 'NodeOperationError'];

/** The error with which one of our nodes ended the execution. */
function nodeError(execution: Execution): NodeError | undefined {
	const error = errorOf(execution);
	const node = (error as NodeError | undefined)?.node?.name;
	if (!error || !OWN_ERRORS.includes(error.name)) return undefined;
	return node === SYNC || node === STATUS ? (error as NodeError) : undefined;
}

function thrownClaims(execution: Execution): Map<number, Claim> | undefined {
	const error = nodeError(execution);
	if (!error) return undefined;
	const description = error.description ?? '';
	const [own, others = ''] = description.split(' Of the other items: ');
	const claims = new Map<number, Claim>();
	for (const [, item, text] of others.matchAll(/item (\d+): (.*?)(?=; item \d+: |\.?$)/g)) {
		claims.set(Number(item), claimIn(text, text));
	}
	claims.set(error.context?.itemIndex ?? 0, claimIn(error.message, own));
	return claims;
}

/** An item that failed has no job to wait for, so what the first node said of it stands. */
function outputClaim(execution: Execution, item: number): Claim {
	const started = itemAt(execution, SYNC, item);
	const hasEnded = started && !('error' in started) ? itemAt(execution, STATUS, item) : undefined;
	const said = hasEnded ?? started;
	if (!said) return { is: 'nothing' };
	if (!('error' in said)) return outputOfJob(said);
	const jobId = (said.details as IDataObject | undefined)?.jobId;
	const named = jobId === undefined ? '' : ` job ${String(jobId)}`;
	return claimIn(String(said.error), `${String(said.message)}${named}`);
}

function itemAt(execution: Execution, node: string, item: number): IDataObject | undefined {
	const items = itemsOf(execution, node);
	return items.find(({ pairedItem }) => pairedTo(pairedItem) === item)?.json;
}

function pairedTo(pairedItem: unknown): number | undefined {
	if (typeof pairedItem === 'number') return pairedItem;
	return (pairedItem as { item?: number } | undefined)?.item;
}

function outputOfJob({ jobId, status, rowsSynced, skipped }: IDataObject): Claim {
	if (skipped) return { is: 'skipped', jobId: Number(jobId) };
	const claim = jobClaim(Number(jobId), String(status));
	return claim.is === 'succeeded' ? { ...claim, rows: (rowsSynced as number) ?? null } : claim;
}

function jobClaim(jobId: number, status: string): Claim {
	if (status === 'succeeded' || status === 'failed' || status === 'cancelled') {
		return { is: status, jobId };
	}
	return { is: 'named', jobId, status };
}

/** A description may follow, in the list of other items. */
const SENTENCES: Array<[RegExp, (jobId: number, status: string) => Claim]> = [
	[/^job (\d+) ([\w-]+)(?=\.|$)/, (jobId, status) => jobClaim(jobId, status)],
	[/^Airbyte job (\d+) failed(?=\.|$)/, (jobId) => ({ is: 'failed', jobId })],
	[/^Airbyte job (\d+) was cancelled(?=\.|$)/, (jobId) => ({ is: 'cancelled', jobId })],
	[
		/^Airbyte job (\d+) did not end within .* and was cancelled(?=\.|$)/,
		(jobId) => ({ is: 'timed out', jobId, cancelled: true }),
	],
	[
		/^Airbyte job (\d+) did not end within .* and may still be running(?=\.|$)/,
		(jobId) => ({ is: 'timed out', jobId, cancelled: false }),
	],
	[/\(job (\d+)\) is running on .* already(?=\.|$)/, (jobId) => ({ is: 'busy', jobId })],
	[/^Not started, as another item failed before(?=\.|$)/, () => ({ is: 'not started' })],
	[
		/^Job (\d+) was not looked at, as another item failed before(?=\.|$)/,
		(jobId) => ({ is: 'named', jobId, status: 'unknown' }),
	],
];

/** @param more what may name jobs besides the message */
function claimIn(message: string, more: string): Claim {
	for (const [sentence, claim] of SENTENCES) {
		const match = sentence.exec(message);
		if (match) return claim(Number(match[1]), match[2]);
	}
	const text = `${message} ${more}`;
	const jobIds = [...text.matchAll(/\bjob (\d+)/gi)].map(([, id]) => Number(id));
	return { is: 'gave up', text: message, jobIds: [...new Set(jobIds)] };
}
