/**
 * Gets a real n8n from the npm registry, once for each version and machine. It lives in the user's
 * cache folder, not in node_modules: it weighs 3 GB and needs a newer Node than this repository,
 * so it brings its own (the npm package `node` carries the binary).
 */
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The version that tests and the demo run unless the environment names another, and the Node it asks for. */
export const N8N_VERSION = process.env.N8N_VERSION || '2.41.1';
const NODE_MAJOR = '24';

/** Newer versions of npm want the packages named whose install scripts may run. */
const MANIFEST = { private: true, allowScripts: { node: true, sqlite3: true } };

const REMIND_EVERY_MS = 10_000;
const LOG_TAIL_LINES = 25;

/** An n8n that is ready to start. */
export interface N8nInstall {
	folder: string;
	version: string;
	/** The Node binary to run it with. */
	node: string;
	/** The script to run: `<node> <entry> start`. */
	entry: string;
}

function cacheFolder(): string {
	const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
	return join(base, 'n8n-nodes-airbyte');
}

/** Describes an installation that exists. */
export function openN8n(folder: string): N8nInstall {
	const modules = join(folder, 'node_modules');
	const manifest = readFileSync(join(modules, 'n8n', 'package.json'), 'utf8');
	const { version } = JSON.parse(manifest) as { version: string };
	return {
		folder,
		version,
		node: join(modules, 'node', 'bin', 'node'),
		entry: join(modules, 'n8n', 'bin', 'n8n'),
	};
}

/** The installed n8n; installs it first (about six minutes) if it is missing. */
export async function installN8n(): Promise<N8nInstall> {
	const folder = join(cacheFolder(), `n8n-${N8N_VERSION}`);
	if (existsSync(folder)) return openN8n(folder);
	await mkdir(cacheFolder(), { recursive: true });
	const unlock = await lock(`${folder}.lock`);
	try {
		// Another process may have finished the same installation while this one waited.
		if (!existsSync(folder)) await installInto(folder);
	} finally {
		await unlock();
	}
	return openN8n(folder);
}

/** Works in a sibling folder and renames it at the end, so that a broken install never counts. */
async function installInto(folder: string): Promise<void> {
	const staging = `${folder}.installing`;
	await rm(staging, { recursive: true, force: true });
	await mkdir(staging, { recursive: true });
	await writeFile(join(staging, 'package.json'), JSON.stringify(MANIFEST));
	console.log(`Installing n8n ${N8N_VERSION} into ${folder} (once, about 2.6 GB, some minutes)…`);
	const logFile = `${folder}.install.log`;
	await rm(logFile, { force: true });
	await installSteps(new Installer(staging, logFile));
	await rename(staging, folder);
}

async function installSteps(installer: Installer): Promise<void> {
	await installer.npm(`Node ${NODE_MAJOR}`, [
		'install',
		`node@${NODE_MAJOR}`,
		'--ignore-scripts=false',
	]);
	// One of its dependencies would compile a C library that is not needed here, and fail. Optional packages are
	// 200 MB of binaries that parts of n8n use which nobody here does.
	const lean = ['--ignore-scripts', '--omit=optional'];
	await installer.npm(`n8n ${N8N_VERSION}`, ['install', `n8n@${N8N_VERSION}`, ...lean]);
	await buildDatabaseDriver(installer);
}

/** Takes the binary that its authors publish, or compiles it where that cannot be had or does not run. */
async function buildDatabaseDriver(installer: Installer): Promise<void> {
	const rebuild = ['rebuild', 'sqlite3', '--ignore-scripts=false'];
	const firstLook = ['-e', 'require("sqlite3")'];
	try {
		await installer.npm('database driver', rebuild);
		await installer.node('database driver', firstLook);
	} catch {
		await installer.npm('compiling the database driver', [...rebuild, '--build-from-source']);
		await installer.node('database driver', firstLook);
	}
}

/** Runs the commands of one installation in its folder, with its own Node first on the PATH. */
class Installer {
	private readonly binFolder: string;

	constructor(
		private readonly folder: string,
		private readonly logFile: string,
	) {
		this.binFolder = join(folder, 'node_modules', '.bin');
	}

	async npm(what: string, args: string[]): Promise<void> {
		const common = ['--prefix', this.folder, '--no-audit', '--no-fund', '--loglevel=http'];
		await this.run(what, 'npm', [...args, ...common]);
	}

	async node(what: string, args: string[]): Promise<void> {
		await this.run(what, join(this.binFolder, 'node'), args);
	}

	private async run(what: string, command: string, args: string[]): Promise<void> {
		console.log(`  ${what}`);
		const stop = tellTime(what);
		const code = await this.spawn(command, args).finally(stop);
		if (code !== 0) throw new Error(await this.explain(what, code));
	}

	private async spawn(command: string, args: string[]): Promise<number | null> {
		const log = createWriteStream(this.logFile, { flags: 'a' });
		log.write(`\n$ ${command} ${args.join(' ')}\n`);
		const child = spawn(command, args, {
			cwd: this.folder,
			env: this.environment(),
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		child.stdout.pipe(log, { end: false });
		child.stderr.pipe(log, { end: false });
		return await new Promise((done, fail) => {
			child.on('error', fail);
			child.on('close', (code) => log.end(() => done(code)));
		});
	}

	private environment(): NodeJS.ProcessEnv {
		const path = [this.binFolder, process.env.PATH].join(delimiter);
		return { ...localHeaders(), ...process.env, PATH: path };
	}

	private async explain(what: string, code: number | null): Promise<string> {
		const lines = (await readFile(this.logFile, 'utf8')).trimEnd().split('\n');
		return [
			`Installing ${what} failed (exit code ${code}). The end of ${this.logFile}:`,
			...lines.slice(-LOG_TAIL_LINES),
		].join('\n');
	}
}

/** Says now and then that something still goes on, until it is told to stop. */
function tellTime(what: string): () => void {
	let seconds = 0;
	const timer = setInterval(() => {
		seconds += REMIND_EVERY_MS / 1000;
		console.log(`  ${what}: ${seconds} s so far…`);
	}, REMIND_EVERY_MS);
	return () => clearInterval(timer);
}

/**
 * Compiling the database driver takes Node's C headers. It uses a stable interface, so those of
 * the Node that runs this script will do; without them node-gyp would download a set.
 */
function localHeaders(): NodeJS.ProcessEnv {
	const prefix = resolve(dirname(process.execPath), '..');
	const found = existsSync(join(prefix, 'include', 'node', 'node_api.h'));
	return found ? { npm_config_nodedir: prefix } : {};
}

/** Keeps two processes from installing at once. The lock of a process that died does not count. */
async function lock(path: string): Promise<() => Promise<void>> {
	for (let waited = 0; !(await takeLock(path)); waited += 1000) {
		if (waited % REMIND_EVERY_MS === 0) {
			console.log('  waiting for another process that installs n8n…');
		}
		await sleep(1000);
	}
	return async () => await rm(path, { recursive: true, force: true });
}

async function takeLock(path: string): Promise<boolean> {
	try {
		await mkdir(path);
	} catch {
		if (await isStale(path)) await rm(path, { recursive: true, force: true });
		return false;
	}
	await writeFile(join(path, 'pid'), String(process.pid));
	return true;
}

async function isStale(path: string): Promise<boolean> {
	const readPid = async () => Number(await readFile(join(path, 'pid'), 'utf8').catch(() => '0'));
	// The folder comes a moment before the pid in it.
	if ((await readPid()) === 0) await sleep(500);
	const pid = await readPid();
	return pid === 0 || !isAlive(pid);
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}
