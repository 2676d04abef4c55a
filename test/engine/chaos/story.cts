/** A life to read, for the message of a test that fails. */
import type { Life } from './live.cts';

export function story(life: Life): string {
	const seconds = (at: number) => `${((at - life.startedAt) / 1_000).toFixed(1)} s`;
	const calls = life.calls.map((call) => {
		const fault = call.fault ? ` (${call.fault})` : '';
		return { at: call.at, text: `${call.method} ${call.path} -> ${call.status}${fault}` };
	});
	const started = life.started.map(({ at, jobId, origin }) => ({
		at,
		text: `    job ${jobId} starts (${origin})`,
	}));
	const cancels = life.cancels.map(({ at, cancelledJobId }) => ({
		at,
		text: `    job ${cancelledJobId} is cancelled`,
	}));
	const stop = life.stoppedAt === undefined ? [] : [{ at: life.stoppedAt, text: '    STOP' }];
	const end = life.end ? [{ at: life.end.at, text: `    END ${told(life)}` }] : [];
	const lines = [...calls, ...started, ...cancels, ...stop, ...end].sort((a, b) => a.at - b.at);
	return [
		`${life.driver}, ${JSON.stringify(life.world)}`,
		...lines.map(({ at, text }) => `${seconds(at).padStart(10)}  ${text}`),
		`    jobs in the end: ${life.jobs.map(({ jobId, status }) => `${jobId} ${status}`).join(', ')}`,
	].join('\n');
}

function told({ end }: Life): string {
	const outputs = end?.outputs.map((items) => items.map(({ json }) => json));
	return `${end?.status} ${JSON.stringify(end?.error ?? outputs)}`;
}
