/** What n8n has in every context, but not in its type. */
import type { IRunExecutionData, IWorkflowExecuteAdditionalData } from 'n8n-workflow';

export function runDataOf(context: object): IRunExecutionData | undefined {
	return (context as { runExecutionData?: IRunExecutionData }).runExecutionData;
}

export function additionalDataOf(context: object): IWorkflowExecuteAdditionalData | undefined {
	return (context as { additionalData?: IWorkflowExecuteAdditionalData }).additionalData;
}

/**
 * Puts an execution to wait without `putExecutionToWait`, by which n8n would keep it in memory as well: a worker would keep
 * a child for ever, and a process that shuts down would wait for the execution as for one that runs, and then crash.
 */
export function putToWaitUntil(context: object, at: number): void {
	const data = runDataOf(context);
	if (data) data.waitTill = new Date(at);
}
