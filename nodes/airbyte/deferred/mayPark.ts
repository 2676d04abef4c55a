/**
 * Whether an execution may park, and why not. Where n8n would take the start of the wait for its end, and somebody would
 * get that for a result, the node waits in the running execution.
 */
import type { IExecuteFunctions, NodeTypeAndVersion } from 'n8n-workflow';

import { goesOnByCall, hasNextPage, isAnsweredByNode, isAnsweredLater, isChat } from './answer';
import type { AtStake } from './callers';
import { callerThatWaitsFor, callersOf, mayBeOneOfMany } from './callers';
import { runDataOf } from './context';
import { canBeCalled, resumeUrl } from './resumeUrl';
import { runsIn } from './stack';

/** Why this execution cannot park, for a hint; undefined if it can. */
export async function whyNotToPark(context: IExecuteFunctions): Promise<string | undefined> {
	return (
		whyNotHere(context) ?? (await whyNotForCallers(context)) ?? (await whyUnreachable(context))
	);
}

/** What stands against it in this execution itself. */
function whyNotHere(context: IExecuteFunctions): string | undefined {
	const ran = ranBefore(context);
	if (callerThatWaitsFor(runDataOf(context)) && mayBeOneOfMany(ran[0]?.items)) return oneOfMany();
	const hasResponded = ran.some(({ node }) => node.type.endsWith('.respondToWebhook'));
	const called = ran.find(({ node }, index) => {
		const mayBeCalled = index === 0 || goesOnByCall(node);
		return mayBeCalled && isAnswerOwed(context, node, hasResponded);
	})?.node;
	if (!called) return undefined;
	const instead = isChat(called)
		? "Set its 'Response Mode' to 'Using Response Nodes'"
		: "Let it respond immediately, or by a 'Respond to Webhook' node before this one";
	return answerOwed(`'${called.name}'`, instead);
}

function oneOfMany(andWhich = ''): string {
	return `The wait is held in the running execution: where a sub-workflow is called once for each item${andWhich}, n8n would go on with the first one's result. Call it with all items at once, or without waiting for it, to have it wait in n8n's database.`;
}

function answerOwed(node: string, instead: string): string {
	return `The wait is held in the running execution: whoever called ${node} waits for an answer, for which n8n would take the start of the wait. ${instead}, to have it wait in n8n's database.`;
}

/** The nodes before this one that have run, in their order, and how many items they gave. */
function ranBefore(
	context: IExecuteFunctions,
): Array<{ node: NodeTypeAndVersion; items?: number }> {
	const nodes = context.getParentNodes(context.getNode().name, { includeNodeParameters: true });
	return runsIn(runDataOf(context)?.resultData.runData).flatMap(({ node: name, run }) => {
		const node = nodes.find((one) => one.name === name);
		return node ? [{ node, items: run.data?.main[0]?.length }] : [];
	});
}

/**
 * Whether somebody who called the execution at this node still waits for an answer. In queue mode n8n lets go of a Respond
 * to Webhook node that comes after a wait, too.
 */
function isAnswerOwed(
	context: IExecuteFunctions,
	node: NodeTypeAndVersion,
	hasResponded: boolean,
): boolean {
	if (!isAnsweredLater(node) || (isAnsweredByNode(node) && hasResponded)) return false;
	const later = context.getChildNodes(node.name, { includeNodeParameters: true });
	return !hasNextPage(node, later);
}

/** What stands against it in the executions that wait for this one. */
async function whyNotForCallers(context: IExecuteFunctions): Promise<string | undefined> {
	const callers = await callersOf(context).catch(() => undefined);
	if (!callers)
		return "The wait is held in the running execution: n8n's database did not tell who called this sub-workflow.";
	const reasons = callers.map(({ id, atStake }) => atStake && whyNotFor(id, atStake));
	return reasons.find((reason) => reason !== undefined);
}

function whyNotFor(id: string, atStake: AtStake): string {
	const instead = 'call this sub-workflow without waiting for it';
	switch (atStake.is) {
		case 'others':
			return oneOfMany(`, as execution ${id} may be, which waits for this one`);
		case 'answer':
			return answerOwed(
				`'${atStake.node}' of execution ${id}, which waits for this one,`,
				`Let it respond immediately, or ${instead}`,
			);
		case 'unknown':
			return `The wait is held in the running execution: n8n does not tell whether somebody waits for an answer of execution ${id}, which waits for this one: it saves its progress, or was called while it waited. To have it wait in n8n's database, ${instead}.`;
	}
}

/** n8n has to be able to call itself, too. */
async function whyUnreachable(context: IExecuteFunctions): Promise<string | undefined> {
	if (await canBeCalled(context)) return undefined;
	return `The wait is held in the running execution: n8n cannot reach its own address ${new URL(resumeUrl(context)).origin}, which the deferrable mode calls. Set WEBHOOK_URL to an address that works from inside n8n as well.`;
}
