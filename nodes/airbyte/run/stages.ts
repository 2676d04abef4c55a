/** The stages of a run, in the order in which it comes to them, and what holds in each. */

interface Traits {
	/** A job is about to be started, or may have been: others on the same connection had better wait. */
	starts?: true;
	/** Nothing has come of the start so far: time in which Airbyte is not asked does not count as its absence. */
	approaches?: true;
	/** From the look that a submission decides on to its answer. */
	submits?: true;
	/** Succeeds between two refused submissions or cancels, which must not reset the backoff. */
	leadsToTry?: true;
	/** Looks now and then at what it waits for. */
	looks?: true;
	/** Looks at the job that is in the way of ours. */
	isAboutBlocker?: true;
	/** Decides on what was seen in that stage, and goes back to it where that is too old. */
	decidesOn?: 'finding' | 'replacing' | 'verifying';
}

const TRAITS = {
	/** The item waits for its turn in the batch. */
	notBegun: {},
	/** Reading the connection: does it exist, may it run, where is its page? */
	inspecting: { starts: true, approaches: true },
	/** Reading the connection's newest jobs before a new one is asked for. */
	finding: { starts: true, approaches: true, submits: true, leadsToTry: true },
	/** Another job runs on the connection: looking at it until it ends. */
	queueing: { looks: true, isAboutBlocker: true },
	/** Another job does what is asked for, maybe for other streams: reading for which. */
	comparing: { starts: true, approaches: true },
	/** Another job is to make room for ours: looking at it before and after its cancel. */
	replacing: { starts: true, isAboutBlocker: true, leadsToTry: true },
	cancellingBlocker: { starts: true, isAboutBlocker: true, decidesOn: 'replacing' },
	/** Counting the jobs that run in the workspace right before a start. */
	counting: {
		starts: true,
		approaches: true,
		submits: true,
		leadsToTry: true,
		decidesOn: 'finding',
	},
	/** The same while there are too many. */
	crowded: { looks: true },
	submitting: { starts: true, approaches: true, submits: true, decidesOn: 'finding' },
	/** The outcome of the submission is unclear: looking for the job that may have come of it. */
	searching: { starts: true },
	/** Looking at the connection's newest jobs until one of them, which somebody else started, is what is waited for. */
	awaiting: { looks: true },
	/** The job is known; looking at it until it ends. */
	watching: { looks: true },
	/** Before and after a cancel: looking, since that hits whatever runs on the connection, and may get lost. */
	verifying: { leadsToTry: true },
	cancelling: { decidesOn: 'verifying' },
	/** The job ended: reading what only its record tells, such as why it failed. */
	explaining: {},
	/** The job failed for good: reading the end of its last attempt's log. */
	readingLog: {},
	/** The job failed: waiting before a new one is asked for. */
	pausing: {},
	settled: {},
} satisfies Record<string, Traits>;

export type StageName = keyof typeof TRAITS;

export function traitsOf({ stage }: { stage: StageName }): Traits {
	return TRAITS[stage];
}
