/**
 * The executions that wake a waiting one: workflows of two nodes, `Start -> Ring`, with Ring wired back to itself. Ring
 * parks its execution until its next time and returns its item; n8n then passes that on, so that Ring runs again. Its
 * timer is a date in n8n's database: it survives restarts and takes no worker in between.
 */
import type {
	IDataObject,
	IExecuteFunctions,
	INode,
	INodeCredentials,
	IWorkflowBase,
	RelatedExecution,
} from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { clock } from '../api/clock';
import { runDataOf } from './context';
import type { Sibling } from './sibling';
import type { Wait } from './wait';

/** `watcher`: looks after the wait. `watchdog`: is there in case that n8n loses the watcher. */
export type Role = 'watcher' | 'watchdog';

/** The hidden parameter that gives Ring its role; empty in users' workflows. */
export const ROLE_PARAMETER = 'role';

/** What a watcher or watchdog carries from ring to ring. n8n hands this very object to the next ring. */
export interface ChildState extends IDataObject {
	wait: Wait & IDataObject;
	/** The signed resume URL of the wait. */
	url: string;
	/** The credential that a watcher is to have: its name and id. A watchdog has none of its own. */
	credentials?: INodeCredentials & IDataObject;
	/** When it is to ring next, milliseconds since the epoch; absent before it was set. */
	due?: number;
	/** Whether the execution was ever seen to wait; one that never did has crashed before. */
	wasWaiting: boolean;
	/** How many rings in a row saw the execution neither wait nor end. */
	goingOn: number;
	/** When the execution was found to be stopped. */
	stoppedAt?: number;
	/** The other child; absent before it is there. */
	sibling?: Sibling;
}

/**
 * What n8n keeps with a child of whose child it is, with a mark of ours: a workflow's author can give a node the parameter
 * and any item, and call it from any execution, but only code can set this.
 */
interface Parent extends RelatedExecution {
	airbyteRole: Role;
}

/**
 * The role that this node has in a child that {@link startChild} started.
 *
 * @throws {NodeOperationError} anywhere else
 */
export function roleOf(context: IExecuteFunctions): Role | undefined {
	const role = context.getNodeParameter(ROLE_PARAMETER, 0, '');
	if (role === '') return undefined;
	const { airbyteRole } = (runDataOf(context)?.parentExecution ?? {}) as Partial<Parent>;
	if (airbyteRole === role) return airbyteRole;
	throw new NodeOperationError(context.getNode(), "'Role' is not for workflows", {
		description: 'Only this node itself uses it, in executions that it starts. Add the node anew.',
	});
}

export function stateOfChild(context: IExecuteFunctions): ChildState {
	return (context.getInputData()[0]?.json ?? {}) as ChildState;
}

/** Empties what n8n keeps of each time that Ring has run, which would grow without end. */
export function forgetRings(context: IExecuteFunctions): void {
	runDataOf(context)?.resultData.runData[context.getNode().name]?.splice(0);
}

/** Milliseconds for n8n to store a child: its database may just be starting again. */
const STORING = 30_000;

/** Milliseconds until it is asked whether it has, twice as many each time: where many park at once, n8n is busy. */
const STORED_YET = 50;
const MOST_STORED_YET = 2_000;

/**
 * Starts a watcher or watchdog; see also {@link dueOnceStored}.
 *
 * @returns its execution
 * @throws whatever keeps n8n from it; a child that was started for nothing ends by itself
 */
export async function startChild(
	context: IExecuteFunctions,
	role: Role,
	state: ChildState,
): Promise<string> {
	const { executionId } = state.wait;
	// A copy: the child keeps its state in it.
	const json: ChildState = { ...state, due: undefined, goingOn: 0 };
	const parentExecution: Parent = {
		executionId,
		workflowId: context.getWorkflow().id ?? '',
		shouldResume: false,
		airbyteRole: role,
	};
	const child = await context.executeWorkflow(
		{ code: workflowOf(context.getNode().type, role, state) },
		[{ json }],
		undefined,
		{ doNotWaitToFinish: true, parentExecution, executionMode: context.getMode() },
	);
	return child.executionId;
}

/**
 * Waits until n8n has stored a child: before, a crash would take it along, and an execution that was parked meanwhile would
 * wait until after its Timeout.
 *
 * @param id its execution
 * @returns when it is to ring, milliseconds since the epoch
 * @throws {Error} where n8n does not store it in time, or has refused it
 */
export async function dueOnceStored(context: IExecuteFunctions, id: string): Promise<number> {
	const deadline = clock.now() + STORING;
	let pause = STORED_YET;
	while (clock.now() < deadline) {
		await clock.sleep(pause);
		pause = Math.min(2 * pause, MOST_STORED_YET);
		const stored = await context.getExecutionDataById(id).catch(() => undefined);
		if (stored?.waitTill) return new Date(stored.waitTill).getTime();
		if (stored?.resultData.error) break;
	}
	throw new Error('n8n has not stored an execution that wakes this one');
}

function workflowOf(type: string, role: Role, { credentials }: ChildState): IWorkflowBase {
	const start: INode = {
		id: 'start',
		name: 'Start',
		type: 'n8n-nodes-base.executeWorkflowTrigger',
		typeVersion: 1.1,
		position: [0, 0],
		parameters: { inputSource: 'passthrough' },
	};
	const ring: INode = {
		id: 'ring',
		name: 'Ring',
		// The prefix depends on how the package was loaded (community package or custom folder).
		type: type.replace(/\.[^.]+$/, '.airbyteTriggerSync'),
		typeVersion: 1,
		position: [200, 0],
		parameters: { [ROLE_PARAMETER]: role },
		// n8n ends each execution whose node may not use its credential any more. The watchdog outlives that.
		...(role === 'watcher' && { credentials }),
	};
	const toRing = { main: [[{ node: 'Ring', type: 'main', index: 0 }]] };
	return {
		name: `Airbyte wait (${role})`,
		nodes: [start, ring],
		connections: { Start: toRing, Ring: toRing },
		settings: SETTINGS,
	} as unknown as IWorkflowBase;
}

const SETTINGS = {
	executionOrder: 'v1',
	// n8n counts the time that an execution has waited, too: its own limit (EXECUTIONS_TIMEOUT) would end the child of a
	// longer sync at its next ring. The sync has the node's timeout.
	executionTimeout: -1,
	// Nobody needs to see it once it has ended. One that n8n takes for crashed may be running, and parks again if it is there.
	saveDataSuccessExecution: 'none',
	saveDataErrorExecution: 'all',
	saveExecutionProgress: false,
	// The instance's default may forbid what only this node calls.
	callerPolicy: 'any',
};
