/** How far an installation of n8n is: one line that moves, or where there is no terminal a line now and then. */
import { SingleBar } from 'cli-progress';

/** As many lines npm logs on its way to n8n 2.41.1 (`--loglevel=http`); to other versions about as many. */
const NPM_LINES = 5_500;
const PLAIN_EVERY_MS = 15_000;

export class InstallProgress {
	private lines = 0;

	private readonly bar = new SingleBar({
		stream: process.stdout,
		format: '  {bar} {percentage} % · {duration_formatted} · about {eta_formatted} left · {step}',
		formatTime: minutes,
		barCompleteChar: '█',
		barIncompleteChar: '░',
		barsize: 24,
		noTTYOutput: true,
		notTTYSchedule: PLAIN_EVERY_MS,
		// All since the start: npm has fast and slow stretches.
		etaBuffer: NPM_LINES,
		// Ctrl-C ends the whole command.
		gracefulExit: false,
	});

	start(): void {
		this.bar.start(NPM_LINES, 0, { step: '' });
	}

	/** What is done now, in a few words. */
	enter(step: string): void {
		this.bar.update({ step });
	}

	/** Something that npm has logged. */
	sawLine(line: string): void {
		if (!line.startsWith('npm http')) return;
		this.lines = Math.min(this.lines + 1, NPM_LINES);
		this.bar.update(this.lines);
	}

	/** Leaves the line as it is, or full when the installation is complete. */
	stop(isComplete: boolean): void {
		if (isComplete) this.bar.update(NPM_LINES, { step: 'done' });
		this.bar.stop();
	}
}

/** Minutes and seconds; the time that is left is text until it is known. */
function minutes(seconds: unknown): string {
	if (typeof seconds !== 'number') return '…';
	return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
