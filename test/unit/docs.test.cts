/** What the documentation says about itself and about the code: links lead somewhere, messages exist. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const docs = join(root, 'docs');
const images = join(docs, 'images');

const filesIn = (folder: string, ending: string) =>
	readdirSync(folder)
		.filter((file) => file.endsWith(ending))
		.map((file) => join(folder, file));

const pages = [
	...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'].map((file) =>
		join(root, file),
	),
	...filesIn(docs, '.md'),
];

const read = (path: string) => readFileSync(path, 'utf8');

/** Without code, which may hold brackets and signs of its own. */
const prose = (page: string) => read(page).replace(/^```.*?^```/gms, '');

/** Targets of links and pictures, in Markdown's short form, which is the only one in use. */
const targets = (page: string) =>
	[...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);

/** What GitHub makes of a heading. */
function anchorsOf(page: string): Set<string> {
	const headings = [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, text]) => text);
	return new Set(
		headings.map((text) =>
			text
				.toLowerCase()
				.replace(/[^\p{L}\p{N} _-]/gu, '')
				.replace(/ /g, '-'),
		),
	);
}

function isBroken(page: string, target: string): boolean {
	if (/^(https?|mailto):/.test(target)) return false;
	const [path, anchor] = target.split('#');
	const file = path === '' ? page : join(dirname(page), path);
	return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).has(anchor));
}

test.each(pages.map((page) => relative(root, page)))('%s: every link leads somewhere', (name) => {
	const page = join(root, name);
	expect(targets(page).filter((target) => isBroken(page, target))).toEqual([]);
});

test('the anchors that nodes and credential point to are in the README', () => {
	const sources = [
		...filesIn(join(root, 'credentials'), '.ts'),
		...readdirSync(join(root, 'nodes')).flatMap((node) =>
			filesIn(join(root, 'nodes', node), '.json'),
		),
	];
	const anchors = sources.flatMap((file) =>
		[...read(file).matchAll(/n8n-nodes-airbyte#([\w-]+)/g)].map(([, anchor]) => anchor),
	);
	const inReadme = anchorsOf(join(root, 'README.md'));
	expect(anchors.length).toBeGreaterThanOrEqual(7);
	expect(anchors.filter((anchor) => !inReadme.has(anchor))).toEqual([]);
});

test('the README can be read in a few minutes', () => {
	const words = read(join(root, 'README.md')).split(/\s+/);
	expect(words.length).toBeLessThanOrEqual(900);
});

test('every picture is shown somewhere and smaller than 200 kB', () => {
	const shown = new Set(pages.flatMap(targets).map((target) => basename(target)));
	const bad = filesIn(images, '.png').filter(
		(file) => !shown.has(basename(file)) || statSync(file).size >= 200_000,
	);
	expect(bad.map((file) => basename(file))).toEqual([]);
});

test('every example is in docs/examples.md', () => {
	const linked = new Set(targets(join(docs, 'examples.md')));
	const examples = filesIn(join(root, 'examples'), '.json').map(
		(file) => `../examples/${basename(file)}`,
	);
	expect(examples.filter((example) => !linked.has(example))).toEqual([]);
});

/** All code of the nodes, with `…` for what is filled in. */
const code = [
	...readdirSync(join(root, 'nodes'), { recursive: true, encoding: 'utf8' })
		.filter((file) => file.endsWith('.ts'))
		.map((file) => join(root, 'nodes', file)),
	...filesIn(join(root, 'credentials'), '.ts'),
]
	.map(read)
	.join('\n')
	.replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…');

/** Text as it comes out. */
const unescaped = (text: string) => text.replace(/\\(['"`])/g, '$1');

/** The messages of a page's lists: what is quoted before the advice, which follows the first colon outside of quotes. */
function messagesIn(page: string): string[] {
	const lists = read(page).split('## Symptoms without a message')[0];
	const heads = [...lists.matchAll(/^- ((?:`[^`]+`|[^`:\n])+)/gm)].map(([, head]) => head);
	return heads.flatMap((head) => [...head.matchAll(/`([^`]+)`/g)].map(([, message]) => message));
}

/** A message's fixed parts, as far as they are long enough to mean something. */
const partsOf = (message: string) =>
	message
		.split('…')
		.map((part) =>
			part
				.replace(/^['(]|['(:,]?\s*$/g, '')
				.trim()
				.toLowerCase(),
		)
		.filter((part) => part.length > 6);

test('every message in docs/troubleshooting.md is one of the code', () => {
	const messages = messagesIn(join(docs, 'troubleshooting.md'));
	expect(messages.length).toBeGreaterThan(60);
	const known = unescaped(code).toLowerCase();
	const unknown = messages.filter((message) =>
		partsOf(message).some((part) => !known.includes(part)),
	);
	expect(unknown).toEqual([]);
});

/** What stands before the messages in the code, and what ends them. */
const MESSAGES =
	/(?:\bmessage(?::| =)|\binvalid\(|Error\([^'"`]*?,|\bhint\(\w+,|Advice =|\b(?:\d{3}|E[A-Z_]+):)\s*([^]*?)(?=[,;]\n|\);|, [{'"`]| }|, `)/g;
const TEXT = /`([^`]*)`|'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/g;

/** The first sentence of each message, without what the node was doing. */
const messagesInCode = [...code.matchAll(MESSAGES)]
	.flatMap(([, value]) => [...value.matchAll(TEXT)])
	.map(([, ...texts]) => unescaped(texts.find((text) => text !== undefined) ?? ''))
	.filter((text) => text.includes(' '))
	.map((text) =>
		text
			.split('. ')[0]
			.replace(/"…"/g, '…')
			.replace(/(?: while|: no connection to) …$/, ''),
	);

test('every message of the code is in docs/troubleshooting.md', () => {
	const page = read(join(docs, 'troubleshooting.md')).toLowerCase();
	expect(messagesInCode.length).toBeGreaterThan(70);
	const missing = messagesInCode.filter((message) =>
		partsOf(message).some((part) => !page.includes(part)),
	);
	expect(missing).toEqual([]);
});
