/**
 * The entry of `npm test`, `npm run demo`, `npm run chaos`, `npm run bench` and `npm run simulator`. They have to work
 * right after `git clone`, so this file is plain JavaScript without dependencies: it installs what package-lock.json
 * names if that is not what node_modules holds, then goes on in TypeScript.
 */
const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const ROOT = join(__dirname, '..');

const COMMANDS = {
	test: 'scripts/test.cts',
	demo: 'scripts/demo.cts',
	chaos: 'scripts/chaos.cts',
	bench: 'scripts/bench.cts',
	simulator: 'simulator/cli.cts',
};

function readPackages(...path) {
	try {
		return JSON.parse(readFileSync(join(ROOT, ...path), 'utf8')).packages;
	} catch {
		return undefined;
	}
}

/**
 * npm keeps a list of what it really installed in node_modules/.package-lock.json. Comparing it
 * with the lock file by content, not by date, stays right after a `git checkout`. The lock file
 * names more than gets installed (other platforms' packages, optional peers), so it is asked
 * whether all that is there is right, and whether all that we ask for by name is there.
 */
function isInstalled() {
	const installed = readPackages('node_modules', '.package-lock.json');
	const wanted = readPackages('package-lock.json');
	if (!installed || !wanted) return false;
	const isRight = ([path, { version }]) => wanted[path]?.version === version;
	const isThere = (name) => installed[`node_modules/${name}`] !== undefined;
	const named = Object.keys(wanted[''].devDependencies);
	return Object.entries(installed).every(isRight) && named.every(isThere);
}

const [node, self, name] = process.argv;
const script = COMMANDS[name];
if (!script) {
	console.error(`Usage: node scripts/run.js ${Object.keys(COMMANDS).join('|')} [arguments]`);
	process.exit(2);
}
process.chdir(ROOT);
if (!isInstalled()) {
	console.log('Installing what this repository needs (npm ci), about a minute…');
	// Said by name: `npm --silent test` would keep npm from telling what went wrong.
	const { status } = spawnSync('npm', ['ci', '--loglevel=error'], { stdio: 'inherit' });
	if (status !== 0) {
		if (name === 'test') console.log('0 passed, 1 failed');
		process.exit(status ?? 1);
	}
}
process.argv = [node, self, ...process.argv.slice(3)];
require('tsx/cjs');
require(join(ROOT, script));
