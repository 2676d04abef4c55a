/**
 * `npm test`: everything that has to hold, from types to a real n8n, one step after the other.
 * The last line of the output is always `N passed, N failed`, whatever happened before.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';

import prepareForTests, { testInstall } from './n8n/forTests.cts';

const ROOT = resolve(__dirname, '..');

/** What waits for many minutes has a command of its own: `npm run test:slow`. */
const FIXED = ['--ignoreProjects', 'slow', '--maxWorkers=2'];

/** The part of jest's JSON report that is used here; times are milliseconds since the epoch. */
interface JestReport {
	numRuntimeErrorTestSuites: number;
	testResults: Suite[];
}

interface Suite {
	name: string;
	startTime: number;
	endTime: number;
	assertionResults: Result[];
}

interface Result {
	status: string;
	fullName: string;
	failureMessages: string[];
}

/** Characters of a failure's message that the end of the output repeats: what shows only that end needs it. */
const MOST_OF_MESSAGE = 2_000;

interface Step {
	name: string;
	run: () => Promise<void>;
}

/** Steps that must succeed before any test can run. */
const preparations: Step[] = [
	{ name: 'Types', run: async () => await runScript('typecheck') },
	{ name: 'Lint', run: async () => await runScript('lint') },
	{
		name: 'Package and n8n',
		run: async () => {
			await prepareForTests();
			console.log(`n8n ${testInstall().version}`);
		},
	},
];

interface Tally {
	passed: number;
	failed: number;
	skipped: number;
}

async function main(jestArgs: string[]): Promise<Tally> {
	let report!: JestReport;
	const tests = async () => void (report = await runJest([...FIXED, ...jestArgs]));
	for (const { name, run } of [...preparations, { name: 'Tests', run: tests }]) {
		console.log(`\n━━ ${name}`);
		const startedAt = Date.now();
		try {
			await run();
		} catch (error) {
			console.error((error as Error).message);
			return { passed: 0, failed: 1, skipped: 0 };
		}
		console.log(`   ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
	}
	return summarize(report);
}

async function runJest(args: string[]): Promise<JestReport> {
	const folder = mkdtempSync(join(tmpdir(), 'n8n-airbyte-jest-'));
	const file = join(folder, 'report.json');
	try {
		await foreground('npx', 'jest', ...args, '--json', `--outputFile=${file}`);
		return JSON.parse(readFileSync(file, 'utf8')) as JestReport;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Prints what ran, by kind of test, and how long each part of the long kind took; adds it up. */
function summarize({ testResults: suites, numRuntimeErrorTestSuites }: JestReport): Tally {
	const fileOf = ({ name }: Suite) => relative(join(ROOT, 'test'), name);
	const kindOf = (suite: Suite) => fileOf(suite).split(sep)[0];
	console.log('\n━━ What ran');
	for (const kind of new Set(suites.map(kindOf))) {
		const own = suites.filter((suite) => kindOf(suite) === kind);
		console.log(`   ${kind.padEnd(10)} ${inWords(tallyOf(own))}, ${durationOf(own)}`);
	}
	for (const suite of suites.filter((one) => kindOf(one) === 'n8n')) {
		console.log(`   ${durationOf([suite]).padStart(8)}  ${fileOf(suite)}`);
	}
	for (const suite of suites) tellFailures(fileOf(suite), suite);
	const total = tallyOf(suites);
	// A file that could not be loaded has no tests to count: it counts as a failed one.
	return { ...total, failed: total.failed + numRuntimeErrorTestSuites };
}

function tallyOf(suites: Suite[]): Tally {
	const statuses = suites.flatMap((suite) => suite.assertionResults.map(({ status }) => status));
	const count = (status: string) => statuses.filter((one) => one === status).length;
	const [passed, failed] = [count('passed'), count('failed')];
	return { passed, failed, skipped: statuses.length - passed - failed };
}

/** Once more what failed, without the stacks, which stand above. */
function tellFailures(file: string, { assertionResults }: Suite): void {
	for (const { fullName, failureMessages } of assertionResults) {
		for (const message of failureMessages) {
			console.log(`\n━━ Failed: ${file}, ${fullName}`);
			console.log(message.replace(/\n\s+at [\s\S]*$/, '').slice(0, MOST_OF_MESSAGE));
		}
	}
}

function durationOf(suites: Suite[]): string {
	const ms = suites.reduce((sum, { startTime, endTime }) => sum + endTime - startTime, 0);
	return `${(ms / 1000).toFixed(0)} s`;
}

function inWords({ passed, failed, skipped }: Tally): string {
	return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
}

async function runScript(name: string): Promise<void> {
	const code = await foreground('npm', 'run', '--silent', name);
	if (code !== 0) throw new Error(`npm run ${name} ended with exit code ${code}`);
}

/** Runs a command with our input and output; a signal that ends us ends it first. */
async function foreground(command: string, ...args: string[]): Promise<number | null> {
	// Two of them share the terminal, so that neither may move about in it.
	const child = spawn(command, args, {
		cwd: ROOT,
		stdio: 'inherit',
		env: { ...process.env, CI: 'true' },
	});
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
