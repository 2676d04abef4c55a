/**
 * `npm test`: everything that has to hold, from types to a real n8n, one step after the other.
 * The last line of the output is always `N passed, N failed`, whatever happened before.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';

import prepareForTests, { testInstall } from './n8n/forTests.cts';
import { nameN8n } from './n8n/newest.cts';

const ROOT = resolve(__dirname, '..');

interface Tally {
	passed: number;
	failed: number;
	skipped: number;
}

/** The part of jest's JSON report that is used here. */
interface JestReport {
	numRuntimeErrorTestSuites: number;
	testResults: Array<{ name: string; assertionResults: Array<{ status: string }> }>;
}

interface Step {
	name: string;
	run: () => Promise<void>;
}

/** What has to work before there is anything to test. */
const preparations: Step[] = [
	{ name: 'Types', run: async () => await succeed('npm', 'run', '--silent', 'typecheck') },
	{ name: 'Lint', run: async () => await succeed('npm', 'run', '--silent', 'lint') },
	{
		name: 'Package and n8n',
		run: async () => {
			await prepareForTests();
			await nameN8n(testInstall().version);
		},
	},
];

async function main(jestArgs: string[]): Promise<Tally> {
	for (const step of preparations) {
		try {
			await timed(step);
		} catch (error) {
			console.error((error as Error).message);
			return { passed: 0, failed: 1, skipped: 0 };
		}
	}
	let report: JestReport | undefined;
	await timed({ name: 'Tests', run: async () => void (report = await runJest(jestArgs)) });
	return report ? summarize(report) : { passed: 0, failed: 1, skipped: 0 };
}

async function timed({ name, run }: Step): Promise<void> {
	console.log(`\n━━ ${name}`);
	const startedAt = Date.now();
	await run();
	console.log(`   ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Runs jest; undefined when it broke down before it could report. */
async function runJest(args: string[]): Promise<JestReport | undefined> {
	const folder = mkdtempSync(join(tmpdir(), 'n8n-airbyte-jest-'));
	const file = join(folder, 'report.json');
	try {
		// What takes half an hour has a command of its own: `npm run test:slow`.
		const fixed = ['--ignoreProjects', 'slow', '--maxWorkers=2'];
		await foreground('npx', 'jest', ...fixed, ...args, '--json', `--outputFile=${file}`);
		return JSON.parse(readFileSync(file, 'utf8')) as JestReport;
	} catch (error) {
		console.error(`jest gave no report: ${(error as Error).message}`);
		return undefined;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Prints what ran, by kind of test, and adds it up. */
function summarize({ testResults, numRuntimeErrorTestSuites }: JestReport): Tally {
	const kinds = new Map<string, Tally>();
	for (const { name, assertionResults } of testResults) {
		const kind = relative(join(ROOT, 'test'), name).split(sep)[0];
		const tally = kinds.get(kind) ?? { passed: 0, failed: 0, skipped: 0 };
		kinds.set(kind, tally);
		for (const { status } of assertionResults) tally[outcomeOf(status)]++;
	}
	console.log('\n━━ What ran');
	for (const [kind, tally] of kinds) console.log(`   ${kind.padEnd(10)} ${inWords(tally)}`);
	const total = { passed: 0, failed: 0, skipped: 0 };
	for (const tally of kinds.values()) add(total, tally);
	// A file that could not be loaded has no tests to count: it counts as a failed one.
	total.failed += numRuntimeErrorTestSuites;
	return total;
}

function outcomeOf(status: string): keyof Tally {
	if (status === 'passed' || status === 'failed') return status;
	return 'skipped';
}

function add(total: Tally, { passed, failed, skipped }: Tally): void {
	total.passed += passed;
	total.failed += failed;
	total.skipped += skipped;
}

function inWords({ passed, failed, skipped }: Tally): string {
	return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
}

async function succeed(command: string, ...args: string[]): Promise<void> {
	const code = await foreground(command, ...args);
	if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with exit code ${code}`);
}

/** Runs a command with our input and output; a signal that ends us ends it first. */
async function foreground(command: string, ...args: string[]): Promise<number | null> {
	const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit' });
	const forward = (signal: NodeJS.Signals) => child.kill(signal);
	process.on('SIGINT', forward).on('SIGTERM', forward);
	return await new Promise((done, fail) => {
		child.on('error', fail);
		child.on('close', (code) => {
			process.off('SIGINT', forward).off('SIGTERM', forward);
			done(code);
		});
	});
}

void main(process.argv.slice(2)).then((tally) => {
	const isGood = tally.failed === 0 && tally.passed > 0;
	// Where everything is installed, a test that does not run is a fault.
	const isWhole = tally.skipped === 0 || !process.env.SKIP_NOTHING;
	process.exitCode = isGood && isWhole ? 0 : 1;
	console.log(`\n${inWords(tally)}`);
});
