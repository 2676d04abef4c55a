/** Folders are layers: an import goes down only, and never in a circle (CONTRIBUTING.md). */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../../nodes');
/** From the top down. Above them are the folders of the nodes, which know nothing of each other. */
const LAYERS = ['airbyte/node', 'airbyte/deferred', 'airbyte/run', 'airbyte/api'];

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((file) =>
	/\.ts$/.test(file),
);

/** Those of types, too. */
function importsOf(file: string): string[] {
	const text = readFileSync(join(ROOT, file), 'utf8');
	const paths = [...text.matchAll(/\b(?:from |import |import\()'(\.[^']+)'/g)].map(([, path]) =>
		join(dirname(file), path),
	);
	return paths.map(
		(path) => [`${path}.ts`, join(path, 'index.ts')].find((one) => files.includes(one)) ?? path,
	);
}

const imports = new Map(files.map((file) => [file, importsOf(file)]));

test('a folder imports from those below it', () => {
	const layer = (file: string) => LAYERS.indexOf(dirname(file));
	const isDown = (from: string, to: string) =>
		dirname(from) === dirname(to) || layer(to) > layer(from);
	const wrong = files.flatMap((from) =>
		importsOf(from).flatMap((to) => (isDown(from, to) ? [] : `${from} imports ${to}`)),
	);
	expect(wrong).toEqual([]);
	expect(imports.get('airbyte/run/drive.ts')?.length).toBeGreaterThan(5);
});

test('no file imports itself by way of others', () => {
	const reached = (from: string, seen = new Set<string>()): Set<string> => {
		for (const to of imports.get(from) ?? []) if (!seen.has(to)) reached(to, seen.add(to));
		return seen;
	};
	expect(files.filter((file) => reached(file).has(file))).toEqual([]);
});
