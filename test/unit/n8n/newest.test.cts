import { aboutNewer } from '../../../scripts/n8n/newest.cts';

test('the n8n that runs is named, and no more is said when there is none that is newer', () => {
	const newest = { released: '2.41.1', onNpm: '2.41.1' };
	expect(aboutNewer('2.41.1', newest)).toEqual(['n8n 2.41.1']);
	expect(aboutNewer('2.41.1', {})).toEqual(['n8n 2.41.1']);
	expect(aboutNewer('2.41.1', { released: '2.9.0', onNpm: '2.9.0' })).toEqual(['n8n 2.41.1']);
});

test('a newer one on npm is offered', () => {
	expect(aboutNewer('2.41.1', { released: '2.42.0', onNpm: '2.42.0' })).toEqual([
		'n8n 2.41.1',
		'  n8n 2.42.0 is on npm: N8N_VERSION=2.42.0 asks for that one',
	]);
});

test('one that npm does not have is said to be out of reach', () => {
	const beyond =
		'  n8n 3.0.1 is out, but not on npm. The demo takes one that runs elsewhere: N8N_URL, N8N_API_KEY';
	expect(aboutNewer('2.41.1', { released: '3.0.1', onNpm: '2.41.1' })).toEqual([
		'n8n 2.41.1',
		beyond,
	]);
	expect(aboutNewer('2.41.1', { released: '3.0.1' })).toEqual(['n8n 2.41.1', beyond]);
});
