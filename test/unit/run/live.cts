/**
 * Lives a run to its end in a small world, as the drivers do: it carries out what the machine asks for, sleeps in
 * between, and stores the run as JSON where it is parked. It judges nothing; what happened comes back as a history.
 */
import type { JobType } from '../../../nodes/airbyte/api/job';
import { stop, STOP_PATIENCE } from '../../../nodes/airbyte/run/cancel';
import { apply, step } from '../../../nodes/airbyte/run/machine';
import { canPark, hasMovedOn, isLookOver, lookNow } from '../../../nodes/airbyte/run/parking';
import type { Order } from '../../../nodes/airbyte/run/order';
import type { Call, Outcome } from '../../../nodes/airbyte/run/action';
import type { SyncRun } from '../../../nodes/airbyte/run/run';
import { begin } from '../../../nodes/airbyte/run/run';
import type { FaultName } from './faults.cts';
import { faultOf, unanswered } from './faults.cts';
import type { ModelSettings, OthersJob } from './model.cts';
import { Airbyte } from './model.cts';

/** What happens to one call, the first, the second, and so on, whatever it is for. */
export interface CallPlan {
	fault: FaultName | 'none';
	/** Milliseconds on the way there and back; back may be hours, when the machine sleeps meanwhile. */
	there: number;
	back: number;
	/** Milliseconds until the next step: the process was held up, or ended and was started again. */
	pause: number;
	/** The process dies before the answer arrives, while the run is in n8n's database; elsewhere nothing goes on. */
	dies?: boolean;
}

export interface World extends Omit<ModelSettings, 'startsAt'> {
	order: Order;
	/** Jobs of others; for an order that follows a job, the first one is that job. */
	others: OthersJob[];
	calls: CallPlan[];
	/** What happens to all further calls. */
	rest: FaultName | 'none';
	/** How long after an error a submission's job appears, if it does that. */
	lateBy: number;
	/** By how much a sleep takes too long. */
	oversleep: number;
	/** When the execution is stopped: so many milliseconds after the beginning, or while a call is under way. */
	stop?: { after: number } | { inCall: number };
}

export interface CallRecord {
	action: Call;
	/** The run that asked for it. */
	run: SyncRun;
	sentAt: number;
	arrivedAt: number;
	answeredAt: number;
	/** Undefined when the process died on it. */
	outcome?: Outcome;
	/** How many sleeps and parkings there were before it. */
	sleeps: number;
	/** Jobs of the run there were when it was sent, and submissions whose job was still to come. */
	jobsBefore: number[];
	pendingBefore: number;
	/** The state of the job that it names, when it arrived. */
	truth?: string;
	/** Whether it belongs to a look in n8n's database during which the process died. */
	isForgotten?: boolean;
}

export interface SleepRecord {
	at: number;
	until: number;
	run: SyncRun;
}

interface ParkingRecord {
	at: number;
	/** The run in n8n's database. */
	run: SyncRun;
	/** The run's jobs that have not ended. */
	unended: number[];
}

export interface History {
	world: World;
	airbyte: Airbyte;
	calls: CallRecord[];
	sleeps: SleepRecord[];
	/** When the run was parked in n8n's database. */
	parkings: ParkingRecord[];
	stoppedAt?: number;
	/** Whether it was stopped there: then its lookout cancels what it started. */
	stoppedParked: boolean;
	startedAt: number;
	endedAt: number;
	/** The run at its end; it is not settled when the life was too long. */
	run: SyncRun;
}

const MINUTE = 60_000;

/** When every life begins. */
export const START = 1_800_000_000_000;

/** More steps than any life needs. */
const MOST_STEPS = 10_000;

/** A call that goes well. */
export const CALM: CallPlan = { fault: 'none', there: 40, back: 40, pause: 0 };

export function live(world: World): History {
	return new Life(world).live();
}

class Life {
	private now = START;
	private readonly airbyte: Airbyte;
	private readonly history: History;
	private run: SyncRun;
	/** The run in n8n's database, while it is there. */
	private parked?: SyncRun;
	private lookSince = START;

	constructor(private readonly world: World) {
		this.airbyte = new Airbyte({ ...world, startsAt: START });
		for (const others of world.others) {
			this.airbyte.at(START + others.at, () => this.airbyte.startAnothers(others));
		}
		this.airbyte.advanceTo(START);
		this.run = begin(world.order, START);
		this.history = {
			world,
			airbyte: this.airbyte,
			calls: [],
			sleeps: [],
			parkings: [],
			stoppedParked: false,
			startedAt: START,
			endedAt: START,
			run: this.run,
		};
	}

	live(): History {
		for (let steps = 0; steps < MOST_STEPS; steps++) {
			if (this.history.stoppedAt === undefined && this.isStopDue()) this.stop();
			if (this.history.stoppedParked) break;
			const next = step(frozen(this.run), this.now);
			this.run = frozen(next.run);
			const { action } = next;
			if (action.do === 'settled') break;
			const { parked } = this;
			if (parked && isLookOver(this.run, action, this.lookSince)) this.endLook(parked);
			else if (action.do === 'sleep') this.rest(action.until);
			else this.call(action);
		}
		this.airbyte.advanceTo(this.now);
		return { ...this.history, endedAt: this.now, run: this.run };
	}

	/** A sleep, or a parking in n8n's database. */
	private rest(until: number): void {
		const { parked, run, history } = this;
		const mayPark = !parked && canPark(run) && history.stoppedAt === undefined;
		return mayPark ? this.park(run) : this.sleep(until);
	}

	/** What a look finds out is forgotten, unless the execution goes on with it. */
	private endLook(parked: SyncRun): void {
		if (hasMovedOn(parked, this.run)) this.parked = undefined;
		else this.park(parked);
	}

	/** The process died during a look. */
	private forget(parked: SyncRun): void {
		for (const call of this.history.calls) call.isForgotten ||= call.sentAt >= this.lookSince;
		this.park(parked);
	}

	private park(run: SyncRun): void {
		this.airbyte.advanceTo(this.now);
		this.history.parkings.push({ at: this.now, run, unended: this.airbyte.unendedOf(run.order) });
		const { waitSeconds, timeout } = run.order;
		this.now += Math.max(MINUTE, waitSeconds * 1_000, timeout * 25) + this.world.oversleep;
		this.lookSince = this.now;
		this.parked = stored(run);
		this.run = lookNow(this.parked, this.now);
	}

	private stop(): void {
		this.history.stoppedAt = this.now;
		this.history.stoppedParked = this.parked !== undefined;
		this.run = this.parked ?? stop(this.run, this.now, STOP_PATIENCE);
	}

	private isStopDue(): boolean {
		const { stop: planned } = this.world;
		if (planned === undefined) return false;
		if ('after' in planned) return this.now >= START + planned.after;
		return this.history.calls.length > planned.inCall;
	}

	private sleep(until: number): void {
		this.history.sleeps.push({ at: this.now, until, run: this.run });
		const stopAt = this.stopMoment();
		const wakesAt = Math.max(this.now, until + this.world.oversleep);
		// The laws report a sleep into the past; here it takes no time.
		this.now = stopAt !== undefined && stopAt < wakesAt ? Math.max(this.now, stopAt) : wakesAt;
	}

	/** The moment of a stop that is still to come. */
	private stopMoment(): number | undefined {
		const { stop: planned } = this.world;
		if (this.history.stoppedAt !== undefined || !planned || !('after' in planned)) return undefined;
		return START + planned.after;
	}

	private call(action: Call): void {
		const number = this.history.calls.length;
		const plan = this.world.calls[number] ?? { ...CALM, fault: this.world.rest };
		const record: CallRecord = {
			action,
			run: this.run,
			sentAt: this.now,
			arrivedAt: this.now + plan.there,
			answeredAt: this.now + plan.there + plan.back,
			sleeps: this.history.sleeps.length + this.history.parkings.length,
			jobsBefore: [],
			pendingBefore: 0,
		};
		this.airbyte.advanceTo(this.now);
		record.jobsBefore = this.airbyte.ownOf(this.world.order).map(({ jobId }) => jobId);
		record.pendingBefore = this.airbyte.pendingSubmissions;
		const isStopped = !this.parked && this.stopsDuring(number, record);
		const answer = this.serve(plan, record);
		this.airbyte.advanceTo(record.answeredAt);
		this.now = record.answeredAt + plan.pause;
		this.history.calls.push(record);
		// Nothing of a look is stored before its end.
		if (plan.dies && this.parked) return this.forget(this.parked);
		record.outcome = isStopped ? { is: 'problem', problem: unanswered } : answer();
		this.run = apply(this.run, record.outcome, record.answeredAt);
	}

	/** A stop ends a call that is under way; what it did at Airbyte, or still does, stays. */
	private stopsDuring(number: number, record: CallRecord): boolean {
		const { stop: planned } = this.world;
		if (!planned || this.history.stoppedAt !== undefined) return false;
		const { sentAt, arrivedAt, answeredAt } = record;
		let moment: number;
		if ('after' in planned) moment = START + planned.after;
		else if (planned.inCall === number) moment = Math.round((sentAt + 2 * arrivedAt) / 3);
		else return false;
		if (moment <= sentAt || moment >= answeredAt) return false;
		record.answeredAt = moment;
		return true;
	}

	/** Lets the call have its effect when it is to, and gives what reads its answer afterwards. */
	private serve(plan: CallPlan, record: CallRecord): () => Outcome {
		const { action, arrivedAt, answeredAt } = record;
		const planned = plan.fault === 'none' ? undefined : faultOf(plan.fault);
		const isStruck = action.do === 'submit' || !planned?.onlySubmissions;
		const fault = isStruck ? planned : undefined;
		const problem: Outcome | undefined = fault && { is: 'problem', problem: fault.problem };
		if (fault?.effect === 'late' && action.do === 'submit') {
			// From when the caller may know of the error, and no longer than Airbyte takes at most.
			const moment = Math.min(arrivedAt, answeredAt) + this.world.lateBy;
			this.airbyte.submitLate(action.jobType, moment);
		} else if (fault?.effect !== 'none') {
			let answer: Outcome | undefined;
			this.airbyte.at(arrivedAt, () => {
				record.truth = truthOf(this.airbyte, action);
				answer = carriedOut(this.airbyte, action, record.sentAt);
			});
			return () => problem ?? answer ?? { is: 'problem', problem: unanswered };
		}
		return () => problem ?? { is: 'problem', problem: unanswered };
	}
}

function carriedOut(airbyte: Airbyte, action: Call, askedAt: number): Outcome {
	const answer = answerTo(airbyte, action);
	return 'askedAt' in answer ? { ...answer, askedAt } : answer;
}

function answerTo(airbyte: Airbyte, action: Call): Outcome {
	switch (action.do) {
		case 'inspect':
			return airbyte.inspect();
		case 'find':
			return airbyte.find(action.since, action.withConnection);
		case 'count':
			return airbyte.count();
		case 'submit':
			return airbyte.submit(action.jobType satisfies JobType);
		case 'look':
			return airbyte.look(action.jobId, action.withConnection);
		case 'cancel':
			return airbyte.cancel(action.jobId);
		case 'compare':
			return airbyte.compare();
		case 'explain':
			return airbyte.explain(action.jobId);
		case 'readLog':
			return { is: 'log', log: `of job ${action.jobId}` };
	}
}

function truthOf(airbyte: Airbyte, action: Call): string | undefined {
	const job = 'jobId' in action ? airbyte.job(action.jobId) : undefined;
	return job && airbyte.statusOf(job);
}

/** So that the machine cannot change its input. */
function frozen(run: SyncRun): SyncRun {
	return Object.freeze(run);
}

/** The run as n8n's database gives it back. */
function stored(run: SyncRun): SyncRun {
	return JSON.parse(JSON.stringify(run)) as SyncRun;
}
