/** What the node of a wait keeps of n8n's Retry On Fail. */
import type { INode } from 'n8n-workflow';

import { withAllTries } from '../../nodes/airbyte/deferred/stack';
import type { Wait } from '../../nodes/airbyte/deferred/wait';

const node = (parts: Partial<INode>) => parts as INode;
const after = (failedTries: number, maxTries?: number) => ({ failedTries, maxTries }) as Wait;

test('it has all tries again when it goes on', () => {
	const short = node({ retryOnFail: true, maxTries: 2 });
	expect(withAllTries(short, after(1, 3))).toEqual({ retryOnFail: true, maxTries: 3 });
	const last = node({ retryOnFail: false, maxTries: 1 });
	expect(withAllTries(last, after(2))).toEqual({ retryOnFail: true, maxTries: undefined });
});

test.each([
	['before any has failed', node({ retryOnFail: true, maxTries: 3 }), after(0, 3)],
	['of a wait that does not tell', node({ retryOnFail: true, maxTries: 3 }), {} as Wait],
	[
		"of the current workflow's, put in by n8n",
		node({ retryOnFail: false, maxTries: 3 }),
		after(1, 3),
	],
])('it stays as it is %s', (_when, present, wait) => {
	expect(withAllTries(present, wait)).toEqual(present);
});
