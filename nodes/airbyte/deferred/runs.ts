import type { IRunData, ITaskData } from 'n8n-workflow';

/** All that has run, first to last. */
export function runsIn(runData: IRunData = {}): Array<{ node: string; run: ITaskData }> {
	return Object.entries(runData)
		.flatMap(([node, runs]) => runs.map((run) => ({ node, run })))
		.sort((a, b) => a.run.executionIndex - b.run.executionIndex);
}
