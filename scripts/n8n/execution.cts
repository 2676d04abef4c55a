/** What n8n stored about an execution, and how to read it. */
import type {
	ExecutionStatus,
	IDataObject,
	INodeExecutionData,
	IRunExecutionData,
	ITaskData,
	WorkflowExecuteMode,
} from 'n8n-workflow';

export interface ExecutionSummary {
	id: string;
	workflowId: string;
	status: ExecutionStatus;
	mode: WorkflowExecuteMode;
	startedAt: string;
	stoppedAt?: string | null;
	waitTill?: string | null;
}

export interface Execution extends ExecutionSummary {
	data: IRunExecutionData;
	/** The workflow as it was run. */
	workflowData: { name: string };
	/** What it can be found by. */
	customData?: Record<string, string>;
}

/** An error as n8n stores it: its class is gone, its fields are there. */
interface StoredError {
	name: string;
	message: string;
	description?: string | null;
	context?: IDataObject;
}

const FINAL: ExecutionStatus[] = ['success', 'error', 'canceled', 'crashed'];

export const hasEnded = ({ status }: ExecutionSummary): boolean => FINAL.includes(status);

/** All runs of a node, oldest first; empty when it did not run. */
export function runsOf(execution: Execution, node: string): ITaskData[] {
	return execution.data.resultData.runData[node] ?? [];
}

/** The items of a node's last run, with their pairing. */
export function itemsOf(execution: Execution, node: string, output = 0): INodeExecutionData[] {
	return runsOf(execution, node).at(-1)?.data?.main?.[output] ?? [];
}

/** The JSON of the items of a node's last run. */
export function outputOf(execution: Execution, node: string): IDataObject[] {
	return itemsOf(execution, node).map(({ json }) => json);
}

/** The error that ended the execution. */
export function errorOf({ data }: Execution): StoredError | undefined {
	return data.resultData.error as StoredError | undefined;
}

/** By which whoever has it can let an execution that waits go on; of the n8n at that address. */
export function resumeUrlOf(n8n: { url: string }, { id, data }: Execution): string {
	return `${n8n.url}/webhook-waiting/${id}?signature=${data.resumeToken}`;
}
