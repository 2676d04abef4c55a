/** What the lives of a test came across. */
import type { Life } from './live.cts';
import { outcomesOf } from './outcome.cts';
import type { Driver } from './world.cts';

export class Sights {
	private readonly counts = new Map<string, number>();

	see(life: Life): void {
		for (const sight of new Set(sightsIn(life))) {
			this.counts.set(sight, (this.counts.get(sight) ?? 0) + 1);
		}
	}

	/** What was seen less than three times although it should. */
	missing(driver: Driver): string[] {
		const expected = driver === 'deferrable' ? [...EXPECTED, ...DEFERRED] : EXPECTED;
		return expected.filter((sight) => (this.counts.get(sight) ?? 0) < 3);
	}
}

const ROUTES = [
	'POST /jobs',
	'GET /jobs',
	'GET /jobs/{jobId}',
	'DELETE /jobs/{jobId}',
	'GET /connections/{connectionId}',
	'POST /applications/token',
];

const EXPLANATION = 'POST /api/v1/jobs/get_without_logs';

const EXPECTED = [
	...ROUTES.flatMap((route) => ['status', 'html', 'reset'].map((kind) => `${kind} on ${route}`)),
	...['delay', 'empty', 'expireTokens', 'hang'].map((kind) => `${kind} on POST /jobs`),
	...['a success', 'a success with 0 rows', 'a success of a job of others'],
	...['job failed', 'was cancelled', 'and was cancelled', 'may still be running'],
	...['is running on', 'is disabled', 'a second submission', 'several items'],
	...['a stop that cancels', 'not started', 'a token renewed'],
	`a fault on ${EXPLANATION}`,
	...['a retry that helps', 'a skip', 'a start after a queue', 'was still running on'],
	...['succeeded with fewer than', 'had no capacity'],
];

const DEFERRED = ['a resume', 'ten looks', 'a deletion'];

function sightsIn(life: Life): string[] {
	const { world, calls, stoppedAt = Infinity, cancels, end } = life;
	const outcomes = outcomesOf(life) ?? [];
	const count = (route: string) => calls.filter((call) => call.route === route).length;
	const when = (sight: string, isSeen: boolean) => (isSeen ? [sight] : []);
	return [
		...calls.flatMap(({ fault, route }) => (fault ? [`${fault} on ${route}`] : [])),
		...outcomes.flatMap((outcome) => {
			if (outcome.is === 'notStarted') return ['not started'];
			if (outcome.is === 'failure') return endingsIn(outcome.words);
			const { rowsSynced, attached, attempt, skipped } = outcome.json;
			if (skipped) return ['a skip'];
			return [
				'a success',
				...when('a retry that helps', attempt === 2),
				...when('a start after a queue', !attached && life.started[0].origin === 'schedule'),
				...when('a success with 0 rows', rowsSynced === 0),
				...when('a success of a job of others', attached === true),
			];
		}),
		...when(
			`a fault on ${EXPLANATION}`,
			calls.some(({ fault, route }) => fault && route === EXPLANATION),
		),
		...when('a second submission', count('POST /jobs') > world.items.length),
		...when('several items', world.items.length > 1),
		...when(
			'a stop that cancels',
			cancels.some(({ at }) => at >= stoppedAt),
		),
		...when('a token renewed', count('POST /applications/token') > 1),
		...when('a resume', end?.status === 'success' && life.resumeCalls > 1),
		...when('ten looks', life.resumeCalls > 10),
		...when('a deletion', end?.status === 'deleted'),
	];
}

function endingsIn(words: string): string[] {
	return [
		...EXPECTED.filter((sight) => words.includes(sight)),
		...(/^Airbyte job \d+ failed/.test(words) ? ['job failed'] : []),
	];
}
