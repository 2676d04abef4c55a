/**
 * What must hold for every life of a run, in whatever world. Each law looks at a history from outside, with the
 * model's knowledge of whose each job is; it gives what is wrong, or nothing.
 */
import { attemptLaws } from './attemptLaws.cts';
import { awaitLaws } from './awaitLaws.cts';
import { callLaws } from './callLaws.cts';
import { endLaws } from './endLaws.cts';
import type { History } from './live.cts';
import { queueLaws } from './queueLaws.cts';
import { story } from './story.cts';
import { timeLaws } from './timeLaws.cts';

type Law = (history: History) => string | undefined;

const laws: Record<string, Law> = {
	...timeLaws,
	...callLaws,
	...endLaws,
	...attemptLaws,
	...queueLaws,
	...awaitLaws,
};

/** Throws for the first law that is broken, with the story of the life. */
export function obeysLaws(history: History): void {
	for (const [name, law] of Object.entries(laws)) {
		const wrong = law(history);
		if (wrong !== undefined) throw new Error(`LAW ${name}: ${wrong}\n${story(history)}`);
	}
}
