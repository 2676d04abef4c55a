/** What is published: the tarball holds what n8n needs and no more, and n8n's own gates let it pass. */
import { execFileSync } from 'node:child_process';
import {
	cpSync,
	existsSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { INodeType } from 'n8n-workflow';
import { x as extract } from 'tar';

import { testTarball } from '../../scripts/n8n/forTests.cts';

const root = resolve(__dirname, '../..');
let unpacked: string;

beforeAll(async () => {
	unpacked = mkdtempSync(join(tmpdir(), 'n8n-airbyte-package-'));
	await extract({ file: testTarball(), cwd: unpacked, strip: 1 });
});

afterAll(() => rmSync(unpacked, { recursive: true, force: true }));

const manifest = () => JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));

function files(folder = unpacked): string[] {
	const listing = execFileSync('find', [folder, '-type', 'f'], { encoding: 'utf8' });
	return listing
		.trim()
		.split('\n')
		.map((file) => file.slice(folder.length + 1))
		.sort();
}

test('the tarball holds code, codex files, icons and the four documents, and nothing else', () => {
	const expected =
		/^(package\.json|README\.md|CHANGELOG\.md|LICENSE|index\.js|dist\/(nodes|credentials)\/[\w/.]+\.js|dist\/nodes\/\w+\/\w+\.node\.json|dist\/icons\/[\w.]+\.svg)$/;
	expect(files().filter((file) => !expected.test(file))).toEqual([]);
	const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
	expect(files()).toEqual(
		expect.arrayContaining([...documents, 'index.js', 'dist/icons/airbyte.svg']),
	);
});

/** What n8n's reviewers may ask for: the mode uses more of n8n than other nodes do. */
test('built without the deferrable mode, the nodes do not offer it and have nothing of it', async () => {
	const folder = mkdtempSync(join(tmpdir(), 'n8n-airbyte-synchronous-'));
	cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
	const gulp = ['gulp', '-f', join(root, 'gulpfile.js'), '--cwd', folder, 'withoutDeferrable'];
	execFileSync('npx', gulp, { cwd: root });
	expect(files(join(folder, 'dist/nodes/airbyte/deferred'))).toEqual(['index.js']);

	symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
	for (const name of ['AirbyteTriggerSync', 'AirbyteJobStatus', 'AirbyteConnection']) {
		const file = join(folder, `dist/nodes/${name}/${name}.node.js`);
		const node = new (require(file)[name])() as INodeType;
		expect(node.webhook).toBeUndefined();
		expect(node.description.webhooks).toEqual([]);
		expect(node.description.waitingNodeTooltip).toBeUndefined();
		const modes = node.description.properties.filter(({ name: field }) => field === 'mode');
		expect(modes.flatMap(({ options = [] }) => options)).not.toContainEqual(
			expect.objectContaining({ value: 'deferrable' }),
		);
		expect(JSON.stringify(node.description.properties)).not.toContain('"role"');
	}
	rmSync(folder, { recursive: true });
});

test('the tarball is smaller than 105 kB', () => {
	expect(statSync(testTarball()).size).toBeLessThan(105_000);
});

test("every path in package.json's n8n section exists, and exports the class that n8n looks for", () => {
	const { nodes, credentials } = manifest().n8n;
	for (const path of [...nodes, ...credentials]) {
		const name = path.split('/').pop().split('.')[0];
		expect(existsSync(join(unpacked, path))).toBe(true);
		expect(Object.keys(require(join(root, path)))).toContain(name);
	}
});

test('every node has a codex file of its own name, with documentation', () => {
	for (const path of manifest().n8n.nodes as string[]) {
		const codex = JSON.parse(readFileSync(join(unpacked, path.replace(/\.js$/, '.json')), 'utf8'));
		const name = path.split('/').pop()?.split('.')[0] ?? '';
		expect(codex.node).toBe(`n8n-nodes-airbyte.${name.charAt(0).toLowerCase()}${name.slice(1)}`);
		expect(codex.resources.primaryDocumentation).toHaveLength(1);
	}
});

const NODES = ['AirbyteTriggerSync', 'AirbyteJobStatus', 'AirbyteConnection', 'AirbyteTrigger'];

test('the entry exports the credential and every node', () => {
	const entry = require(root);
	expect(Object.keys(entry).sort()).toEqual(['AirbyteApi', ...NODES].sort());
	expect(new entry.AirbyteApi().name).toBe('airbyteApi');
	for (const name of NODES) {
		expect(new entry[name]().description.name).toBe(name.replace('A', 'a'));
	}
});

test('light and dark icons of nodes and credential are in the tarball and differ', () => {
	const entry = require(root);
	const icons = NODES.map((name) => [`nodes/${name}`, new entry[name]().description.icon]);
	for (const [folder, icon] of [['credentials', new entry.AirbyteApi().icon], ...icons]) {
		const read = (path: string) =>
			readFileSync(join(unpacked, 'dist', folder, path.replace('file:', '')), 'utf8');
		expect(read(icon.light)).not.toBe(read(icon.dark));
	}
});

test('there are no runtime dependencies', () => {
	expect(manifest().dependencies).toBeUndefined();
	expect(manifest().peerDependencies).toEqual({ 'n8n-workflow': '*' });
});

test.each([
	['the source', 'source', () => root],
	['the unpacked tarball', 'package', () => unpacked],
])(
	"n8n's community scanner passes %s",
	(_what, kind, folder) => {
		// The scanner's rules treat every file as a node's when they see jest's NODE_ENV.
		const env = { ...process.env, NODE_ENV: 'production' };
		const scan = () =>
			execFileSync('node', [join(root, 'scripts/scan.mjs'), kind, folder()], {
				env,
				stdio: 'pipe',
			});
		expect(scan).not.toThrow();
	},
	120_000,
);
