/** How n8n answers whoever called a workflow, by the node at which it was called. */
import type { NodeTypeAndVersion } from 'n8n-workflow';

type CalledNode = Pick<NodeTypeAndVersion, 'type' | 'parameters'>;

/** The parameters that decide how n8n answers. */
interface Parameters {
	responseMode?: string;
	/** Of Chat. */
	options?: { responseMode?: string };
	/** Of a page of a form. */
	operation?: string;
	/** Of Wait. */
	resume?: string;
}

/**
 * The modes in which n8n has answered by the time that the next node runs. In any other it takes the start of a wait for
 * the end of the workflow, and what it streams ends there.
 */
const ANSWERED_AT_ONCE = ['onReceived', 'responseNodes'];

/** Whether the answer may come after the next node has run: of a Webhook, Chat or Form; never of what nobody calls. */
export function isAnsweredLater(node: CalledNode): boolean {
	const mode = responseModeOf(node);
	return mode !== undefined && !ANSWERED_AT_ONCE.includes(mode);
}

/** Whether the answer is left to a Respond to Webhook node. */
export function isAnsweredByNode(node: CalledNode): boolean {
	return responseModeOf(node) === 'responseNode';
}

export function isChat({ type }: CalledNode): boolean {
	return type.endsWith('.chatTrigger');
}

/** As n8n finds it; in a Chat Trigger it is an option, absent unless somebody added it. */
function responseModeOf(node: CalledNode): string | undefined {
	const { responseMode, options, operation } = (node.parameters ?? {}) as Parameters;
	if (isChat(node)) return options?.responseMode ?? 'lastNode';
	if (isFormPage(node)) return operation === 'completion' ? 'onReceived' : 'responseNode';
	return responseMode;
}

function isFormPage({ type }: CalledNode): boolean {
	return type.endsWith('.form');
}

/**
 * Whether n8n sends whoever fills in a form on to its next page as soon as there is one, whatever the form's parameters
 * say, and lets the browser ask for it until then.
 *
 * @param later the nodes that come after it
 */
export function hasNextPage(node: CalledNode, later: NodeTypeAndVersion[]): boolean {
	const pages = later.filter(({ disabled }) => !disabled);
	if (isFormPage(node)) return pages.some(isFormPage);
	const isForm = node.type.endsWith('.formTrigger');
	return isForm && pages.some((page) => isFormPage(page) || isWaitingForm(page));
}

function isWaitingForm({ type, parameters }: CalledNode): boolean {
	return isWait({ type }) && (parameters as Parameters | undefined)?.resume === 'form';
}

/** Whether somebody may have called it to let the execution go on: a Wait node, a page of a form. */
export function goesOnByCall(node: CalledNode): boolean {
	return isWait(node) || isFormPage(node);
}

function isWait({ type }: CalledNode): boolean {
	return type.endsWith('.wait');
}
