/** What n8n has in every context, but not in its type. */
import type { IRunExecutionData, IWorkflowExecuteAdditionalData } from 'n8n-workflow';

export function runDataOf(context: object): IRunExecutionData | undefined {
	return (context as { runExecutionData?: IRunExecutionData }).runExecutionData;
}

export function additionalDataOf(context: object): IWorkflowExecuteAdditionalData | undefined {
	return (context as { additionalData?: IWorkflowExecuteAdditionalData }).additionalData;
}
