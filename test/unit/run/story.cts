/** A history to read, for the message of a test that fails. */
import type { Outcome } from '../../../nodes/airbyte/run/action';
import type { History } from './live.cts';

interface Line {
	at: number;
	text: string;
}

export function story(history: History): string {
	const { airbyte, calls, sleeps, parkings, run, startedAt, endedAt, stoppedAt } = history;
	const seconds = (at: number) => `${((at - startedAt) / 1_000).toFixed(3)} s`.padStart(14);
	const lines: Line[] = [
		...sleeps.map(({ at, until }) => ({ at, text: `sleeps until ${seconds(until).trim()}` })),
		...calls.map(({ action, run: asking, sentAt, answeredAt, outcome }) => ({
			at: sentAt,
			text:
				`${asking.attempt} ${asking.stage}${asking.ending ? ` (${asking.ending.why})` : ''}: ${JSON.stringify(action)}` +
				` -> ${outcome ? told(outcome) : 'the process dies'} (${seconds(answeredAt).trim()})`,
		})),
		...airbyte.jobs.map((job) => ({
			at: job.createdAt,
			text: `* job ${job.jobId} (${job.jobType}) by ${job.by}, cancelled: ${job.cancelledAt !== undefined}`,
		})),
		...parkings.map(({ at, run: parked }) => ({ at, text: `parks, ${parked.stage}` })),
		...(stoppedAt === undefined ? [] : [{ at: stoppedAt, text: '* stop' }]),
		{ at: endedAt, text: `result ${JSON.stringify(run.result)}, ours: ${run.ours}` },
	];
	const sorted = lines.map((line, index) => ({ ...line, index }));
	sorted.sort((a, b) => a.at - b.at || a.index - b.index);
	const shown = sorted.length > 80 ? [...sorted.slice(0, 40), ...sorted.slice(-40)] : sorted;
	return shown.map(({ at, text }) => `${seconds(at)}  ${text}`).join('\n');
}

function told(outcome: Outcome): string {
	switch (outcome.is) {
		case 'connection':
			return String(outcome.connection.status);
		case 'jobs':
			return `[${outcome.jobs.map(({ jobId, status }) => `${jobId} ${status}`).join(', ')}]`;
		case 'job':
			return `${outcome.job.jobId} '${outcome.job.status}'`;
		case 'count':
			return `${outcome.running} elsewhere`;
		case 'record':
			return `${outcome.record.failure?.type}, ${outcome.record.rowsRejected} rejected`;
		case 'log':
			return outcome.log;
		case 'problem':
			return `${outcome.problem.kind} ${outcome.problem.httpStatus ?? ''}`;
	}
}
