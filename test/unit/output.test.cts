import { readJob } from '../../nodes/airbyte/api/job';
import { toOutput } from '../../nodes/airbyte/node/output';

describe('the output', () => {
	const context = { attached: false, attempt: 1 };

	test('leaves out what is not known, without undefined values', () => {
		const output = toOutput({ jobId: 1, status: 'pending' }, context);
		expect(output).toStrictEqual({ jobId: 1, status: 'pending', attached: false, attempt: 1 });
	});

	test('keeps a zero, which is a result', () => {
		const output = toOutput(
			{ jobId: 1, status: 'succeeded', rowsSynced: 0, bytesSynced: 0 },
			context,
		);
		expect(output).toMatchObject({ rowsSynced: 0, bytesSynced: 0 });
	});

	test("prefers Airbyte's own connection and type to what was asked for", () => {
		const job = { jobId: 1, status: 'running', connectionId: 'theirs', jobType: 'reset' };
		const asked = { ...context, connection: { connectionId: 'ours' }, jobType: 'clear' };
		expect(toOutput(job, asked)).toMatchObject({ connectionId: 'theirs', jobType: 'reset' });
		const silent = toOutput({ jobId: 1, status: 'running' }, asked);
		expect(silent).toMatchObject({ connectionId: 'ours', jobType: 'clear' });
	});

	test('has no key that n8n would take for a failure, whatever Airbyte sends', () => {
		const job = readJob({ jobId: 1, status: 'failed', error: 'x', message: 'y', details: {} });
		const output = toOutput(job!, context);
		expect(Object.keys(output)).toEqual(['jobId', 'status', 'attached', 'attempt']);
	});
});
