import { PassThrough } from 'node:stream';

import { InstallProgress } from '../../../scripts/n8n/installProgress.cts';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** What is printed where there is no terminal, as lines. */
function printed(work: (progress: InstallProgress) => void): string[] {
	const stream = new PassThrough();
	work(new InstallProgress(stream));
	return String(stream.read()).trim().split('\n');
}

function seeLines(progress: InstallProgress, count: number): void {
	for (let at = 0; at < count; at++) progress.sawLine('npm http fetch GET 200 https://…');
}

test('without a terminal there is a line four times a minute: share, time, what is left, step', () => {
	const lines = printed((progress) => {
		progress.start();
		progress.enter('n8n 2.41.1');
		jest.advanceTimersByTime(14_000);
		seeLines(progress, 1_375);
		progress.sawLine('npm warn deprecated');
		jest.advanceTimersByTime(1_000);
		progress.stop(false);
	});
	expect(lines.slice(1)).toEqual(
		Array.from(
			{ length: 2 },
			() => '  ██████░░░░░░░░░░░░░░░░░░ 25 % · 0:15 · about 0:42 left · n8n 2.41.1',
		),
	);
});

test('at the end it is full, however many lines npm had', () => {
	const lines = printed((progress) => {
		progress.start();
		seeLines(progress, 100);
		progress.stop(true);
	});
	expect(lines.at(-1)).toContain(`${'█'.repeat(24)} 100 %`);
	expect(lines.at(-1)).toContain('done');
	const more = printed((progress) => {
		progress.start();
		seeLines(progress, 9_000);
		progress.stop(false);
	});
	expect(more.at(-1)).toContain('100 %');
});
