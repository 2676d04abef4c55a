/** A PostgreSQL of our own, which n8n's queue mode asks for: own folder, own port, thrown away. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort } from './ports.cts';
import { endingWithParent, folderOf } from './programs.cts';
import { type Program, Service } from './service.cts';
import { N8N_HOST } from './settings.cts';

const run = promisify(execFile);

/** It refuses to run as root; the package brings this account. */
const ACCOUNT = 'postgres';
/** Debian keeps one folder of programs for each version here, and none of them on the PATH. */
const DEBIAN = '/usr/lib/postgresql';
const PROGRAMS = ['initdb', 'postgres'];

/** n8n's login, and a database that every PostgreSQL comes with. */
const USER = 'n8n';
const DATABASE = 'postgres';

const READY = 'database system is ready to accept connections';

/** In English, since its log is read here. */
const ENVIRONMENT = { PATH: process.env.PATH ?? '', LC_ALL: 'C' };

const SETTINGS = [
	`listen_addresses=${N8N_HOST}`,
	// Its usual place for them may not be ours to write to, and nobody uses one.
	'unix_socket_directories=',
	// Only losing the power needs it. What was committed before a kill -9 is there without.
	'fsync=off',
	// In its folder, so that nothing is left after a kill -9.
	'dynamic_shared_memory_type=mmap',
];

interface Place {
	folder: string;
	port: number;
	password: string;
}

export class Postgres extends Service {
	private constructor(private readonly place: Place) {
		super({
			name: 'PostgreSQL',
			...programIn(place),
			isReady: (output) => output.includes(READY),
		});
	}

	/** Starts one with an empty database. */
	static async create(): Promise<Postgres> {
		const folder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-postgres-'));
		const place = { folder, port: await freePort(), password: randomUUID() };
		await initialize(place);
		const postgres = new Postgres(place);
		await postgres.start();
		return postgres;
	}

	get port(): number {
		return this.place.port;
	}

	/** For clients. */
	get url(): string {
		return `postgres://${USER}:${this.place.password}@${N8N_HOST}:${this.port}/${DATABASE}`;
	}

	/** The settings that make n8n use it. */
	get n8nSettings(): Record<string, string> {
		return {
			DB_TYPE: 'postgresdb',
			DB_POSTGRESDB_HOST: N8N_HOST,
			DB_POSTGRESDB_PORT: String(this.port),
			DB_POSTGRESDB_DATABASE: DATABASE,
			DB_POSTGRESDB_USER: USER,
			DB_POSTGRESDB_PASSWORD: this.place.password,
			// n8n's two are soon taken by those who ask for executions all the time, as tests do.
			DB_POSTGRESDB_POOL_SIZE: '10',
		};
	}

	/** Ends it for good; its data is gone. */
	async discard(): Promise<void> {
		await this.stop();
		await rm(this.place.folder, { recursive: true, force: true });
	}
}

/** What keeps PostgreSQL from running here, in words; nothing does if there is no answer. */
export function postgresLacks(): string | undefined {
	if (!programsFolder()) return "PostgreSQL (Debian's package postgresql)";
	if (isRoot() && !hasAccount())
		return `the user '${ACCOUNT}' to run PostgreSQL as, instead of root`;
	return undefined;
}

function programIn({ folder, port }: Place): Program {
	const settings = [...SETTINGS, `port=${port}`].flatMap((one) => ['-c', one]);
	return {
		command: asAccount('postgres', '-D', dataOf(folder), ...settings),
		env: ENVIRONMENT,
		folder,
		// What lets it go while clients are still connected.
		stopSignal: 'SIGINT',
	};
}

async function initialize({ folder, password }: Place): Promise<void> {
	const secret = join(folder, 'password');
	await writeFile(secret, password, { mode: 0o600 });
	if (isRoot()) await run('chown', ['-R', `${ACCOUNT}:`, folder]);
	const login = ['--username', USER, '--auth', 'scram-sha-256', '--pwfile', secret];
	const data = ['--pgdata', dataOf(folder), '--encoding', 'UTF8', '--no-sync'];
	const [program, ...args] = asAccount('initdb', ...login, ...data);
	await run(program, args, { cwd: folder, env: ENVIRONMENT });
}

const dataOf = (folder: string): string => join(folder, 'data');

function asAccount(program: string, ...args: string[]): string[] {
	const folder = programsFolder();
	if (!folder) throw new Error(`There is no ${postgresLacks()}`);
	return endingWithParent([join(folder, program), ...args], isRoot() ? ACCOUNT : undefined);
}

const isRoot = (): boolean => process.getuid?.() === 0;

const hasAccount = (): boolean => readFileSync('/etc/passwd', 'utf8').includes(`\n${ACCOUNT}:`);

const programsFolder = (): string | undefined => folderOf(PROGRAMS, newestFirst());

function newestFirst(): string[] {
	if (!existsSync(DEBIAN)) return [];
	const versions = readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one));
	return versions.map((version) => join(DEBIAN, version, 'bin'));
}
