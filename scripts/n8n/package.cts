/** The community package as users get it: packed, and put where n8n keeps such packages. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { extract } from 'tar';

const ROOT = resolve(__dirname, '..', '..');
const run = promisify(execFile);

interface Manifest {
	name: string;
	version: string;
}

/** Builds and packs the package in a folder; returns the tarball's path. It lasts as long as this process. */
export async function packPackage(source = ROOT): Promise<string> {
	await npm(source, 'run', 'build');
	const folder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-pack-'));
	process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
	const [{ filename }] = JSON.parse(
		await npm(source, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
	) as Array<{ filename: string }>;
	return join(folder, filename);
}

async function npm(folder: string, ...args: string[]): Promise<string> {
	try {
		return (await run('npm', args, { cwd: folder })).stdout;
	} catch (error) {
		const { stdout, stderr } = error as { stdout?: string; stderr?: string };
		throw new Error(`npm ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? error}`);
	}
}

/**
 * Puts the package where n8n has it after Settings > Community nodes > Install: unpacked in the
 * `nodes` folder, named in that folder's package.json. Unpacking is all it takes, because
 * community packages have no dependencies of their own.
 */
export async function installPackage(tarball: string, userFolder: string): Promise<void> {
	const nodes = join(userFolder, '.n8n', 'nodes');
	const { name } = await readManifest(ROOT);
	const target = join(nodes, 'node_modules', name);
	await rm(target, { recursive: true, force: true });
	await mkdir(target, { recursive: true });
	await extract({ file: tarball, cwd: target, strip: 1 });
	const { version } = await readManifest(target);
	const ledger = { name: 'installed-nodes', private: true, dependencies: { [name]: version } };
	await writeFile(join(nodes, 'package.json'), JSON.stringify(ledger, null, '\t'));
}

const readManifest = async (folder: string): Promise<Manifest> =>
	JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
